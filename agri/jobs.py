"""Work that goes on in the background: what was asked, how far it is, what came out.

Theory of operation. A job is a row of the farm's table of jobs. What may follow what is one table,
`NEXT`: state × event → state; anything else is refused. Here are values alone, and no clock; the
farm keeps them (`agri.workspace.jobbook`), `agri.operations.jobs` does the work.

=========== =============================================================
queued      waits for its turn
running     a runner has claimed it and says every few seconds that it lives
interrupted its runner died; the job runs again when its turn comes
done        it came to its end
failed      it could not be done; a sentence says why
cancelled   somebody stopped it
=========== =============================================================

A runner holds a job by a lease: it says until when it will have been heard again. Whoever is not
heard in time is taken for dead, and its job is interrupted; a job of which `MOST_TRIES` runners
died is failed instead, for it may be what kills them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from agri.errors import BadInput, Refused
from agri.findings import Finding
from agri.words import Message

LEASE = timedelta(seconds=30)
"""How long a runner may be silent."""
MOST_TRIES = 3
LONGEST_OPTION = 2_000
MOST_OPTIONS = 20


class Kind(StrEnum):
    """What is done."""

    PHOTOS = "photos"
    MOSAIC = "mosaic"
    ORTHO = "ortho"
    INDEX = "index"
    ZONAL = "zonal"
    TREES = "trees"
    ZONES = "zones"
    FORECAST = "forecast"
    BOUNDARIES = "boundaries"


class State(StrEnum):
    """How a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class Event(StrEnum):
    """What may happen to a job."""

    CLAIM = "claim"
    FINISH = "finish"
    FAIL = "fail"
    LOSE = "lose"
    CANCEL = "cancel"
    AGAIN = "again"


NEXT: Mapping[tuple[State, Event], State] = {
    (State.QUEUED, Event.CLAIM): State.RUNNING,
    (State.INTERRUPTED, Event.CLAIM): State.RUNNING,
    (State.RUNNING, Event.FINISH): State.DONE,
    (State.RUNNING, Event.FAIL): State.FAILED,
    (State.RUNNING, Event.LOSE): State.INTERRUPTED,
    (State.QUEUED, Event.CANCEL): State.CANCELLED,
    (State.INTERRUPTED, Event.CANCEL): State.CANCELLED,
    (State.RUNNING, Event.CANCEL): State.CANCELLED,
    (State.DONE, Event.AGAIN): State.QUEUED,
    (State.FAILED, Event.AGAIN): State.QUEUED,
    (State.CANCELLED, Event.AGAIN): State.QUEUED,
}
WAITING = frozenset({State.QUEUED, State.INTERRUPTED})
OPEN = WAITING | {State.RUNNING}


def after(state: State, event: Event) -> State:
    """Return the state that follows.

    Raises
    ------
    Refused
        When the event cannot happen in this state.

    Examples
    --------
    >>> after(State.QUEUED, Event.CLAIM)
    <State.RUNNING: 'running'>
    >>> after(State.DONE, Event.CANCEL)
    Traceback (most recent call last):
    ...
    agri.errors.Refused: This job is over; it cannot be stopped any more.
    """
    found = NEXT.get((state, event))
    if found is None:
        raise Refused("error.job_over" if event is Event.CANCEL else "error.job_not_over")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked.

    Parameters
    ----------
    kind : Kind
        What is to be done.
    field_uid : str
        The field it is for, "" for none.
    source : str
        What it is made of: a product's name in the catalogue, or an upload's key.
    options : tuple of (str, str)
        Choices by name, sorted.

    Raises
    ------
    BadInput
        When there are too many options or one is too long.
    """

    kind: Kind
    field_uid: str = ""
    source: str = ""
    options: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(sorted(self.options)))
        texts = [self.field_uid, self.source, *(text for pair in self.options for text in pair)]
        if len(self.options) > MOST_OPTIONS or max(map(len, texts)) > LONGEST_OPTION:
            raise BadInput("error.job_options")

    def option(self, name: str) -> str:
        """Return a choice, "" when it was not made.

        Examples
        --------
        >>> Asked(kind=Kind.INDEX, options=(("indices", "ndvi"),)).option("indices")
        'ndvi'
        """
        return dict(self.options).get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came out.

    Parameters
    ----------
    products : tuple of str
        Names in the farm's catalogue.
    files : tuple of str
        Files made, relative to the farm's folder.
    facts : tuple of (str, str)
        Label and value, in the language of who asked.
    findings : tuple of Finding
        What a reader should know.
    fields : tuple of str
        Keys of fields that were added.
    """

    products: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as the farm keeps it.

    Parameters
    ----------
    uid : str
        Its stable key.
    asked : Asked
        What was asked.
    by : str
        By whom.
    language : str
        "vi" or "en": of facts, tables and pictures.
    state : State
        How it stands.
    share : float
        Of the work done, 0 to 1.
    tries : int
        Runners that have claimed it since it was asked for.
    created_utc : datetime
        When it was asked for.
    started_utc, ended_utc : datetime or None
        When a runner last claimed it, and when it was over.
    runner : str
        Who runs it, "" for nobody.
    lease_utc : datetime or None
        Until when the runner will have been heard again.
    result : Result
        What came out.
    why : Message or None
        Why it could not be done.
    """

    uid: str
    asked: Asked
    by: str
    language: str
    state: State
    created_utc: datetime
    share: float = 0.0
    tries: int = 0
    started_utc: datetime | None = None
    ended_utc: datetime | None = None
    runner: str = ""
    lease_utc: datetime | None = None
    result: Result = field(default_factory=Result)
    why: Message | None = None

    def lost(self, now: datetime) -> bool:
        """Return whether its runner is to be taken for dead."""
        return self.state is State.RUNNING and (self.lease_utc is None or self.lease_utc < now)
