"""What DJI publishes about WPML route files, as a table, and the judge that holds files to it.

The table follows DJI's Cloud API documentation (see `missions.formats.wpml`) for waypoint
flights: for each element its parent, place in the order of the published samples, whether it must
be there, type, enumeration and range. Below it stand the rules between elements: what is required
only when another one says so, numbers that run from 0 without a gap, and that both files tell of
one flight. A file may come from anywhere: sizes are bounded, document types refused.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from missions.formats.guard import MAX_BYTES

KML_NAMESPACE = "http://www.opengis.net/kml/2.2"
WPML_NAMESPACE = "http://www.dji.com/wpmz/1.0.2"
"""The namespace of the published samples."""
KNOWN_NAMESPACES = tuple(f"http://www.dji.com/wpmz/1.0.{n}" for n in range(7))
"""Namespaces seen: 1.0.0 and 1.0.2 in DJI's documentation, up to 1.0.6 in DJI Pilot 2's files."""
TEMPLATE = "wpmz/template.kml"
WAYLINES = "wpmz/waylines.wpml"
MAX_SPEED_M_S = 15.0
"""Range of globalTransitionalSpeed in waylines.wpml is [0, 15]."""
MIN_TAKE_OFF_M, MAX_TAKE_OFF_M = 1.2, 1500.0
"""Range of takeOffSecurityHeight with a remote control."""
LARGEST_INDEX = 65535
DRONES = {60: (0,), 67: (0, 1), 77: (0, 1, 2), 89: (0,), 91: (0, 1)}
"""droneEnumValue to its droneSubEnumValue: M300, M30(T), M3E/T/M, M350, M3D(TD)."""
PAYLOADS = (42, 43, 52, 53, 61, 66, 67, 68, 80, 81, 82, 83, 65534)
"""payloadEnumValue: H20, H20T, M30, M30T, H20N, M3E, M3T, M3M, M3D, M3TD, H30, H30T, another's."""
SUB_REQUIRED = 67
"""Drone whose sub type must be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Element:
    """An element: how often, what it holds, and what stands in it."""

    name: str
    required: bool = True
    many: bool = False
    one_of: tuple[str, ...] = ()
    whole: bool = False
    low: float = -math.inf
    high: float = math.inf
    above: float = -math.inf
    text: bool = False
    parts: tuple[_Element, ...] = ()


def _choice(name: str, *one_of: str, required: bool = True) -> _Element:
    return _Element(name=name, one_of=one_of, required=required)


def _index(name: str, required: bool = True) -> _Element:
    return _Element(name=name, whole=True, low=0, high=LARGEST_INDEX, required=required)


def _flag(name: str, required: bool = True) -> _Element:
    return _Element(name=name, one_of=("0", "1"), required=required)


def _text(name: str, required: bool = False) -> _Element:
    return _Element(name=name, text=True, required=required)


def _inside(name: str, *parts: _Element, required: bool = True, many: bool = False) -> _Element:
    return _Element(name=name, parts=parts, required=required, many=many)


_TURNS = (
    "coordinateTurn",
    "toPointAndStopWithDiscontinuityCurvature",
    "toPointAndStopWithContinuityCurvature",
    "toPointAndPassWithContinuityCurvature",
)
_CURVED = _TURNS[2:]
_HEADING = (
    _choice(
        "waypointHeadingMode",
        "followWayline",
        "manually",
        "fixed",
        "smoothTransition",
        "towardPOI",
    ),
    _Element(name="waypointHeadingAngle", low=-180, high=180, required=False),
    _text("waypointPoiPoint"),
    _choice("waypointHeadingPathMode", "clockwise", "counterClockwise", "followBadArc"),
)
_TURN = _inside(
    "waypointTurnParam",
    _choice("waypointTurnMode", *_TURNS),
    _Element(name="waypointTurnDampingDist", low=0, required=False),
)
_ACTION_GROUP = _inside(
    "actionGroup",
    _index("actionGroupId"),
    _index("actionGroupStartIndex"),
    _index("actionGroupEndIndex"),
    _choice("actionGroupMode", "sequence"),
    _inside(
        "actionTrigger",
        _choice(
            "actionTriggerType",
            "reachPoint",
            "betweenAdjacentPoints",
            "multipleTiming",
            "multipleDistance",
        ),
        _Element(name="actionTriggerParam", above=0, required=False),
    ),
    _inside(
        "action",
        _index("actionId"),
        _choice("actionActuatorFunc", "takePhoto", "hover"),
        _inside(
            "actionActuatorFuncParam",
            _Element(name="hoverTime", above=0, required=False),
            _choice("payloadPositionIndex", "0", "1", "2", required=False),
        ),
        many=True,
    ),
    required=False,
    many=True,
)
_POINT = _inside("Point", _text("coordinates", required=True))


def _mission(*, executed: bool) -> _Element:
    lost = _choice("executeRCLostAction", "goBack", "landing", "hover", required=False)
    rest = [_Element(name="globalRTHHeight")] if executed else []
    return _inside(
        "missionConfig",
        _choice("flyToWaylineMode", "safely", "pointToPoint"),
        _choice("finishAction", "goHome", "noAction", "autoLand", "gotoFirstWaypoint"),
        _choice("exitOnRCLost", "goContinue", "executeLostAction"),
        lost,
        _Element(name="takeOffSecurityHeight", low=MIN_TAKE_OFF_M, high=MAX_TAKE_OFF_M),
        _Element(name="globalTransitionalSpeed", above=0, high=MAX_SPEED_M_S),
        *rest,
        _inside(
            "droneInfo",
            _choice("droneEnumValue", *map(str, DRONES)),
            _Element(name="droneSubEnumValue", whole=True, low=0, high=9, required=False),
        ),
        _inside(
            "payloadInfo",
            _choice("payloadEnumValue", *map(str, PAYLOADS)),
            _choice("payloadPositionIndex", "0", "1", "2"),
        ),
    )


_TEMPLATE_POINT = _inside(
    "Placemark",
    _POINT,
    _index("index"),
    _Element(name="ellipsoidHeight", required=False),
    _Element(name="height", required=False),
    _flag("useGlobalHeight"),
    _flag("useGlobalSpeed"),
    _Element(name="waypointSpeed", above=0, high=MAX_SPEED_M_S, required=False),
    _flag("useGlobalHeadingParam"),
    _inside("waypointHeadingParam", *_HEADING, required=False),
    _flag("useGlobalTurnParam"),
    _inside("waypointTurnParam", *_TURN.parts, required=False),
    _flag("useStraightLine", required=False),
    _Element(name="gimbalPitchAngle", low=-180, high=180, required=False),
    _ACTION_GROUP,
    many=True,
)
_WAYLINE_POINT = _inside(
    "Placemark",
    _POINT,
    _index("index"),
    _Element(name="executeHeight"),
    _Element(name="waypointSpeed", above=0, high=MAX_SPEED_M_S),
    _inside("waypointHeadingParam", *_HEADING),
    _TURN,
    _flag("useStraightLine", required=False),
    _ACTION_GROUP,
    many=True,
)
RULES = {
    TEMPLATE: _inside(
        "Document",
        _text("author"),
        _Element(name="createTime", whole=True, low=0, required=False),
        _Element(name="updateTime", whole=True, low=0, required=False),
        _mission(executed=False),
        _inside(
            "Folder",
            _choice("templateType", "waypoint"),
            _index("templateId"),
            _inside(
                "waylineCoordinateSysParam",
                _choice("coordinateMode", "WGS84"),
                _choice("heightMode", "EGM96", "relativeToStartPoint", "aboveGroundLevel"),
                _choice(
                    "positioningType", "GPS", "RTKBaseStation", "QianXun", "Custom", required=False
                ),
            ),
            _Element(name="autoFlightSpeed", above=0, high=MAX_SPEED_M_S),
            _Element(name="globalHeight"),
            _choice("gimbalPitchMode", "manual", "usePointSetting"),
            _inside("globalWaypointHeadingParam", *_HEADING),
            _choice("globalWaypointTurnMode", *_TURNS),
            _flag("globalUseStraightLine", required=False),
            _TEMPLATE_POINT,
        ),
    ),
    WAYLINES: _inside(
        "Document",
        _mission(executed=True),
        _inside(
            "Folder",
            _index("templateId"),
            _choice("executeHeightMode", "WGS84", "relativeToStartPoint", "realTimeFollowSurface"),
            _index("waylineId"),
            _Element(name="autoFlightSpeed", above=0, high=MAX_SPEED_M_S),
            _WAYLINE_POINT,
        ),
    ),
}
"""File of the KMZ to the rules of its ``Document``."""
_PLAIN = frozenset({"Document", "Folder", "Placemark", "Point", "coordinates"})
"""Elements of KML itself; all others are DJI's."""

