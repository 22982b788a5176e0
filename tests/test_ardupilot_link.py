"""The link against a real ArduCopter binary; skipped, with the reason, where there is none."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymavlink import mavutil

from agri.errors import LinkError, NotFound
from agri.geo import LocalFrame, LonLat
from missions.flight.launch import FlightProgress, fly, look, prepare
from missions.flightplan import FenceCircle, FencePolygon, FlightPlan, RallyPoint
from missions.items import LOCATED, Command, Frame, MissionItem, MissionType, item_at
from missions.link.link import Link
from missions.wire.delivery import home_item
from missions.wire.messages import Address, Count, Item, Request, encode
from missions.wire.telemetry import CopterMode
from sitl.ardupilot import ArduPilot, find_arducopter
from sitl.simulator import Simulator
from tests.test_link import PLAN, frames, short_plan

pytestmark = pytest.mark.ardupilot

HOME = LonLat(lon_deg=106.51, lat_deg=21.08)
FRAME = LocalFrame(HOME)
FITTED = {
    "CAM1_TYPE": 1.0,
    "SERVO11_FUNCTION": 10.0,
    "SPRAY_ENABLE": 1.0,
    "SERVO9_FUNCTION": 22.0,
    "FS_GCS_TIMEOUT": 60.0,
}
PLANNED = [command for command in Command if command < Command.FENCE_RETURN_POINT]
DIALECT = "ardupilotmega"
VEHICLE = Address(1, 1)
TALK = {"MISSION_REQUEST": ("seq",), "MISSION_ACK": ("type",), "MISSION_ITEM_INT": ("seq",)}
NOT_IN_MISSIONS = Command.DO_SET_ROI_LOCATION
"""ArduCopter 4.6 has no storage for it; a plan of agri never uses it."""

PARAMS: dict[Command, tuple[float, float, float, float]] = {
    Command.NAV_WAYPOINT: (3.0, 2.5, 1.5, float("nan")),
    Command.NAV_LOITER_TIME: (20.0, 0.0, 5.0, 1.0),
    Command.NAV_TAKEOFF: (15.0, 0.0, 0.0, float("nan")),
    Command.NAV_SPLINE_WAYPOINT: (3.0, 0.0, 0.0, 0.0),
    Command.NAV_DELAY: (7.0, -1.0, -1.0, -1.0),
    Command.CONDITION_DISTANCE: (12.5, 0.0, 0.0, 0.0),
    Command.CONDITION_YAW: (90.0, 10.0, 1.0, 0.0),
    Command.DO_JUMP: (1.0, 2.0, 0.0, 0.0),
    Command.DO_CHANGE_SPEED: (1.0, 6.5, -1.0, 0.0),
    Command.DO_SET_CAM_TRIGG_DIST: (7.25, 0.0, 1.0, 0.0),
    Command.DO_SPRAYER: (1.0, 0.0, 0.0, 0.0),
    Command.DO_MOUNT_CONTROL: (-90.0, 0.0, 0.0, 0.0),
    Command.DO_GIMBAL_MANAGER_PITCHYAW: (-45.0, 10.0, 0.0, 0.0),
    Command.IMAGE_START_CAPTURE: (0.0, 2.0, 5.0, 0.0),
}


def real_copter(speedup: float = 10.0) -> ArduPilot:
    try:
        find_arducopter()
    except NotFound as missing:
        pytest.skip(str(missing))
    return ArduPilot(HOME, speedup=speedup, parameters=FITTED)


@pytest.fixture(scope="module")
def parked() -> Iterator[str]:
    """A real ArduCopter on the ground; its address."""
    with real_copter() as copter:
        yield copter.url


@pytest.fixture
def link(parked: str) -> Iterator[Link]:
    with Link.connect(parked) as connected:
        wait_until_it_takes_plans(connected)
        yield connected


def wait_until_it_takes_plans(connected: Link) -> None:
    with connected.watch() as inbox:
        while connected.telemetry().time_s < 10.0:
            inbox.get(timeout=20.0)


def item(command: Command, rng: random.Random) -> MissionItem:
    params = PARAMS.get(command, (0.0, 0.0, 0.0, 0.0))
    values = {f"param{n}": value for n, value in enumerate(params, start=1)}
    if command not in LOCATED:
        return MissionItem(command=command, **values)
    place = FRAME.place(rng.uniform(-300.0, 300.0), rng.uniform(-300.0, 300.0))
    frame = rng.choice([Frame.RELATIVE, Frame.GLOBAL, Frame.TERRAIN])
    return MissionItem(
        command=command,
        frame=frame,
        x=place.lat_e7,
        y=place.lon_e7,
        z=rng.uniform(1.0, 120.0),
        **values,
    )


@pytest.mark.parametrize("command", [c for c in PLANNED if c is not NOT_IN_MISSIONS])
def test_what_the_aircraft_gives_back_has_the_digest_of_what_was_sent(
    command: Command, link: Link
) -> None:
    rng = random.Random(int(command))
    around = item(Command.NAV_WAYPOINT, rng)
    plan = FlightPlan(
        name="x", home=HOME, items=(around, item(command, rng), item(command, rng), around)
    )
    assert link.upload(plan).plan_digest == plan.digest


def test_a_command_the_aircraft_cannot_store_is_refused_by_its_item(link: Link) -> None:
    rng = random.Random(1)
    plan = FlightPlan(
        name="x", home=HOME, items=(item(Command.NAV_WAYPOINT, rng), item(NOT_IN_MISSIONS, rng))
    )
    with pytest.raises(LinkError) as told:
        link.upload(plan)
    assert told.value.message.key == "error.link_refused"
    assert link.proof is None


def test_every_kind_of_fence_and_rally_points_come_back_with_their_digest(link: Link) -> None:
    plan = FlightPlan(
        name="x",
        home=HOME,
        items=PLAN.items,
        fence_polygons=(
            FencePolygon(
                inclusion=True,
                vertices=tuple(FRAME.place(e, n) for e, n in ((-90, -90), (90, -90), (0, 120))),
            ),
            FencePolygon(
                inclusion=False,
                vertices=tuple(FRAME.place(e, n) for e, n in ((5, 5), (9, 5), (9, 9), (5, 9))),
            ),
        ),
        fence_circles=(
            FenceCircle(inclusion=True, centre=HOME, radius_m=123.4),
            FenceCircle(inclusion=False, centre=FRAME.place(50.0, 50.0), radius_m=12.25),
        ),
        rally_points=tuple(
            RallyPoint(place=FRAME.place(5.0 * n, 5.0), altitude_m=15.7 + n) for n in range(5)
        ),
    )
    assert link.upload(plan).plan_digest == plan.digest
    bare = FlightPlan(name="x", home=HOME, items=PLAN.items)
    assert link.upload(bare).plan_digest == bare.digest
    assert link.download().fence == link.download().rally == ()


def test_every_centimetre_of_height_comes_back_as_it_was_sent(link: Link) -> None:
    heights = [centimetres / 100.0 for centimetres in range(50, 12_000, 23)]
    plan = FlightPlan(
        name="x",
        home=HOME,
        items=tuple(item_at(Command.NAV_WAYPOINT, HOME, height_m) for height_m in heights),
    )
    assert link.upload(plan).plan_digest == plan.digest


def test_more_items_than_it_can_store_are_refused(link: Link) -> None:
    many = tuple(item_at(Command.NAV_WAYPOINT, HOME, 20.0) for _ in range(900))
    with pytest.raises(LinkError) as told:
        link.upload(FlightPlan(name="x", home=HOME, items=many))
    assert "no room" in told.value.text("en")


def test_it_says_what_it_is_and_answers_for_every_parameter_a_flight_needs(link: Link) -> None:
    identity = link.identify()
    assert identity.is_arducopter
    assert identity.version
    with link.watch() as inbox:
        while not link.telemetry().prearm_ok:
            inbox.get(timeout=20.0)
    prepare(link, PLAN)
    found = look(link, PLAN).findings
    assert not [f.key for f in found if f.key.startswith("finding.parameter")]


def flown(url: str, on_progress: Callable[[Link, FlightProgress], None], tlog: Path) -> Any:
    with Link.connect(url, tlog=tlog) as connected:
        look(connected, PLAN)
        prepare(connected, PLAN)
        return fly(
            connected,
            PLAN,
            confirm=lambda _: True,
            on_progress=lambda now: on_progress(connected, now),
            speedup=20.0,
        )


def test_real_and_embedded_aircraft_fly_the_same_plan_alike(tmp_path: Path) -> None:
    with real_copter() as copter:
        real = flown(copter.url, lambda *_: None, tmp_path / "real.tlog")
    with Simulator(HOME, speedup=10.0, parameters=FITTED) as embedded:
        ours = flown(embedded.url, lambda *_: None, tmp_path / "ours.tlog")
    for record in (real, ours):
        assert record.outcome == "landed"
        keys = [event.message.key for event in record.events]
        assert keys == ["event.armed", "event.started", "event.took_off", "event.landed"]
    assert len(real.photos) == pytest.approx(len(ours.photos), abs=1)
    assert real.duration_s == pytest.approx(ours.duration_s, rel=0.15)
    assert real.track.height_m.max() == pytest.approx(ours.track.height_m.max(), abs=1.0)


@pytest.mark.parametrize(
    ("stop", "mode"), [("hold", "BRAKE"), ("return_home", "RTL"), ("land", "LAND")]
)
def test_a_stop_is_obeyed_with_sprayer_and_camera_off(stop: str, mode: str, tmp_path: Path) -> None:
    asked = threading.Event()
    done: queue.SimpleQueue[str] = queue.SimpleQueue()

    def act(connected: Link) -> None:
        getattr(connected, stop)()
        done.put(connected.telemetry().mode_name)
        if stop == "hold":
            connected.land()

    def progress(connected: Link, now: FlightProgress) -> None:
        if now.telemetry.mission_current >= 5 and not asked.is_set():
            asked.set()
            threading.Thread(target=act, args=(connected,)).start()

    with real_copter() as copter:
        record = flown(copter.url, progress, tmp_path / "a.tlog")
    assert done.get(timeout=5.0) == mode
    assert record.outcome == "aborted"
    _, theirs, commands = frames(tmp_path / "a.tlog")
    assert {(216, 0.0), (206, 0.0)} <= {(m.command, m.param1) for m in commands}
    assert theirs["COMMAND_ACK"] >= 6


def mission_talk(url: str) -> list[tuple[str, tuple[int, ...]]]:
    """What an aircraft says to a sender that goes ahead of it and to questions in a bunch.

    What it asks again after its second of waiting is left out.
    """
    host, port = url.split(":")[-2:]
    master = mavutil.mavlink_connection(f"tcp:{host}:{port}", source_system=255, dialect=DIALECT)
    items = [encode(Item(mission_type=MissionType.MISSION, seq=seq, item=one), VEHICLE)
             for seq, one in enumerate((home_item(PLAN), *PLAN.items[:4]))]  # fmt: skip
    heard: list[tuple[str, tuple[int, ...]]] = []

    def say(*messages: Any) -> None:
        for message in messages:
            master.mav.send(message)
        until_s = time.monotonic() + 0.5
        while (left_s := until_s - time.monotonic()) > 0.0:
            told = master.recv_match(type=list(TALK), blocking=True, timeout=left_s)
            if told is not None:
                values = tuple(getattr(told, field) for field in TALK[told.get_type()])
                one = (told.get_type(), values)
                if one not in heard or one[0] != "MISSION_REQUEST":
                    heard.append(one)

    try:
        master.wait_heartbeat(timeout=20.0)
        say(encode(Count(mission_type=MissionType.MISSION, count=5), VEHICLE))
        say(items[0])
        say(items[0])
        say(items[1], items[2])
        say(items[4])
        say(items[2], items[3])
        say(items[4])
        asked = [Request(mission_type=MissionType.MISSION, seq=seq) for seq in (3, 0, 4, 1)]
        say(*(encode(one, VEHICLE) for one in asked))
    finally:
        master.close()
    return heard


def test_real_and_embedded_aircraft_take_only_the_item_they_wait_for() -> None:
    with real_copter(speedup=1.0) as copter, Simulator(HOME, parameters=FITTED) as embedded:
        for url in (copter.url, embedded.url):
            with Link.connect(url) as started:
                wait_until_it_takes_plans(started)
        real, ours = mission_talk(copter.url), mission_talk(embedded.url)
    request, ack = "MISSION_REQUEST", "MISSION_ACK"
    out_of_turn = (ack, (13,))
    assert real == ours
    assert real == [
        (request, (0,)), (request, (1,)), out_of_turn, (request, (2,)), (request, (3,)),
        out_of_turn, out_of_turn, (request, (4,)), (ack, (0,)),
        *(("MISSION_ITEM_INT", (seq,)) for seq in (3, 0, 4, 1)),
    ]  # fmt: skip


def test_it_will_not_arm_in_auto_and_says_so(link: Link) -> None:
    with link.watch() as inbox:
        while not link.telemetry().prearm_ok:
            inbox.get(timeout=20.0)
    proof = link.upload(short_plan(lines=1))
    link.set_mode(CopterMode.AUTO)
    with pytest.raises(LinkError) as told:
        link.arm(proof)
    assert told.value.message.key == "error.link_arm_refused"
    link.set_mode(CopterMode.GUIDED)
    link.arm(proof)
    link.disarm()
