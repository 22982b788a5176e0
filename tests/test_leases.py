"""One program holds an aircraft; one launch happens once; neither outlives or forgets too much."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agri.errors import Refused, StoreError
from agri.leases import Held, Holder, Lease
from agri.operations.mission_files import load_plan
from agri.operations.simulated import simulator_for
from agri.workspace import Workspace
from agri.workspace.tokens import FOLDER, claim, next_token
from missions.flightplan import FlightPlan
from tests.flight_child import Order
from tests.flights_killed import PLAN, Nursery, Watcher, make_farm, nursery
from tests.papers import LICENCE

ROOT = Path(__file__).resolve().parents[1]
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
CLICK = "one click"
HOLDER = Holder(who="Đức", doing="Phun 1/2", since_utc=NOW, user="duc", host="may-1", pid=4711)


# ---- leases


def test_a_second_holder_is_told_who_has_it_since_when_and_what_for(tmp_path: Path) -> None:
    with Lease(tmp_path, "udp:1", HOLDER), pytest.raises(Held) as held:
        Lease(tmp_path, "udp:1", HOLDER)
    assert held.value.holder == HOLDER
    for language in ("vi", "en"):
        said = held.value.text(language)  # type: ignore[arg-type]
        for word in ("Đức", "Phun 1/2", "09:00:00 24/11/2026", "duc", "may-1", "4711", "udp:1"):
            assert word in said


def test_what_is_let_go_can_be_held_again_and_tells_nobody_any_more(tmp_path: Path) -> None:
    for _ in range(3):
        with Lease(tmp_path, "udp:1", HOLDER):
            pass
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b""]


def test_two_things_are_held_beside_each_other_however_alike_their_names(tmp_path: Path) -> None:
    with Lease(tmp_path, "udp:1", HOLDER), Lease(tmp_path, "udp/1", HOLDER):
        assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("spoiled", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff\xfe"])
def test_a_holder_that_cannot_be_read_still_holds(tmp_path: Path, spoiled: bytes) -> None:
    with Lease(tmp_path, "udp:1", HOLDER):
        next(tmp_path.iterdir()).write_bytes(spoiled)
        with pytest.raises(Held) as held:
            Lease(tmp_path, "udp:1", HOLDER)
    assert held.value.holder is None
    assert held.value.message.key == "error.aircraft_held_unknown"


def test_what_a_dead_program_wrote_holds_nothing(tmp_path: Path) -> None:
    """Also when its number lives on in another program: this very one."""
    lease = Lease(tmp_path, "udp:1", Holder.here(who="", doing="x", since_utc=NOW))
    told = next(tmp_path.iterdir()).read_bytes()
    assert json.loads(told)["pid"] == os.getpid()
    lease.close()
    next(tmp_path.iterdir()).write_bytes(told)
    Lease(tmp_path, "udp:1", HOLDER).close()


def test_a_folder_that_cannot_be_written_holds_nothing_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "leases").write_text("a file")
    with pytest.raises(StoreError):
        Lease(tmp_path / "leases", "udp:1", HOLDER)


HOLDING = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from agri.leases import Holder, Lease
an = Holder.here(who="An", doing="x", since_utc=datetime.now(UTC))
lease = Lease(Path(sys.argv[1]), "uav", an)
print("held", flush=True)
time.sleep(600)
"""


def test_a_lease_ends_with_its_program_killed_or_not(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Held) as held:
            Lease(tmp_path, "uav", HOLDER)
        assert held.value.holder is not None
        assert (held.value.holder.who, held.value.holder.pid) == ("An", other.pid)
        other.send_signal(signal.SIGKILL)
        other.wait()
        Lease(tmp_path, "uav", HOLDER).close()


# ---- tokens


def test_a_token_is_used_once_and_tells_by_whom(tmp_path: Path) -> None:
    for token in ("abc-1", "any text: ../../x " * 50, "Ruộng Đồng"):
        claim(tmp_path, token, who="Đức", plan_name="Phun", at_utc=NOW)
        with pytest.raises(Refused) as refused:
            claim(tmp_path, token, who="An", plan_name="Phun", at_utc=NOW)
        assert refused.value.message.key == "error.launch_done"
        assert "Đức" in refused.value.text("vi")
        assert "09:00:00 24/11/2026" in refused.value.text("vi")
    assert all(path.parent == tmp_path / FOLDER for path in tmp_path.rglob("*.json"))


def test_the_next_launch_of_a_plan_is_one_more_than_were_claimed(tmp_path: Path) -> None:
    assert next_token(tmp_path, "aa") == next_token(tmp_path, "aa") == "aa-1"
    for number in range(1, 12):
        token = next_token(tmp_path, "aa")
        assert token == f"aa-{number}"
        claim(tmp_path, token, who="Đức", plan_name="Phun", at_utc=NOW)
    assert next_token(tmp_path, "aa-sim") == "aa-sim-1"
    assert next_token(tmp_path, "a") == "a-1"


