from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agri.errors import AgriError, LinkError, StoreError
from agri.findings import Finding, Severity, blocks
from agri.geo import LocalFrame, LonLat
from agri.track import Event as TrackEvent
from agri.track import Photo, Track
from missions.energy import Aircraft, Estimate
from missions.flight.phases import (
    ENDS,
    Answered,
    Begin,
    Did,
    Event,
    Failed,
    FlightState,
    Gone,
    Identified,
    Order,
    Phase,
    Proved,
    Read,
    Saw,
    Tick,
)
from missions.flight.recording import Recording
from missions.flight.steps import (
    FLIGHT,
    FRESH_S,
    LISTEN_S,
    LOST_S,
    READY_S,
    STARTS,
    begin,
    step,
)
from missions.flight.watching import Note, Watched, height_band, last_navigation, watch
from missions.flightplan import FencePolygon, FlightPlan
from missions.items import Command, MissionItem, item_at
from missions.preflight.battery import flight_needs_pct, way_home_needs_pct
from missions.preflight.vehicle import (
    Requirement,
    check_identity,
    check_parameters,
    check_readiness,
    needed_parameters,
    unmet,
)
from missions.wire.commands import Parameter
from missions.wire.delivery import Verified
from missions.wire.sightings import Sighting, SightingKind, VehicleIdentity
from missions.wire.telemetry import CopterMode, StatusText, Telemetry
from tests.sizes import of_full

HOME = LonLat(lon_deg=106.51, lat_deg=21.08)
FRAME = LocalFrame(HOME)
QUAD = Aircraft(name="quad", mass_kg=2.0, battery_wh=74.0, hover_power_w=240.0)
CORNERS = tuple(FRAME.place(e, n) for e, n in ((-50, -50), (150, -50), (150, 150), (-50, 150)))
PLAN = FlightPlan(
    name="survey",
    home=HOME,
    items=(
        item_at(Command.NAV_TAKEOFF, HOME, 30.0),
        MissionItem(command=Command.DO_CHANGE_SPEED, param1=1.0, param2=6.0, param3=-1.0),
        item_at(Command.NAV_WAYPOINT, FRAME.place(50.0, 0.0), 30.0),
        MissionItem(command=Command.DO_SET_CAM_TRIGG_DIST, param1=8.0, param3=1.0),
        item_at(Command.NAV_WAYPOINT, FRAME.place(50.0, 100.0), 30.0),
        MissionItem(command=Command.DO_SET_CAM_TRIGG_DIST),
        MissionItem(command=Command.NAV_RETURN_TO_LAUNCH),
    ),
    fence_polygons=(FencePolygon(inclusion=True, vertices=CORNERS),),
    aircraft=QUAD,
)
COPTER = VehicleIdentity(vehicle_type=2, autopilot=3, version="4.6.0")
GOOD = {
    "FS_THR_ENABLE": 1.0,
    "FS_GCS_ENABLE": 1.0,
    "BATT_FS_LOW_ACT": 2.0,
    "ARMING_CHECK": 1.0,
    "FS_EKF_ACTION": 1.0,
    "RTL_ALT": 1500.0,
    "FENCE_ENABLE": 1.0,
    "FENCE_TYPE": 5.0,
    "FENCE_ACTION": 1.0,
    "FENCE_ALT_MAX": 50.0,
    "FENCE_MARGIN": 2.0,
    "WPNAV_SPEED": 600.0,
    "CAM1_TYPE": 1.0,
}
READY = Telemetry(
    time_s=60.0,
    heard_s=0.0,
    heartbeats=60,
    vehicle_type=2,
    autopilot=3,
    mode=0,
    place=HOME,
    height_m=0.0,
    speed_m_s=0.0,
    battery_pct=98.0,
    fix_type=3,
    satellites=14,
    hdop=0.8,
    ekf_ok=True,
    prearm_ok=True,
    home=HOME,
)
FLYING = replace(
    READY, armed=True, mode=CopterMode.AUTO, height_m=30.0, speed_m_s=6.0, mission_current=3,
    mission_state=3,
)  # fmt: skip


def parameters(**changed: float | None) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, value) for name, value in {**GOOD, **changed}.items())


def proof(at_s: float) -> Verified:
    return Verified(
        plan_digest=PLAN.digest,
        mission_digest="m",
        fence_digest="f",
        rally_digest="r",
        verified_s=at_s,
    )


def sighting(seen: Telemetry, kind: SightingKind = SightingKind.STATE, **more: Any) -> Sighting:
    return Sighting(kind=kind, telemetry=seen, **more)


def saw(seen: Telemetry, rate: float = 1.0) -> Saw:
    return Saw(sighting(seen), rate)


def play(state: FlightState, *events: Event, now_s: float = 0.0) -> tuple[FlightState, list[Any]]:
    said: list[Any] = []
    for event in events:
        state, commands = step(state, event, now_s)
        said += commands
    return state, said


YES = (Answered(True), Proved(proof(0.0)))
"""A person's yes, and the proof that follows it."""


def orders(said: list[Any]) -> list[Order]:
    return [command for command in said if isinstance(command, Order)]


def notes(said: list[Any]) -> list[str]:
    return [command.message.key for command in said if isinstance(command, Note)]


def before_launch(now_s: float = 0.0) -> FlightState:
    """A flight checked and on board, waiting for a yes."""
    state, said = play(
        begin(PLAN),
        Begin(),
        Identified(COPTER),
        Read(parameters()),
        saw(READY),
        Proved(proof(now_s)),
        now_s=now_s,
    )
    assert orders(said)[-1] is Order.CONFIRM
    return state


def in_flight() -> FlightState:
    state, _ = play(
        before_launch(),
        *YES,
        Did(Order.GUIDED),
        saw(replace(READY, armed=True, mode=4)),
        Did(Order.ARM),
        Did(Order.AUTO),
        Did(Order.START),
        saw(FLYING),
    )
    assert state.phase is Phase.WATCH
    assert state.flown
    return state


# The way into the air


