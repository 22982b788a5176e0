"""Background work, kept: asked for, claimed by one runner alone, told of, over.

Theory of operation. Every change reads and writes in one writing transaction, and writers wait for
each other before they read (`agri.workspace.database`), so a job is claimed once, whoever asks at
the same time. A runner names itself at every call; a runner whose job is no longer its own (it was
cancelled, or the runner was silent so long that another took it) is told so and stops. Rows that
another program spoilt are passed over.

Time is passed in; it is the wall clock, for runners are different programs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from agri.errors import NotFound, Refused
from agri.jobs import LEASE, MOST_TRIES, OPEN, WAITING, Asked, Event, Job, Result, State, after
from agri.words import Language, Message
from agri.workspace.database import Database
from agri.workspace.job_tables import JOBS, job_of, row_of

MOST_OPEN = 200
KEPT = 500
"""Jobs that are over and still listed; older ones are forgotten, what they made is not."""


class JobBook:
    """The jobs of one farm; get it by `agri.workspace.Workspace.jobs`.

    Parameters
    ----------
    database : Database
        The farm's.
    new_uid : callable
        Where stable keys come from.
    """

    def __init__(self, database: Database, new_uid: Callable[[], str]) -> None:
        self._database = database
        self._new_uid = new_uid

    # ------------------------------------------------------------------ asking

    def ask(self, asked: Asked, *, by: str, language: Language, now: datetime) -> Job:
        """Put a job at the end of the queue; the same one, still open, is not asked twice.

        Parameters
        ----------
        asked : Asked
            What is to be done.
        by : str
            Who asks.
        language : {"vi", "en"}
            Of facts, tables and pictures.
        now : datetime
            With its time zone.

        Returns
        -------
        Job
            The new job, or the open one that does the very same.

        Raises
        ------
        Refused
            When more jobs wait than will ever be done.
        """
        job = Job(uid=self._new_uid(), asked=asked, by=by, language=language,
                  state=State.QUEUED, created_utc=now)  # fmt: skip
        with self._database.writing() as connection:
            waiting = [one for one in _jobs(connection) if one.state in OPEN]
            same = next((one for one in waiting if one.asked == asked), None)
            if same is not None:
                return same
            if len(waiting) >= MOST_OPEN:
                raise Refused("error.jobs_many", most=MOST_OPEN)
            connection.execute(JOBS.insert(), [row_of(job)])
            _forget_old(connection)
        return job

    def cancel(self, uid: str, *, now: datetime) -> Job:
        """Stop a job: at once when it waits, within a second or two when it runs.

        Raises
        ------
        NotFound
            When there is none with this key.
        Refused
            When it is over.
        """
        with self._database.writing() as connection:
            job = _with_key(connection, uid)
            state = after(job.state, Event.CANCEL)
            return _put(connection, _let_go(job, state=state, ended_utc=now))

    def again(self, uid: str, *, by: str, now: datetime) -> Job:
        """Put a job that is over back into the queue.

        Raises
        ------
        NotFound
            When there is none with this key.
        Refused
            When it is not over.
        """
        with self._database.writing() as connection:
            job = _with_key(connection, uid)
            state = after(job.state, Event.AGAIN)
            return _put(connection, replace(
                _let_go(job, state=state, ended_utc=None), by=by, created_utc=now,
                started_utc=None, share=0.0, tries=0, result=Result(), why=None,
            ))  # fmt: skip

    # ------------------------------------------------------------------ running

    def claim(self, runner: str, *, now: datetime) -> Job | None:
        """Take the job that has waited longest; None when none waits.

        Jobs whose runner is silent are interrupted first, so they may be taken too.

        Parameters
        ----------
        runner : str
            A name no other runner has.
        now : datetime
            With its time zone.
        """
        with self._database.writing() as connection:
            for job in _jobs(connection):
                if job.lost(now):
                    _lose(connection, job, now)
            for job in _jobs(connection):
                if job.state in WAITING:
                    return _put(connection, replace(
                        job, state=after(job.state, Event.CLAIM), runner=runner, ended_utc=None,
                        started_utc=now, lease_utc=now + LEASE, tries=job.tries + 1, share=0.0,
                    ))  # fmt: skip
        return None

    def tell(self, uid: str, runner: str, *, share: float, now: datetime) -> bool:
        """Say that the runner lives and how far it is; return whether the job is still its own."""
        mine = (JOBS.c.uid == uid) & (JOBS.c.runner == runner)
        running = mine & (JOBS.c.state == State.RUNNING.value)
        values = {"share": min(max(share, 0.0), 1.0), "lease_utc": now + LEASE}
        with self._database.writing() as connection:
            changed = connection.execute(JOBS.update().where(running).values(values))
        return changed.rowcount > 0

    def finish(self, uid: str, runner: str, result: Result, *, now: datetime) -> bool:
        """Keep what came out; return whether the job was still the runner's own."""
        return self._end(uid, runner, Event.FINISH, now=now, result=result, share=1.0)

    def fail(self, uid: str, runner: str, why: Message, *, now: datetime) -> bool:
        """Keep why it could not be done; return whether the job was still the runner's own."""
        return self._end(uid, runner, Event.FAIL, now=now, why=why)

    def _end(self, uid: str, runner: str, event: Event, *, now: datetime, **values: Any) -> bool:
        with self._database.writing() as connection:
            job = _with_key(connection, uid)
            if job.runner != runner or job.state is not State.RUNNING:
                return False
            over = _let_go(job, state=after(job.state, event), ended_utc=now)
            _put(connection, replace(over, **values))
        return True

    def lose(self, *, of: str, now: datetime) -> tuple[Job, ...]:
        """Interrupt what runners whose names begin with `of`, known to be dead, were running."""
        with self._database.writing() as connection:
            return tuple(_lose(connection, job, now) for job in _running(connection, of))

    def lay_down(self, runner: str) -> tuple[Job, ...]:
        """Interrupt what a runner that stops of its own will was running; it counts as no try."""
        with self._database.writing() as connection:
            return tuple(
                _put(connection, replace(_interrupted(job), tries=job.tries - 1))
                for job in _running(connection, runner)
            )

    # ------------------------------------------------------------------ reading

    def all(self, *, most: int | None = None) -> tuple[Job, ...]:
        """Return every job, or so many of them, the one asked for last first."""
        latest = select(JOBS).order_by(JOBS.c.created_utc.desc(), JOBS.c.fid.desc()).limit(most)
        with self._database.reading() as connection:
            rows = connection.execute(latest).mappings()
            return tuple(job for job in map(job_of, rows) if job is not None)

    def one(self, uid: str) -> Job:
        """Return the job with this key.

        Raises
        ------
        NotFound
            When there is none.
        """
        with self._database.reading() as connection:
            return _with_key(connection, uid)


