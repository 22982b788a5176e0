"""A flight over a link without a wire: what is asked, in which order, and what is kept."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from agri.errors import AgriError, LinkError, Refused, StoreError
from agri.findings import Finding
from agri.track import FlightRecord, Photo
from agri.words import Message
from missions.flight.briefing import Blocked, Briefing, look, prepare, read_needed
from missions.flight.launch import FlightProgress, fly
from missions.flight.phases import Phase
from missions.flightplan import FlightPlan
from missions.sprayer.gear import PumpControl
from missions.wire.sightings import Sighting, SightingKind
from missions.wire.telemetry import CopterMode, Telemetry
from tests import plans, spraying
from tests.scripted_link import ScriptedLink, silent

SURVEY, SPRAYING = plans.PLAN, spraying.PLAN
ONCE = "once"
WAY_UP = [
    "identify", "read_parameters", "upload", "verify", "mode GUIDED", "arm", "mode AUTO",
    "start_mission",
]  # fmt: skip


def flown(link: ScriptedLink, yes: bool = True, **more: Any) -> FlightRecord:
    return fly(
        link,  # type: ignore[arg-type]
        link.plan, confirm=lambda _: yes, clock=link.clock, token=ONCE, **more,
    )  # fmt: skip


def asked(link: ScriptedLink) -> list[str]:
    return [word for word in link.asked if word != "claim"]


def keys(record: FlightRecord) -> list[str]:
    return [event.message.key for event in record.events]


# ---- the whole way


def test_a_survey_is_asked_for_step_by_step_and_its_record_kept() -> None:
    link = ScriptedLink(SURVEY)
    at = iter([datetime(2026, 11, 22, 1, minute, tzinfo=UTC) for minute in range(9)])
    record = flown(link, utc=lambda: next(at))
    assert asked(link) == WAY_UP
    assert link.values["claim"] == ONCE
    assert (record.outcome, record.plan_name) == ("landed", SURVEY.name)
    assert record.plan_digest == SURVEY.digest
    assert record.vehicle == "ArduPilot quadrotor 4.6.0, system 1"
    assert record.started_utc.minute == 1  # the clock when the motors were armed, not before
    assert keys(record) == ["event.armed", "event.took_off", "event.landed"] or keys(record) == [
        "event.armed", "event.started", "event.took_off", "event.landed",
    ]  # fmt: skip
    assert record.track.time_s[0] >= 0.0
    assert len(record.track.time_s) >= len(SURVEY.items)


def test_a_spraying_is_watched_by_its_pump_and_left_with_the_sprayer_off() -> None:
    link = ScriptedLink(SPRAYING)
    record = flown(link)
    on_the_way = [word for word in asked(link) if word != "read_parameters"]
    assert on_the_way[:3] == ["identify", "watch_pump", "upload"]
    assert on_the_way[-1] == "sprayer_off"
    assert record.outcome == "landed"
    assert link.values["watch_pump"] == 0


def test_a_survey_has_no_pump_to_watch_and_none_to_switch_off() -> None:
    link = ScriptedLink(SURVEY)
    flown(link)
    assert not {"watch_pump", "sprayer_off"} & {*link.asked}


def test_a_sprayer_that_will_not_go_off_at_the_end_is_written_down() -> None:
    record = flown(ScriptedLink(SPRAYING, trouble={"sprayer_off": silent()}))
    assert keys(record)[-1] == "event.order_failed"
    assert record.outcome == "landed"


def test_a_launch_without_a_name_gets_one_of_its_own() -> None:
    names = []
    for _ in range(2):
        link = ScriptedLink(SURVEY)
        fly(link, SURVEY, confirm=lambda _: True, clock=link.clock)  # type: ignore[arg-type]
        names.append(link.values["claim"])
    assert all(names)
    assert names[0] != names[1]


# ---- what a person is shown and says


def test_a_person_is_shown_what_was_found_and_is_waited_for_with_patience() -> None:
    shown: list[tuple[Briefing, bool]] = []
    link = ScriptedLink(SURVEY)

    def look_at(briefing: Briefing) -> bool:
        shown.append((briefing, link.patient))
        return True

    wet = Finding.warning("finding.no_items")
    fly(
        link,  # type: ignore[arg-type]
        SURVEY, confirm=look_at, clock=link.clock, findings=(wet,),
    )  # fmt: skip
    ((briefing, patient),) = shown
    assert patient
    assert not link.patient
    assert wet in briefing.findings
    assert briefing.plan_digest == SURVEY.digest
    assert briefing.identity.vehicle_type == 2
    told = {parameter.name: parameter.value for parameter in briefing.parameters}
    assert told["FENCE_ALT_MAX"] == link.held["FENCE_ALT_MAX"]
    assert told.items() <= link.held.items()


def test_a_no_flies_nothing() -> None:
    link = ScriptedLink(SPRAYING)
    with pytest.raises(Refused) as refused:
        flown(link, yes=False)
    assert refused.value.message.key == "error.launch_not_confirmed"
    assert "arm" not in link.asked


def test_a_finding_of_others_that_forbids_is_told_with_all_findings() -> None:
    link = ScriptedLink(SURVEY)
    forbids = Finding.error("finding.no_items")
    with pytest.raises(Blocked) as blocked:
        flown(link, findings=(forbids,))
    assert forbids in blocked.value.findings
    assert asked(link) == []


def test_a_key_that_the_aircraft_was_given_must_be_used() -> None:
    link = ScriptedLink(SURVEY)
    with pytest.raises(Blocked) as blocked:
        flown(link, keyed="may1")
    assert "finding.link_key_unused" in [finding.key for finding in blocked.value.findings]
    assert "upload" not in link.asked


# ---- what goes wrong on the ground


@pytest.mark.parametrize("name", ["identify", "read_parameters", "upload", "verify", "mode GUIDED"])
def test_what_fails_before_the_motors_turn_ends_the_launch(name: str) -> None:
    link = ScriptedLink(SURVEY, trouble={name: silent()})
    with pytest.raises(LinkError):
        flown(link)
    assert not {"arm", "disarm"} & {*link.asked}


@pytest.mark.parametrize("name", ["arm", "mode AUTO"])
def test_what_fails_once_they_may_turn_switches_them_off(name: str) -> None:
    for plan, off in ((SURVEY, ["disarm"]), (SPRAYING, ["sprayer_off", "disarm"])):
        link = ScriptedLink(plan, trouble={name: silent()})
        with pytest.raises(LinkError) as failed:
            flown(link)
        assert failed.value.message.key == "error.link_command_silent"
        assert link.asked[-len(off) :] == off
        assert "start_mission" not in link.asked


def test_a_connection_that_breaks_on_the_ground_is_told_as_that() -> None:
    link = ScriptedLink(SURVEY, trouble={"upload": silent()})
    link.on_step = lambda link: setattr(link, "alive", False)
    with pytest.raises(LinkError) as lost:
        flown(link)
    assert lost.value.message.key == "error.link_lost"


def test_motors_that_stop_before_the_take_off_are_no_flight() -> None:
    link = ScriptedLink(SURVEY)

    def stop(link: ScriptedLink) -> None:
        if link.seen.armed:
            link.tell(armed=False, mission_current=0, mission_state=2)

    link.on_step = stop
    with pytest.raises(LinkError) as failed:
        flown(link)
    assert failed.value.message.key == "error.launch_no_take_off"


# ---- in the air


def at_item(number: int, then: Any) -> Any:
    """Do something once when the aircraft flies to an item."""
    done: list[int] = []

    def step(link: ScriptedLink) -> None:
        if link.seen.mission_current == number and not done:
            done.append(number)
            then(link)

    return step


def test_a_connection_that_breaks_in_the_air_leaves_a_record_of_a_lost_flight() -> None:
    for plan in (SURVEY, SPRAYING):
        link = ScriptedLink(plan)
        link.on_step = at_item(6, lambda link: setattr(link, "alive", False))
        record = flown(link)
        assert record.outcome == "lost"
        assert keys(record)[-1] == "event.link_lost"
        assert "sprayer_off" not in link.asked  # nobody is there to hear it


def test_a_silence_is_told_and_a_link_that_is_back_too() -> None:
    link = ScriptedLink(SURVEY)

    def silence(silence_s: float) -> Any:
        return lambda link: setattr(link, "silence_s", silence_s)

    steps = [at_item(5, silence(4.0)), at_item(8, silence(0.0))]
    link.on_step = lambda link: [one(link) for one in steps] and None
    assert {"event.link_silent", "event.link_back"} <= {*keys(flown(link))}


@pytest.mark.parametrize(
    ("changes", "order", "word"),
    [
        ({"battery_pct": 1.0}, "return_home", "event.battery_return"),
        ({"mission_current": 99}, "hold", "event.wrong_item"),
    ],
)
def test_what_the_watch_wishes_is_ordered(changes: dict[str, Any], order: str, word: str) -> None:
    link = ScriptedLink(SURVEY)
    link.on_step = at_item(9, lambda link: link.tell(**changes))
    record = flown(link)
    assert order in link.asked
    assert word in keys(record)
    assert record.outcome == "aborted"


def test_an_order_that_fails_in_the_air_is_written_down() -> None:
    link = ScriptedLink(SURVEY, trouble={"hold": silent()})
    link.on_step = at_item(9, lambda link: link.tell(mission_current=99))
    assert "event.order_failed" in keys(flown(link))


def test_pictures_are_kept_and_those_never_told_are_counted() -> None:
    link, told = ScriptedLink(SURVEY), []

    def picture(index: int) -> Any:
        taken = Photo(index=index, time_s=70.0, place=SURVEY.home, height_m=40.0, yaw_deg=0.0)
        return lambda link: link.tell(SightingKind.PHOTO, photo=taken)

    steps = [at_item(6, picture(4)), at_item(8, picture(7))]
    link.on_step = lambda link: [one(link) for one in steps] and None
    record = flown(link, on_progress=lambda now: told.append(now.photos))
    assert [photo.index for photo in record.photos] == [1, 4]
    assert record.events[-1].message == Message.of("event.photos_missing", count=2)
    assert told[0] == 0
    assert told[-1] == 2


def test_a_person_who_stops_it_from_elsewhere_is_written_down() -> None:
    link = ScriptedLink(SURVEY)

    def stop(link: ScriptedLink) -> None:
        link.tell(SightingKind.ORDER, ordered=int(CopterMode.LAND))
        link.tell(mode=int(CopterMode.LAND))

    link.on_step = at_item(7, stop)
    record = flown(link)
    assert "event.ordered" in keys(record)
    assert record.outcome == "aborted"


def test_what_is_remarked_of_a_flight_stands_in_its_record_and_log_and_is_told_once() -> None:
    link, told = ScriptedLink(SURVEY), []

    def press(link: ScriptedLink) -> None:
        link.inbox.put(Sighting(kind=SightingKind.REMARK, telemetry=link.seen,
                                remark=Message.of("event.asked_stop")))  # fmt: skip

    link.on_step = at_item(7, press)
    record = flown(link, on_progress=lambda now: told.append(now.message))
    assert keys(record).count("event.asked_stop") == 1
    assert Message.of("event.asked_stop") not in told, "whoever remarked it has told it"
    assert record.outcome == "landed"


# ---- progress and the speed of a simulation


def test_progress_is_told_with_its_phase_transfer_and_words() -> None:
    told: list[FlightProgress] = []
    flown(ScriptedLink(SURVEY), on_progress=told.append)
    assert {now.transfer for now in told} == {None, "half", "half again"}
    assert {now.items for now in told} == {len(SURVEY.items)}
    assert {Phase.IDENTIFY, Phase.UPLOAD, Phase.ARM, Phase.WATCH} <= {now.phase for now in told}
    said = [now.message.key for now in told if now.message is not None]
    assert said[0] == "event.armed"
    assert said[-1] == "event.landed"


def test_only_a_simulation_is_hurried_once_and_in_the_air_alone() -> None:
    link, high = ScriptedLink(SURVEY), list[float]()
    set_speedup = link.set_speedup

    def hurry(times: float) -> None:
        high.append(link.seen.height_m)
        set_speedup(times)

    link.set_speedup = hurry  # type: ignore[method-assign]
    flown(link, speedup=20.0)
    assert link.asked[1] == "require_simulation"
    assert link.asked.count("set_speedup") == 1
    assert link.values["set_speedup"] == 20.0
    assert high[0] > 1.0
    plain = ScriptedLink(SURVEY)
    flown(plain)
    assert not {"require_simulation", "set_speedup"} & {*plain.asked}


def test_a_simulation_that_will_not_hurry_flies_on() -> None:
    assert flown(ScriptedLink(SURVEY, trouble={"set_speedup": silent()}), speedup=9.0).outcome == (
        "landed"
    )


def test_what_is_no_simulation_is_never_sped_up() -> None:
    link = ScriptedLink(SURVEY, trouble={"require_simulation": Refused("error.launch_gap")})
    with pytest.raises(Refused):
        flown(link, speedup=9.0)
    assert link.asked == ["claim", "require_simulation"]


class Log:
    """A log that breaks after some lines."""

    def __init__(self, lines: int) -> None:
        self.left, self.kept = lines, list[str]()

    def _line(self, word: str) -> None:
        if self.left == 0:
            raise StoreError("error.link_lost")
        self.left -= 1
        self.kept.append(word)

    def position(self, **_: Any) -> None:
        self._line("position")

    def photo(self, _: Any) -> None:
        self._line("photo")

    def event(self, event: Any) -> None:
        self._line(event.message.key)


def test_everything_goes_into_the_log_at_once_and_a_log_that_breaks_stops_no_flight() -> None:
    log = Log(1000)
    record = flown(ScriptedLink(SURVEY), log=log)
    assert log.kept.count("position") == len(record.track.time_s)
    assert [word for word in log.kept if word != "position"] == keys(record)
    broken = flown(ScriptedLink(SURVEY), log=Log(10))
    assert broken.outcome == "landed"
    (at_s,) = [e.time_s for e in broken.events if e.message.key == "event.log_broken"]
    assert at_s in broken.track.time_s
    first = flown(ScriptedLink(SURVEY), log=Log(0))
    assert first.events[0].message.key in {"event.armed", "event.log_broken"}


# ---- before: looking, reading, setting


def look_at(link: ScriptedLink, **more: Any) -> Briefing:
    return look(link, link.plan, **more)  # type: ignore[arg-type]


def test_a_look_asks_and_changes_nothing() -> None:
    for plan in (SURVEY, SPRAYING):
        link = ScriptedLink(plan)
        briefing = look_at(link)
        assert {*link.asked} == {"require_key", "identify", "read_parameters"}
        assert briefing.plan_digest == plan.digest
        assert not [f for f in briefing.findings if f.severity.name == "ERROR"]


def test_an_aircraft_that_gets_ready_is_waited_for_and_one_that_does_not_for_so_long() -> None:
    link = ScriptedLink(SURVEY)
    link.seen = replace(link.seen, ekf_ok=False)
    link.on_step = lambda link: link.tell(ekf_ok=link.seen.time_s > 70.0)
    assert "finding.no_estimate" not in [f.key for f in look_at(link).findings]
    assert link.seen.time_s == pytest.approx(70.0, abs=1.0)
    link = ScriptedLink(SURVEY)
    link.seen = replace(link.seen, ekf_ok=False)
    assert "finding.no_estimate" in [f.key for f in look_at(link, wait_s=5.0).findings]
    assert link.seen.time_s == pytest.approx(65.0, abs=1.0)


def test_a_newer_name_is_asked_for_only_where_the_older_is_not_known() -> None:
    old = ScriptedLink(SURVEY)
    read_needed(old, SURVEY)  # type: ignore[arg-type]
    assert "RTL_ALT" in old.values["read_parameters"]
    assert "RTL_ALT_M" not in old.values["read_parameters"]
    new = ScriptedLink(SURVEY, parameters={"RTL_ALT": None, "RTL_ALT_M": 30.0})
    values = {p.name: p.value for p in read_needed(new, SURVEY)}  # type: ignore[arg-type]
    assert values["RTL_ALT_M"] == 30.0
    assert values["RTL_ALT"] is None


def test_a_second_reading_that_stays_unanswered_leaves_its_names_without_values() -> None:
    link = ScriptedLink(SURVEY, parameters={"RTL_ALT": None})
    read = link.read_parameters

    def once(names: Any) -> Any:
        if "RTL_ALT_M" in names:
            raise silent()
        return read(names)

    link.read_parameters = once  # type: ignore[method-assign]
    found = {p.name: p.value for p in read_needed(link, SURVEY)}  # type: ignore[arg-type]
    assert found["RTL_ALT_M"] is None
    assert found["FENCE_ENABLE"] == 1.0


def test_what_differs_is_set_and_nothing_else() -> None:
    wrong = {"FENCE_ENABLE": 0.0, "FENCE_MARGIN": 0.5, "CAM1_TYPE": 0.0}
    link = ScriptedLink(SURVEY, parameters=wrong)
    done = prepare(link, SURVEY)  # type: ignore[arg-type]
    assert {p.name: p.value for p in done} == {"FENCE_ENABLE": 1.0, "FENCE_MARGIN": 2.0}
    link = ScriptedLink(SURVEY, parameters=wrong)
    done = prepare(link, SURVEY, leave=["FENCE_MARGIN"])  # type: ignore[arg-type]
    assert [p.name for p in done] == ["FENCE_ENABLE"]


def test_nothing_is_set_on_an_armed_aircraft() -> None:
    link = ScriptedLink(SURVEY, parameters={"FENCE_ENABLE": 0.0})
    link.seen = replace(link.seen, armed=True)
    with pytest.raises(Refused):
        prepare(link, SURVEY)  # type: ignore[arg-type]
    assert link.asked == []


def test_a_blocked_launch_says_how_many_errors_there_are_and_the_first() -> None:
    findings = (
        Finding.warning("finding.no_items"), Finding.error("finding.no_fix", satellites=3),
        Finding.error("finding.no_estimate"),
    )  # fmt: skip
    blocked = Blocked(findings)
    assert blocked.findings == findings
    assert dict(blocked.message.values) == {"count": 2, "first": findings[1].message}
    assert dict(Blocked(()).message.values) == {"count": 0, "first": ""}


def test_a_pump_on_a_plain_servo_is_watched_by_the_plans_own_channel() -> None:
    plan = servo_plan()
    link = ScriptedLink(plan)
    with pytest.raises(AgriError):
        flown(link, yes=False)
    assert link.values["watch_pump"] == 9


def servo_plan() -> FlightPlan:
    items = tuple(
        spraying.servo(1694.0 if item.param1 else 1100.0) if item.command == 216 else item
        for item in SPRAYING.items
    )
    return replace(spraying.carried_by(control=PumpControl.SERVO), items=items)


def test_the_aircraft_of_these_tests_is_sound() -> None:
    assert math.isnan(Telemetry().battery_pct)
    assert ScriptedLink(SURVEY).seen.place == SURVEY.home