def test_a_token_whose_claim_was_cut_short_stays_used(tmp_path: Path) -> None:
    claim(tmp_path, "aa-1", who="Đức", plan_name="Phun", at_utc=NOW)
    (tmp_path / FOLDER / "aa-1.json").write_bytes(b"")
    with pytest.raises(Refused):
        claim(tmp_path, "aa-1", who="Đức", plan_name="Phun", at_utc=NOW)
    assert next_token(tmp_path, "aa") == "aa-2"


def test_a_disk_that_cannot_keep_the_claim_refuses_the_launch(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file")
    with pytest.raises(StoreError):
        claim(tmp_path, "aa-1", who="Đức", plan_name="Phun", at_utc=NOW)


CLAIMING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from agri.errors import Refused
from agri.workspace.tokens import claim
print("ready", flush=True)
sys.stdin.readline()
for number in range(200):
    try:
        claim(Path(sys.argv[1]), f"aa-{number}", who="An", plan_name="x", at_utc=datetime.now(UTC))
    except Refused:
        continue
    print(number, flush=True)
"""


def test_of_two_programs_that_race_for_two_hundred_launches_each_is_won_by_one(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", CLAIMING, str(tmp_path)]
    racers = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    won = [racer.communicate()[0].split() for racer in racers]
    assert sorted(int(number) for numbers in won for number in numbers) == list(range(200))


# ---- two programs at one aircraft


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_farm(tmp_path_factory.mktemp("template"))


@pytest.fixture
def farm(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "farm"))


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Nursery, Nursery]]:
    with nursery() as one, nursery() as other:
        yield one, other


@pytest.fixture
def plan(farm: Path) -> FlightPlan:
    return load_plan(PLAN, farm)[0]


def launches(farm: Path) -> int:
    return len(list((farm / FOLDER).glob("*")))


def test_a_second_program_is_refused_while_the_first_flies_and_told_who_flies(
    pair: tuple[Nursery, Nursery], farm: Path, plan: FlightPlan
) -> None:
    one, other = pair
    with simulator_for(plan, speedup=20.0, udp=True) as aircraft:
        order = Order(farm=str(farm), plan=PLAN, url=aircraft.url, patience_s=5.0)
        one.begin(order)
        one.until("event.took_off")
        other.begin(order)
        told = other.until("gone")
        assert told[0].startswith("refused error.aircraft_held")
        assert f"{LICENCE.holder}|{one.child}" in told[0]
        assert one.until("gone")[-2] == "flown landed"
    with Workspace.open(farm) as workspace:
        assert [flight.outcome for flight in workspace.flights()] == ["landed"]
    assert launches(farm) == 1


def test_the_same_aircraft_under_another_address_is_refused_too(
    pair: tuple[Nursery, Nursery], farm: Path, plan: FlightPlan
) -> None:
    one, other = pair
    with simulator_for(plan, speedup=20.0, udp=True) as aircraft:
        one.begin(Order(farm=str(farm), plan=PLAN, url=aircraft.url, patience_s=5.0))
        one.until("upload")
        elsewhere = aircraft.url.replace("127.0.0.1", "localhost")
        other.begin(Order(farm=str(farm), plan=PLAN, url=elsewhere, yes=False))
        told = other.until("gone")
        assert told[0].startswith("refused error.aircraft_held"), told
        assert one.until("gone")[-2] == "flown landed"


def test_two_that_ask_for_one_launch_at_the_same_time_arm_once(
    pair: tuple[Nursery, Nursery], farm: Path, plan: FlightPlan
) -> None:
    """A click too many: whoever comes second finds the aircraft held, or the launch given."""
    with simulator_for(plan, speedup=20.0, udp=True) as aircraft:
        order = Order(farm=str(farm), plan=PLAN, url=aircraft.url, token=CLICK,
                      patience_s=5.0)  # fmt: skip
        for child in pair:
            child.begin(order)
        told = [child.until("gone") for child in pair]
        ends = sorted(lines[-2].split()[0] for lines in told)
        assert ends == ["flown", "refused"], told
        assert sum("event.armed" in lines for lines in told) == 1
        pair[0].begin(order)
        again = pair[0].until("gone")
        assert again[-2].startswith("refused error.launch_done")
        watcher = Watcher(aircraft.url)
        assert not watcher.look().armed
        watcher.close()
    assert launches(farm) == 1


def test_a_launch_cut_short_by_death_is_not_repeated_but_a_new_one_may_be_asked_for(
    pair: tuple[Nursery, Nursery], farm: Path, plan: FlightPlan
) -> None:
    one, other = pair
    with simulator_for(plan, speedup=20.0, udp=True) as aircraft:
        order = Order(farm=str(farm), plan=PLAN, url=aircraft.url, token=CLICK,
                      patience_s=5.0)  # fmt: skip
        one.begin(order)
        one.until("phase PROVE")
        one.kill()
        watcher = Watcher(aircraft.url)
        watcher.until_down(still_s=3.0)
        watcher.close()
        other.begin(order)
        assert other.until("gone")[-2].startswith("refused error.launch_done")
        other.begin(Order(farm=str(farm), plan=PLAN, url=aircraft.url, patience_s=5.0))
        assert other.until("gone")[-2] == "flown landed"
    assert launches(farm) == 2
