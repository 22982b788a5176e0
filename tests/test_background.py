"""Jobs run one at a time, in processes of their own, and outlive whoever ran them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agri.jobs import Asked, Job, Kind, Result, State
from agri.locks import lock_now
from agri.operations.background.process import Doing
from agri.operations.background.worker import LOCK, Worker
from agri.operations.uploads.journal import Purpose
from agri.operations.uploads.keeping import all_uploads
from agri.words import Message
from agri.workspace import Workspace
from imagery import catalogue
from tests import farms, test_uploads
from tests.ortho_files import reflectances, write_ortho

ROOT = Path(__file__).resolve().parents[1]
KML = """<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><name>Ruộng mới</name><Polygon>
<outerBoundaryIs><LinearRing><coordinates>106.5101,21.0801 106.5111,21.0801 106.5111,21.0811
106.5101,21.0801</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark></kml>"""


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as made:
        yield made


@dataclass
class Scripted:
    """A job's process that ends when told, as told."""

    end: Result | Message = field(default_factory=Result)
    rounds: int = 1
    share: float = 0.5
    fault: str = ""
    stopped: bool = False

    def over(self, wait_s: float) -> bool:
        del wait_s
        self.rounds -= 1
        return self.rounds < 0

    def ended(self) -> Result | Message:
        return self.end

    def stop(self) -> None:
        self.stopped = True


def worker(farm: Workspace, scripted: Scripted) -> Worker:
    def start(folder: Path, job: Job, keep_open: tuple[int, ...]) -> Scripted:
        assert folder == farm.folder
        assert len(keep_open) == 1
        assert farm.jobs.one(job.uid).state is State.RUNNING
        return scripted

    return Worker(farm, now=farms.ticking(), start=start, tell_s=0.0)


def asked(farm: Workspace, **values: str) -> Job:
    what = Asked(kind=Kind(values.pop("kind", "index")), **values)
    return farm.jobs.ask(what, by="An", language="vi", now=farms.START)


# ------------------------------------------------------------------ the worker


def test_a_worker_keeps_how_a_job_ended_and_rests_when_there_is_none(farm: Workspace) -> None:
    first, second = asked(farm, source="a"), asked(farm, source="b")
    done = Scripted(end=Result(products=("x",)), rounds=3)
    working = worker(farm, done)
    assert working.work_once()
    working.let_go()
    assert farm.jobs.one(first.uid).result.products == ("x",)
    why = Message.of("error.job_memory")
    failing = worker(farm, Scripted(end=why, fault="Traceback …"))
    assert failing.work_once()
    assert (farm.jobs.one(second.uid).state, farm.jobs.one(second.uid).why) == (State.FAILED, why)
    assert not failing.work_once()


def test_a_second_worker_has_no_work_until_the_first_is_gone(farm: Workspace) -> None:
    one, two = worker(farm, Scripted()), worker(farm, Scripted())
    assert not one.work_once()
    job = asked(farm)
    assert not two.work_once()
    assert farm.jobs.one(job.uid).state is State.QUEUED
    one.let_go()
    assert two.work_once()
    assert farm.jobs.one(job.uid).state is State.DONE


def test_no_job_is_begun_while_an_aircraft_is_in_the_air(farm: Workspace) -> None:
    job, flying = asked(farm), [True]
    run = Worker(farm, now=farms.ticking(), start=lambda *_: Scripted(), tell_s=0.0,
                 rest=lambda: flying[0])  # fmt: skip
    assert not run.work_once()
    assert farm.jobs.one(job.uid).state is State.QUEUED
    flying[0] = False
    assert run.work_once()
    assert farm.jobs.one(job.uid).state is State.DONE


