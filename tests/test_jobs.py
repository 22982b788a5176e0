"""Background work is claimed once, held by whoever lives, and never lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest

from agri.errors import BadInput, NotFound, Refused
from agri.findings import Finding
from agri.jobs import LEASE, MOST_TRIES, NEXT, OPEN, Asked, Event, Job, Kind, Result, State, after
from agri.words import Message
from agri.workspace import Workspace
from agri.workspace.jobbook import KEPT, MOST_OPEN, JobBook
from tests import farms

START = farms.START
SECOND = timedelta(seconds=1)
INDEX = Asked(kind=Kind.INDEX, source="lo-mosaic", options=(("indices", "ndvi"),))
RESULT = Result(
    products=("lo-ndvi",),
    files=("maps/lo-ndvi.tif",),
    facts=(("Ruộng", "1,5 sào"),),
    findings=(
        Finding.warning("finding.row_unusable", where="lô", reason=Message.of("error.no_job")),
        Finding.info("error.jobs_many", most=3),
        Finding.info("finding.row_kind", value=date(2027, 1, 2), taken=2.5),
    ),
    fields=("f1",),
)


@pytest.fixture
def farm(tmp_path: Path, home: str) -> Iterator[Workspace]:
    with Workspace.create(
        tmp_path / "farm", farm_name="Trại", new_uid=farms.counting(), database=home
    ) as made:
        yield made


@pytest.fixture
def book(farm: Workspace) -> JobBook:
    return farm.jobs


def ask(book: JobBook, kind: Kind = Kind.INDEX, number: int = 0) -> Job:
    asked = Asked(kind=kind, source=f"map-{number}")
    return book.ask(asked, by="An", language="vi", now=START + number * SECOND)


def claimed(book: JobBook, runner: str = "r1", after_s: float = 10.0) -> Job:
    job = book.claim(runner, now=START + after_s * SECOND)
    assert job is not None
    return job


# ------------------------------------------------------------------ the table of states


def test_what_may_follow_what_is_the_table_and_nothing_else() -> None:
    for state in State:
        for event in Event:
            if (state, event) in NEXT:
                assert after(state, event) is NEXT[state, event]
            else:
                with pytest.raises(Refused):
                    after(state, event)
    over = set(State) - OPEN
    assert {state for state, event in NEXT if event is Event.AGAIN} == over
    assert {state for state, event in NEXT if event is Event.CANCEL} == OPEN


def test_what_is_asked_has_a_limit() -> None:
    with pytest.raises(BadInput):
        Asked(kind=Kind.INDEX, source="x" * 2001)
    with pytest.raises(BadInput):
        Asked(kind=Kind.INDEX, options=tuple((str(n), "") for n in range(21)))


# ------------------------------------------------------------------ the book


def test_a_job_and_all_that_came_out_of_it_come_back_equal(book: JobBook) -> None:
    job = book.ask(INDEX, by="Bà Hường", language="en", now=START)
    assert book.one(job.uid) == job
    running = claimed(book)
    assert (running.state, running.tries, running.uid) == (State.RUNNING, 1, job.uid)
    assert book.tell(job.uid, "r1", share=0.25, now=START + 11 * SECOND)
    assert book.one(job.uid).share == 0.25
    assert book.finish(job.uid, "r1", RESULT, now=START + 20 * SECOND)
    done = book.one(job.uid)
    assert (done.state, done.result, done.share, done.asked) == (State.DONE, RESULT, 1.0, INDEX)
    assert (done.by, done.language, done.runner) == ("Bà Hường", "en", "")
    assert done.ended_utc == START + 20 * SECOND
    book.again(job.uid, by="An", now=START + 30 * SECOND)
    claimed(book, after_s=31)
    why = Message.of("error.jobs_many", most=7)
    assert book.fail(job.uid, "r1", why, now=START + 32 * SECOND)
    assert (book.one(job.uid).why, book.one(job.uid).result) == (why, Result())


def test_jobs_are_done_in_the_order_asked_and_the_same_is_not_asked_twice(book: JobBook) -> None:
    first, second = ask(book, number=1), ask(book, number=2)
    assert ask(book, number=1).uid == first.uid
    assert [job.uid for job in book.all()] == [second.uid, first.uid]
    assert [job.uid for job in book.all(most=1)] == [second.uid]
    assert claimed(book).uid == first.uid
    assert claimed(book).uid == second.uid
    assert book.claim("r1", now=START + 12 * SECOND) is None


def test_a_job_asked_of_many_at_once_is_claimed_by_one(farm: Workspace, home: str) -> None:
    uids = {ask(farm.jobs, number=n).uid for n in range(6)}

    def take(runner: int) -> list[str]:
        with Workspace.open(farm.folder, database=home) as own:
            jobs = [own.jobs.claim(f"r{runner}", now=START + 60 * SECOND) for _ in range(3)]
        return [job.uid for job in jobs if job is not None]

    with ThreadPoolExecutor(4) as threads:
        taken = [uid for uids_of_one in threads.map(take, range(4)) for uid in uids_of_one]
    assert sorted(taken) == sorted(uids)


def test_a_silent_runner_loses_its_job_and_can_no_longer_end_it(book: JobBook) -> None:
    job = ask(book)
    claimed(book, "dead", 0)
    alive = START + LEASE
    assert book.claim("r2", now=alive) is None
    assert book.tell(job.uid, "dead", share=0.5, now=alive)
    assert book.claim("r2", now=alive + LEASE) is None
    late = alive + LEASE + SECOND
    assert book.one(job.uid).lost(late)
    again = book.claim("r2", now=late)
    assert again is not None
    assert (again.uid, again.tries, again.share) == (job.uid, 2, 0.0)
    assert not book.tell(job.uid, "dead", share=0.9, now=late)
    assert not book.finish(job.uid, "dead", RESULT, now=late)
    assert not book.fail(job.uid, "dead", Message.of("error.no_job"), now=late)
    assert book.finish(job.uid, "r2", Result(), now=late)


def test_runners_known_to_be_dead_lose_their_jobs_at_once(book: JobBook) -> None:
    mine, other = ask(book, number=1), ask(book, number=2)
    claimed(book, "here/1")
    claimed(book, "there/1")
    (lost,) = book.lose(of="here/", now=START + 11 * SECOND)
    assert (lost.uid, lost.state) == (mine.uid, State.INTERRUPTED)
    assert book.one(other.uid).state is State.RUNNING


def test_what_kills_its_runner_again_and_again_is_failed(book: JobBook) -> None:
    job = ask(book)
    for number in range(MOST_TRIES):
        assert claimed(book, f"here/{number}").tries == number + 1
        book.lose(of="here/", now=START + 20 * SECOND)
    failed = book.one(job.uid)
    assert failed.state is State.FAILED
    assert failed.why is not None
    assert failed.why.key == "error.job_interrupted_often"
    assert book.claim("here/9", now=START + 30 * SECOND) is None
    assert book.again(job.uid, by="An", now=START + 40 * SECOND).tries == 0
    assert claimed(book, "here/10", 41).uid == job.uid


def test_a_runner_that_stops_of_its_own_will_wears_no_job_out(book: JobBook) -> None:
    job = ask(book)
    for number in range(2 * MOST_TRIES):
        assert claimed(book, f"here/{number}", number).tries == 1
        (laid,) = book.lay_down(f"here/{number}")
        assert (laid.uid, laid.state, laid.tries) == (job.uid, State.INTERRUPTED, 0)


def test_a_job_is_cancelled_waiting_or_running_and_not_when_it_is_over(book: JobBook) -> None:
    waiting, running = ask(book, number=2), ask(book, number=1)
    claimed(book)
    for job in (waiting, running):
        assert book.cancel(job.uid, now=START + 11 * SECOND).state is State.CANCELLED
        with pytest.raises(Refused):
            book.cancel(job.uid, now=START + 12 * SECOND)
    assert not book.tell(running.uid, "r1", share=0.5, now=START + 12 * SECOND)
    assert not book.finish(running.uid, "r1", RESULT, now=START + 12 * SECOND)
    assert book.claim("r1", now=START + 13 * SECOND) is None
    assert book.again(running.uid, by="Bình", now=START + 14 * SECOND).state is State.QUEUED
    with pytest.raises(Refused):
        book.again(running.uid, by="Bình", now=START + 15 * SECOND)


def test_what_is_not_there_is_said_so_and_a_spoilt_row_hides_no_other(farm: Workspace) -> None:
    for wanted in ("", "none"):
        with pytest.raises(NotFound):
            farm.jobs.one(wanted)
    first, second = ask(farm.jobs, number=1), ask(farm.jobs, number=2)
    farms.edit(farm, "UPDATE agri_jobs SET asked = '[' WHERE uid = ?", first.uid)
    assert [job.uid for job in farm.jobs.all()] == [second.uid]
    with pytest.raises(NotFound):
        farm.jobs.cancel(first.uid, now=START)
    assert claimed(farm.jobs).uid == second.uid


def test_the_queue_has_an_end_and_old_jobs_are_forgotten(
    book: JobBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agri.workspace.jobbook.MOST_OPEN", 3)
    monkeypatch.setattr("agri.workspace.jobbook.KEPT", 2)
    assert (MOST_OPEN, KEPT) == (200, 500)
    jobs = [ask(book, number=n) for n in range(3)]
    with pytest.raises(Refused):
        ask(book, number=9)
    for job in jobs:
        book.cancel(job.uid, now=START)
    new = ask(book, number=10)
    assert [job.uid for job in book.all()] == [new.uid, jobs[2].uid, jobs[1].uid]
