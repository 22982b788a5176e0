"""What to do this week on a field: the farm's book, the weather and the labels joined.

Theory of operation. Everything `models.advice` judges by is gathered here: the stage of the crop
from past weather and what was seen (`agri.operations.stages`), the hours to come
(`agri.operations.hours_ahead`), records that people entered and sprays that flights left behind
(`agri.operations.diary`), labels from the farm's ``labels.toml``. The limits of wind and air are
those a flight is judged by (`missions.drift.limits`), so an hour offered here is not refused there
for its wind.

What is missing is not an end: the advice goes on without it, says so, and forbids what hangs on it.

A harvest is over when the user says so, or when the last picking on record lies ten days back and
the stage says that the season is past; nothing else lifts the days before harvest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

from agri.advice_rules import advice_rules, label_text, read_labels
from agri.advising import AdviceRules
from agri.crop import CropCard
from agri.errors import BadInput
from agri.field import Field
from agri.field_records import Bloom, Harvest, Price, Record, SprayRecord
from agri.files import write_text
from agri.findings import Finding
from agri.geo import LonLat
from agri.labels import Label
from agri.names import fold
from agri.operations.diary import flight_sprays
from agri.operations.hours_ahead import days_with
from agri.operations.stages import StageReport, stages_of
from agri.weather.quality import checked
from agri.weather.series import Days, Hours
from agri.workspace import Workspace
from missions.drift.droplets import CALM_M_S
from missions.drift.limits import (
    DEFAULT_SPRAY_LIMITS,
    LOW_SUN_DEG,
    SUNRISE_DEG,
    SprayLimits,
)
from models.advice.air import AirLimits
from models.advice.economics import (
    Costs,
    Economics,
    Prices,
    Waiting,
    economics_of,
    prices_of,
    waiting_of,
)
from models.advice.outcome import Advice
from models.advice.situation import Forecast, Situation, StageView, stage_view
from models.advice.week import advise
from models.phenology.season import Seen

LABELS = "labels.toml"
"""The file of labels in a farm's folder."""
PICKED_BACK_DAYS = 10
OVER_DAYS = 150
"""A harvest longer ago is that of another season and tells nothing of this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orchard:
    """What the user tells of the field beside its border.

    Parameters
    ----------
    age_years, trees : float or None
        Of the trees.
    harvested_on : date or None
        When the harvest was over.
    forecast : Forecast or None
        Of the yield.
    prices : Prices or None
        None to take those on record.
    costs : Costs
        Of the season.
    wait_days : float
        How long waiting is asked about; 0 for not.
    dose : float or None
        Meant to be sprayed, in the label's unit.
    """

    age_years: float | None = None
    trees: float | None = None
    harvested_on: date | None = None
    forecast: Forecast | None = None
    prices: Prices | None = None
    costs: Costs = field(default_factory=Costs)
    wait_days: float = 7.0
    dose: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdviceReport:
    """The advice of a week, and what it leans on.

    Parameters
    ----------
    name : str
        Of the field.
    situation : Situation
        All it was judged by.
    week : tuple of Advice
        What to do first comes first.
    stages : StageReport or None
        The stages; None when no weather told them.
    economics : Economics or None
        The money; None without a forecast or a price.
    findings : tuple of Finding
        What is missing or assumed.
    """

    name: str
    situation: Situation
    week: tuple[Advice, ...]
    stages: StageReport | None
    economics: Economics | None
    findings: tuple[Finding, ...]


def air_limits(limits: SprayLimits = DEFAULT_SPRAY_LIMITS) -> AirLimits:
    """Return the limits of a flight as those of an advice: only hours without a warning.

    Examples
    --------
    >>> air_limits().wind_m_s, air_limits().delta_t_high_c
    (3.0, 8.0)
    """
    return AirLimits(
        calm_m_s=max(limits.calm_m_s, CALM_M_S), wind_m_s=limits.start_m_s,
        temperature_c=limits.temperature_c, humidity_pct=limits.humidity_pct,
        delta_t_low_c=limits.delta_t_low_c, delta_t_high_c=limits.delta_t_high_c,
        rain_mm_h=limits.rain_mm_h, low_sun_deg=LOW_SUN_DEG, sunrise_deg=SUNRISE_DEG,
    )  # fmt: skip


def farm_records(farm: Workspace, field: Field) -> tuple[tuple[Record, ...], tuple[Finding, ...]]:
    """Return what stands on record of a field, the sprays of flights among it."""
    entered = [one for one in farm.records.read()
               if field.uid == one.field_uid or one.field in ("", field.name)]  # fmt: skip
    flown, told = flight_sprays(farm, field, entered)
    merged = {one.flight for one in flown} - {""}
    kept = [one for one in entered
            if not (isinstance(one, SprayRecord) and one.flight in merged)]  # fmt: skip
    return (*kept, *flown), told


def farm_labels(farm: Workspace | None, file: Path | None) -> tuple[Label, ...]:
    """Return the labels of a file, without one those in the farm's folder."""
    if file is not None:
        return read_labels(file)
    if farm is not None and (farm.folder / LABELS).is_file():
        return read_labels(farm.folder / LABELS)
    return ()


