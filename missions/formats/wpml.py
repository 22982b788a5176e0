"""DJI's WPML route file (``.kmz``): a waypoint flight as DJI Pilot 2 and FlightHub 2 read it.

Theory of operation
-------------------
A KMZ is a ZIP with ``wpmz/template.kml`` (what people edit) and ``wpmz/waylines.wpml`` (what the
aircraft executes). Elements, their order and values are those of DJI's Cloud API documentation,
chapter WPML (github dji-sdk/Cloud-API-Doc at 4ec6b0c, version 1.11.3 of November 2024: overview,
template.kml, waylines.wpml, common elements); `missions.formats.wpml_rules` holds them as a table
and judges files by it. The namespace written is the published one, 1.0.2; newer programs of DJI
write up to 1.0.6 and read the older.

Decisions:

* Heights are relative to the take-off place in both files. The template wants an ellipsoid height
  beside each of them; nobody knows it before the aircraft stands there, so the same figure stands
  in both places and the height mode says which one counts.
* The aircraft stops at each corner and flies straight between them: no curve can cut into what
  the plan keeps clear of.
* When the remote control is lost it comes home; when the route ends it does what the plan's last
  item says (return, or landing there).
* ``waypointSpeed`` is the speed from a waypoint to the next, as the documentation tells it.
* Pictures by distance become ``multipleDistance`` triggers, waiting becomes ``hover``.
* The same plan gives the same bytes: entries in a fixed order with a fixed time, no creation time
  inside.

What the file does **not** carry: the pump. WPML has actions for cameras and gimbals and none for
sprayers; nor has it the fence and the rally points. `wpml_notes` says so for a plan.

What is known of the **Agras** spraying aircraft: DJI's documentation names the aircraft that read
WPML (M300, M350, M30, Mavic 3E/3T/3M, Matrice 3D; later Matrice 4), and no Agras is among them.
They are flown with DJI's own Agras app and its SmartFarm platform, which lay their own routes in a
field's outline. No published statement was found that an Agras executes a WPML route, nor any
format of theirs for a route with its pump. So this file is for a camera aircraft that looks a
route over, or for an M300 or M350 with a third maker's sprayer on its payload port (payload type
65534), whose pump that maker's own device switches. For an Agras, give its app the field's outline
(KML) and the settings on the mix card.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agri.errors import BadInput
from agri.findings import Finding
from missions.flightplan import FlightPlan
from missions.formats.item_numbers import plain
from missions.formats.stops import Stop, ends_landing, missing_from_stops, plan_stops
from missions.formats.wpml_rules import (
    KML_NAMESPACE,
    LARGEST_INDEX,
    MAX_SPEED_M_S,
    MAX_TAKE_OFF_M,
    MIN_TAKE_OFF_M,
    TEMPLATE,
    WAYLINES,
    WPML_NAMESPACE,
    validate_wpml,
)
from missions.items import Command

__all__ = ["TARGETS", "Target", "validate_wpml", "wpml_notes", "write_wpml"]

FORM = "WPML"
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""Time of every entry: the earliest a ZIP can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An aircraft with its payload, as WPML numbers them.

    Parameters
    ----------
    name : str
        As DJI calls it.
    drone, drone_sub : int
        ``droneEnumValue`` and ``droneSubEnumValue``.
    payload : int
        ``payloadEnumValue``; 65534 is a payload of another maker.
    """

    name: str
    drone: int
    drone_sub: int
    payload: int


TARGETS = {
    "m3e": Target(name="Mavic 3E", drone=77, drone_sub=0, payload=66),
    "m3t": Target(name="Mavic 3T", drone=77, drone_sub=1, payload=67),
    "m3m": Target(name="Mavic 3M", drone=77, drone_sub=2, payload=68),
    "m30": Target(name="Matrice 30", drone=67, drone_sub=0, payload=52),
    "m30t": Target(name="Matrice 30T", drone=67, drone_sub=1, payload=53),
    "m3d": Target(name="Matrice 3D", drone=91, drone_sub=0, payload=80),
    "m3td": Target(name="Matrice 3TD", drone=91, drone_sub=1, payload=81),
    "m300": Target(name="Matrice 300 RTK", drone=60, drone_sub=0, payload=65534),
    "m350": Target(name="Matrice 350 RTK", drone=89, drone_sub=0, payload=65534),
}
"""Aircraft that DJI's documentation lists for WPML; the Matrices with a payload port carry one of
another maker."""
SURVEYING = "m3m"
SPRAYING = "m350"


def _tag(name: str, value: object) -> str:
    return f"<wpml:{name}>{value}</wpml:{name}>"


def _number(value: float) -> str:
    return plain(round(value, 2))


def _speed(speed_m_s: float) -> str:
    return _number(min(max(speed_m_s, 0.1), MAX_SPEED_M_S))


