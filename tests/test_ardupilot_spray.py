"""Three spray plans flown by a real ArduCopter and by the embedded simulator, side by side.

Needs the program ``arducopter`` (AGRI_ARDUCOPTER or on the path) and skips without it. A paddy with
its edge flown, a field with a hole in it, and an orchard sprayed tree by tree, hovering over the
small crowns and round the wide ones. Both are logged at 50 Hz (`tests.two_copters`).

The sprayer looks after its pump three times a second, in either aircraft at a moment of its own.
Where the pump comes on therefore differs between two flights of the same aircraft by up to a third
of a second of way either side; where it goes off does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from statistics import median

import numpy as np
import pytest
from shapely.geometry import Polygon, box

from agri.geo import LocalFrame, LonLat
from agri.weather import Wind
from missions.flightplan import FlightPlan
from missions.items import Command, MissionItem, item_at
from missions.orchard.trees import plan_trees
from missions.passes.energy import estimate_spray
from missions.passes.timing import on_lost_m
from missions.spray.mission import fly_route, plan_spray
from tests.orchards import asked, grid, in_field, orchard_site
from tests.sites import Draft
from tests.spray_flown import field_settings
from tests.two_copters import (
    FITTED,
    Log,
    beside_m,
    embedded,
    parameters_of,
    real,
    skip_without_arducopter,
)

skip_without_arducopter()
pytestmark = pytest.mark.ardupilot
CALM = Wind(speed_m_s=0.0)
WAITS_HOME_S = 5.0
"""RTL_LOIT_TIME, which the flights here leave out and the estimate counts."""
SAME_M = 1.0
LOOK_S = 1.0 / 3.0


def paddy() -> FlightPlan:
    site = Draft().site(Polygon([(0, 0), (80, 5), (85, 50), (-5, 45)]), (-12.0, -6.0))
    return plan_spray(site, field_settings(edge_pass=True), name="Ruộng")


def holed() -> FlightPlan:
    pond = box(40, 25, 60, 45).exterior.coords
    field = Polygon([(0, 0), (100, 0), (100, 70), (0, 70)], [pond])
    site = Draft().site(field, (-12.0, 10.0))
    return plan_spray(site, field_settings(edge_pass=False), name="Ao")


def orchard() -> FlightPlan:
    planted = grid(4, 3)
    site = orchard_site(planted)
    trees = tuple(
        replace(tree, radius_m=2.6 if number % 3 == 0 else 1.8, height_m=3.5)
        for number, tree in enumerate(in_field(site, planted).trees())
    )
    settings = asked(wind=CALM)
    route = plan_trees(site, settings, trees, litres_per_tree=0.5)
    return fly_route(
        site, settings, route, name="Vải", kind="trees", estimate=estimate_spray(route, settings)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    plan: FlightPlan
    real: Log
    embedded: Log


@cache
def flown(planned: Callable[[], FlightPlan]) -> Both:
    plan = planned()
    told = parameters_of(plan)
    return Both(
        plan=plan,
        real=real(plan.items, plan.home, told),
        embedded=embedded(plan.items, plan.home, told),
    )


@pytest.fixture(params=[paddy, holed, orchard], ids=["paddy", "holed", "orchard"])
def both(request: pytest.FixtureRequest) -> Both:
    return flown(request.param)


def test_both_take_the_same_time_and_the_time_told(both: Both) -> None:
    assert both.plan.spray is not None
    told_s = both.plan.spray.estimate.time_s
    assert FITTED["RTL_LOIT_TIME"] == 0.0
    assert both.embedded.duration_s == pytest.approx(both.real.duration_s, rel=0.10)
    assert told_s == pytest.approx(both.embedded.duration_s + WAITS_HOME_S, rel=0.10)
    assert told_s == pytest.approx(both.real.duration_s + WAITS_HOME_S, rel=0.15)


def test_both_switch_at_the_same_places(both: Both) -> None:
    assert both.plan.spray is not None
    pairs = list(zip(both.real.sprays(), both.embedded.sprays(), strict=True))
    assert len(pairs) == len(both.plan.spray.passes)
    off_m = [math.dist(one[-1].place, other[-1].place) for one, other in pairs]
    on_m = [math.dist(one[0].place, other[0].place) for one, other in pairs]
    assert max(off_m) <= SAME_M
    assert median(on_m) <= SAME_M
    assert max(on_m) <= SAME_M + LOOK_S * both.plan.spray.settings.speed_m_s


def test_both_fly_the_same_way(both: Both) -> None:
    there, here = both.real.places, both.embedded.places
    assert np.percentile(beside_m(here, there), 95) <= SAME_M
    assert np.percentile(beside_m(there, here), 95) <= SAME_M


def test_every_tree_is_sprayed_as_long_as_asked_and_nothing_between() -> None:
    """Hover or rings: the pump holds one flow, so its seconds are the litres."""
    trees = flown(orchard)
    job, site = trees.plan.spray, trees.plan.site
    assert job is not None
    assert site is not None
    frame = site.field.frame
    pad = np.array(frame.metres(trees.plan.home))
    for log in (trees.real, trees.embedded):
        stretches = log.sprays()
        assert len(stretches) == len(job.passes) == 12
        for stretch, work in zip(stretches, job.passes, strict=True):
            way = np.array([frame.metres(place) for place in work.places]) - pad
            length_m = float(np.hypot(*np.diff(way, axis=0).T).sum())
            asked_s = work.dwell_s or length_m / work.speed_m_s
            wet_s = stretch[-1].time_s - stretch[0].time_s
            assert wet_s == pytest.approx(asked_s, rel=0.15)
            places = np.array([fix.place for fix in stretch])
            beside = beside_m(places, np.concatenate([way, way[-1:]]))
            assert beside.max() <= 1.0, "the pump turned away from its tree"


PAD = LonLat(lon_deg=106.5, lat_deg=21.08)
BENDS = ((4.0, 6.0), (6.0, 12.0))
"""Speed and length of a leg that ends at a bend."""
TURN_DEG = 20.0


def bent(speed_m_s: float, first_m: float, near_m: float, north_m: float) -> list[MissionItem]:
    """A run eastwards whose on is held back until so near its bend."""
    frame, turn = LocalFrame(PAD), math.radians(TURN_DEG)

    def to(east_m: float, beyond_m: float) -> MissionItem:
        return item_at(Command.NAV_WAYPOINT, frame.place(east_m, north_m + beyond_m), 5.0)

    on, off = (MissionItem(command=Command.DO_SPRAYER, param1=told) for told in (1.0, 0.0))
    return [
        to(0.0, -4.0), to(0.0, 0.0),
        MissionItem(command=Command.DO_CHANGE_SPEED, param1=1.0, param2=speed_m_s, param3=-1.0),
        MissionItem(command=Command.CONDITION_DISTANCE, param1=near_m), on, to(first_m, 0.0),
        MissionItem(command=Command.CONDITION_DISTANCE, param1=3.0), off,
        to(first_m + 15.0 * math.cos(turn), 15.0 * math.sin(turn)), off,
    ]  # fmt: skip


def test_an_on_is_lost_at_a_bend_and_none_as_far_before_it_as_planned() -> None:
    """Half of what is kept is enough in still air; where it is the target's place it is not."""
    items = [item_at(Command.NAV_TAKEOFF, PAD, 5.0)]
    for number, (speed, first_m) in enumerate(BENDS):
        for row, near_m in enumerate((0.05, on_lost_m(speed) / 2.0, on_lost_m(speed))):
            items += bent(speed, first_m, near_m, 6.0 * (3 * number + row))
    items.append(MissionItem(command=Command.NAV_RETURN_TO_LAUNCH))
    told = {**FITTED, "SPRAY_ENABLE": 1.0, "SERVO9_FUNCTION": 22.0, "SPRAY_PUMP_RATE": 20.0}
    for log in (real(items, PAD, told), embedded(items, PAD, told)):
        rows = [round(stretch[0].north_m / 6.0) for stretch in log.sprays()]
        assert rows == [1, 2, 4, 5]
