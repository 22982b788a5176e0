"""The season under way: the farm, its calendar, and what the steps have found so far.

Theory of operation. A step is given this one value, does its work with the operations that the
commands call, and leaves what later steps need. The days are the calendar's of a PH40 season
(`agri/crops/vai_ph40.toml`): photographed when fruit has set, sprayed, photographed again, counted,
forecast, picked. Flights are in the simulator: their papers are not asked for, and nobody stands
under them, so the yes before arming is given by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from agri.errors import Refused
from agri.field import Field
from agri.findings import Finding, blocks
from agri.operations.counting import Sample
from agri.operations.demonstration.world import World
from agri.operations.fly import Flown, Pilot, fly_plan
from agri.operations.forecast import Forecast
from agri.operations.maps.change import FoundChange
from agri.operations.maps.indices import MadeIndices
from agri.operations.maps.shelf import Shelf
from agri.operations.maps.trees import FoundTrees
from agri.operations.maps.zones import MadeRates, MadeZones
from agri.operations.planning import PlannedFlight
from agri.operations.report import Facts
from agri.words import Language
from agri.workspace import Workspace

SURVEYED, SPRAYED, AGAIN = date(2026, 3, 14), date(2026, 3, 16), date(2026, 4, 6)
COUNTED, PICKED, NEXT = date(2026, 4, 8), date(2026, 5, 10), date(2026, 6, 1)
MORNING_UTC = timedelta(hours=1, minutes=30)
"""Half past eight in Vietnam."""
BY = "Nguyễn Thị Lan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a step shows when it is done.

    Parameters
    ----------
    facts : sequence of (str, str)
        Label and value.
    pictures : tuple of Path
        PNG files.
    files : tuple of Path
        Others that a reader may open.
    findings : tuple of Finding
        What it told.
    """

    facts: Facts = field(default_factory=list)
    pictures: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True, kw_only=True)
class Season:
    """The farm and what is known of it so far; every step adds to it.

    Parameters
    ----------
    farm : Workspace
        Open.
    world : World
        The land under it.
    language : {"vi", "en"}
        Of pictures and pages.
    speedup : float
        How much faster than the clock the simulator flies.
    flown : list of Flown
        Every flight, in order, also those that broke off.
    surveys : dict
        The flight that photographed it whole, by its name.
    cards, mosaics : dict
        Folders of photos, and maps made of them, by the flight's name.
    indices : dict
        Maps of indices, by the flight's name.
    """

    farm: Workspace
    world: World
    language: Language
    speedup: float
    orchard: Field
    paddy: Field
    flown: list[Flown] = field(default_factory=list)
    surveys: dict[str, Flown] = field(default_factory=dict)
    cards: dict[str, Path] = field(default_factory=dict)
    mosaics: dict[str, Path] = field(default_factory=dict)
    indices: dict[str, MadeIndices] = field(default_factory=dict)
    trees: FoundTrees | None = None
    zones: MadeZones | None = None
    rates: dict[str, MadeRates] = field(default_factory=dict)
    change: FoundChange | None = None
    sample: Sample | None = None
    forecast: Forecast | None = None
    features: Path | None = None

    @property
    def shelf(self) -> Shelf:
        """Where products go."""
        return Shelf.of(None, self.farm, self.language)

    def fly(self, planned: PlannedFlight, day: date, *, pilot: Pilot | None = None) -> Flown:
        """Fly a plan on a morning in the simulator, and keep its record.

        Raises
        ------
        Refused
            When a check forbids it.
        """
        forbid_blocked(planned.plan.name, planned.findings)
        now = morning(day) + timedelta(minutes=20 * len(self.flown))
        made = fly_plan(
            self.farm, planned.plan, planned.record, connect="sim", pilot=pilot or ready(),
            language=self.language, now=now, speedup=self.speedup, clock=lambda: now,
        )  # fmt: skip
        self.flown.append(made)
        return made


def morning(day: date) -> datetime:
    """Return when flights of a day begin."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + MORNING_UTC


def ready() -> Pilot:
    """Return a pilot who says yes to everything and orders nothing."""
    return Pilot(
        may_set=lambda _: True,
        may_arm=lambda _: True,
        on_link=lambda _: None,
        on_progress=lambda _: None,
    )


def forbid_blocked(name: str, findings: Sequence[Finding]) -> None:
    """Refuse a plan that a finding blocks.

    Raises
    ------
    Refused
        With the finding's words.
    """
    if blocks(findings):
        worst = next(one for one in findings if blocks([one]))
        raise Refused("error.fly_blocked", plan=name, finding=worst.message)


Step = Callable[[Season], Done]
