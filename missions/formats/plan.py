"""QGroundControl's ``.plan``: written so that QGroundControl shows and flies the same mission.

Theory of operation
-------------------
A survey of agri becomes take-off, one survey item (``ComplexItem`` version 5) and the return, so
that QGroundControl can edit it again as a survey. The survey item carries our own items in
``Items``; QGroundControl flies those as long as nobody edits the survey, and `read_plan` reads
them back. Keys, types and versions are those that QGroundControl writes itself (read in its
source, commit 365ada69 of May 2026). Three of its habits matter:

* It lays the lines anew, and drops our items, as soon as the speed it expects at the survey is
  not the 5 m/s it starts from. So ``hoverSpeed`` is 5 and the DO_CHANGE_SPEED of the mission
  stands **inside** the survey item.
* It knows neither keep-outs nor several parts nor a border pass, and it lays each line between
  the two outermost crossings of the border, that is, across notches. Only where lines laid anew
  could do no harm is the survey item written: one part, no border pass, no obstacle and no
  keep-out, the convex hull of the field inside the fence. All other plans are written as simple
  items, which it flies as they are and cannot re-lay. (A hole of the field is no keep-out: agri
  flies over it as well.)
* Its grid angle is the direction of the lines clockwise from north, as ours. Its camera is found
  by name; ours is written as the "Custom Camera" with all its figures, which it keeps.

Numbers lose nothing: degrees have their seven decimals, heights of places the centimetre.
"""

from __future__ import annotations

import json
import math
from typing import Any

import shapely
from shapely.geometry import Polygon

from agri.geo import LocalFrame, LonLat
from agri.units import e7_to_degrees
from missions.flightplan import FlightPlan, SurveyJob
from missions.formats.item_numbers import numbers_from_xy, seventh
from missions.formats.plan_reader import FILE_TYPE, FILE_VERSION, read_plan
from missions.items import Command, Frame, MissionItem, located_items

__all__ = ["can_edit_as_survey", "read_plan", "write_plan"]

ALTITUDE_MODE = {Frame.RELATIVE: 1, Frame.GLOBAL: 2, Frame.TERRAIN: 4}
"""QGroundControl's AltitudeMode of each frame (3, worked out from terrain, is never written)."""
MIXED_ALTITUDES = 0
START_SPEED_M_S = 5
"""Speed QGroundControl starts from; another one here makes it lay the lines anew."""
ARDUPILOT = 3
MULTIROTOR = 2

Json = dict[str, Any]


def _tidy(value: float) -> float | int | None:
    if math.isnan(value):
        return None
    return int(value) if value.is_integer() else float(value)


def _pair(place: LonLat) -> list[float]:
    return [e7_to_degrees(place.lat_e7), e7_to_degrees(place.lon_e7)]


def _simple_item(item: MissionItem, number: int, home: LonLat) -> Json:
    fifth, sixth = numbers_from_xy(item)
    if item.command == Command.NAV_TAKEOFF and not (item.x or item.y):
        fifth, sixth = _pair(home)
    height = seventh(item)
    written: Json = {
        "autoContinue": True,
        "command": int(item.command),
        "doJumpId": number,
        "frame": int(item.frame),
        "params": [_tidy(value) for value in (*item.params, fifth, sixth, height)],
        "type": "SimpleItem",
    }
    return written


def _with_altitude(written: Json, item: MissionItem) -> Json:
    if item.is_located and item.frame in ALTITUDE_MODE:
        written["AMSLAltAboveTerrain"] = None
        written["Altitude"] = written["params"][6]
        written["AltitudeMode"] = ALTITUDE_MODE[item.frame]
    return written


def _camera_calc(job: SurveyJob) -> Json:
    camera, settings, geometry = job.settings.camera, job.settings, job.geometry
    return {
        "version": 2,
        "AdjustedFootprintFrontal": geometry.trigger_m,
        "AdjustedFootprintSide": geometry.line_spacing_m,
        "CameraName": "Custom Camera",
        "DistanceMode": ALTITUDE_MODE[Frame.RELATIVE],
        "DistanceToSurface": settings.height_m,
        "FixedOrientation": False,
        "FocalLength": camera.focal_length_mm,
        "FrontalOverlap": settings.front_overlap * 100.0,
        "ImageDensity": geometry.gsd_cm,
        "ImageHeight": camera.image_height_px,
        "ImageWidth": camera.image_width_px,
        "Landscape": True,
        "MinTriggerInterval": camera.min_interval_s,
        "SensorHeight": camera.sensor_height_mm,
        "SensorWidth": camera.sensor_width_mm,
        "SideOverlap": settings.side_overlap * 100.0,
        "ValueSetIsDistance": True,
    }


def _entry_location(job: SurveyJob, border: Polygon, first: tuple[float, float]) -> int:
    """Return the corner the lines begin in, as seen along them: 0 top left to 3 bottom right."""
    along = math.radians(job.angle_deg)
    ahead = (math.sin(along), math.cos(along))
    centre = border.centroid
    east, north = first[0] - centre.x, first[1] - centre.y
    right = east * ahead[1] - north * ahead[0] > 0.0
    bottom = east * ahead[0] + north * ahead[1] < 0.0
    return int(right) + 2 * int(bottom)


