"""Reading QGroundControl's ``.plan``.

What is flown stands in simple items and in the ``Items`` that complex items (survey, corridor
scan) carry from the fourth version on; those are taken as they are. A complex item without them
(older surveys, structure scans, landing patterns) is drawn anew by QGroundControl each time it is
opened, so agri cannot know what would be flown and says so.

* Null is "not set": free yaw where the vehicle takes it, else 0.
* Older files keep the place beside the parameters (``coordinate``), or the parameters one by one
  (``param1`` …); both are read.
* An item whose height QGroundControl was still to work out from terrain (AltitudeMode 3 with no
  seventh parameter) is read in the terrain frame, which means the same; checks judge it.
* An older fence or rally list (version 1) that holds anything is refused: QGroundControl would
  drop it without a word.
"""

from __future__ import annotations

from typing import Any

from agri.errors import BadInput
from agri.geo import LonLat
from missions.flightplan import (
    FenceCircle,
    FencePolygon,
    FlightPlan,
    RallyPoint,
    rally_from_items,
)
from missions.formats.guard import Reader, read_json, shown
from missions.formats.item_numbers import holds_degrees, param_or_zero
from missions.items import Command, Frame, MissionItem

FILE_TYPE = "Plan"
"""What the member ``fileType`` of the file says."""
FILE_VERSION = 1
"""Version of the file as a whole; QGroundControl reads no other."""
CALC_ABOVE_TERRAIN = 3
"""AltitudeMode of an item whose height is worked out from terrain."""


