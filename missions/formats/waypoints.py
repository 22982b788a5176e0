"""Waypoint text: ``QGC WPL 110``, twelve columns by tab, latitude in the ninth.

Theory of operation
-------------------
``index current frame command p1 p2 p3 p4 latitude longitude height autocontinue``

The mission has ArduPilot's item 0, the home above sea in frame 0, as its first row. Fence and
rally points go into texts of their own, as ArduPilot's own tools keep them: rows from index 0
with commands 5001 to 5004 or 5100 and no home. Read as well are the older forms they came in:
a list of ``latitude longitude`` lines whose first is the return point and whose last closes the
polygon, and lines that begin with ``RALLY``.

Text knows no null: a free yaw is written as 0, which ArduCopter makes of it anyway. Degrees have
seven decimals and heights of places two, as the vehicle keeps them; every other parameter is
written so that it reads back exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from agri.errors import BadInput
from agri.units import e7_to_degrees
from missions.flightplan import (
    FenceCircle,
    FencePolygon,
    FlightPlan,
    RallyPoint,
    fence_from_items,
    rally_from_items,
)
from missions.formats.guard import Reader, checked_text
from missions.formats.item_numbers import (
    holds_degrees,
    param_or_zero,
    plain,
    seventh,
)
from missions.items import Command, Frame, MissionItem, MissionType

HEADER = "QGC WPL 110"
"""First line of the text."""
COLUMNS = 12
HOME_COMMANDS = (0, Command.NAV_WAYPOINT)
"""Commands of the home row; Mission Planner writes 0."""


def _row(index: int, current: int, item: MissionItem, autocontinue: int) -> str:
    params = [plain(0.0 if math.isnan(value) else value) for value in item.params]
    if holds_degrees(item.command, item.frame):
        x, y = (f"{e7_to_degrees(value):.7f}" for value in (item.x, item.y))
    else:
        x, y = str(item.x), str(item.y)
    z = f"{seventh(item):.2f}" if item.is_located else plain(item.z)
    cells = (index, current, int(item.frame), int(item.command), *params, x, y, z, autocontinue)
    return "\t".join(str(cell) for cell in cells)


def _text(rows: Iterable[str]) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def write_waypoints(plan: FlightPlan) -> str:
    """Return the mission as waypoint text, home first; fence and rally points have their own.

    Parameters
    ----------
    plan : FlightPlan
        Any plan.

    Returns
    -------
    str
        Tab-separated rows under ``QGC WPL 110``.
    """
    home = MissionItem(
        command=Command.NAV_WAYPOINT,
        frame=Frame.GLOBAL,
        x=plan.home.lat_e7,
        y=plan.home.lon_e7,
        z=plan.home_altitude_m,
    )
    rows = (_row(index, 0, item, 1) for index, item in enumerate(plan.items, start=1))
    return _text([_row(0, 1, home, 1), *rows])


def write_fence_waypoints(plan: FlightPlan) -> str:
    """Return the fence as waypoint text (commands 5001 to 5004)."""
    items = plan.wire_items(MissionType.FENCE)
    return _text(_row(index, 0, item, 0) for index, item in enumerate(items))


def write_rally_waypoints(plan: FlightPlan) -> str:
    """Return the rally points as waypoint text (command 5100)."""
    items = plan.wire_items(MissionType.RALLY)
    return _text(_row(index, 0, item, 0) for index, item in enumerate(items))


def _lines(name: str, content: str | bytes) -> list[tuple[int, list[str]]]:
    lines = checked_text(name, content).splitlines()
    return [
        (number, line.split())
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.startswith("#")
    ]


class _RowReader(Reader):
    def cell(self, row: int, column: int, cells: list[str]) -> float:
        where = f"line {row}, column {column + 1}"
        try:
            return float(cells[column].replace("_", "?"))
        except ValueError:
            raise self.bad(where, cells[column]) from None

    def row_item(self, row: int, index: int, cells: list[str]) -> MissionItem:
        where = f"line {row}"
        if len(cells) != COLUMNS or cells[0] != str(index):
            raise self.bad(where, " ".join(cells))
        frame = self.frame(self.cell(row, 2, cells), f"{where}, column 3")
        command = self.whole(self.cell(row, 3, cells), f"{where}, column 4")
        x, y = self.xy(command, frame, self.cell(row, 8, cells), self.cell(row, 9, cells), where)
        height = self.number(self.cell(row, 10, cells), f"{where}, column 11")
        params = {
            f"param{number}": param_or_zero(command, number, self.cell(row, 3 + number, cells))
            for number in range(1, 5)
        }
        return self.item(index, command=command, frame=frame, x=x, y=y, z=height, **params)

    def old_rally(self, row: int, cells: list[str]) -> MissionItem:
        where = f"line {row}"
        command, frame = Command.RALLY_POINT, Frame.RELATIVE
        x, y = self.xy(command, frame, self.cell(row, 1, cells), self.cell(row, 2, cells), where)
        height = self.number(self.cell(row, 3, cells), where)
        return self.item(row, command=command, frame=frame, x=x, y=y, z=height)

    def items(self, content: str | bytes) -> list[MissionItem]:
        lines = _lines(self.name, content)
        if not lines or " ".join(lines[0][1]) != HEADER:
            raise BadInput("error.file_kind", name=self.name)
        self.count(len(lines) - 2)
        return [self.row_item(row, i, cells) for i, (row, cells) in enumerate(lines[1:])]


def read_waypoints(content: str | bytes, name: str = "mission") -> FlightPlan:
    r"""Return the mission that a waypoint text holds.

    Parameters
    ----------
    content : str or bytes
        The file.
    name : str
        The plan's name, and the file's in error sentences.

    Returns
    -------
    FlightPlan
        Home and items; what the text does not tell (site, aircraft, fence) is left out.

    Raises
    ------
    BadInput
        When a row is not twelve good numbers in order, or the text holds a fence or rally points.

    Examples
    --------
    >>> text = "QGC WPL 110\n0 1 0 16 0 0 0 0 21.08 106.51 12 1\n1 0 3 22 0 0 0 0 0 0 30 1\n"
    >>> read_waypoints(text).items[0].z
    30.0
    """
    reader = _RowReader(name)
    rows = reader.items(content)
    for number, item in enumerate(rows):
        if Command.FENCE_RETURN_POINT <= item.command <= Command.RALLY_POINT:
            raise BadInput("error.waypoints_not_mission", name=name, item=number)
    if not rows or rows[0].command not in HOME_COMMANDS:
        raise BadInput("error.file_missing", name=name, where="0 (home)")
    return FlightPlan(
        name=name, home=rows[0].place, home_altitude_m=rows[0].z, items=tuple(rows[1:])
    )


def read_fence_waypoints(
    content: str | bytes, name: str = "fence"
) -> tuple[tuple[FencePolygon, ...], tuple[FenceCircle, ...]]:
    """Return the fence polygons and circles of a text: commands 5001 to 5004, or the older list
    of ``latitude longitude`` lines.

    Raises
    ------
    BadInput
        When the text is neither, or a polygon is not whole.
    """
    reader = _RowReader(name)
    lines = _lines(name, content)
    if lines and all(len(cells) == 2 for _, cells in lines):
        reader.count(len(lines))
        ring = [
            reader.place(reader.cell(row, 0, cells), reader.cell(row, 1, cells), f"line {row}")
            for row, cells in lines[1:]
        ]
        if ring and ring[-1] == ring[0]:
            ring.pop()
        return (FencePolygon(inclusion=True, vertices=tuple(ring)),), ()
    return fence_from_items(tuple(reader.items(content)))


def read_rally_waypoints(content: str | bytes, name: str = "rally") -> tuple[RallyPoint, ...]:
    """Return the rally points of a text: command 5100, or older lines that begin with RALLY.

    Raises
    ------
    BadInput
        When the text is neither.
    """
    reader = _RowReader(name)
    lines = _lines(name, content)
    if lines and all(cells[0].upper() == "RALLY" and len(cells) == 7 for _, cells in lines):
        reader.count(len(lines))
        return rally_from_items(tuple(reader.old_rally(row, cells) for row, cells in lines))
    return rally_from_items(tuple(reader.items(content)))
