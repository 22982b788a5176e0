"""The values of a flight: its phases, what can happen, what is ordered, and where it stands.

`missions.flight.steps` holds the rules that join them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto

from agri.errors import AgriError
from agri.findings import Finding
from missions.flight.watching import Watched
from missions.flightplan import FlightPlan
from missions.wire.commands import Parameter
from missions.wire.delivery import Verified
from missions.wire.sightings import Sighting, VehicleIdentity
from missions.wire.telemetry import PumpServo, Telemetry

UNSEEN, UNWATCHED = Telemetry(), Watched()


class Phase(Enum):
    """Where a flight stands."""

    IDENTIFY = auto()
    READ = auto()
    READY = auto()
    UPLOAD = auto()
    CONFIRM = auto()
    PROVE = auto()
    GUIDED = auto()
    ARM = auto()
    AUTO = auto()
    START = auto()
    WATCH = auto()
    GIVE_UP = auto()
    LANDED = auto()
    ABORTED = auto()
    LOST = auto()
    REFUSED = auto()


ENDS = frozenset({Phase.LANDED, Phase.ABORTED, Phase.LOST, Phase.REFUSED})


class Order(Enum):
    """What the link is to do next."""

    IDENTIFY = auto()
    READ = auto()
    UPLOAD = auto()
    CONFIRM = auto()
    PROVE = auto()
    GUIDED = auto()
    ARM = auto()
    AUTO = auto()
    START = auto()
    HOLD = auto()
    RETURN = auto()
    SPRAYER_OFF = auto()
    DISARM = auto()


AT_ANY_TIME = frozenset({Order.HOLD, Order.RETURN, Order.SPRAYER_OFF, Order.DISARM})
"""Orders that are carried out whatever the flight waits for; any other only while it does. (An
aircraft that flies refuses to switch its motors off, and is never forced.)"""


@dataclass(frozen=True, slots=True)
class Begin:
    """The flight is asked for."""


@dataclass(frozen=True, slots=True)
class Identified:
    """The aircraft said what it is."""

    identity: VehicleIdentity


@dataclass(frozen=True, slots=True)
class Read:
    """The parameters were read; `pump` is where a spray plan's pump was found, `trust` what was
    found of the link.
    """

    parameters: tuple[Parameter, ...]
    pump: PumpServo | None = None
    trust: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Proved:
    """A delivery, or a new comparison, proved what is on board."""

    proof: Verified


@dataclass(frozen=True, slots=True)
class Answered:
    """A person looked at the findings and said yes or no."""

    yes: bool


@dataclass(frozen=True, slots=True)
class Did:
    """An order was carried out and confirmed by the aircraft's state."""

    order: Order


@dataclass(frozen=True, slots=True)
class Failed:
    """An order could not be carried out."""

    order: Order
    error: AgriError


@dataclass(frozen=True, slots=True)
class Saw:
    """Something was seen; `rate` is how many times faster than ours the aircraft's clock runs."""

    sighting: Sighting
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed; the aircraft has been silent for so long (in its time)."""

    silence_s: float


@dataclass(frozen=True, slots=True)
class Gone:
    """The connection itself broke."""


Event = Begin | Identified | Read | Proved | Answered | Did | Failed | Saw | Tick | Gone


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightState:
    """A flight at one moment.

    Parameters
    ----------
    plan : FlightPlan
        What is flown.
    phase : Phase
        Where it stands.
    findings : tuple of Finding
        What the plan's and the aircraft's checks found so far.
    identity : VehicleIdentity or None
        What aircraft it is.
    parameters : tuple of Parameter
        What was read of it.
    proof : Verified or None
        What is proved to be on board.
    proved_again : bool
        Whether it was proved once more after a person's yes.
    confirmed_s : float
        When a person last said yes, on our clock; −inf when it does not count any more.
    pending : Order or None
        The order whose answer is waited for.
    starts : int
        How often MISSION_START was ordered.
    seen : Telemetry
        The aircraft when it was last seen.
    ready_from_s : float or None
        The aircraft's clock when waiting for its checks began.
    again_s : float
        When MISSION_START is ordered again.
    gap : bool
        Whether the link was broken since a person last said yes.
    watched : Watched
        What the watch remembers.
    silent : int
        How far the present silence was told: 0 not, 1 shown, 2 failsafe expected.
    silent_from_s : float
        Our clock since when the present silence is listened to; inf when there is none.
    failure : AgriError or None
        Why it ended on the ground.
    stopped : bool
        Whether a person stopped the launch before it flew.
    """

    plan: FlightPlan
    phase: Phase = Phase.IDENTIFY
    findings: tuple[Finding, ...] = ()
    identity: VehicleIdentity | None = None
    parameters: tuple[Parameter, ...] = ()
    proof: Verified | None = None
    proved_again: bool = False
    confirmed_s: float = -math.inf
    pending: Order | None = None
    starts: int = 0
    seen: Telemetry = UNSEEN
    ready_from_s: float | None = None
    again_s: float = math.inf
    gap: bool = False
    watched: Watched = UNWATCHED
    silent: int = 0
    silent_from_s: float = math.inf
    failure: AgriError | None = None
    stopped: bool = False

    @property
    def over(self) -> bool:
        """Whether the flight has ended."""
        return self.phase in ENDS

    @property
    def flown(self) -> bool:
        """Whether it ever left the ground."""
        return self.watched.airborne