_UNREADABLE = (
    KeyError,
    ValueError,
    ElementTree.ParseError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
)
"""What a broken ZIP or a broken document raises."""

Node = ElementTree.Element


def _name(node: Node) -> str:
    """Return the element's name when its namespace is the one it belongs to, else all of it."""
    space, _, local = str(node.tag).removeprefix("{").partition("}")
    own = (KML_NAMESPACE,) if local in _PLAIN else KNOWN_NAMESPACES
    return local if space in own else str(node.tag)


def _part(node: Node, *names: str) -> Node | None:
    here: Node | None = node
    for name in names:
        here = next((child for child in here if _name(child) == name), None) if here else None
        if here is None:
            return None
    return here


def _said(node: Node, *names: str) -> str:
    part = _part(node, *names)
    return (part.text or "").strip() if part is not None else ""


def _value(node: Node, rule: _Element, where: str) -> Iterator[str]:
    text = (node.text or "").strip()
    if rule.text:
        if not text:
            yield f"{where}: empty"
        return
    if rule.one_of:
        if text not in rule.one_of:
            yield f"{where}: {text!r} is not one of {', '.join(rule.one_of)}"
        return
    try:
        number = float(int(text)) if rule.whole else float(text)
    except ValueError:
        yield f"{where}: {text!r} is not a {'whole ' if rule.whole else ''}number"
        return
    good = math.isfinite(number) and rule.low <= number <= rule.high and number > rule.above
    if not good:
        yield f"{where}: {text} is out of range"