def _survey_item(plan: FlightPlan, job: SurveyJob, ring: Polygon, first_number: int) -> Json:
    items = plan.items[1:-1]
    places = [item.place for item in located_items(items)]
    frame = LocalFrame.around(ring)
    border = frame.geometry_to_local(ring)
    corners = [LonLat(lon_deg=x, lat_deg=y) for x, y in ring.exterior.coords[:-1]]
    return {
        "TransectStyleComplexItem": {
            "version": 2,
            "CameraCalc": _camera_calc(job),
            "CameraShots": job.estimate.photos,
            "CameraTriggerInTurnAround": False,
            "HoverAndCapture": False,
            "Items": [
                _simple_item(item, number, plan.home)
                for number, item in enumerate(items, start=first_number)
            ],
            "Refly90Degrees": False,
            "TurnAroundDistance": job.settings.lead_in_m,
            "VisualTransectPoints": [_pair(place) for place in places],
        },
        "angle": job.angle_deg,
        "complexItemType": "survey",
        "entryLocation": _entry_location(job, border, frame.metres(places[0])),
        "flyAlternateTransects": False,
        "polygon": [_pair(corner) for corner in corners],
        "splitConcavePolygons": False,
        "type": "ComplexItem",
        "version": 5,
    }


def can_edit_as_survey(plan: FlightPlan) -> bool:
    """Return whether QGroundControl may lay this survey's lines anew without harm.

    Parameters
    ----------
    plan : FlightPlan
        Any plan.

    Returns
    -------
    bool
        True for a whole survey by agri of one part, without obstacles, keep-outs or border pass,
        from take-off to return or landing in heights above home, whose field's hull with the
        lead-in lies inside every inclusion fence.
    """
    site, job = plan.site, plan.survey
    if site is None or job is None or job.settings.edge_pass or not _is_one_flight(plan):
        return False
    keep_outs = (
        *site.obstacles,
        *site.no_fly_zones,
        *plan.fence_circles,
        *(polygon for polygon in plan.fence_polygons if not polygon.inclusion),
    )
    if (
        keep_outs
        or job.before is not None
        or len(site.field.boundary.geoms) != 1
        or not plan.fence_polygons
    ):
        return False
    frame = site.field.frame
    hull = frame.geometry_to_local(shapely.convex_hull(site.field.boundary))
    reached = hull.buffer(job.settings.lead_in_m)
    return all(
        Polygon([frame.metres(vertex) for vertex in polygon.vertices]).covers(reached)
        for polygon in plan.fence_polygons
    )


def _is_one_flight(plan: FlightPlan) -> bool:
    """Return whether the items go from take-off to return or landing, all above home."""
    between = plan.items[1:-1]
    places = located_items(between)
    return (
        bool(places)
        and plan.items[0].command == Command.NAV_TAKEOFF
        and plan.items[-1].command in (Command.NAV_RETURN_TO_LAUNCH, Command.NAV_LAND)
        and all(item.frame is Frame.RELATIVE for item in places)
    )


def _mission_items(plan: FlightPlan, complex_item: bool) -> list[Json]:
    def simple(item: MissionItem, number: int) -> Json:
        return _with_altitude(_simple_item(item, number, plan.home), item)

    if complex_item and plan.site is not None and plan.survey and can_edit_as_survey(plan):
        ring = plan.site.field.boundary.geoms[0]
        return [
            simple(plan.items[0], 1),
            _survey_item(plan, plan.survey, ring, 2),
            simple(plan.items[-1], len(plan.items)),
        ]
    return [simple(item, number) for number, item in enumerate(plan.items, start=1)]


def _fence(plan: FlightPlan) -> Json:
    return {
        "circles": [
            {
                "circle": {"center": _pair(circle.centre), "radius": circle.radius_m},
                "inclusion": circle.inclusion,
                "version": 1,
            }
            for circle in plan.fence_circles
        ],
        "polygons": [
            {
                "inclusion": polygon.inclusion,
                "polygon": [_pair(vertex) for vertex in polygon.vertices],
                "version": 1,
            }
            for polygon in plan.fence_polygons
        ],
        "version": 2,
    }


def write_plan(plan: FlightPlan, *, complex_item: bool = True) -> str:
    """Return the plan as QGroundControl's ``.plan``, fence and rally points included.

    Parameters
    ----------
    plan : FlightPlan
        Any plan.
    complex_item : bool
        Whether to write a survey item that QGroundControl can edit, where `can_edit_as_survey`
        says that it may; otherwise simple items.

    Returns
    -------
    str
        JSON; `read_plan` gives a plan with the same digest.
    """
    frames = {item.frame for item in plan.items if item.is_located}
    mode = ALTITUDE_MODE.get(frames.pop(), 0) if len(frames) == 1 else MIXED_ALTITUDES
    document = {
        "fileType": FILE_TYPE,
        "geoFence": _fence(plan),
        "groundStation": "QGroundControl",
        "mission": {
            "cruiseSpeed": 15,
            "firmwareType": ARDUPILOT,
            "globalPlanAltitudeMode": mode,
            "hoverSpeed": START_SPEED_M_S,
            "items": _mission_items(plan, complex_item),
            "plannedHomePosition": [*_pair(plan.home), _tidy(round(plan.home_altitude_m, 2))],
            "vehicleType": MULTIROTOR,
            "version": 2,
        },
        "rallyPoints": {
            "points": [
                [*_pair(point.place), _tidy(round(point.altitude_m, 2))]
                for point in plan.rally_points
            ],
            "version": 2,
        },
        "version": FILE_VERSION,
    }
    return json.dumps(document, ensure_ascii=False, indent=4, allow_nan=False) + "\n"