def test_a_launch_asks_checks_sends_confirms_arms_starts_in_this_order() -> None:
    _, said = play(
        begin(PLAN),
        Begin(),
        Identified(COPTER),
        Read(parameters()),
        saw(READY),
        Proved(proof(0.0)),
        *YES,
        Did(Order.GUIDED),
        saw(replace(READY, armed=True)),
        Did(Order.ARM),
        Did(Order.AUTO),
        Did(Order.START),
    )
    assert orders(said) == [
        Order.IDENTIFY,
        Order.READ,
        Order.UPLOAD,
        Order.CONFIRM,
        Order.PROVE,
        Order.GUIDED,
        Order.ARM,
        Order.AUTO,
        Order.START,
    ]


def test_a_flight_that_reaches_its_last_item_and_lands_is_landed() -> None:
    state = in_flight()
    home = replace(FLYING, mission_current=7, height_m=20.0)
    down = replace(FLYING, armed=False, mission_current=0, height_m=0.1)
    state, said = play(state, saw(home), saw(down))
    assert state.phase is Phase.LANDED
    assert "event.landed" in notes(said)


def test_a_flight_that_comes_down_before_its_last_item_is_aborted() -> None:
    down = replace(FLYING, armed=False, mission_current=0, height_m=0.1)
    state, _ = play(in_flight(), saw(replace(FLYING, mode=CopterMode.LAND)), saw(down))
    assert state.phase is Phase.ABORTED
    assert state.flown


@pytest.mark.parametrize(
    ("identity", "key"),
    [
        (VehicleIdentity(vehicle_type=1, autopilot=3), "finding.not_a_copter"),
        (VehicleIdentity(vehicle_type=10, autopilot=3), "finding.not_a_copter"),
        (VehicleIdentity(vehicle_type=2, autopilot=12), "finding.not_a_copter"),
    ],
)
def test_another_kind_of_vehicle_is_refused_before_anything_is_sent(
    identity: VehicleIdentity, key: str
) -> None:
    state, said = play(begin(PLAN), Begin(), Identified(identity))
    assert state.phase is Phase.REFUSED
    assert orders(said) == [Order.IDENTIFY]
    assert key in [f.key for f in state.findings]


def test_a_plan_with_an_error_of_its_own_is_not_even_begun() -> None:
    state, said = play(begin(PLAN, (Finding.error("finding.no_items"),)), Begin())
    assert state.phase is Phase.REFUSED
    assert said == []


UNREADY: list[tuple[dict[str, Any], str]] = [
    ({"fix_type": 2}, "finding.no_fix"),
    ({"ekf_ok": False}, "finding.no_estimate"),
    ({"prearm_ok": False}, "finding.prearm"),
    ({"hdop": 2.4}, "finding.hdop"),
    ({"hdop": math.nan}, "finding.hdop"),
    ({"place": None}, "finding.place_unknown"),
    ({"place": FRAME.place(0.0, 5.3)}, "finding.home_far"),
    ({"home": FRAME.place(5.3, 0.0)}, "finding.home_point_far"),
    ({"battery_pct": 20.0}, "finding.battery_short"),
    ({"armed": True}, "finding.already_armed"),
]


@pytest.mark.parametrize(("wrong", "key"), UNREADY)
def test_an_aircraft_that_is_not_ready_is_refused_and_the_reason_told(
    wrong: dict[str, Any], key: str
) -> None:
    seen = replace(READY, **wrong)
    state, said = play(
        begin(PLAN),
        Begin(),
        Identified(COPTER),
        Read(parameters()),
        saw(replace(seen, time_s=10.0)),
        saw(replace(seen, time_s=10.0 + READY_S)),
    )
    assert state.phase is Phase.REFUSED
    found = [f for f in state.findings if f.severity is Severity.ERROR]
    assert [f.key for f in found] == [key]
    assert "{" not in found[0].text("vi") + found[0].text("en")
    assert Order.UPLOAD not in orders(said)


@pytest.mark.parametrize(
    "not_yet", [{"ekf_ok": False}, {"prearm_ok": False}, {"fix_type": 1}, {"place": None}]
)
def test_the_aircrafts_own_checks_are_waited_for(not_yet: dict[str, Any]) -> None:
    state, _ = play(begin(PLAN), Begin(), Identified(COPTER), Read(parameters()))
    state, more = play(state, saw(replace(READY, time_s=5.0, **not_yet)))
    assert state.phase is Phase.READY
    assert more == []
    state, more = play(state, saw(replace(READY, time_s=42.0)))
    assert orders(more) == [Order.UPLOAD]


def test_the_place_within_five_metres_of_the_plan_is_accepted() -> None:
    assert not blocks(check_readiness(PLAN, replace(READY, place=FRAME.place(3.0, 3.8))))
    assert blocks(check_readiness(PLAN, replace(READY, place=FRAME.place(3.1, 4.0))))


@pytest.mark.parametrize(
    ("changed", "blocked"),
    [
        ({"FS_GCS_ENABLE": 0.0}, True),
        ({"FS_THR_ENABLE": 0.0}, True),
        ({"BATT_FS_LOW_ACT": 0.0}, True),
        ({"FENCE_ENABLE": 0.0}, True),
        ({"FENCE_TYPE": 7.0}, True),
        ({"FENCE_TYPE": 4.0}, True),
        ({"FENCE_ACTION": 0.0}, True),
        ({"FENCE_ALT_MAX": 100.0}, True),
        ({"FENCE_ALT_MAX": 0.0}, True),
        ({"FENCE_MARGIN": 0.5}, True),
        ({"ARMING_CHECK": 0.0}, True),
        ({"ARMING_CHECK": 1048572.0}, True),
        ({"FS_EKF_ACTION": 0.0}, True),
        ({"FS_EKF_ACTION": 2.0}, True),
        ({"ARMING_CHECK": None}, True),
        ({"RTL_ALT": 0.0}, True),
        ({"RTL_ALT": 6000.0}, True),
        ({"WPNAV_SPEED": 1000.0}, False),
        ({"CAM1_TYPE": 0.0}, False),
        ({"RTL_ALT": None}, False),
        ({}, False),
    ],
)
def test_each_parameter_a_flight_relies_on_is_judged(
    changed: dict[str, float | None], blocked: bool
) -> None:
    found = check_parameters(PLAN, parameters(**changed))
    assert blocks(found) is blocked
    assert bool(found) is bool(changed)
    state, _ = play(
        begin(PLAN), Begin(), Identified(COPTER), Read(parameters(**changed)), saw(READY)
    )
    assert (state.phase is Phase.REFUSED) is blocked