def _judge(node: Node, rule: _Element, where: str) -> Iterator[str]:
    if not rule.parts:
        yield from _value(node, rule, where)
        return
    known = {part.name: number for number, part in enumerate(rule.parts)}
    last, counts = -1, dict.fromkeys(known, 0)
    for child in node:
        name = _name(child)
        if name not in known:
            yield f"{where}: {name} is not known here"
            continue
        if known[name] < last:
            yield f"{where}: {name} is out of order"
        last = max(last, known[name])
        yield from _judge(child, rule.parts[known[name]], f"{where}/{name}[{counts[name]}]")
        counts[name] += 1
    for part in rule.parts:
        if part.required and not counts[part.name]:
            yield f"{where}: {part.name} is missing"
        if counts[part.name] > 1 and not part.many:
            yield f"{where}: {part.name} stands twice"


def _needs(node: Node, where: str, said: str, value: str, *needed: str) -> Iterator[str]:
    """Yield what is missing of `needed` where the element `said` says `value`."""
    if _said(node, said) == value:
        for name in needed:
            if _part(node, name) is None:
                yield f"{where}: {name} is required where {said} is {value}"


def _judge_mission(mission: Node, where: str) -> Iterator[str]:
    yield from _needs(mission, where, "exitOnRCLost", "executeLostAction", "executeRCLostAction")
    drone, sub = (_said(mission, "droneInfo", f"drone{kind}EnumValue") for kind in ("", "Sub"))
    if drone == str(SUB_REQUIRED) and not sub:
        yield f"{where}/droneInfo: droneSubEnumValue is required for {drone}"
    if drone.isdigit() and sub.isdigit() and int(sub) not in DRONES.get(int(drone), (int(sub),)):
        yield f"{where}/droneInfo: {sub} is no sub type of {drone}"


def _judge_heading(node: Node, where: str) -> Iterator[str]:
    mode = "waypointHeadingMode"
    yield from _needs(node, where, mode, "smoothTransition", "waypointHeadingAngle")
    yield from _needs(node, where, mode, "towardPOI", "waypointPoiPoint")


def _judge_place(node: Node, where: str) -> Iterator[str]:
    pair = _said(node, "Point", "coordinates").split(",")
    try:
        lon, lat = (float(number) for number in pair)
    except ValueError:
        yield f"{where}/Point: {','.join(pair)!r} is not a longitude and a latitude"
        return
    if not (-180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):
        yield f"{where}/Point: {lon}, {lat} is out of range"


def _judge_waypoint(node: Node, where: str) -> Iterator[str]:
    yield from _judge_place(node, where)
    yield from _needs(node, where, "useGlobalHeight", "0", "ellipsoidHeight", "height")
    yield from _needs(node, where, "useGlobalSpeed", "0", "waypointSpeed")
    yield from _needs(node, where, "useGlobalHeadingParam", "0", "waypointHeadingParam")
    yield from _needs(node, where, "useGlobalTurnParam", "0", "waypointTurnParam")
    heading, turn = _part(node, "waypointHeadingParam"), _part(node, "waypointTurnParam")
    if heading is not None:
        yield from _judge_heading(heading, where)
    if turn is not None:
        mode = _said(turn, "waypointTurnMode")
        if mode in _CURVED and _part(node, "useStraightLine") is None:
            yield f"{where}: useStraightLine is required where waypointTurnMode is {mode}"
        yield from _needs(turn, where, "waypointTurnMode", _TURNS[0], "waypointTurnDampingDist")


