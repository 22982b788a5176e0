"""Named hazards and the end each must come to: one list for both simulated aircraft.

A `Scenario` is data. It says *when* something is done (before a launch, during the upload, after
the last yes, or in the middle of a sprayed line), *what* (a `Deed`, told as both vehicles
understand it: a parameter that is set, an order, a silence; only what breaks inside tank and hose
is the embedded vehicle's alone) and *how it must end*: in which mode and where, whether the pump
rests and stays at rest, whether the fence is kept, what is heard. Who flies it stands elsewhere:
this room knows neither a ground station's program nor a plan.

Both vehicles are set to `SPRAYING` before, with a rule on board that keeps the sprayer off away
from its lines (`sitl.spray_guard`, or a script), and fly a plan that ends with DO_LAND_START.

**What is counted.** The pump's time runs from the deed, or, where the vehicle cannot know at once
(a silence, a charge, a place that drifts), from its own word that it knows (`Scenario.notice`), or
the station's (`Scenario.noted`: one gust must not stop a flight, so a wind is judged over seconds);
how long that word may take is part of the scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from sitl.faults import FaultKind
from sitl.modes import Mode

SET_MODE = 176
OWN_STATION, OTHER_STATION = 255, 254
STILL_S = 1.5
"""How soon the pump must rest."""
SPRAYING: Mapping[str, float] = MappingProxyType(
    {
        "SPRAY_ENABLE": 1.0, "SERVO9_FUNCTION": 22.0, "SPRAY_PUMP_RATE": 10.0,
        "WPNAV_SPEED": 500.0, "RTL_ALT": 1500.0,
        "FS_THR_ENABLE": 6.0, "FS_GCS_ENABLE": 6.0, "FS_GCS_TIMEOUT": 5.0, "FS_OPTIONS": 16.0,
        "BATT_CAPACITY": 60000.0, "BATT_FS_LOW_ACT": 6.0, "BATT_FS_CRT_ACT": 1.0,
        "BATT_CRT_VOLT": 10.2,
        "FENCE_ENABLE": 1.0, "FENCE_TYPE": 5.0, "FENCE_ACTION": 4.0, "FENCE_ALT_MAX": 50.0,
        "EK3_DRAG_BCOEF_X": 17.209, "EK3_DRAG_BCOEF_Y": 17.209, "EK3_DRAG_MCOEF": 0.209,
        "SIM_WIND_T": 1.0,
    }
)  # fmt: skip
"""How an aircraft is set that is to spray: every failsafe on, the fence brakes, the wind estimated
(the drag is that of ArduPilot's simulated quadcopter). The simulated wind is the same at every
height: by default the real simulator has 29 % of it at 5 m."""


class When(StrEnum):
    """At which moment the deed is done."""

    CONNECTED = "connected"
    """Before anything else: what is wrong is wrong with the aircraft itself."""
    UPLOADING = "uploading"
    CONFIRMED = "confirmed"
    """After the plan was proved on board, while the last yes is waited for."""
    SPRAYING = "spraying"
    """In the middle of a line, the pump turning."""


class Ending(StrEnum):
    """Where the aircraft is at the end."""

    GROUND = "ground"
    """Never armed."""
    PAD = "pad"
    """Landed where it took off, sent there by what happened."""
    FLOWN = "flown"
    """Landed where it took off, as its mission says."""
    BELOW = "below"
    """Landed near where it was."""
    AWAY = "away"
    """Landed, but not where it took off."""
    HOLDS = "holds"
    """Stands in the air and waits for a person."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter is set on the flying vehicle, SIM_… ones too."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Order:
    """A command comes, by default from nowhere agri knows of: a pilot's switch."""

    command: int
    params: tuple[float, ...]
    system: int = OWN_STATION


@dataclass(frozen=True, slots=True)
class GoTo:
    """The mission goes on with its first item of this command."""

    command: int


@dataclass(frozen=True, slots=True)
class Silence:
    """The ground station is heard no more; `ended` when its program does not run any more."""

    ended: bool


@dataclass(frozen=True, slots=True)
class Breaks:
    """A part of tank, pump or nozzles breaks: the embedded vehicle's alone."""

    kind: FaultKind
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Empties:
    """The tank has given all that was in it."""


@dataclass(frozen=True, slots=True)
class MovesHome:
    """Home is set to another place, metres from the old one."""

    east_m: float
    north_m: float


@dataclass(frozen=True, slots=True)
class Replaces:
    """Another station puts another mission on board: all of it another, or one item moved."""

    whole: bool


@dataclass(frozen=True, slots=True)
class Fitted:
    """The aircraft is another than the plan is for: its parameters, and what it says it is."""

    parameters: tuple[tuple[str, float], ...] = ()
    personality: str = "copter"


@dataclass(frozen=True, slots=True)
class Cut:
    """From now on nothing crosses the link, either way."""


Deed = Setting | Order | GoTo | Silence | Breaks | Empties | MovesHome | Replaces | Fitted | Cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One hazard.

    Parameters
    ----------
    name : str
        What happens, in a few words.
    deed : Deed
        What is done to the vehicle.
    when : When
        At which moment.
    ending : Ending
        Where the aircraft must be at the end.
    modes : frozenset of Mode
        In which of these modes it must be then, or have been until it landed.
    still_s : float or None
        How soon the pump must rest, and from when on it must stay so; None where the plan goes on.
    notice : str
        Words by which the vehicle shows that it knows; empty when it knows at once.
    noted : str
        Key of what a ground station that watches writes down when it knows, where the vehicle
        itself does not act; empty when the vehicle's own word counts.
    notice_s : float
        How long after the deed that word may come.
    fence_kept : bool or None
        Whether no fence is crossed; None where nobody can promise it.
    heard : tuple of str
        What the vehicle must have said, in part.
    told : tuple of str
        Keys of what a ground station that watches must have written down, or refused with.
    real : bool
        Whether it can be done to a real ArduCopter.
    """

    name: str
    deed: Deed
    ending: Ending
    when: When = When.SPRAYING
    modes: frozenset[Mode] = frozenset()
    still_s: float | None = STILL_S
    notice: str = ""
    noted: str = ""
    notice_s: float = 0.0
    fence_kept: bool | None = True
    heard: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    real: bool = True


_AUTO, _HOME = frozenset({Mode.AUTO}), frozenset({Mode.AUTO_RTL})


def _mode(mode: Mode, system: int = OWN_STATION) -> Order:
    return Order(SET_MODE, (1.0, float(mode)), system)


def _battery(name: str, level: str, ending: Ending, modes: frozenset[Mode]) -> Scenario:
    said = f"Battery 1 is {'low' if level == 'LOW' else 'critical'}"
    return Scenario(
        name=name, deed=Setting(f"BATT_{level}_MAH", 59999.0), ending=ending, modes=modes,
        notice=said, notice_s=12.0, heard=(said,),
    )  # fmt: skip


IN_FLIGHT: tuple[Scenario, ...] = (
    Scenario(
        name="GCS loss", deed=Silence(ended=False), ending=Ending.PAD, modes=_HOME,
        notice="GCS Failsafe", notice_s=6.5, heard=("GCS Failsafe",),
    ),
    Scenario(
        name="agri killed", deed=Silence(ended=True), ending=Ending.PAD, modes=_HOME,
        notice="GCS Failsafe", notice_s=6.5, heard=("GCS Failsafe",),
    ),
    Scenario(
        name="RC loss", deed=Setting("SIM_RC_FAIL", 1.0), ending=Ending.PAD, modes=_HOME,
        notice="Radio Failsafe", notice_s=2.0, heard=("Radio Failsafe",),
        told=("event.taken_over",),
    ),
    _battery("low battery", "LOW", Ending.PAD, _HOME),
    _battery("critical battery", "CRT", Ending.BELOW, frozenset({Mode.LAND})),
    Scenario(
        name="fence breach", deed=Setting("FENCE_ALT_MAX", 4.0), ending=Ending.HOLDS,
        modes=frozenset({Mode.BRAKE}), fence_kept=False, heard=("breached",),
        told=("event.fence_breached",),
    ),
    Scenario(
        name="GPS glitch", deed=Setting("SIM_GPS_DISABLE", 1.0), ending=Ending.AWAY,
        modes=frozenset({Mode.LAND}), fence_kept=None,
        heard=("EKF Failsafe",), told=("event.position_bad",),
    ),
    Scenario(
        name="pilot RTL", deed=_mode(Mode.RTL), ending=Ending.PAD, modes=frozenset({Mode.RTL}),
        told=("event.taken_over",),
    ),
    Scenario(
        name="pilot LOITER", deed=_mode(Mode.LOITER), ending=Ending.BELOW,
        modes=frozenset({Mode.LOITER}), told=("event.taken_over",),
    ),
    Scenario(
        name="brake", deed=_mode(Mode.BRAKE), ending=Ending.HOLDS,
        modes=frozenset({Mode.BRAKE}), told=("event.taken_over",),
    ),
    Scenario(name="mission end", deed=GoTo(20), ending=Ending.FLOWN, modes=_AUTO),
    Scenario(
        name="empty tank", deed=Empties(), ending=Ending.HOLDS, modes=frozenset({Mode.BRAKE}),
        told=("event.tank_empty",),
    ),
    Scenario(
        name="blocked nozzle", deed=Breaks(FaultKind.NOZZLES_BLOCKED, 0.5), still_s=None,
        ending=Ending.FLOWN, modes=_AUTO, real=False,
    ),
    Scenario(
        name="wind over limit", deed=Setting("SIM_WIND_SPD", 9.0), ending=Ending.HOLDS,
        modes=frozenset({Mode.BRAKE}), noted="event.wind_over", notice_s=16.0,
        told=("event.wind_over",),
    ),
    Scenario(
        name="second GCS", deed=_mode(Mode.RTL, OTHER_STATION), ending=Ending.PAD,
        modes=frozenset({Mode.RTL}), told=("event.taken_over",),
    ),
    Scenario(
        name="home moved", deed=MovesHome(30.0, -20.0), still_s=None, ending=Ending.HOLDS,
        modes=frozenset({Mode.BRAKE}), noted="event.home_held", notice_s=90.0,
        told=("event.home_moved", "event.home_held"),
    ),
)  # fmt: skip
"""What happens over the field. Without its GPS a real ArduCopter turns home by dead reckoning after
some 10 s, and at some moments says only after 42 that its estimator failed; by then it may have
drifted over its fence. So the pump's time runs from the loss itself: the rule on board looks at the
receiver, and does not wait for that word. Nothing aboard measures a nozzle's flow: a blocked one is
flown to the end, within the fence."""

ON_THE_GROUND: tuple[Scenario, ...] = (
    Scenario(name="link lost mid-upload", deed=Cut(), when=When.UPLOADING, ending=Ending.GROUND),
    Scenario(
        name="wrong vehicle", deed=Fitted(personality="plane"), when=When.CONNECTED,
        ending=Ending.GROUND, told=("finding.not_a_copter",), real=False,
    ),
    Scenario(
        name="firmware without sprayer",
        deed=Fitted((("SPRAY_ENABLE", 0.0), ("SERVO9_FUNCTION", 0.0))), when=When.CONNECTED,
        ending=Ending.GROUND, told=("finding.spray_no_pump",),
    ),
    Scenario(
        name="stale mission", deed=Replaces(whole=True), when=When.CONFIRMED,
        ending=Ending.GROUND,
    ),
    Scenario(
        name="mission altered on board", deed=Replaces(whole=False), when=When.CONFIRMED,
        ending=Ending.GROUND,
    ),
)  # fmt: skip
"""What must never leave the ground."""

SCENARIOS: tuple[Scenario, ...] = (*IN_FLIGHT, *ON_THE_GROUND)
