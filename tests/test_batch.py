"""A commune's plans: the same whoever makes them and whoever dies, each once, and taken up."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agri.errors import AgriError, Refused
from agri.operations.batch import Batch, plan_batch
from agri.operations.batch_journal import NAME
from agri.operations.crews import Crew, crew, in_order
from agri.operations.farm import start_farm
from agri.operations.spray import SprayRequest
from agri.weather import Wind
from agri.workspace import Workspace
from missions.catalogue import sprayer
from missions.sprayer.job import Product
from sitl.scene import commune
from tests.terminal import run

NOW = datetime(2026, 1, 1, 3, 4, 5, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)
ASKED = SprayRequest(
    fields=(), sprayer=sprayer(), product=Product(name="nước", dose_per_ha=0.0), rate_l_ha=20.0,
    wind=Wind(speed_m_s=2.0, from_deg=30.0),
)  # fmt: skip


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agri.operations.batch.CHUNK", 2)


@contextmanager
def farm_of(folder: Path, count: int = 10) -> Iterator[Workspace]:
    made = commune(count, across=5)
    with start_farm(folder) as farm:
        farm.add_fields(made.fields)
        farm.add_pads(made.pads)
        yield farm


def planned(farm: Workspace, now: datetime = NOW, **who: Any) -> Batch:
    told = who.pop("update", lambda _done, _total: None)
    return plan_batch(farm, who.pop("asked", ASKED), language="vi", now=now, update=told, **who)


def plans_of(farm: Workspace) -> list[tuple[str, str, datetime, bytes]]:
    """Every plan in the order they were kept: name, fingerprint, when, bytes."""
    return [
        (one.name, one.digest, one.created_utc, (farm.folder / one.file).read_bytes())
        for one in farm.plans(every=True)
    ]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """The results and plans of the commune as this program alone makes them."""
    with farm_of(tmp_path_factory.mktemp("here") / "farm") as farm:
        results = planned(farm, workers=1).results
        assert len(plans_of(farm)) >= 10
        return results, plans_of(farm)


@contextmanager
def cluster(workers: int, *, processes: bool) -> Iterator[Any]:
    import distributed

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=processes, protocol="tcp://",
            dashboard_address=None,
        ) as made:  # fmt: skip
            yield made


def test_a_cluster_plans_what_this_program_plans_byte_for_byte_in_the_same_order(
    tmp_path: Path, here: tuple[Any, Any]
) -> None:
    with (
        cluster(2, processes=False) as made,
        farm_of(tmp_path / "farm") as farm,
    ):
        there = planned(farm, cluster=made.scheduler_address)
        assert (there.results, plans_of(farm)) == here
        assert there.done_before == 0


def kill_one_soon(made: Any) -> threading.Thread:
    """Kill a worker with signal 9 as soon as one is at work."""

    def killer() -> None:
        for _ in range(600):
            busy = [w for w in made.scheduler.workers.values() if w.processing]
            if busy:
                victim = next(
                    w for w in made.workers.values() if w.worker_address == busy[0].address
                )
                os.kill(victim.pid, signal.SIGKILL)
                return
            time.sleep(0.01)

    thread = threading.Thread(target=killer)
    thread.start()
    return thread


def test_a_killed_worker_loses_nothing_and_doubles_nothing(
    tmp_path: Path, here: tuple[Any, Any]
) -> None:
    with cluster(2, processes=True) as made, farm_of(tmp_path / "farm") as farm:
        before = {worker.pid for worker in made.workers.values()}
        thread = kill_one_soon(made)
        there = planned(farm, cluster=made.scheduler_address)
        thread.join()
        alive = {worker.pid for worker in made.workers.values()}
        assert (there.results, plans_of(farm)) == here
        assert before - alive, "no worker was killed"


def test_an_interrupted_batch_is_taken_up_and_nothing_is_kept_twice(
    tmp_path: Path, here: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: float, _: float) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with farm_of(tmp_path / "farm") as farm:
        with pytest.raises(KeyboardInterrupt):
            planned(farm, workers=1, update=stop)
        lines = (farm.reports / NAME).read_bytes().splitlines(keepends=True)
        # the end of a power cut: plans of the second chunk are kept, half its line is written
        (farm.reports / NAME).write_bytes(b"".join(lines[:2]) + lines[2][:-9])
        seen: list[float] = []
        again = planned(farm, LATER, workers=1, update=lambda done, _: seen.append(done))
        assert again.done_before == 2
        assert seen == [2, 4, 6, 8, 10]
        assert (again.results, plans_of(farm)) == here
        assert planned(farm, LATER, workers=1).done_before == 0  # a new batch begins anew
        assert len(plans_of(farm)) == 2 * len(here[1])


def test_another_request_or_a_changed_farm_begins_anew(tmp_path: Path) -> None:
    def stop(done: float, _: float) -> None:
        if done >= 2:
            raise KeyboardInterrupt

    with farm_of(tmp_path / "farm", 4) as farm:
        for change in ("request", "farm"):
            with pytest.raises(KeyboardInterrupt):
                planned(farm, workers=1, update=stop)
            asked = replace(ASKED, rate_l_ha=25.0) if change == "request" else ASKED
            if change == "farm":
                farm.add_pads([replace(commune(1).pads[0], name="another", uid="")])
            assert planned(farm, workers=1, asked=asked).done_before == 0


def test_two_programs_do_not_plan_one_farms_batch(tmp_path: Path) -> None:
    with farm_of(tmp_path / "farm", 2) as farm:

        def meanwhile(done: float, _: float) -> None:
            if done == 0:
                with pytest.raises(Refused, match="Another program"):
                    planned(farm, workers=1)

        assert len(planned(farm, workers=1, update=meanwhile).results) == 2


class Mortal(Executor):
    """Breaks at every third piece of work."""

    def __init__(self, deadly: int) -> None:
        self.left = deadly

    def submit(self, do: Any, /, *words: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.left -= 1
        if self.left == 0:
            future.set_exception(BrokenExecutor("killed"))
        elif self.left < 0:
            raise BrokenExecutor("killed")
        else:
            future.set_result(do(*words, **named))
        return future


def test_a_broken_pool_is_replaced_and_each_answer_comes_once_and_in_order() -> None:
    asked: list[int] = []

    def do(number: int) -> int:
        asked.append(number)
        return number * number

    found = list(in_order(range(11), do, Crew(start=lambda: Mortal(3), ahead=4)))
    assert found == [number * number for number in range(11)]
    assert sorted(asked) == list(range(11)), "what had come back was not done again"


def test_work_that_kills_every_pool_is_given_up_in_a_sentence() -> None:
    with pytest.raises(AgriError, match="died 3 times"):
        list(in_order(range(4), lambda n: n, Crew(start=lambda: Mortal(1), ahead=2)))


def die_once(word: tuple[str, int]) -> int:
    """Kill the process it runs in, the first time."""
    path, number = word
    if number == 2:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return number
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.slow
def test_a_process_of_ones_own_that_is_killed_is_replaced(tmp_path: Path) -> None:
    work = [(str(tmp_path / "died"), number) for number in range(6)]
    with crew(2) as hands:
        assert list(in_order(work, die_once, hands)) == list(range(6))
    assert (tmp_path / "died").exists()


def test_the_command_plans_on_a_cluster_and_tells_one_that_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with farm_of(tmp_path / "farm", 3):
        pass
    words = ("--lang", "en", "plan", "all", "--rate", "20", "--product", "water", "--dose", "1ml",
             "--phi", "0", "--farm", str(tmp_path / "farm"))  # fmt: skip
    code, text = run(capsys, *words, "--dask", "localhost")
    assert code == 2
    assert "is no cluster" in text
    code, text = run(capsys, *words, "--dask", "threads")
    assert "of 3 fields" in text