def test_what_would_be_set_meets_its_own_requirement() -> None:
    needs = needed_parameters(PLAN)
    assert all(need.fits(need.wanted) for need in needs)
    wanted = tuple(Parameter(need.name, need.wanted) for need in needs)
    assert unmet(PLAN, wanted) == ()
    assert check_parameters(PLAN, wanted) == []


def requirement(plan: FlightPlan, name: str) -> Requirement:
    return next(need for need in needed_parameters(plan) if need.name == name)


def test_a_spray_flight_needs_a_fence_that_brakes_and_a_return_leg_that_is_used() -> None:
    spray = replace(
        PLAN,
        items=(
            *PLAN.items[:3],
            MissionItem(command=Command.DO_SPRAYER, param1=1.0),
            MissionItem(command=Command.DO_LAND_START),
            MissionItem(command=Command.NAV_RETURN_TO_LAUNCH),
        ),
    )
    assert requirement(spray, "FENCE_ACTION").wanted == 4.0
    assert not requirement(spray, "FENCE_ACTION").fits(1.0)
    assert requirement(spray, "FS_GCS_ENABLE").wanted == 6.0
    assert requirement(PLAN, "FS_GCS_ENABLE").wanted == 1.0


def test_a_camera_that_is_not_set_up_is_a_warning_and_never_set_by_agri() -> None:
    need = requirement(PLAN, "CAM1_TYPE")
    assert not need.settable
    assert need.severity is Severity.WARNING


def test_a_plan_at_the_ceiling_of_the_fence_is_refused_and_just_below_warned() -> None:
    def at(height_m: float) -> list[Finding]:
        items = (item_at(Command.NAV_TAKEOFF, HOME, 20.0),
                 item_at(Command.NAV_WAYPOINT, HOME, height_m))  # fmt: skip
        return check_parameters(replace(PLAN, items=items), parameters())

    assert [f.key for f in at(49.8)] == ["finding.height_at_fence"]
    assert [(f.key, f.severity) for f in at(48.9)] == [
        ("finding.height_near_fence", Severity.WARNING)
    ]
    assert at(47.9) == []


def test_a_flight_needs_its_energy_and_its_reserve_of_the_pack() -> None:
    class Job:
        estimate = Estimate(length_m=0.0, time_s=0.0, energy_wh=37.0, batteries=1, photos=0)

    plan = replace(PLAN, survey=Job())  # type: ignore[arg-type]
    assert flight_needs_pct(plan) == pytest.approx(80.0)
    assert blocks(check_readiness(plan, replace(READY, battery_pct=79.0)))
    assert not blocks(check_readiness(plan, replace(READY, battery_pct=81.0)))


def test_without_an_estimate_a_half_full_battery_warns_and_an_unknown_one_too() -> None:
    def keys(pct: float, volts: float = 12.4) -> list[str]:
        seen = replace(READY, battery_pct=pct, voltage_v=volts)
        return [f.key for f in check_readiness(PLAN, seen)]

    assert keys(45.0) == ["finding.battery_half"]
    assert keys(math.nan) == ["finding.battery_unknown"]
    assert keys(math.nan, 0.0) == keys(math.nan, math.nan) == ["finding.battery_blind"]
    assert blocks(check_readiness(PLAN, replace(READY, battery_pct=math.nan)))
    assert keys(60.0) == []


def test_only_arducopter_is_flown() -> None:
    assert check_identity(COPTER) == []
    for kind in (13, 14, 15, 29):
        assert check_identity(replace(COPTER, vehicle_type=kind)) == []
    assert blocks(check_identity(replace(COPTER, autopilot=12)))


# The yes, the proof, the gap


def test_a_no_ends_the_launch() -> None:
    state, said = play(before_launch(), Answered(False))
    assert state.phase is Phase.REFUSED
    assert orders(said) == []
    assert state.failure is not None
    assert state.failure.message.key == "error.launch_not_confirmed"


def test_a_paper_that_is_missing_ends_the_launch_before_the_aircraft_is_asked() -> None:
    missing = Finding.error("finding.permit_missing", authority="x", ceiling_m=50.0)
    state, said = play(begin(PLAN, (missing,)), Begin(), Identified(COPTER), Read(parameters()))
    assert state.phase is Phase.REFUSED
    assert said == []


def test_a_paper_that_holds_stays_in_the_findings_up_to_the_yes() -> None:
    held = Finding.info("finding.permit_covers", where="12")
    state, said = play(
        begin(PLAN, (held,)), Begin(), Identified(COPTER), Read(parameters()), saw(READY),
        Proved(proof(0.0)),
    )  # fmt: skip
    assert orders(said)[-1] is Order.CONFIRM
    assert held in state.findings


@pytest.mark.parametrize(("wrong", "key"), UNREADY)
def test_an_aircraft_that_changed_after_the_yes_is_not_armed(
    wrong: dict[str, Any], key: str
) -> None:
    state, said = play(before_launch(), *YES, saw(replace(READY, **wrong)), Did(Order.GUIDED))
    assert state.phase is Phase.REFUSED
    assert key in [finding.key for finding in state.findings]
    assert Order.ARM not in orders(said)


def test_a_safeguard_is_only_ever_set_to_the_whole_of_it() -> None:
    switched_off = parameters(ARMING_CHECK=0.0, FS_EKF_ACTION=0.0)
    assert {n.name: n.wanted for n in unmet(PLAN, switched_off)} == {
        "ARMING_CHECK": 1.0, "FS_EKF_ACTION": 1.0,
    }  # fmt: skip


def test_a_proof_older_than_a_minute_is_made_again_before_arming() -> None:
    state, said = play(before_launch(), Answered(True), now_s=FRESH_S + 1.0)
    assert orders(said) == [Order.PROVE]
    state, said = play(state, Proved(proof(FRESH_S + 5.0)), now_s=FRESH_S + 5.0)
    assert orders(said) == [Order.GUIDED]


