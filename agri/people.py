"""The people of a farm and what each may do in the app; and what an adviser said of a plan.

Theory of operation. A person has one role. A role is a set of powers, and every page and command of
the app asks for one power (`agri.web.rights`); what is not allowed by a table is not allowed.

======== ========================================================================
viewer   looks
planner  looks, draws fields, plans flights
agent    looks, plans, and approves plans or sends them back: the extension agent
pilot    looks, plans, and flies
owner    all of it, and says who the others are
======== ========================================================================

Who may fly or rule is asked for the password again after a quarter of an hour without a sign of
life; who only looks and plans, after a working day. Here are values; the farm keeps them
(`agri.workspace`), the app checks passwords.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from agri.errors import BadInput
from agri.names import clean, label

LONGEST_NAME = 80
LONGEST_REMARK = 1000


class Power(StrEnum):
    """What somebody may do."""

    LOOK = "look"
    PLAN = "plan"
    REVIEW = "review"
    FLY = "fly"
    RULE = "rule"


class Role(StrEnum):
    """What somebody is in the farm."""

    VIEWER = "viewer"
    PLANNER = "planner"
    AGENT = "agent"
    PILOT = "pilot"
    OWNER = "owner"

    @property
    def powers(self) -> frozenset[Power]:
        """What this role may do.

        Examples
        --------
        >>> sorted(Role.AGENT.powers)
        [<Power.LOOK: 'look'>, <Power.PLAN: 'plan'>, <Power.REVIEW: 'review'>]
        """
        return POWERS[self]

    @property
    def idle(self) -> timedelta:
        """How long a session of this role lives without a sign of life."""
        return IDLE_FLYING if self.powers & {Power.FLY, Power.RULE} else IDLE


POWERS: dict[Role, frozenset[Power]] = {
    Role.VIEWER: frozenset({Power.LOOK}),
    Role.PLANNER: frozenset({Power.LOOK, Power.PLAN}),
    Role.AGENT: frozenset({Power.LOOK, Power.PLAN, Power.REVIEW}),
    Role.PILOT: frozenset({Power.LOOK, Power.PLAN, Power.FLY}),
    Role.OWNER: frozenset(Power),
}
IDLE_FLYING = timedelta(minutes=15)
IDLE = timedelta(hours=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadToken:
    """What lets a program of somebody's read the farm, and do nothing else.

    Parameters
    ----------
    person_uid : str
        Whose.
    name : str
        What it is for.
    digest : str
        SHA-256 of the token, in hex; the token itself is kept nowhere.
    created_utc : datetime
        When it was made.
    uid : str
        The farm's stable key; "" until stored.

    Raises
    ------
    BadInput
        When it has no name, or the digest is none.
    """

    person_uid: str
    name: str
    digest: str
    created_utc: datetime
    uid: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", label(self.name)[:LONGEST_NAME])
        if not self.name:
            raise BadInput("error.token_without_name")
        if len(self.digest) != 64 or set(self.digest) - set("0123456789abcdef"):
            raise BadInput("error.token_digest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may sign in.

    Parameters
    ----------
    name : str
        What they type to sign in; unique in the farm, however it is cased.
    role : Role
        What they are.
    password_hash : str
        What the app keeps of the password, never the password; not shown when printed.
    created_utc : datetime
        Since when, with its time zone.
    uid : str
        The farm's stable key, "" until stored.

    Raises
    ------
    BadInput
        When the name is empty, too long, or of more than one line.
    """

    name: str
    role: Role
    password_hash: str = field(repr=False)
    created_utc: datetime
    uid: str = ""

    def __post_init__(self) -> None:
        name = clean(self.name)
        object.__setattr__(self, "name", label(name))
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise BadInput("error.person_name", longest=LONGEST_NAME)


class Verdict(StrEnum):
    """What an adviser says of a plan."""

    APPROVED = "approved"
    SENT_BACK = "sent_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What an adviser said of one plan; a later one of the same plan stands in front.

    Parameters
    ----------
    plan_uid, plan_digest : str
        The plan, and what exactly was looked at: a plan made anew was not.
    verdict : Verdict
        Approved or sent back.
    remark : str
        Why, in words; who sends a plan back must say why.
    by : str
        The person's name.
    at_utc : datetime
        When, with its time zone.
    uid : str
        The farm's stable key, "" until stored.

    Raises
    ------
    BadInput
        When a plan is sent back without a word, or the remark is too long.
    """

    plan_uid: str
    plan_digest: str
    verdict: Verdict
    remark: str
    by: str
    at_utc: datetime
    uid: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "remark", clean(self.remark))
        if len(self.remark) > LONGEST_REMARK:
            raise BadInput("error.remark_long", longest=LONGEST_REMARK)
        if self.verdict is Verdict.SENT_BACK and not self.remark:
            raise BadInput("error.review_without_reason")

    def says_as(self, other: Review) -> bool:
        """Return whether this is the same word of the same person, as of a button hit twice."""
        return (self.plan_digest, self.verdict, self.remark, self.by) == (
            other.plan_digest, other.verdict, other.remark, other.by,
        )  # fmt: skip
