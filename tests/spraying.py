"""A spraying laid by hand, with known figures, and how to change one thing of it.

The paddy is 60 m east-west by 40 m north-south around ``CENTRE``; four swaths 10 m wide run
east-west, 60 m each, at 3 m; the pad lies 30 m south of the paddy. Nothing here uses a planner.

For tests of the checks: the way is whole, with every order where it belongs, so that one change
is one mistake. `tests.sprays` holds whole plans to be written and read, `tests.spray_flown` plans
with the record of their flight.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shapely.geometry import MultiPolygon

from agri.findings import Finding, Severity
from missions.checks.path import path_of
from missions.checks.spray import check_spray
from missions.flightplan import FencePolygon, FlightPlan, RallyPoint
from missions.items import Command, Frame, MissionItem, item_at
from missions.sprayer.job import SprayEstimate, SprayJob, SprayPass
from tests.plans import box, local, lonlat, speed
from tests.spray_settings import (
    PAD_AT,
    RATE_L_HA,
    SETTINGS,
    SITE,
    SPEED_M_S,
    SPRAY_M,
    SPRAYER,
    SWATH_M,
)

NORTHS_M = (-15.0, -5.0, 5.0, 15.0)


def waypoint(east_m: float, north_m: float, height_m: float = SPRAY_M) -> MissionItem:
    return item_at(Command.NAV_WAYPOINT, local(east_m, north_m), height_m)


def sprayer(on: float) -> MissionItem:
    return MissionItem(command=Command.DO_SPRAYER, param1=float(on))


def servo(pulse_us: float, channel: int = 9) -> MissionItem:
    return MissionItem(command=183, param1=float(channel), param2=pulse_us)


def land_start() -> MissionItem:
    return MissionItem(command=Command.DO_LAND_START, frame=Frame.RELATIVE)


RTL = MissionItem(command=Command.NAV_RETURN_TO_LAUNCH)


def spray_items(norths: tuple[float, ...] = NORTHS_M) -> tuple[MissionItem, ...]:
    items = [sprayer(0), item_at(Command.NAV_TAKEOFF, SITE.pad.place, SPRAY_M), speed(SPEED_M_S)]
    for number, north in enumerate(norths):
        ends = (-30.0, 30.0) if number % 2 == 0 else (30.0, -30.0)
        items += [waypoint(ends[0], north), sprayer(1), waypoint(ends[1], north), sprayer(0)]
    items += [land_start(), sprayer(0), waypoint(*PAD_AT), sprayer(0), RTL]
    return tuple(items)


def passes(norths: tuple[float, ...] = NORTHS_M) -> tuple[SprayPass, ...]:
    return tuple(
        SprayPass(
            places=(local(-30, north), local(30, north)),
            width_m=SWATH_M,
            rate_l_ha=RATE_L_HA,
            speed_m_s=SPEED_M_S,
        )
        for north in norths
    )


ESTIMATE = SprayEstimate(
    length_m=450.0, sprayed_m=240.0, time_s=150.0, energy_wh=150.0, litres=4.8, area_m2=2400.0
)
"""60 m × 10 m × 4 passes × 20 L/ha = 4.8 L."""
JOB = SprayJob(
    settings=SETTINGS,
    treatable=MultiPolygon([lonlat(box(-30, -20, 30, 20))]),
    passes=passes(),
    angle_deg=90.0,
    estimate=ESTIMATE,
    job="Phun thử",
)
PLAN = FlightPlan(
    name="Phun thử",
    home=SITE.pad.place,
    items=spray_items(),
    fence_polygons=(
        FencePolygon(
            inclusion=True,
            vertices=(local(-45, -65), local(45, -65), local(45, 35), local(-45, 35)),
        ),
    ),
    rally_points=(RallyPoint(place=SITE.pad.place, altitude_m=15.0),),
    site=SITE,
    aircraft=SPRAYER.aircraft,
    spray=JOB,
)
"""Items 1 sprayer off, 2 TAKEOFF, 3 speed; passes at 4 to 19, four items each (4 waypoint, 5 on,
6 waypoint, 7 off, ...); 20 DO_LAND_START, 21 off, 22 over the pad, 23 off, 24 RTL."""


def with_items(*items: MissionItem) -> FlightPlan:
    return replace(PLAN, items=items)


def changed(number: int, **values: Any) -> FlightPlan:
    """The plan with values of item `number` (as on board) changed."""
    items = list(PLAN.items)
    items[number - 1] = replace(items[number - 1], **values)
    return with_items(*items)


def exchanged(number: int, item: MissionItem) -> FlightPlan:
    """The plan with item `number` replaced."""
    items = list(PLAN.items)
    items[number - 1] = item
    return with_items(*items)


def inserted(number: int, *items: MissionItem) -> FlightPlan:
    """The plan with `items` put in so that the first becomes item `number`."""
    return with_items(*PLAN.items[: number - 1], *items, *PLAN.items[number - 1 :])


def without(*numbers: int) -> FlightPlan:
    """The plan without some items."""
    return with_items(*(i for n, i in enumerate(PLAN.items, start=1) if n not in numbers))


def asked(plan: FlightPlan = PLAN, **values: Any) -> FlightPlan:
    """The plan with settings changed."""
    assert plan.spray is not None
    settings = replace(plan.spray.settings, **values)
    return replace(plan, spray=replace(plan.spray, settings=settings))


def carried_by(plan: FlightPlan = PLAN, **values: Any) -> FlightPlan:
    """The plan with the sprayer changed."""
    assert plan.spray is not None
    return asked(plan, sprayer=replace(plan.spray.settings.sprayer, **values))


def estimated(plan: FlightPlan = PLAN, **values: Any) -> FlightPlan:
    """The plan with its estimate changed."""
    assert plan.spray is not None
    estimate = replace(plan.spray.estimate, **values)
    return replace(plan, spray=replace(plan.spray, estimate=estimate))


def beside(plan: FlightPlan = PLAN, **values: Any) -> FlightPlan:
    """The plan with something else around the field."""
    assert plan.site is not None
    return replace(plan, site=replace(plan.site, **values))


def found(plan: FlightPlan) -> list[Finding]:
    return check_spray(plan, path_of(plan))


def told(plan: FlightPlan, least: Severity = Severity.WARNING) -> list[tuple[str, Severity]]:
    """Key, without its first word, and severity of what is found, INFO left out."""
    return [
        (f.key.removeprefix("finding."), f.severity) for f in found(plan) if f.severity >= least
    ]


def the(plan: FlightPlan, key: str) -> dict[str, Any]:
    """Values of the one finding with `key`."""
    (one,) = (f for f in found(plan) if f.key == f"finding.{key}")
    return dict(one.message.values)