def test_what_is_on_board_is_proved_once_more_after_the_yes() -> None:
    state, said = play(before_launch(), Answered(True))
    assert orders(said) == [Order.PROVE]
    differs = LinkError("error.link_mission_differs", plan="", attempts=4)
    failed, said = play(state, Failed(Order.PROVE, differs))
    assert failed.phase is Phase.REFUSED
    assert orders(said) == []
    assert failed.failure is differs


def test_over_a_slow_link_two_yeses_are_enough() -> None:
    state, _ = play(before_launch(), Answered(True))
    state, said = play(state, Proved(proof(70.0)), now_s=70.0)
    assert orders(said) == [Order.CONFIRM]
    assert orders(play(state, Answered(True), now_s=75.0)[1]) == [Order.GUIDED]


def test_a_yes_older_than_a_minute_is_asked_for_again() -> None:
    state, _ = play(before_launch(), *YES)
    state, said = play(state, Did(Order.GUIDED), now_s=FRESH_S + 1.0)
    assert state.phase is Phase.CONFIRM
    assert orders(said) == [Order.CONFIRM]


def test_a_gap_in_the_link_takes_the_yes_away() -> None:
    state, _ = play(before_launch(), *YES)
    state, _ = play(state, saw(replace(READY, heard_s=3.4)), now_s=3.4)
    state, said = play(state, Did(Order.GUIDED), now_s=3.5)
    assert orders(said) == [Order.CONFIRM]
    state, said = play(state, Answered(True), Did(Order.GUIDED), now_s=4.0)
    assert orders(said) == [Order.GUIDED, Order.ARM]


def test_a_silence_not_yet_over_takes_the_yes_away_too() -> None:
    state, _ = play(before_launch(), *YES, Tick(3.1))
    state, said = play(state, Did(Order.GUIDED), now_s=3.5)
    assert orders(said) == [Order.CONFIRM]


def test_in_a_fast_simulation_a_second_of_ours_is_no_gap() -> None:
    state, _ = play(before_launch(), *YES)
    state, _ = play(state, saw(replace(READY, heard_s=0.9), rate=50.0))
    assert not state.gap
    state, _ = play(state, saw(replace(READY, heard_s=2.1), rate=50.0))
    assert state.gap


STEPS_TO_THE_START = (
    Answered(True), Proved(proof(0.0)), Did(Order.GUIDED), Did(Order.ARM), Did(Order.AUTO),
)  # fmt: skip
STARTING = {Order.GUIDED, Order.ARM, Order.AUTO, Order.START}


@pytest.mark.parametrize("ours_stood_still", [False, True])
@pytest.mark.parametrize("done", range(1, 5))
def test_a_laptop_that_slept_an_hour_starts_nothing_without_a_new_yes(
    done: int, ours_stood_still: bool
) -> None:
    """After each step of a launch; with a clock that goes on in sleep, and with one that stops."""
    ground = replace(READY, mode=4, time_s=100.0)
    state, _ = play(before_launch(), saw(ground), *STEPS_TO_THE_START[: min(done, 3)])
    if done == 4:
        ground = replace(ground, armed=True)
        state, _ = play(state, saw(ground), STEPS_TO_THE_START[3])
    heard_s = 0.3 if ours_stood_still else 3600.0
    woken = replace(ground, armed=False, heard_s=heard_s, time_s=3700.0)
    state, said = play(state, saw(woken), Tick(0.1), now_s=heard_s)
    for event in STEPS_TO_THE_START[done:]:
        state, more = play(state, event, Tick(0.1), now_s=heard_s + 0.1)
        said += more
    assert not STARTING & set(orders(said)), said
    assert (Order.DISARM if done >= 3 else Order.CONFIRM) in orders(said)
    if done < 3:
        again, said = play(state, Answered(True), now_s=heard_s + 1.0)
        assert not {Order.ARM, Order.AUTO, Order.START} & set(orders(said))
        fresh = Proved(proof(heard_s + 1.5))
        _, said = play(again, fresh, Did(Order.GUIDED), now_s=heard_s + 2.0)
        assert Order.ARM in orders(said)


def test_a_laptop_that_slept_before_the_start_was_answered_does_not_start_again() -> None:
    ground = replace(READY, mode=4, time_s=100.0)
    state, _ = play(before_launch(), saw(ground), *STEPS_TO_THE_START[:3])
    ground = replace(ground, armed=True)
    state, said = play(state, saw(ground), *STEPS_TO_THE_START[3:])
    assert orders(said)[-1] is Order.START
    woken = replace(ground, armed=False, heard_s=3600.0, time_s=3700.0)
    silent = Failed(Order.START, LinkError("error.link_command_silent", command=""))
    state, said = play(state, silent, saw(woken), Tick(0.1), now_s=3600.0)
    state, more = play(state, Tick(0.1), now_s=3610.0)
    assert Order.START not in orders([*said, *more])
    assert state.phase is not Phase.WATCH


def test_a_laptop_that_slept_in_flight_listens_before_it_counts_the_flight_as_lost() -> None:
    state = in_flight()
    state, said = play(state, Tick(3600.0), now_s=3600.0)
    assert state.phase is Phase.WATCH
    assert "event.link_failsafe" in notes(said)
    heard, said = play(state, saw(replace(FLYING, heard_s=3601.0)), Tick(0.5), now_s=3601.0)
    assert heard.phase is Phase.WATCH
    assert notes(said) == ["event.link_back"]
    assert orders(said) == []
    state, _ = play(state, Tick(3609.0), now_s=3609.0)
    assert state.phase is Phase.WATCH
    state, said = play(state, Tick(3610.5), now_s=3610.5)
    assert state.phase is Phase.LOST
    assert orders(said) == []


@pytest.mark.parametrize("at", [Order.ARM, Order.AUTO])
def test_a_gap_after_arming_switches_the_motors_off_on_the_ground(at: Order) -> None:
    state, _ = play(before_launch(), *YES, Did(Order.GUIDED))
    armed = replace(READY, armed=True, mode=4)
    state, _ = play(state, saw(armed))
    if at is Order.AUTO:
        state, _ = play(state, Did(Order.ARM))
    state, said = play(state, saw(replace(armed, heard_s=4.0)), Did(at))
    assert orders(said) == [Order.DISARM]
    state, said = play(state, Did(Order.DISARM))
    assert state.phase is Phase.REFUSED
    assert state.failure is not None
    assert state.failure.message.key == "error.launch_gap"