def _aircraft(target: Target) -> list[str]:
    return [
        "<wpml:droneInfo>",
        _tag("droneEnumValue", target.drone),
        _tag("droneSubEnumValue", target.drone_sub),
        "</wpml:droneInfo>",
        "<wpml:payloadInfo>",
        _tag("payloadEnumValue", target.payload),
        _tag("payloadPositionIndex", 0),
        "</wpml:payloadInfo>",
    ]


def _take_off_height_m(plan: FlightPlan, stops: Sequence[Stop]) -> float:
    heights = [item.z for item in plan.items if item.command == Command.NAV_TAKEOFF]
    return min(max(*heights[:1], stops[0].height_m, MIN_TAKE_OFF_M), MAX_TAKE_OFF_M)


def _return_height_m(plan: FlightPlan, stops: Sequence[Stop]) -> float:
    """Return the highest the plan knows of: nothing lower is cleared for the way home."""
    heights = [stop.height_m for stop in stops] + [p.altitude_m for p in plan.rally_points]
    return max(*heights, _take_off_height_m(plan, stops))


def _mission(plan: FlightPlan, stops: Sequence[Stop], target: Target, executed: bool) -> list[str]:
    returns = [_tag("globalRTHHeight", _number(_return_height_m(plan, stops)))]
    return [
        "<wpml:missionConfig>",
        _tag("flyToWaylineMode", "safely"),
        _tag("finishAction", "autoLand" if ends_landing(plan) else "goHome"),
        _tag("exitOnRCLost", "executeLostAction"),
        _tag("executeRCLostAction", "goBack"),
        _tag("takeOffSecurityHeight", _number(_take_off_height_m(plan, stops))),
        _tag("globalTransitionalSpeed", _speed(stops[0].speed_m_s)),
        *(returns if executed else []),
        *_aircraft(target),
        "</wpml:missionConfig>",
    ]


def _point(stop: Stop, index: int) -> list[str]:
    place = f"{stop.place.lon_deg:.7f},{stop.place.lat_deg:.7f}"
    return [f"<Point><coordinates>{place}</coordinates></Point>", _tag("index", index)]


HEADING = [
    _tag("waypointHeadingMode", "followWayline"),
    _tag("waypointHeadingPathMode", "followBadArc"),
]
TURN = "toPointAndStopWithDiscontinuityCurvature"


def _template_waypoint(stop: Stop, index: int, actions: Sequence[str]) -> list[str]:
    return [
        "<Placemark>",
        *_point(stop, index),
        _tag("ellipsoidHeight", _number(stop.height_m)),
        _tag("height", _number(stop.height_m)),
        _tag("useGlobalHeight", 0),
        _tag("useGlobalSpeed", 0),
        _tag("waypointSpeed", _speed(stop.speed_m_s)),
        _tag("useGlobalHeadingParam", 1),
        _tag("useGlobalTurnParam", 1),
        *actions,
        "</Placemark>",
    ]


def _flown_waypoint(stop: Stop, index: int, actions: Sequence[str]) -> list[str]:
    return [
        "<Placemark>",
        *_point(stop, index),
        _tag("executeHeight", _number(stop.height_m)),
        _tag("waypointSpeed", _speed(stop.speed_m_s)),
        "<wpml:waypointHeadingParam>",
        *HEADING,
        "</wpml:waypointHeadingParam>",
        "<wpml:waypointTurnParam>",
        _tag("waypointTurnMode", TURN),
        _tag("waypointTurnDampingDist", 0),
        "</wpml:waypointTurnParam>",
        *actions,
        "</Placemark>",
    ]


def _group(number: int, start: int, end: int, trigger: Sequence[str], action: str) -> list[str]:
    return [
        "<wpml:actionGroup>",
        _tag("actionGroupId", number),
        _tag("actionGroupStartIndex", start),
        _tag("actionGroupEndIndex", end),
        _tag("actionGroupMode", "sequence"),
        "<wpml:actionTrigger>",
        *trigger,
        "</wpml:actionTrigger>",
        "<wpml:action>",
        _tag("actionId", 0),
        action,
        "</wpml:action>",
        "</wpml:actionGroup>",
    ]


def _hover(number: int, at: int, wait_s: float) -> list[str]:
    parameter = _tag("actionActuatorFuncParam", _tag("hoverTime", _number(wait_s)))
    action = _tag("actionActuatorFunc", "hover") + parameter
    return _group(number, at, at, [_tag("actionTriggerType", "reachPoint")], action)


def _pictures(number: int, at: int, trigger_m: float) -> list[str]:
    trigger = [
        _tag("actionTriggerType", "multipleDistance"),
        _tag("actionTriggerParam", _number(trigger_m)),
    ]
    parameter = _tag("actionActuatorFuncParam", _tag("payloadPositionIndex", 0))
    action = _tag("actionActuatorFunc", "takePhoto") + parameter
    return _group(number, at, at + 1, trigger, action)