class _PlanReader(Reader):
    def home(self, mission: dict[str, Any]) -> tuple[LonLat, float]:
        where = "mission.plannedHomePosition"
        entry = self.entries(self.member(mission, "plannedHomePosition", "mission."), where)
        if not 2 <= len(entry) <= 3:
            raise self.bad(where, entry)
        height = 0.0 if len(entry) == 2 or entry[2] is None else self.number(entry[2], where)
        return self.place(entry[0], entry[1], where), height

    def simple(self, entry: dict[str, Any], number: int) -> MissionItem:
        where = f"item {number}"
        command = self.whole(self.member(entry, "command", f"{where} "), f"{where} command")
        frame = self.frame(self.member(entry, "frame", f"{where} "), f"{where} frame")
        numbers = self.seven(entry, where)
        if numbers[6] is None and entry.get("AltitudeMode") == CALC_ABOVE_TERRAIN:
            frame, numbers[6] = Frame.TERRAIN, self.member(entry, "Altitude", f"{where} ")
        fifth, sixth = (0.0 if value is None else value for value in numbers[4:6])
        x, y = self.xy(command, frame, fifth, sixth, f"{where} position")
        params = {
            f"param{n}": param_or_zero(command, n, self.or_nan(value, f"{where} param{n}"))
            for n, value in enumerate(numbers[:4], start=1)
        }
        unset = numbers[6] is None and not holds_degrees(command, frame)
        height = 0.0 if unset else self.number(numbers[6], f"{where} height")
        return self.item(number, command=command, frame=frame, x=x, y=y, z=height, **params)

    def or_nan(self, value: object, where: str) -> float:
        return float("nan") if value is None else self.number(value, where)

    def seven(self, entry: dict[str, Any], where: str) -> list[Any]:
        if "params" in entry:
            numbers = list(self.entries(entry["params"], f"{where} params"))
        else:
            numbers = [self.member(entry, f"param{n}", f"{where} ") for n in range(1, 5)]
        if "coordinate" in entry:
            numbers += self.entries(entry["coordinate"], f"{where} coordinate")
        if len(numbers) != 7:
            raise self.bad(f"{where} params", numbers)
        return numbers

    def items(self, mission: dict[str, Any]) -> tuple[MissionItem, ...]:
        entries = self.entries(self.member(mission, "items", "mission."), "mission.items")
        found: list[MissionItem] = []
        for entry in entries:
            for simple in self.expanded(entry, len(found) + 1):
                self.count(len(found) + 1)
                found.append(self.simple(simple, len(found) + 1))
        return tuple(found)

    def expanded(self, entry: object, number: int) -> list[dict[str, Any]]:
        where = f"item {number}"
        item = self.members(entry, where)
        kind = item.get("type")
        if kind in ("SimpleItem", "missionItem"):
            return [item]
        if kind != "ComplexItem":
            raise self.bad(f"{where} type", kind)
        inner = item.get("TransectStyleComplexItem")
        listed = inner.get("Items") if isinstance(inner, dict) else None
        if not isinstance(listed, list) or not listed:
            raise BadInput(
                "error.plan_complex",
                name=self.name,
                item=number,
                kind=shown(item.get("complexItemType", "")),
            )
        return [self.members(part, f"{where} Items") for part in listed]

    def ring(self, value: object, where: str) -> tuple[LonLat, ...]:
        corners = self.entries(value, where)
        self.count(len(corners))
        places = []
        for corner in corners:
            pair = self.entries(corner, where)
            if len(pair) != 2:
                raise self.bad(where, pair)
            places.append(self.place(pair[0], pair[1], where))
        if len(places) > 1 and places[-1] == places[0]:
            places.pop()
        return tuple(places)

    def fence(
        self, fence: dict[str, Any]
    ) -> tuple[tuple[FencePolygon, ...], tuple[FenceCircle, ...]]:
        if not self.is_current(fence, "geoFence", ("polygon", "polygons", "circles")):
            return (), ()
        polygons = []
        for index, entry in enumerate(self.entries(fence.get("polygons", []), "geoFence.polygons")):
            where = f"geoFence.polygons[{index}]"
            polygon = self.members(entry, where)
            polygons.append(
                FencePolygon(
                    inclusion=self.inclusion(polygon, where),
                    vertices=self.ring(self.member(polygon, "polygon", f"{where}."), where),
                )
            )
        circles = []
        for index, entry in enumerate(self.entries(fence.get("circles", []), "geoFence.circles")):
            where = f"geoFence.circles[{index}]"
            outer = self.members(entry, where)
            circle = self.members(self.member(outer, "circle", f"{where}."), where)
            centre = self.ring([self.member(circle, "center", f"{where}.")], where)[0]
            radius_m = self.number(self.member(circle, "radius", f"{where}."), where)
            circles.append(
                FenceCircle(
                    inclusion=self.inclusion(outer, where), centre=centre, radius_m=radius_m
                )
            )
        return tuple(polygons), tuple(circles)

    def inclusion(self, entry: dict[str, Any], where: str) -> bool:
        value = self.member(entry, "inclusion", f"{where}.")
        if not isinstance(value, bool):
            raise self.bad(f"{where}.inclusion", value)
        return value

    def rally(self, rally: dict[str, Any]) -> tuple[RallyPoint, ...]:
        if not self.is_current(rally, "rallyPoints", ("points",)):
            return ()
        points = self.entries(rally.get("points", []), "rallyPoints.points")
        self.count(len(points))
        found = []
        for index, entry in enumerate(points):
            where = f"rallyPoints.points[{index}]"
            triple = self.entries(entry, where)
            if len(triple) != 3:
                raise self.bad(where, triple)
            command, frame = Command.RALLY_POINT, Frame.RELATIVE
            x, y = self.xy(command, frame, triple[0], triple[1], where)
            height = self.number(triple[2], where)
            found.append(self.item(index + 1, command=command, frame=frame, x=x, y=y, z=height))
        return rally_from_items(tuple(found))

    def is_current(self, part: dict[str, Any], where: str, holds: tuple[str, ...]) -> bool:
        version = self.whole(part.get("version", 1), f"{where}.version")
        if version == 2:
            return True
        if version != 1 or any(part.get(key) for key in holds):
            raise BadInput("error.file_version", name=self.name, part=where, version=version)
        return False


def read_plan(content: str | bytes, name: str = "plan") -> FlightPlan:
    """Return the flight that a QGroundControl ``.plan`` holds.

    Parameters
    ----------
    content : str or bytes
        The file.
    name : str
        The plan's name, and the file's in error sentences.

    Returns
    -------
    FlightPlan
        Home, items, fence and rally points; site, aircraft and survey are None.

    Raises
    ------
    BadInput
        When the file is not a plan, a value is wrong, or an item does not say what is flown.
    """
    document = read_json(name, content)
    if document.get("fileType") != FILE_TYPE:
        raise BadInput("error.file_kind", name=name)
    reader = _PlanReader(name)
    version = reader.whole(document.get("version", 0), "version")
    if version != FILE_VERSION:
        raise BadInput("error.file_version", name=name, part=FILE_TYPE, version=version)
    mission = reader.members(reader.member(document, "mission", ""), "mission")
    home, home_altitude_m = reader.home(mission)
    polygons, circles = reader.fence(reader.members(document.get("geoFence", {}), "geoFence"))
    return FlightPlan(
        name=name,
        home=home,
        home_altitude_m=home_altitude_m,
        items=reader.items(mission),
        fence_polygons=polygons,
        fence_circles=circles,
        rally_points=reader.rally(reader.members(document.get("rallyPoints", {}), "rallyPoints")),
    )