def test_motors_are_never_ordered_off_once_the_aircraft_flies() -> None:
    silent = LinkError("error.link_command_silent", command="")
    state, _ = play(before_launch(), *YES, Did(Order.GUIDED))
    state, said = play(state, saw(replace(FLYING, mode=4, height_m=3.0)), Failed(Order.ARM, silent))
    assert orders(said) == []
    assert state.phase is Phase.WATCH
    state, _ = play(before_launch(), *YES, Did(Order.GUIDED))
    state, said = play(state, Failed(Order.ARM, silent), saw(FLYING), Did(Order.DISARM))
    assert orders(said) == [Order.DISARM]
    assert state.phase is Phase.WATCH


def test_an_aircraft_that_will_not_arm_ends_the_launch_with_its_own_words() -> None:
    state, _ = play(before_launch(), *YES, Did(Order.GUIDED))
    words = LinkError("error.link_arm_refused", reason="PreArm: Compass not healthy")
    state, said = play(state, Failed(Order.ARM, words), Did(Order.DISARM))
    assert orders(said) == [Order.DISARM]
    assert state.failure is words
    assert state.phase is Phase.REFUSED


def test_an_upload_that_failed_arms_nothing() -> None:
    trouble = LinkError("error.link_mission_unknown", plan="", attempts=4)
    state, said = play(
        begin(PLAN),
        Begin(),
        Identified(COPTER),
        Read(parameters()),
        saw(READY),
        Failed(Order.UPLOAD, trouble),
        *YES,
        Did(Order.GUIDED),
        Did(Order.ARM),
    )
    assert state.phase is Phase.REFUSED
    assert state.failure is trouble
    assert Order.ARM not in orders(said)


def test_answers_to_questions_never_asked_change_nothing() -> None:
    state = before_launch()
    lost = LinkError("error.link_lost")
    for event in (
        Did(Order.GUIDED),
        Did(Order.ARM),
        Did(Order.START),
        Proved(proof(0.0)),
        Identified(COPTER),
        Read(()),
        Failed(Order.ARM, lost),
    ):
        assert play(state, event) == (state, [])


def test_a_start_without_an_answer_is_repeated_only_on_the_ground() -> None:
    silent = LinkError("error.link_command_silent", command="")
    state, _ = play(before_launch(), *YES, Did(Order.GUIDED))
    state, _ = play(state, saw(replace(READY, armed=True, mode=3)), Did(Order.ARM), Did(Order.AUTO))
    assert state.pending is Order.START
    state, said = play(state, Failed(Order.START, silent), now_s=5.0)
    assert said == []
    state, said = play(state, Tick(0.5), now_s=8.0)
    assert said == []
    state, said = play(state, Tick(0.5), now_s=9.1)
    assert orders(said) == [Order.START]
    state, said = play(state, saw(replace(FLYING, height_m=2.0)), Failed(Order.START, silent))
    assert state.phase is Phase.WATCH
    assert orders(said) == []


def test_a_start_that_never_works_is_given_up_and_the_motors_switched_off() -> None:
    refused = LinkError("error.link_command_refused", command="", reason="")
    state, _ = play(before_launch(), *YES, Did(Order.GUIDED))
    state, _ = play(state, saw(replace(READY, armed=True, mode=3)), Did(Order.ARM), Did(Order.AUTO))
    said: list[Any] = []
    now_s = 0.0
    for _ in range(STARTS):
        now_s += 10.0
        state, more = play(state, Failed(Order.START, refused), Tick(0.1), now_s=now_s)
        said += more
        state, more = play(state, Tick(0.1), now_s=now_s + 5.0)
        said += more
    assert orders(said).count(Order.START) == STARTS - 1
    assert orders(said)[-1] is Order.DISARM


def test_motors_that_stop_before_the_take_off_end_the_launch_in_words() -> None:
    state, _ = play(before_launch(), *YES, Did(Order.GUIDED))
    state, _ = play(state, saw(replace(READY, armed=True, mode=3)), Did(Order.ARM), Did(Order.AUTO))
    state, _ = play(
        state,
        Did(Order.START),
        saw(replace(READY, armed=True, mode=3)),
        saw(replace(READY, mode=3)),
    )
    assert state.phase is Phase.ABORTED
    assert not state.flown
    assert state.failure is not None


def test_a_connection_that_breaks_on_the_ground_ends_the_launch() -> None:
    state, _ = play(before_launch(), Gone())
    assert state.phase is Phase.REFUSED


# In the air


def test_a_pilot_who_takes_over_is_written_down_and_not_fought() -> None:
    taken = replace(FLYING, mode=CopterMode.LOITER)
    state, said = play(in_flight(), saw(taken), saw(replace(taken, height_m=90.0, time_s=200.0)),
                       saw(replace(taken, battery_pct=5.0)))  # fmt: skip
    assert orders(said) == []
    assert notes(said) == ["event.taken_over"]
    assert state.phase is Phase.WATCH
    _, said = play(state, saw(FLYING))
    assert notes(said) == ["event.back_to_plan"]


def test_a_stop_asked_by_a_person_is_written_down_as_ordered() -> None:
    ordered = Saw(sighting(FLYING, SightingKind.ORDER, mode=CopterMode.BRAKE))
    _, said = play(in_flight(), ordered, saw(replace(FLYING, mode=CopterMode.BRAKE)))
    assert notes(said) == ["event.ordered"]


def test_a_battery_that_only_just_reaches_home_is_called_home_once() -> None:
    far = replace(FLYING, place=FRAME.place(0.0, 900.0), battery_pct=20.0)
    needed = way_home_needs_pct(PLAN, far)
    assert needed is not None
    low = replace(far, battery_pct=needed - 0.5)
    _, said = play(in_flight(), saw(replace(far, battery_pct=needed + 0.5)))
    assert orders(said) == []
    _, said = play(in_flight(), saw(low), saw(low), saw(low))
    assert orders(said) == [Order.RETURN]
    assert notes(said) == ["event.battery_return"]


def test_an_aircraft_already_on_its_way_home_is_left_alone() -> None:
    low = replace(FLYING, battery_pct=1.0, mission_current=7)
    _, said = play(in_flight(), saw(low))
    assert orders(said) == []