def _jobs(connection: Connection) -> Sequence[Job]:
    rows = connection.execute(select(JOBS).order_by(JOBS.c.created_utc, JOBS.c.fid)).mappings()
    return [job for job in map(job_of, rows) if job is not None]


def _with_key(connection: Connection, uid: str) -> Job:
    found = connection.execute(select(JOBS).where(JOBS.c.uid == uid)).mappings().first()
    job = job_of(found) if found is not None and uid else None
    if job is None:
        raise NotFound("error.no_job")
    return job


def _put(connection: Connection, job: Job) -> Job:
    connection.execute(JOBS.update().where(JOBS.c.uid == job.uid).values(row_of(job)))
    return job


def _let_go(job: Job, *, state: State, ended_utc: datetime | None) -> Job:
    return replace(job, state=state, ended_utc=ended_utc, runner="", lease_utc=None)


def _lose(connection: Connection, job: Job, now: datetime) -> Job:
    """Interrupt a job whose runner is dead; fail it when too many died of it."""
    if job.tries >= MOST_TRIES:
        why = Message.of("error.job_interrupted_often", tries=job.tries)
        over = _let_go(job, state=after(job.state, Event.FAIL), ended_utc=now)
        return _put(connection, replace(over, why=why))
    return _put(connection, _interrupted(job))


def _interrupted(job: Job) -> Job:
    return _let_go(job, state=after(job.state, Event.LOSE), ended_utc=None)


def _running(connection: Connection, of: str) -> Sequence[Job]:
    jobs = _jobs(connection)
    return [job for job in jobs if job.state is State.RUNNING and job.runner.startswith(of)]


def _forget_old(connection: Connection) -> None:
    over = [job.uid for job in _jobs(connection) if job.state not in OPEN]
    for uid in over[:-KEPT]:
        connection.execute(JOBS.delete().where(JOBS.c.uid == uid))