def test_workers_of_several_farms_take_turns(
    farm: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agri.operations.background.worker.TURN_S", 0.0)
    job, turn = asked(farm), threading.Semaphore(1)
    run = Worker(farm, now=farms.ticking(), start=lambda *_: Scripted(), tell_s=0.0, turn=turn)
    with turn:
        assert not run.work_once()
    assert farm.jobs.one(job.uid).state is State.QUEUED
    assert run.work_once()
    assert turn.acquire(blocking=False), "given back"


def test_what_was_begun_long_ago_and_uploads_of_no_job_are_thrown_away(farm: Workspace) -> None:
    maps = farm.folder / "maps"
    kept = uploaded(farm, KML.encode(), "ruong.kml", Purpose.BOUNDARIES)
    old = uploaded(farm, KML.encode(), "cu.kml", Purpose.BOUNDARIES)
    for name, days in ((".a.tif.work", 8.0), (".b.tif.work", 6.0), ("c.tif", 99.0)):
        (maps / name).mkdir(parents=True)
        when = farms.START.timestamp() - days * 86_400.0
        os.utime(maps / name, (when, when))
    for uid in (kept, old):
        long_ago = farms.START.timestamp() - 90.0 * 86_400.0
        os.utime(farm.folder / "uploads" / uid / "upload.jsonl", (long_ago, long_ago))
    asked(farm, kind="boundaries", source=kept)
    assert worker(farm, Scripted()).work_once()
    assert sorted(path.name for path in maps.iterdir()) == [".b.tif.work", "c.tif"]
    assert [upload.uid for upload in all_uploads(farm.folder)] == [kept]


def test_a_cancelled_job_is_ended_and_stays_cancelled(farm: Workspace) -> None:
    job, scripted = asked(farm), Scripted(rounds=10)
    held = worker(farm, scripted)
    before = scripted.over

    def cancelling(wait_s: float) -> bool:
        if scripted.rounds == 8:
            farm.jobs.cancel(job.uid, now=farms.START)
        return before(wait_s)

    scripted.over = cancelling  # type: ignore[method-assign]
    assert held.work_once()
    assert scripted.stopped
    assert scripted.rounds > 0
    assert farm.jobs.one(job.uid).state is State.CANCELLED


def test_a_worker_that_is_stopped_lays_its_job_down_and_the_next_takes_it_up(
    farm: Workspace,
) -> None:
    job, scripted = asked(farm), Scripted(rounds=10_000_000)
    with worker(farm, scripted):
        while farm.jobs.one(job.uid).share != 0.5:
            time.sleep(0.005)
    assert scripted.stopped
    laid = farm.jobs.one(job.uid)
    assert (laid.state, laid.tries) == (State.INTERRUPTED, 0)
    assert worker(farm, Scripted()).work_once()
    assert farm.jobs.one(job.uid).state is State.DONE


# ------------------------------------------------------------------ processes


def uploaded(farm: Workspace, data: bytes, name: str, purpose: Purpose) -> str:
    uid = test_uploads.begun(farm.folder, purpose)
    test_uploads.send(farm.folder, uid, data, name)
    test_uploads.finish(farm.folder, uid)
    return uid


def test_what_a_process_refuses_is_told_by_its_sentence(farm: Workspace) -> None:
    job = asked(farm, kind="boundaries", source="khong-co")
    assert Worker(farm, now=farms.ticking(), tell_s=0.05).work_once()
    refused = farm.jobs.one(job.uid)
    assert refused.state is State.FAILED
    assert refused.why == Message.of("error.no_upload")


@pytest.mark.slow
def test_a_job_of_a_farm_in_a_database_is_done_with_the_servers_own_password(
    tmp_path: Path, home: str
) -> None:
    with Workspace.create(tmp_path / "farm", farm_name="Trại", database=home) as farm:
        uid = uploaded(farm, KML.encode(), "ruong.kml", Purpose.BOUNDARIES)
        job = asked(farm, kind="boundaries", source=uid)
        assert Worker(farm, now=farms.ticking(), tell_s=0.05, database=home).work_once()
        assert farm.jobs.one(job.uid).state is State.DONE, farm.jobs.one(job.uid).why
        assert [one.name for one in farm.fields()] == ["Ruộng mới"]


def how_ended(farm: Workspace, source: str, code: int | None) -> str:
    """Why a process says it ended, killed so when it is at work; stopped when no code is told."""
    doing = Doing(farm.folder, asked(farm, source=source), module="tests.waiting_child")
    while doing.share == 0.0 and not doing.over(0.005):
        pass
    if code:
        os.kill(doing.pid, code)
    elif source != "memory":
        doing.stop()
    assert doing.over(30.0)
    ended = doing.ended()
    assert isinstance(ended, Message)
    return ended.key


@pytest.mark.skipif(sys.platform == "win32", reason="its processes have no such signals and limits")
@pytest.mark.parametrize(
    ("source", "code", "key"),
    [
        ("memory", None, "error.job_memory"),
        ("x", signal.SIGSEGV, "error.job_died"),
        pytest.param("x", signal.SIGKILL, "error.job_memory", marks=pytest.mark.slow),
        pytest.param("x", None, "error.job_died", marks=pytest.mark.slow),
    ],
)
def test_a_process_that_dies_is_stopped_or_wants_too_much_takes_nobody_with_it(
    farm: Workspace, source: str, code: int | None, key: str
) -> None:
    assert how_ended(farm, source, code) == key


def finished(farm: Workspace, job: Job) -> Job:
    """Work until the job is over, as soon as the dead server's process is gone too."""
    until = time.monotonic() + 60.0
    run = Worker(farm, now=lambda: datetime.now(UTC), tell_s=0.05)
    while not run.work_once():
        assert time.monotonic() < until
        time.sleep(0.01)
    run.let_go()
    return farm.jobs.one(job.uid)


@contextmanager
def served(farm: Workspace, how: str) -> Iterator[subprocess.Popen[str]]:
    """A worker for the farm in a program of its own."""
    code = f"from tests.waiting_child import {how}; import sys; {how}(sys.argv[1])"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(farm.folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as server:  # fmt: skip
        yield server


@pytest.mark.skipif(sys.platform == "win32", reason="there, children hold no lock of others")
def test_a_server_killed_in_a_job_leaves_it_to_the_next_and_nothing_is_lost(
    farm: Workspace,
) -> None:
    uid = uploaded(farm, KML.encode(), "ruong.kml", Purpose.BOUNDARIES)
    job = asked(farm, kind="boundaries", source=uid)
    with served(farm, "wait_at_work") as server:
        assert server.stdout is not None
        assert server.stdout.readline().strip().isdigit()
        assert farm.jobs.one(job.uid).state is State.RUNNING
        with (farm.folder / LOCK).open("rb+") as lock:
            assert not lock_now(lock.fileno())
        server.send_signal(signal.SIGKILL)
    assert farm.jobs.one(job.uid).state is State.RUNNING, "nobody could say that it died"
    done = finished(farm, job)
    assert (done.state, done.tries) == (State.DONE, 2), done.why
    (made,) = farm.fields()
    assert (made.name, done.result.fields) == ("Ruộng mới", (made.uid,))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there, children hold no lock of others")
def test_a_server_killed_at_twenty_moments_of_a_job_leaves_nothing_half(
    farm: Workspace, tmp_path: Path
) -> None:
    """A finished map taken in and its indices made: whatever is listed is whole, at every death."""
    ortho = write_ortho(tmp_path / "ruong.tif", reflectances(300, 280))
    uid = uploaded(farm, ortho.read_bytes(), "ruong.tif", Purpose.ORTHO)
    first = asked(farm, kind="ortho", source=uid)
    began = time.monotonic()
    done = finished(farm, first)
    whole_s = time.monotonic() - began
    assert done.state is State.DONE, done.why
    (name,) = done.result.products
    chance = random.Random(9)
    died = 0
    for number in range(20):
        kind = "index" if number % 2 else "ortho"
        what = Asked(kind=Kind(kind), source=name if number % 2 else uid,
                     options=(("indices", "ndvi"),) if number % 2 else ())  # fmt: skip
        job = farm.jobs.ask(what, by="An", language="vi", now=farms.START)
        with served(farm, "work") as server:
            time.sleep(chance.uniform(0.2, whole_s + 1.0))
            server.send_signal(signal.SIGKILL)
        assert catalogue.check(farm.folder) == ()
        over = farm.jobs.one(job.uid)
        if over.state is not State.DONE:
            died += 1
            over = finished(farm, job)
        assert over.state is State.DONE, over.why
        assert catalogue.check(farm.folder) == ()
        listed = {product.name for product in catalogue.products(farm.folder)}
        assert set(over.result.products) <= listed
    assert died > 8
    assert len(listed) == 2, "done again is the same product"
    assert not list((farm.folder / "maps").rglob(".*"))