@pytest.mark.parametrize("current", [2, 9])
def test_an_aircraft_that_flies_to_the_wrong_item_is_stopped_once(current: int) -> None:
    state, _ = play(in_flight(), saw(replace(FLYING, mission_current=5)))
    wrong = replace(FLYING, mission_current=current)
    _, said = play(state, saw(wrong), saw(wrong))
    assert orders(said) == [Order.HOLD]
    assert notes(said) == ["event.wrong_item"]


def test_an_aircraft_off_its_height_for_seconds_is_stopped_and_a_gust_is_not() -> None:
    high = replace(FLYING, height_m=36.0)
    between = replace(high, mission_current=5)
    _, said = play(
        in_flight(),
        saw(replace(between, time_s=70.0)),
        saw(replace(FLYING, mission_current=5, time_s=72.0)),
        saw(replace(between, time_s=75.0)),
        saw(replace(between, time_s=78.0)),
    )
    assert orders(said) == []
    late = [replace(between, time_s=time_s) for time_s in (70.0, 74.1, 90.0)]
    _, said = play(in_flight(), *map(saw, late))
    assert orders(said) == [Order.HOLD]
    assert notes(said) == ["event.off_height"]


def test_climb_and_landing_have_no_height_to_keep() -> None:
    assert height_band(PLAN, 1) is None
    assert height_band(PLAN, 7) is None
    assert height_band(PLAN, 3) == (30.0, 30.0)
    assert height_band(PLAN, 0) is None
    assert height_band(PLAN, 99) is None
    assert last_navigation(PLAN) == 7


def test_a_fence_breach_is_told_each_time_it_happens() -> None:
    out = replace(FLYING, fence_breached=True)
    _, said = play(in_flight(), saw(out), saw(out), saw(FLYING), saw(out))
    assert notes(said) == ["event.fence_breached"] * 2
    assert orders(said) == []


def test_a_home_that_moved_is_told() -> None:
    moved = replace(FLYING, home=FRAME.place(20.0, 0.0))
    _, said = play(in_flight(), saw(moved), saw(moved))
    assert notes(said) == ["event.home_moved"]


def test_a_lost_position_is_told_and_left_to_the_autopilot() -> None:
    _, said = play(
        in_flight(), saw(replace(FLYING, ekf_ok=False)), saw(replace(FLYING, fix_type=1))
    )
    assert notes(said) == ["event.position_bad"]
    assert orders(said) == []


def test_warnings_of_the_aircraft_are_written_down_and_chatter_is_not() -> None:
    def says(severity: int) -> Saw:
        text = StatusText(70.0, severity, "Potential Thrust Loss")
        return Saw(sighting(replace(FLYING, texts=(text,)), SightingKind.TEXT))

    _, said = play(in_flight(), says(4), says(6))
    assert notes(said) == ["event.aircraft_says"]


def test_silence_is_shown_then_the_failsafe_expected_then_the_link_is_back() -> None:
    state, said = play(
        in_flight(), Tick(1.0), Tick(3.1), Tick(4.0), Tick(5.2), Tick(9.0), Tick(0.4), Tick(0.2)
    )
    assert notes(said) == ["event.link_silent", "event.link_failsafe", "event.link_back"]
    assert orders(said) == []
    assert state.phase is Phase.WATCH


def test_a_link_that_stays_silent_is_lost_and_nothing_is_ordered() -> None:
    state, said = play(in_flight(), Tick(LOST_S - LISTEN_S))
    state, more = play(state, Tick(LOST_S), now_s=LISTEN_S)
    said += more
    assert state.phase is Phase.LOST
    assert orders(said) == []
    state, _ = play(in_flight(), Gone())
    assert state.phase is Phase.LOST


def test_an_order_that_fails_in_the_air_is_written_down_and_the_watch_goes_on() -> None:
    state, said = play(in_flight(), Failed(Order.HOLD, LinkError("error.link_lost")))
    assert notes(said) == ["event.order_failed"]
    assert state.phase is Phase.WATCH


def test_nothing_happens_to_a_flight_that_is_over() -> None:
    state, _ = play(in_flight(), Gone())
    for event in (Begin(), saw(FLYING), Tick(0.0), Answered(True), Did(Order.ARM), Gone()):
        assert step(state, event, 99.0) == (state, ())


def test_no_row_of_the_table_leaves_an_end() -> None:
    assert not {phase for phase, _ in FLIGHT} & ENDS


def test_a_watch_that_has_ended_wishes_nothing_more() -> None:
    ended = Watched(armed=True, ended=True)
    assert watch(PLAN, ended, sighting(replace(FLYING, fence_breached=True))) == (ended, [])


# Whatever happens, in whatever order