def _judge_actions(folder: Node, count: int, where: str) -> Iterator[str]:
    numbers = []
    for group in (child for point in folder for child in point if _name(child) == "actionGroup"):
        numbers.append(_said(group, "actionGroupId"))
        ends = [_said(group, f"actionGroup{end}Index") for end in ("Start", "End")]
        if all(end.isdigit() for end in ends) and not int(ends[0]) <= int(ends[1]) < count:
            yield f"{where}: action group from waypoint {ends[0]} to {ends[1]}"
        trigger = _part(group, "actionTrigger")
        if trigger is not None:
            for kind in ("multipleTiming", "multipleDistance"):
                yield from _needs(trigger, where, "actionTriggerType", kind, "actionTriggerParam")
        for action in (child for child in group if _name(child) == "action"):
            needed = {"hover": "hoverTime", "takePhoto": "payloadPositionIndex"}
            function = _said(action, "actionActuatorFunc")
            name = needed.get(function, "")
            if name and _part(action, "actionActuatorFuncParam", name) is None:
                yield f"{where}: {name} is required for {function}"
    if len(set(numbers)) != len(numbers):
        yield f"{where}: actionGroupId is not unique"


def _judge_folder(folder: Node, where: str) -> Iterator[str]:
    points = [child for child in folder if _name(child) == "Placemark"]
    if [_said(point, "index") for point in points] != [str(n) for n in range(len(points))]:
        yield f"{where}: index does not run from 0 without a gap"
    if len(points) < 2:
        yield f"{where}: fewer than two waypoints"
    for number, point in enumerate(points):
        yield from _judge_waypoint(point, f"{where}/Placemark[{number}]")
    mode = _said(folder, "globalWaypointTurnMode")
    if mode in _CURVED and _part(folder, "globalUseStraightLine") is None:
        yield f"{where}: globalUseStraightLine is required where globalWaypointTurnMode is {mode}"
    if _said(folder, "gimbalPitchMode") == "usePointSetting":
        for number, point in enumerate(points):
            if _part(point, "gimbalPitchAngle") is None:
                yield f"{where}/Placemark[{number}]: gimbalPitchAngle is required"
    heading = _part(folder, "globalWaypointHeadingParam")
    if heading is not None:
        yield from _judge_heading(heading, where)
    yield from _judge_actions(folder, len(points), where)


def _judge_document(root: Node, name: str) -> Iterator[str]:
    document = _part(root, "Document")
    if str(root.tag) != f"{{{KML_NAMESPACE}}}kml" or document is None or len(root) != 1:
        yield f"{name}: not a KML document"
        return
    yield from _judge(document, RULES[name], name)
    mission, folder = _part(document, "missionConfig"), _part(document, "Folder")
    if mission is not None:
        yield from _judge_mission(mission, f"{name}/missionConfig")
    if folder is not None:
        yield from _judge_folder(folder, f"{name}/Folder")


def _flight(root: Node) -> list[str]:
    """Return what both files must say alike: aircraft, template, places."""
    mission = [
        _said(root, "Document", "missionConfig", "droneInfo", "droneEnumValue"),
        _said(root, "Document", "missionConfig", "finishAction"),
        _said(root, "Document", "Folder", "templateId"),
    ]
    folder = _part(root, "Document", "Folder")
    points = [child for child in folder if _name(child) == "Placemark"] if folder else []
    return mission + [_said(point, "Point", "coordinates") for point in points]


def _read(archive: zipfile.ZipFile, name: str) -> Node:
    if archive.getinfo(name).file_size > MAX_BYTES:
        raise ValueError("too large")
    text = archive.read(name).decode("utf-8")
    if "<!" in text.replace("<!--", ""):
        raise ValueError("a document type")
    return ElementTree.fromstring(text.encode("utf-8"))  # noqa: S314 (no document type, bounded)


def validate_wpml(data: bytes) -> list[str]:
    """Return what is wrong with a WPML waypoint route by DJI's published rules; [] when nothing.

    Parameters
    ----------
    data : bytes
        The KMZ.

    Returns
    -------
    list of str
        ``file/element: what``, for those who write such files.
    """
    roots: dict[str, Node] = {}
    wrong: list[str] = []
    try:
        if len(data) > MAX_BYTES:
            raise ValueError("too large")
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError) as problem:
        return [f"not a KMZ: {problem}"]
    with archive:
        for name in RULES:
            try:
                roots[name] = _read(archive, name)
            except _UNREADABLE as problem:
                wrong.append(f"{name}: {problem}")
    for name, root in roots.items():
        wrong += _judge_document(root, name)
    if len(roots) == len(RULES) and len({tuple(_flight(root)) for root in roots.values()}) > 1:
        wrong.append("template.kml and waylines.wpml tell of different flights")
    return wrong