def advise_field(
    name: str,
    card: CropCard,
    *,
    today: date,
    now: datetime | None = None,
    place: LonLat | None = None,
    area_m2: float | None = None,
    past: Hours | Days | None = None,
    coming: Hours | None = None,
    records: Sequence[Record] = (),
    labels: Sequence[Label] = (),
    orchard: Orchard | None = None,
    rules: AdviceRules | None = None,
    limits: SprayLimits = DEFAULT_SPRAY_LIMITS,
) -> AdviceReport:
    """Return what to do on a field in the week from a day on.

    Parameters
    ----------
    name : str
        Of the field.
    card : CropCard
        What grows.
    today : date
        The first day.
    now : datetime, optional
        Hours before it are not offered.
    place, area_m2
        Of the field.
    past : Hours or Days, optional
        This season and past years.
    coming : Hours, optional
        The forecast; without it hours of `past` from `today` on are taken.
    records, labels
        Of the field and the farm.
    orchard : Orchard, optional
        What the user tells.
    rules : AdviceRules, optional
        agri's own when not given.
    limits : SprayLimits
        Of spraying.
    """
    told, orchard = [], orchard or Orchard()
    book = rules or advice_rules()
    stages, found = _stages(card, past, today, records)
    told += found
    view = None if stages is None else stage_view(stages.outlook, today)
    hours = coming if coming is not None else past if isinstance(past, Hours) else None
    if hours is not None:
        hours, found = checked(hours)
        told += [one for one in found if one.severity > 0]
    if hours is None or hours.time(len(hours) - 1).date() < today:
        told.append(Finding.warning("finding.no_forecast"))
    situation = Situation(
        card=card, today=today, now=now, rules=book, limits=air_limits(limits), stages=view,
        hours=hours, water_days=days_with(past, hours), place=place, labels=tuple(labels),
        records=tuple(records), age_years=orchard.age_years, trees=orchard.trees, area_m2=area_m2,
        forecast=orchard.forecast, dose=orchard.dose,
        harvested_on=_harvest_over(orchard, records, view, today),
    )  # fmt: skip
    if not labels:
        told.append(Finding.info("finding.no_labels", file=LABELS))
    return AdviceReport(
        name=name, situation=situation, week=advise(situation), stages=stages,
        economics=_economics(situation, orchard), findings=tuple(dict.fromkeys(told)),
    )  # fmt: skip


def _stages(
    card: CropCard, past: Hours | Days | None, today: date, records: Sequence[Record]
) -> tuple[StageReport | None, list[Finding]]:
    """Return where the crop stands by its weather and what was seen of it this season."""
    if past is None:
        return None, [Finding.warning("finding.no_stage")]
    try:
        first = stages_of(card, past, day=today)
    except BadInput as error:
        return None, [Finding.warning("finding.no_stage_why", reason=error.message)]
    known = {stage.bbch for stage in card.stages}
    begins = first.outlook.first - timedelta(days=30)
    seen = [Seen(bbch=one.bbch, day=one.day) for one in records
            if isinstance(one, Bloom) and one.bbch in known and begins <= one.day <= today
            and one.share >= 0.3]  # fmt: skip
    report = stages_of(card, past, day=today, seen=seen) if seen else first
    return report, list(report.findings)


def _harvest_over(
    orchard: Orchard, records: Sequence[Record], view: StageView | None, today: date
) -> date | None:
    if orchard.harvested_on is not None:
        ago = (today - orchard.harvested_on).days
        return orchard.harvested_on if 0 <= ago <= OVER_DAYS else None
    picked = [one.day for one in records if isinstance(one, Harvest) and one.day <= today]
    if not picked or view is None or view.harvest is None:
        return None
    last = max(picked)
    past = view.harvest.p90 < today or view.harvest.p10 > last + timedelta(days=90)
    return last if past and PICKED_BACK_DAYS <= (today - last).days <= OVER_DAYS else None


def _economics(situation: Situation, orchard: Orchard) -> Economics | None:
    since = situation.today - timedelta(days=730)
    prices = orchard.prices or prices_of([one for one in situation.of(Price) if one.day >= since])
    if situation.forecast is None or prices is None:
        return None
    return economics_of(situation.forecast.kg, prices, orchard.costs,
                        _waiting(situation, orchard, prices.middle))  # fmt: skip


def _waiting(situation: Situation, orchard: Orchard, price: float) -> tuple[Waiting, ...]:
    """Return what waiting is worth; nothing when the harvest is far off or over."""
    ripe = situation.stages.harvest if situation.stages is not None else None
    if ripe is None or situation.forecast is None or orchard.wait_days <= 0.0:
        return ()
    ahead = situation.rules.rule("harvest").value("ahead")
    if situation.picked_out or (ripe.p10 - situation.today).days > ahead:
        return ()
    return waiting_of(
        situation.forecast.kg, price, orchard.costs, situation.rules.rule("waiting"),
        days=orchard.wait_days, days_to_ripe=max(0.0, (ripe.p50 - situation.today).days),
        rain_days=_rain_days(situation, orchard.wait_days),
    )  # fmt: skip


def _rain_days(situation: Situation, days: float) -> float:
    """Return the days of rain (1 mm or more) among the next ones, as far as they are forecast."""
    series = situation.water_days
    if series is None:
        return 0.0
    start = (situation.today - series.first).days
    rain = series.rain_mm[max(0, start) : max(0, start + round(days))]
    return float((np.nan_to_num(rain) >= 1.0).sum())


def keep_label(farm: Workspace, label: Label) -> Path:
    """Write a label into the farm's file; one of the same product takes its place.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    label : Label
        As read on the bottle.

    Raises
    ------
    BadInput
        When the file there is not sound: it is not touched then.
    """
    path = farm.folder / LABELS
    others = [one for one in farm_labels(farm, None) if fold(one.product) != fold(label.product)]
    write_text(path, "\n".join(label_text(one) for one in (*others, label)))
    return path