class NoFlightWithoutAYes(RuleBasedStateMachine):
    """Events come as they like; the clock runs; arming must stay behind its guards."""

    def __init__(self) -> None:
        super().__init__()
        self.state = begin(PLAN)
        self.now_s = 0.0
        self.yes_s = -math.inf
        self.proof_s = -math.inf
        self.yeses = self.arms = 0
        self.gap_since_yes = False
        self.heard_s = 0.0

    def feed(self, event: Event) -> None:
        before = self.state
        self.state, commands = step(self.state, event, self.now_s)
        for command in commands:
            if command is Order.ARM:
                self.arms += 1
                assert self.now_s - self.yes_s <= FRESH_S
                assert self.now_s - self.proof_s <= FRESH_S
                assert not self.gap_since_yes
                assert not blocks(self.state.findings)
            if command in (Order.AUTO, Order.START):
                assert not self.gap_since_yes
                assert self.arms
            if command in (Order.GUIDED, Order.ARM, Order.AUTO, Order.START, Order.UPLOAD):
                assert before.phase is not Phase.WATCH

    @rule(seconds=st.floats(0.05, 40.0))
    def time(self, seconds: float) -> None:
        self.now_s += seconds

    @rule()
    def beginning(self) -> None:
        self.feed(Begin())

    @rule(good=st.booleans())
    def identified(self, good: bool) -> None:
        self.feed(Identified(COPTER if good else replace(COPTER, autopilot=12)))

    @rule(fence=st.sampled_from([1.0, 1.0, 0.0]))
    def read(self, fence: float) -> None:
        self.feed(Read(parameters(FENCE_ENABLE=fence)))

    @rule(old_s=st.floats(0.0, 90.0))
    def proved(self, old_s: float) -> None:
        if self.state.phase in (Phase.UPLOAD, Phase.PROVE):
            self.proof_s = self.now_s - old_s
        self.feed(Proved(proof(self.now_s - old_s)))

    @rule(yes=st.sampled_from([True, True, True, False]))
    def answered(self, yes: bool) -> None:
        if self.state.phase is Phase.CONFIRM and yes:
            self.yes_s, self.gap_since_yes = self.now_s, False
            self.yeses += 1
        self.feed(Answered(yes))

    @rule(order=st.sampled_from(Order))
    def did(self, order: Order) -> None:
        self.feed(Did(order))

    @rule()
    def did_what_was_asked(self) -> None:
        if self.state.pending is not None:
            self.feed(Did(self.state.pending))

    @rule(steps=st.integers(1, 7))
    def all_goes_well(self, steps: int) -> None:
        """The next few things happen as they should; without this nothing would ever arm."""
        for _ in range(steps):
            self.now_s += 0.5
            match self.state.phase:
                case Phase.IDENTIFY if self.state.pending is None:
                    self.beginning()
                case Phase.IDENTIFY:
                    self.identified(True)
                case Phase.READ:
                    self.read(1.0)
                case Phase.READY:
                    self.seen(False, 0, 0.0, 0, 0)
                case Phase.UPLOAD | Phase.PROVE:
                    self.proved(0.0)
                case Phase.CONFIRM:
                    self.answered(True)
                case _:
                    self.seen(True, 3, 0.0, 0, 2)
                    self.did_what_was_asked()

    @rule(order=st.sampled_from(Order))
    def failed(self, order: Order) -> None:
        self.feed(Failed(order, LinkError("error.link_lost")))

    @rule(
        armed=st.booleans(),
        mode=st.sampled_from([0, 3, 3, 4, 6, 17]),
        height_m=st.sampled_from([0.0, 0.2, 2.0, 30.0]),
        current=st.integers(0, 9),
        state=st.sampled_from([0, 2, 3, 5]),
    )
    def seen(self, armed: bool, mode: int, height_m: float, current: int, state: int) -> None:
        if self.state.seen.heartbeats and self.now_s - self.heard_s > 3.0:
            self.gap_since_yes = True
        self.heard_s = self.now_s
        self.feed(
            saw(
                replace(
                    READY,
                    heard_s=self.now_s,
                    time_s=self.now_s,
                    armed=armed,
                    mode=mode,
                    height_m=height_m,
                    mission_current=current,
                    mission_state=state,
                )
            )
        )

    @rule(silence_s=st.sampled_from([0.1, 1.0, 3.2, 6.0]))
    def tick(self, silence_s: float) -> None:
        if silence_s > 3.0:
            self.gap_since_yes = True
        self.feed(Tick(silence_s))

    @invariant()
    def one_yes_arms_at_most_once(self) -> None:
        assert self.arms <= self.yeses


TestNoFlightWithoutAYes = NoFlightWithoutAYes.TestCase
TestNoFlightWithoutAYes.settings = settings(max_examples=150, stateful_step_count=40)


@pytest.mark.slow
def test_ten_thousand_launches_in_any_order_keep_their_guards(record_property) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        NoFlightWithoutAYes,
        settings=settings(max_examples=of_full(10_000), stateful_step_count=30),
    )
    record_property("launch_sequences", of_full(10_000))


# The record


class Kept:
    """A flight log in a list."""

    def __init__(self, breaks_after: int = 10_000) -> None:
        self.lines: list[Any] = []
        self.left = breaks_after

    def _add(self, line: Any) -> None:
        self.left -= 1
        if self.left < 0:
            raise StoreError("error.store_write", path="x", reason="full")
        self.lines.append(line)

    def position(self, **values: Any) -> None:
        self._add(values)

    def photo(self, photo: Photo) -> None:
        self._add(photo)

    def event(self, event: TrackEvent) -> None:
        self._add(event)


def at(time_s: float, kind: SightingKind = SightingKind.POSITION, **more: Any) -> Sighting:
    return sighting(replace(FLYING, time_s=time_s), kind, **more)


def picture(index: int, time_s: float) -> Sighting:
    photo = Photo(index=index, time_s=time_s, place=HOME, height_m=30.0, yaw_deg=90.0)
    return at(time_s, SightingKind.PHOTO, photo=photo)


def finish(recording: Recording) -> Any:
    from datetime import UTC, datetime

    return recording.record(
        plan_name="p",
        plan_digest="d",
        started_utc=datetime(2026, 11, 22, tzinfo=UTC),
        vehicle="v",
        outcome="landed",
    )


def test_a_record_counts_from_its_beginning_on_the_aircrafts_clock() -> None:
    log = Kept()
    recording = Recording(60.0, log)
    for time_s in (60.25, 60.5, 60.5, 60.4, 61.0):
        recording.take(at(time_s))
    record = finish(recording)
    assert record.track.time_s.tolist() == [0.25, 0.5, 1.0]
    assert record.track.height_m.tolist() == [30.0] * 3
    assert record.duration_s == 0.75
    assert [line["time_s"] for line in log.lines] == [0.25, 0.5, 1.0]


def test_a_record_keeps_the_pumps_output_at_every_position_and_tells_what_was_not_told() -> None:
    log = Kept()
    recording = Recording(60.0, log)
    for time_s, share in ((61.0, math.nan), (61.2, 0.0), (61.4, 0.55)):
        recording.take(sighting(replace(FLYING, time_s=time_s, pump_share=share),
                                SightingKind.POSITION))  # fmt: skip
    kept = finish(recording).track.pump_share
    assert math.isnan(kept[0])
    assert kept[1:].tolist() == [0.0, 0.55]
    assert [line["pump_share"] for line in log.lines[1:]] == [0.0, 0.55]
    old = {name: getattr(finish(recording).track, name) for name in Track.__slots__[:-1]}
    assert np.isnan(Track(**old).pump_share).tolist() == [True] * 3


