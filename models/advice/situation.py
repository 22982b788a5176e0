"""All that advice is judged by: the stage, the weather, what was done, what the labels say.

Theory of operation. A `Situation` is put together by whoever has the farm's book, a forecast and a
clock; nothing here reads any of them. What is not known is None or absent, and every rule that
needs it says so instead of guessing. The stage is never one number but chances for each day
(`StageView`), because a bloom that may have begun is a bloom for the bees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar

from agri.advising import AdviceRule, AdviceRules
from agri.crop import CropCard
from agri.errors import BadInput
from agri.field_records import Bloom, Count, Harvest, Record, SprayRecord
from agri.geo import LonLat
from agri.labels import Label
from agri.names import fold
from agri.weather.series import Days, Hours
from models.advice.air import AirLimits
from models.advice.outcome import WEEK_DAYS
from models.phenology.season import SeasonOutlook, Window

R = TypeVar("R", bound=Record)
LOOK_AHEAD_DAYS = 21
"""Days after today for which the chances of stages are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageView:
    """Chances of stages on the days to come.

    Parameters
    ----------
    first : date
        The first day.
    chances : tuple of tuple of (int, float)
        For each day the BBCH stages and their chances; −1 stands for "not begun".
    starts : tuple of (int, Window)
        When each stage begins, as far as it is known.
    harvest : Window or None
        When the crop is ripe; None when not known.
    """

    first: date
    chances: tuple[tuple[tuple[int, float], ...], ...]
    starts: tuple[tuple[int, Window], ...] = ()
    harvest: Window | None = None

    def chance(self, day: date, from_bbch: int, to_bbch: int) -> float | None:
        """Return the chance of standing at one of these stages on a day; None when not known."""
        place = (day - self.first).days
        if not 0 <= place < len(self.chances):
            return None
        return sum(chance for stage, chance in self.chances[place] if from_bbch <= stage < to_bbch)

    def start(self, bbch: int) -> Window | None:
        """Return when a stage begins; None when not known."""
        return next((window for stage, window in self.starts if stage == bbch), None)

    def likely(self, day: date) -> int | None:
        """Return the likeliest stage on a day; None when not known."""
        place = (day - self.first).days
        if not 0 <= place < len(self.chances):
            return None
        return max(self.chances[place], key=lambda pair: pair[1])[0]


def stage_view(outlook: SeasonOutlook, today: date) -> StageView:
    """Return the chances of a season's stages from a day on."""
    starts = []
    for stage in outlook.stages:
        try:
            starts.append((stage, outlook.when(stage)))
        except BadInput:
            continue
    known = dict(starts)
    return StageView(
        first=today, starts=tuple(starts), harvest=known.get(outlook.stages[-1]),
        chances=tuple(outlook.chances(today + timedelta(days=ahead))
                      for ahead in range(LOOK_AHEAD_DAYS + 1)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a field is thought to bear.

    Parameters
    ----------
    low_kg, kg, high_kg : float
        Low ≤ middle ≤ high.
    source : str
        Who says so.
    """

    low_kg: float
    kg: float
    high_kg: float
    source: str = ""

    def __post_init__(self) -> None:
        if not 0.0 <= self.low_kg <= self.kg <= self.high_kg <= 1e8:
            raise BadInput("error.advice_forecast", low=self.low_kg, middle=self.kg,
                           high=self.high_kg)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Situation:
    """A field on a day.

    Parameters
    ----------
    card : CropCard
        What grows.
    today : date
        The first day of the week advised on.
    now : datetime or None
        Hours before it are not offered; None for the whole of today.
    rules : AdviceRules
        By which it is judged.
    limits : AirLimits
        Of wind and air for spraying.
    stages : StageView or None
        None when no weather told the stage.
    hours : Hours or None
        Past and forecast hours.
    water_days : Days or None
        Past and forecast days, for the balance of water.
    place : LonLat or None
        Of the field.
    labels : tuple of Label
        Entered by the user.
    records : tuple of Record
        Of this field, as they stand.
    age_years, trees, area_m2 : float or None
        Of the orchard.
    forecast : Forecast or None
        Of the yield.
    harvested_on : date or None
        When the harvest was over; None while it is to come.
    dose : float or None
        What the user means to spray, in the label's unit; None to follow the label.
    """

    card: CropCard
    today: date
    rules: AdviceRules
    limits: AirLimits
    now: datetime | None = None
    stages: StageView | None = None
    hours: Hours | None = None
    water_days: Days | None = None
    place: LonLat | None = None
    labels: tuple[Label, ...] = ()
    records: tuple[Record, ...] = field(default=())
    age_years: float | None = None
    trees: float | None = None
    area_m2: float | None = None
    forecast: Forecast | None = None
    harvested_on: date | None = None
    dose: float | None = None

    @property
    def week(self) -> tuple[date, ...]:
        """The days advised on."""
        return tuple(self.today + timedelta(days=ahead) for ahead in range(WEEK_DAYS))

    def of(self, kind: type[R]) -> tuple[R, ...]:
        """Return the records of a kind up to today, by day."""
        found = [one for one in self.records if isinstance(one, kind) and one.day <= self.today]
        return tuple(sorted(found, key=lambda one: one.day))

    def chance(self, rule: AdviceRule, day: date) -> float | None:
        """Return the chance that a crop stands at a rule's stages; None when not known."""
        if self.stages is None:
            return None
        return self.stages.chance(day, rule.from_bbch, rule.to_bbch)

    @property
    def picked_out(self) -> bool:
        """Whether the harvest that is told has been gathered; not one of an earlier season."""
        ripe = self.stages.harvest if self.stages is not None else None
        if self.harvested_on is None or ripe is None:
            return self.harvested_on is not None
        return ripe.p10 <= self.harvested_on

    @property
    def first_picking(self) -> date | None:
        """The earliest day fruit may be picked: P10 of the harvest, or the first picking itself.

        After the harvest is over it is a year later, whatever was picked before.
        """
        ripe = self.stages.harvest if self.stages is not None else None
        early = None if ripe is None else ripe.p10
        if self.harvested_on is not None:
            if early is not None and early <= self.harvested_on:
                return early + timedelta(days=365)
            return early
        picked = [one.day for one in self.of(Harvest) if (self.today - one.day).days <= 60]
        return min([day for day in (early, *picked) if day is not None], default=None)

    def last_seen(self) -> Bloom | None:
        """Return the stage that was seen last."""
        return max(self.of(Bloom), key=lambda one: (one.day, one.bbch), default=None)

    def sizes(self) -> tuple[Count, ...]:
        """Return the counts that measured fruit, by day, of this season."""
        since = self.today - timedelta(days=120)
        return tuple(one for one in self.of(Count) if one.size_mm is not None and one.day >= since)

    def sprays_for(self, names: Sequence[str]) -> tuple[SprayRecord, ...]:
        """Return the sprays against a pest or disease, by day."""
        known = {fold(name) for name in names}
        return tuple(one for one in self.of(SprayRecord) if fold(one.target) in known)
