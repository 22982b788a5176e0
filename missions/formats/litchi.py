"""Litchi's Mission Hub table (CSV): waypoints for DJI's small aircraft.

The columns are those that Mission Hub itself exports in metres, as the page of Litchi Mission
Utilities describes them (litchiutilities.com, "Litchi CSV Format Description"): place, height,
heading, curve, gimbal, fifteen actions with their parameters, height mode, speed, point of
interest, pictures by time or distance.

* Heights are above the take-off place (altitude mode 0).
* Turns are corners (curve size 0), actions are none (−1), and a distance between pictures stands
  in its own column, −1 where there are none.
* Where pictures are taken the camera looks straight down all the way (gimbal mode 2, −90°).
* The speed is the one to the next waypoint.
* There is no cell for a pump, nor for waiting, fence or what to do at the end: that last one is
  set in Mission Hub after importing. `litchi_notes` says what is left out.

The table holds numbers only, no name from anywhere: a spreadsheet that opens it finds nothing that
it could take for a formula.
"""

from __future__ import annotations

from agri.errors import BadInput
from agri.findings import Finding
from missions.flightplan import FlightPlan
from missions.formats.item_numbers import plain
from missions.formats.stops import Stop, missing_from_stops, plan_stops

FORM = "Litchi"
ACTIONS = 15
"""Actions a waypoint has room for."""
HEADER = (
    "latitude",
    "longitude",
    "altitude(m)",
    "heading(deg)",
    "curvesize(m)",
    "rotationdir",
    "gimbalmode",
    "gimbalpitchangle",
    *(f"action{part}{n}" for n in range(1, ACTIONS + 1) for part in ("type", "param")),
    "altitudemode",
    "speed(m/s)",
    "poi_latitude",
    "poi_longitude",
    "poi_altitude(m)",
    "poi_altitudemode",
    "photo_timeinterval",
    "photo_distinterval",
)
"""The 46 columns."""
MIN_HEIGHT_M, MAX_HEIGHT_M = -200.0, 500.0
"""Range of a waypoint's height."""
MAX_SPEED_M_S = 15.0
MAX_WAYPOINTS = 99
"""Most waypoints DJI's small aircraft keep on board."""


def _row(stop: Stop, pictures: bool) -> str:
    if not MIN_HEIGHT_M <= stop.height_m <= MAX_HEIGHT_M:
        raise BadInput("error.litchi_height", value=stop.height_m, high=MAX_HEIGHT_M)
    trigger_m = stop.trigger_m if stop.trigger_m > 0.0 else -1.0
    speed_m_s = min(max(stop.speed_m_s, 0.1), MAX_SPEED_M_S)
    cells = [
        f"{stop.place.lat_deg:.7f}",
        f"{stop.place.lon_deg:.7f}",
        plain(round(stop.height_m, 2)),
        *("0", "0", "0"),
        *(("2", "-90") if pictures else ("0", "0")),
        *(["-1", "0"] * ACTIONS),
        "0",
        plain(round(speed_m_s, 2)),
        *("0", "0", "0", "0"),
        "-1",
        plain(round(trigger_m, 2)),
    ]
    return ",".join(cells)


def write_litchi(plan: FlightPlan) -> str:
    """Return the plan as Litchi's table of waypoints.

    Parameters
    ----------
    plan : FlightPlan
        A plan in heights above its take-off place.

    Returns
    -------
    str
        CSV, the header and one row for each waypoint.

    Raises
    ------
    BadInput
        When the plan cannot be said in waypoints, or one is too high.
    """
    stops = plan_stops(plan, FORM)
    pictures = any(stop.trigger_m > 0.0 for stop in stops)
    rows = [_row(stop, pictures) for stop in stops]
    return "\n".join([",".join(HEADER), *rows]) + "\n"


def litchi_notes(plan: FlightPlan) -> list[Finding]:
    """Return what the table leaves out of a plan, and what to set by hand after importing.

    Parameters
    ----------
    plan : FlightPlan
        Any plan that `write_litchi` takes.
    """
    stops = plan_stops(plan, FORM)
    found = [*missing_from_stops(plan, FORM), Finding.warning("finding.litchi_finish")]
    if any(stop.wait_s > 0.0 for stop in stops):
        found.append(Finding.warning("finding.export_without_waits", form=FORM))
    if any(stop.speed_m_s > MAX_SPEED_M_S for stop in stops[:-1]):
        found.append(Finding.warning("finding.export_slower", form=FORM, limit_m_s=MAX_SPEED_M_S))
    if len(stops) > MAX_WAYPOINTS:
        found.append(Finding.warning("finding.litchi_many", count=len(stops), limit=MAX_WAYPOINTS))
    return found