def pumps(recording: Recording, *told: tuple[str, float, float]) -> None:
    """Show positions, 5 m further north each second, and a pump's outputs, in the order heard."""
    seen = FLYING
    for kind, time_s, value in told:
        if kind == "at":
            place = FRAME.place(0.0, 5.0 * (time_s - 60.0))
            seen = replace(seen, time_s=time_s, place=place)
            recording.take(sighting(seen, SightingKind.POSITION))
        else:
            seen = replace(seen, pump_s=time_s, pump_share=value)
            recording.take(sighting(seen, SightingKind.STATE))


def test_where_the_pump_changes_the_record_tells_it_at_its_own_moment_and_place() -> None:
    """Two positions a second apart, ten outputs between them: on 0.4 m later, off the same."""
    log = Kept()
    recording = Recording(60.0, log)
    steps = [("pump", 61.0 + tenth / 10.0, 0.5 * (3 <= tenth < 8)) for tenth in range(1, 10)]
    pumps(recording, ("pump", 60.9, 0.0), ("at", 61.0, 0.0), *steps, ("at", 62.0, 0.0))
    track = finish(recording).track
    assert track.time_s.tolist() == [1.0, 1.2, 1.3, 1.7, 1.8, 2.0]
    assert track.pump_share.tolist() == [0.0, 0.0, 0.5, 0.5, 0.0, 0.0]
    north_m = FRAME.to_local(track.lon_deg, track.lat_deg)[1].tolist()
    assert north_m == pytest.approx([5.0, 6.0, 6.5, 8.5, 9.0, 10.0], abs=0.01)
    assert [line["time_s"] for line in log.lines] == track.time_s.tolist()


def test_a_pump_that_runs_on_or_is_told_over_a_silence_adds_no_rows() -> None:
    recording = Recording(60.0)
    pumps(recording, ("pump", 60.9, 0.4), ("at", 61.0, 0.0), ("pump", 61.1, 0.5),
          ("pump", 61.2, 0.6), ("at", 61.3, 0.0), ("pump", 61.4, 0.0), ("pump", 61.4, 0.0),
          ("at", 63.0, 0.0), ("at", 63.2, 0.0))  # fmt: skip
    track = finish(recording).track
    assert track.time_s.tolist() == [1.0, 1.3, 3.0, 3.2]
    assert track.pump_share.tolist() == [0.4, 0.6, 0.0, 0.0]


def test_a_picture_told_twice_is_kept_once_and_one_never_told_is_missed() -> None:
    recording = Recording(60.0)
    for index in (41, 42, 42, 45, 41):
        recording.take(picture(index, 60.0 + index))
    assert [photo.index for photo in finish(recording).photos] == [1, 2, 5]
    assert recording.missing_photos == 2
    assert Recording(0.0).missing_photos == 0


def test_a_log_that_breaks_in_the_air_is_told_once_and_the_record_goes_on() -> None:
    log = Kept(breaks_after=2)
    recording = Recording(60.0, log)
    for time_s in (61.0, 62.0, 63.0, 64.0):
        recording.take(at(time_s))
    record = finish(recording)
    assert len(record.track.time_s) == 4
    assert [event.message.key for event in record.events] == ["event.log_broken"]
    assert len(log.lines) == 2


def test_a_record_without_a_position_is_empty_and_whole() -> None:
    record = finish(Recording(0.0))
    assert record.duration_s == 0.0
    assert record.track.lon_deg.shape == (0,)


def test_every_failure_can_be_said_in_both_languages() -> None:
    for key in ("launch_gap", "launch_no_take_off", "launch_not_confirmed", "link_lost"):
        trouble = AgriError(f"error.{key}")
        assert trouble.text("en") != trouble.text("vi")
        assert not trouble.text("vi").startswith("error.")


STOPPED = replace(FLYING, mode=CopterMode.BRAKE, fence_breached=True, time_s=100.0)


def test_an_aircraft_that_its_fence_stopped_is_called_home_when_nobody_flies_it_on() -> None:
    standing = [saw(replace(STOPPED, time_s=at_s)) for at_s in (100.0, 104.0, 109.9)]
    state, said = play(in_flight(), *standing)
    assert orders(said) == []
    later = [saw(replace(STOPPED, time_s=at_s)) for at_s in (110.1, 111.0, 190.0)]
    state, said = play(state, *later)
    assert orders(said) == [Order.RETURN]
    assert notes(said) == ["event.fence_return"]
    home = saw(replace(STOPPED, mode=CopterMode.RTL, time_s=191.0))
    again = [saw(replace(STOPPED, time_s=at_s)) for at_s in (192.0, 202.1)]
    _, said = play(state, home, *again)
    assert orders(said) == [Order.RETURN], "and stopped once more, once more"


def test_one_that_a_person_stopped_or_that_is_inside_again_is_left_alone() -> None:
    asked = Saw(sighting(FLYING, SightingKind.ORDER, mode=CopterMode.BRAKE))
    standing = [saw(replace(STOPPED, time_s=at_s)) for at_s in (100.0, 150.0)]
    assert orders(play(in_flight(), asked, *standing)[1]) == []
    inside = saw(replace(STOPPED, fence_breached=False, time_s=105.0))
    late = saw(replace(STOPPED, time_s=114.0))
    assert orders(play(in_flight(), standing[0], inside, late)[1]) == []


def test_one_that_stands_in_the_air_is_called_home_before_its_pack_is_empty() -> None:
    """Whoever stopped it: nobody flies in BRAKE, and at the end it would fall."""
    stands = replace(FLYING, mode=CopterMode.BRAKE, battery_pct=60.0, mission_current=7)
    needed = way_home_needs_pct(PLAN, stands)
    assert needed is not None
    asked = Saw(sighting(FLYING, SightingKind.ORDER, mode=CopterMode.BRAKE))
    state, said = play(in_flight(), asked, saw(stands))
    assert orders(said) == []
    low = saw(replace(stands, battery_pct=needed - 0.5))
    _, said = play(state, low, low)
    assert orders(said) == [Order.RETURN]
    assert notes(said) == ["event.battery_return"]
    flown_by_hand = saw(replace(stands, mode=CopterMode.LOITER, battery_pct=1.0))
    assert orders(play(in_flight(), flown_by_hand)[1]) == []
