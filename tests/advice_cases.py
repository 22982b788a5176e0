"""Fields on a day, for tests of advice: every part can be chosen, all else is harmless."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

import numpy as np

from agri.advice_rules import advice_rules
from agri.crop_cards import crop_card
from agri.geo import LonLat
from agri.labels import Label, ProductKind
from agri.weather.series import VIETNAM, Hours
from models.advice.air import AirLimits
from models.advice.situation import LOOK_AHEAD_DAYS, Situation, StageView
from models.phenology.season import Window

TODAY = date(2027, 4, 20)
PLACE = LonLat(lon_deg=106.51, lat_deg=21.08)
LIMITS = AirLimits(calm_m_s=0.5, wind_m_s=3.0, temperature_c=32.0, humidity_pct=40.0,
                   delta_t_low_c=2.0, delta_t_high_c=8.0, rain_mm_h=0.0, low_sun_deg=15.0,
                   sunrise_deg=-0.833)  # fmt: skip
FUNGICIDE = Label(product="Thuốc nấm", kind=ProductKind.FUNGICIDE, crops=("vải",),
                  targets=("sương mai",), dose_low=1.0, dose_high=2.0, unit="ml/l", phi_days=7,
                  read_by="Hoa", read_on=date(2027, 3, 1))  # fmt: skip
INSECTICIDE = replace(FUNGICIDE, product="Thuốc sâu", kind=ProductKind.INSECTICIDE,
                      targets=("sâu đục cuống",))  # fmt: skip


def stage_view(
    stages: Sequence[tuple[int, float]] = ((75, 1.0),), harvest: date | None = date(2027, 5, 22)
) -> StageView:
    """The same chances on every day, and a harvest two days either way."""
    ripe = None
    if harvest is not None:
        ripe = Window(p10=harvest, p50=harvest + timedelta(days=4),
                      p90=harvest + timedelta(days=8))  # fmt: skip
    return StageView(first=TODAY, chances=(tuple(stages),) * (LOOK_AHEAD_DAYS + 1), harvest=ripe)


def mild_hours(first: date = TODAY, days: int = 9, **columns: Any) -> Hours:
    """Dry hours with a light wind in which anything may be sprayed by day."""
    count = 24 * days
    told: dict[str, Any] = {
        "temperature_c": np.full(count, 25.0), "humidity_pct": np.full(count, 70.0),
        "rain_mm": np.zeros(count), "wind_m_s": np.full(count, 2.0),
    }  # fmt: skip
    told.update(columns)
    start = datetime.combine(first, datetime.min.time(), VIETNAM)
    return Hours(start=start, place=PLACE, **told)


def field_on_a_day(**changes: Any) -> Situation:
    """A field of PH40 with half-grown fruit in April, and both labels."""
    usual = Situation(
        card=crop_card("vai_ph40"), today=TODAY, rules=advice_rules(), limits=LIMITS,
        stages=stage_view(), hours=mild_hours(), place=PLACE, labels=(FUNGICIDE, INSECTICIDE),
        age_years=9.0, trees=300.0, area_m2=10_000.0,
    )  # fmt: skip
    return replace(usual, **changes)


WINDS, RAINS = (0.3, 0.8, 2.0, 3.0, 3.1, 6.0, np.nan), (0.0, 0.0, 0.0, 0.2, 8.0, np.nan)
AIRS = ((25.0, 70.0), (33.0, 70.0), (31.0, 35.0), (31.0, 50.0), (20.0, 97.0), (np.nan, 70.0))


def all_kinds_of_hours() -> Hours:
    """Nine days in which every wind, rain and air of the lists meets every hour of the day."""
    kinds = list(product(WINDS, RAINS, AIRS))
    order = np.random.default_rng(7).permutation(len(kinds))
    picked = [kinds[k] for k in order][: 24 * 9]
    dry = np.arange(24 * 9) // 48 % 2 == 0  # every other two days stay dry, or no hour is free
    rain = np.where(dry, 0.0, [one[1] for one in picked])
    return mild_hours(rain_mm=rain, wind_m_s=np.array([one[0] for one in picked]),
                      temperature_c=np.array([one[2][0] for one in picked]),
                      humidity_pct=np.array([one[2][1] for one in picked]))  # fmt: skip