def _actions(stops: Sequence[Stop]) -> Iterator[list[str]]:
    """Yield the action groups of each waypoint; their numbers run through the file."""
    number = 0
    for index, stop in enumerate(stops):
        groups: list[str] = []
        if stop.wait_s > 0.0:
            groups += _hover(number, index, stop.wait_s)
            number += 1
        if stop.trigger_m > 0.0 and index + 1 < len(stops):
            groups += _pictures(number, index, stop.trigger_m)
            number += 1
        yield groups


def _template_folder(stops: Sequence[Stop]) -> list[str]:
    return [
        "<Folder>",
        _tag("templateType", "waypoint"),
        _tag("templateId", 0),
        "<wpml:waylineCoordinateSysParam>",
        _tag("coordinateMode", "WGS84"),
        _tag("heightMode", "relativeToStartPoint"),
        "</wpml:waylineCoordinateSysParam>",
        _tag("autoFlightSpeed", _speed(stops[0].speed_m_s)),
        _tag("globalHeight", _number(stops[0].height_m)),
        _tag("gimbalPitchMode", "manual"),
        "<wpml:globalWaypointHeadingParam>",
        *HEADING,
        "</wpml:globalWaypointHeadingParam>",
        _tag("globalWaypointTurnMode", TURN),
        *(
            line
            for index, (stop, actions) in enumerate(zip(stops, _actions(stops), strict=True))
            for line in _template_waypoint(stop, index, actions)
        ),
        "</Folder>",
    ]


def _wayline_folder(stops: Sequence[Stop]) -> list[str]:
    return [
        "<Folder>",
        _tag("templateId", 0),
        _tag("executeHeightMode", "relativeToStartPoint"),
        _tag("waylineId", 0),
        _tag("autoFlightSpeed", _speed(stops[0].speed_m_s)),
        *(
            line
            for index, (stop, actions) in enumerate(zip(stops, _actions(stops), strict=True))
            for line in _flown_waypoint(stop, index, actions)
        ),
        "</Folder>",
    ]


def _document(lines: Sequence[str]) -> str:
    head = f'<kml xmlns="{KML_NAMESPACE}" xmlns:wpml="{WPML_NAMESPACE}">'
    first = '<?xml version="1.0" encoding="UTF-8"?>'
    return "\n".join([first, head, "<Document>", *lines, "</Document>", "</kml>", ""])


def _zipped(parts: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text.encode("utf-8"), compresslevel=6)
    return packed.getvalue()


def write_wpml(plan: FlightPlan, *, target: str = "") -> bytes:
    """Return the plan as DJI's route file.

    Parameters
    ----------
    plan : FlightPlan
        A plan in heights above its take-off place.
    target : str
        A key of `TARGETS`; by default `SPRAYING` for a spraying, otherwise `SURVEYING`.

    Returns
    -------
    bytes
        A KMZ, the same bytes for the same plan.

    Raises
    ------
    BadInput
        When the target is unknown, or the plan cannot be said in waypoints.
    """
    name = target or (SPRAYING if plan.spray else SURVEYING)
    if name not in TARGETS:
        raise BadInput("error.wpml_target", value=name, targets=", ".join(TARGETS))
    stops = plan_stops(plan, FORM)
    if len(stops) > LARGEST_INDEX + 1:
        raise BadInput("error.stops_many", form=FORM, count=len(stops), limit=LARGEST_INDEX + 1)
    chosen = TARGETS[name]
    template = [
        _tag("author", "agri"),
        *_mission(plan, stops, chosen, executed=False),
        *_template_folder(stops),
    ]
    flown = [*_mission(plan, stops, chosen, executed=True), *_wayline_folder(stops)]
    return _zipped({TEMPLATE: _document(template), WAYLINES: _document(flown)})


def wpml_notes(plan: FlightPlan) -> list[Finding]:
    """Return what the file leaves out of a plan, and what was changed to fit it.

    Parameters
    ----------
    plan : FlightPlan
        Any plan that `write_wpml` takes.
    """
    found = missing_from_stops(plan, FORM)
    stops = plan_stops(plan, FORM)
    if plan.spray:
        found.append(Finding.warning("finding.wpml_not_agras"))
    if any(stop.trigger_m > 0.0 for stop in stops):
        found.append(Finding.warning("finding.wpml_camera"))
    if any(stop.speed_m_s > MAX_SPEED_M_S for stop, _ in pairwise(stops)):
        found.append(Finding.warning("finding.export_slower", form=FORM, limit_m_s=MAX_SPEED_M_S))
    return found
