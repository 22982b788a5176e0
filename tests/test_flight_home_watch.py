"""The point of return moved in the air: what is said, when the aircraft stands, what is let go."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.words import Message
from missions.flight.home_watch import HEIGHT_M, HomeWatched, judge_home
from missions.flightplan import FencePolygon
from missions.wire.telemetry import CopterMode, Telemetry, fold
from sitl.modes import Mode
from tests import spray_flown as spraying
from tests.scenario_flights import Embedded, Watcher
from tests.scenario_flights import plan as flown_plan

CORNERS = [(-30.0, -30.0), (150.0, -30.0), (150.0, 60.0), (-30.0, 60.0)]
FENCE = FencePolygon(
    inclusion=True, vertices=tuple(spraying.FRAME.place(*corner) for corner in CORNERS)
)
PLAN = replace(flown_plan(), fence_polygons=(FENCE,))
LAST = len(PLAN.items)
FLYING = Telemetry(
    time_s=100.0, armed=True, mode=CopterMode.AUTO, place=spraying.FRAME.place(60.0, 20.0),
    height_m=5.0, mission_current=5, mission_state=3, home=spraying.HOME, home_amsl_m=10.0,
)  # fmt: skip
ASIDE = replace(FLYING, home=spraying.FRAME.place(30.0, 0.0))


def play(*seen: Telemetry, before: HomeWatched | None = None) -> tuple[HomeWatched, list[str]]:
    after, said = before or HomeWatched(), []
    for now in seen:
        after, wishes = judge_home(PLAN, after, now, flies=True)
        said += [w.key if isinstance(w, Message) else w for w in wishes]
    return after, said


def test_a_home_where_it_was_planned_is_not_spoken_of():
    near = replace(FLYING, home=spraying.FRAME.place(0.0, 4.9))
    assert play(FLYING, near, FLYING)[1] == []


def test_a_moved_home_is_said_once_with_how_far_and_where_to_and_again_when_it_moves_on():
    _, wishes = judge_home(PLAN, HomeWatched(), ASIDE, flies=True)
    (said,) = wishes
    assert isinstance(said, Message)
    assert said.key == "event.home_moved"
    values = dict(said.values)
    assert values["distance_m"] == pytest.approx(30.0, abs=0.1)
    assert values["bearing_deg"] == pytest.approx(90.0, abs=0.1)
    little = replace(FLYING, home=spraying.FRAME.place(33.0, 0.0))
    further = replace(FLYING, home=spraying.FRAME.place(45.0, 0.0))
    assert play(ASIDE, ASIDE, little, further, further)[1] == ["event.home_moved"] * 2


def test_a_home_outside_the_fence_is_said_to_be():
    out = replace(FLYING, home=spraying.FRAME.place(-60.0, 0.0))
    assert play(out)[1] == ["event.home_moved_outside"]


def test_a_home_put_back_is_said_and_forgotten():
    assert play(ASIDE, FLYING, FLYING, ASIDE)[1] == [
        "event.home_moved", "event.home_back", "event.home_moved",
    ]  # fmt: skip


def test_the_plan_goes_on_and_is_held_once_before_its_own_way_home():
    home = replace(ASIDE, mission_current=LAST)
    after, said = play(ASIDE, replace(ASIDE, mission_current=LAST - 2), home, home)
    assert said == ["event.home_moved", "event.home_held", "spray_off", "hold"]
    standing = replace(home, mode=CopterMode.BRAKE)
    assert play(standing, home, home, before=after)[1] == []  # a person let it go
    assert play(replace(FLYING, mission_current=LAST))[1] == []


@pytest.mark.parametrize("mode", [CopterMode.RTL, CopterMode.AUTO_RTL])
def test_an_aircraft_that_comes_home_by_itself_is_spoken_of_and_not_fought(mode):
    going = replace(ASIDE, mode=mode)
    assert play(ASIDE, going, going)[1] == ["event.home_moved", "event.home_going"]
    assert play(replace(FLYING, mode=mode))[1] == []


@pytest.mark.parametrize("off_m", [HEIGHT_M + 0.1, -HEIGHT_M - 0.1])
def test_another_height_of_home_stops_the_spraying_once(off_m):
    high = replace(FLYING, home_amsl_m=10.0 + off_m)
    assert play(FLYING, high, high)[1] == ["event.home_height", "spray_off", "hold"]
    assert play(FLYING, replace(FLYING, home_amsl_m=10.0 + 0.9 * off_m))[1] == []
    assert play(FLYING, replace(high, mode=CopterMode.LOITER))[1] == []
    assert play(replace(FLYING, home_amsl_m=math.nan), high)[1] == []  # the first height told


def test_an_aircraft_on_the_ground_is_judged_before_the_launch_not_here():
    assert play(replace(ASIDE, armed=False))[1] == []
    _, wishes = judge_home(
        PLAN, HomeWatched(amsl_m=0.0), replace(FLYING, home_amsl_m=9.0), flies=False
    )
    assert wishes == []


def test_home_and_its_height_are_read_and_nowhere_is_no_place():
    def told(lat: int, lon: int) -> object:
        return mavlink.MAVLink_home_position_message(
            lat, lon, 12_500, 0.0, 0.0, 0.0, [math.nan] * 4, 0.0, 0.0, 0.0
        )

    seen = fold(Telemetry(), told(210800000, 1065100000), 0.0)
    assert (seen.home, seen.home_amsl_m) == (spraying.HOME, 12.5)
    assert fold(seen, told(0, 0), 0.0) == seen


# ---- the embedded vehicle


def sprayed() -> Watcher:
    watcher = Watcher(Embedded(), flown_plan())
    watcher.take_off()
    watcher.until(lambda: watcher.places and watcher.sprays and watcher.places[-1][1] > 40.0)
    return watcher


def move_home(watcher: Watcher, east_m: float, north_m: float, amsl_m: float = 10.0) -> None:
    place = spraying.FRAME.place(east_m, north_m)
    watcher.vehicle.send(
        mavlink.MAVLink_command_int_message(
            1, 1, 0, 179, 0, 0, 0.0, 0.0, 0.0, 0.0, place.lat_e7, place.lon_e7, amsl_m
        ),
        254,
    )


def test_a_person_puts_home_back_goes_on_and_it_lands_on_its_pad():
    watcher = sprayed()
    move_home(watcher, 30.0, -20.0)
    watcher.until(lambda: watcher.mode == Mode.BRAKE, 200.0)
    assert watcher.notes.count("event.home_held") == 1
    move_home(watcher, 0.0, 0.0)
    watcher.until(lambda: "event.home_back" in watcher.notes, 10.0)
    watcher.command(176, 1.0, 3.0)
    watcher.until(lambda: not watcher.armed)
    assert math.hypot(*watcher.places[-1][1:]) < 3.0


def test_a_home_set_higher_in_the_air_stops_the_spraying():
    watcher = sprayed()
    move_home(watcher, 0.0, 0.0, 14.0)
    watcher.until(lambda: watcher.mode == Mode.BRAKE, 5.0)
    assert "event.home_height" in watcher.notes
