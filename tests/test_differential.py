"""Ten missions on the embedded vehicle and on real ArduCopter: the same flight, the same end.

Needs the program ``arducopter`` (AGRI_ARDUCOPTER or on the path) and skips without it. Seven of the
ten are here: surveys of a plain field, of one with a house in it and of an L, one that lands
elsewhere; a paddy with trees sprayed, lines whose way home is a DO_LAND_START leg, and lines at
changing heights and speeds. `test_ardupilot_spray` has three more: a paddy, a field with a hole, an
orchard.

The sprayer looks after its pump three times a second, each aircraft at a moment of its own: where
the pump comes on differs by that much between two flights of the same aircraft; where it goes off
does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from statistics import median

import numpy as np
import pytest
from shapely.geometry import Point, Polygon, box

from agri.field import ObstacleKind
from agri.geo import LonLat
from missions.catalogue import aircraft, camera
from missions.coverage.survey import plan_survey
from missions.flightplan import FlightPlan
from missions.items import Command, MissionItem, item_at
from missions.spray.mission import plan_spray
from missions.survey import SurveySettings
from tests import scenario_flights
from tests import spray_flown as spraying
from tests.sites import Draft
from tests.two_copters import FITTED, Log, beside_m, embedded, real, skip_without_arducopter

skip_without_arducopter()
pytestmark = pytest.mark.ardupilot
CAMERA = {"CAM1_TYPE": 1.0, "SERVO11_FUNCTION": 10.0}
SPRAYER = {"SPRAY_ENABLE": 1.0, "SERVO9_FUNCTION": 22.0, "SPRAY_PUMP_RATE": 10.0}
SAME_M, SAME_TIME, SAME_PHOTOS, SAME_END_M = 1.0, 0.10, 0.01, 1.0
LOOK_S = 1.0 / 3.0
MANY = 8
"""Of so many switchings the middle one tells of more than the moments at which was looked."""
Items = tuple[MissionItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mission:
    """Items, the place they begin at, what the vehicle is set to, the fastest speed of a line."""

    items: Items
    home: LonLat
    parameters: dict[str, float]
    speed_m_s: float


def survey(field: Polygon, pad: tuple[float, float], **more: object) -> Mission:
    draft = Draft()
    asked = SurveySettings(
        camera=camera("MicaSense RedEdge-P multispectral"), height_m=40.0, front_overlap=0.7,
        side_overlap=0.6, speed_m_s=5.0,
    )  # fmt: skip
    plan = plan_survey(draft.site(field, pad, **more), asked, aircraft(), name="Chụp")  # type: ignore[arg-type]
    return Mission(items=plan.items, home=plan.home, speed_m_s=5.0,
                   parameters={**FITTED, **CAMERA, "WPNAV_SPEED": 500.0})  # fmt: skip


def of_spray(plan: FlightPlan, speed_m_s: float) -> Mission:
    told = {**FITTED, **SPRAYER, "WPNAV_SPEED": 100.0 * speed_m_s}
    return Mission(items=plan.items, home=plan.home, speed_m_s=speed_m_s, parameters=told)


def plain() -> Mission:
    return survey(box(0, 0, 110, 60), (6.0, 6.0))


def with_a_house() -> Mission:
    house = Draft().obstacle(ObstacleKind.HOUSE, box(50, 25, 62, 35), height_m=6.0)
    return survey(box(0, 0, 110, 60), (8.0, 8.0), obstacles=(house,))


def of_an_l() -> Mission:
    return survey(Polygon([(0, 0), (110, 0), (110, 40), (45, 40), (45, 90), (0, 90)]), (6.0, 6.0))


def landing_elsewhere() -> Mission:
    flown = plain()
    assert flown.items[-1].command == Command.NAV_RETURN_TO_LAUNCH
    pad = Draft().frame.place(30.0, -25.0)
    end = (item_at(Command.NAV_WAYPOINT, pad, 15.0), item_at(Command.NAV_LAND, pad, 0.0))
    return Mission(items=(*flown.items[:-1], *end), home=flown.home, speed_m_s=flown.speed_m_s,
                   parameters=flown.parameters)  # fmt: skip


def among_trees() -> Mission:
    draft = Draft()
    trees = tuple(
        draft.obstacle(ObstacleKind.TREE, Point(*at).buffer(2.0), height_m=7.0)
        for at in ((30, 20), (62, 33))
    )
    site = draft.site(box(0, 0, 75, 40), (-10.0, -8.0), trees)
    return of_spray(plan_spray(site, spraying.field_settings(), name="Cây"), 4.0)


def home_by_the_leg() -> Mission:
    return of_spray(scenario_flights.plan(), 5.0)


def up_and_down() -> Mission:
    """Lines that climb and sink by 3 m, the second one slower; a wait between them."""
    to = spraying.FRAME.place
    on, off = spraying.sprayer_item(True), spraying.sprayer_item(False)

    def speed(m_s: float) -> MissionItem:
        return MissionItem(command=Command.DO_CHANGE_SPEED, param1=1.0, param2=m_s, param3=-1.0)

    items = (
        item_at(Command.NAV_TAKEOFF, spraying.HOME, 5.0), speed(5.0),
        item_at(Command.NAV_WAYPOINT, to(0, 20), 5.0), on,
        item_at(Command.NAV_WAYPOINT, to(45, 20), 8.0),
        item_at(Command.NAV_WAYPOINT, to(90, 20), 5.0), off,
        item_at(Command.NAV_WAYPOINT, to(100, 26), 5.0, param1=4.0), speed(3.0), on,
        item_at(Command.NAV_WAYPOINT, to(50, 26), 6.0), off, speed(5.0),
        item_at(Command.NAV_WAYPOINT, to(0, 26), 9.0),
        MissionItem(command=Command.NAV_RETURN_TO_LAUNCH),
    )  # fmt: skip
    told = {**FITTED, **SPRAYER, "WPNAV_SPEED": 500.0}
    return Mission(items=items, home=spraying.HOME, parameters=told, speed_m_s=5.0)


MISSIONS = (plain, with_a_house, of_an_l, landing_elsewhere, among_trees, home_by_the_leg,
            up_and_down)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    mission: Mission
    real: Log
    embedded: Log


@cache
def flown(made: Callable[[], Mission]) -> Both:
    mission = made()
    told = (mission.items, mission.home, mission.parameters)
    return Both(mission=mission, real=real(*told), embedded=embedded(*told))


@pytest.mark.parametrize("made", MISSIONS, ids=lambda made: made.__name__)
def test_the_same_mission_is_the_same_flight(
    made: Callable[[], Mission],
    record_property: Callable[[str, object], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    both = flown(made)
    there, here = both.real, both.embedded
    across = max(
        float(np.percentile(beside_m(one.places, other.places), 95))
        for one, other in ((here, there), (there, here))
    )
    end_m = math.dist(there.fixes[-1].place, here.fixes[-1].place)
    ratio = here.duration_s / there.duration_s
    pairs = list(zip(there.sprays(), here.sprays(), strict=True))
    off_m = [math.dist(one[-1].place, other[-1].place) for one, other in pairs]
    on_m = [math.dist(one[0].place, other[0].place) for one, other in pairs]
    told = (
        f"{made.__name__}: modes {there.mode} {here.mode}, ends {end_m:.2f} m apart, "
        f"across 95 % {across:.2f} m, {there.duration_s:.0f} s and {here.duration_s:.0f} s "
        f"({ratio:.3f}), photos {len(there.photos)} {len(here.photos)}, "
        f"on {max(on_m, default=0.0):.2f} m, off {max(off_m, default=0.0):.2f} m"
    )
    record_property(made.__name__, told)
    with capsys.disabled():
        print(f"\n{told}")  # noqa: T201  (what the run is for)
    assert there.mode == here.mode
    assert end_m <= SAME_END_M
    assert across <= SAME_M
    assert ratio == pytest.approx(1.0, abs=SAME_TIME)
    assert len(here.photos) == pytest.approx(len(there.photos), rel=SAME_PHOTOS)
    if any(item.command == Command.DO_SPRAYER and item.param1 for item in both.mission.items):
        assert pairs
        assert max(off_m) <= SAME_M
        assert len(on_m) < MANY or median(on_m) <= SAME_M
        assert max(on_m) <= SAME_M + LOOK_S * both.mission.speed_m_s
    else:
        assert there.photos
