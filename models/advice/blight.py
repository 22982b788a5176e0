"""Downy blight of lychee: how much a spell of wet leaves infects.

Theory of operation. The severity after t hours of wetness at θ °C is that of J. SCAU 2019 (doi
10.7671/j.issn.1001-411X.201907040), fitted at 15 to 30 °C and 2 to 24 h: a Weibull rise in time
over a hyperbolic cosine in temperature, one set of figures for fruit and one for leaves. Spores
travel in splashes of rain (CABI dfb/20056400974), so a spell asks for a spray only with rain in it.

Decisions. Wetness is not measured here: an hour with 90 % humidity or rain is taken for wet
(`agri.weather.water.leaves_wet`), which is an assumption and is told with every advice. Outside
what was fitted the formula is used but the spell is marked. Flowers have no formula of their own;
that of the fruit, the stricter one, is taken for them, which is assumed too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from agri.weather.series import Hours
from agri.weather.water import leaves_wet, wet_spells

Part = Literal["fruit", "leaf"]
FIGURES: dict[Part, tuple[float, float, float]] = {
    "fruit": (0.4693, 24.556, 0.1709),
    "leaf": (0.1943, 27.7696, 0.9277),
}
"""Rate in time (1/h), best temperature (°C) and narrowness (1/°C) of the source's two formulas."""
FITTED_C, FITTED_H = (15.0, 30.0), (2.0, 24.0)
"""Between which the source fitted them."""


def blight_severity(temperature_c: float, wet_h: float, part: Part = "fruit") -> float:
    """Return the severity of blight after hours of wetness at one temperature.

    Parameters
    ----------
    temperature_c : float
        Mean of the wet hours, °C.
    wet_h : float
        Hours on end, 0 or more.
    part : {"fruit", "leaf"}
        What is infected.

    Returns
    -------
    float
        Share, 0 to 1.

    Examples
    --------
    >>> [round(blight_severity(25.0, t), 3) for t in (1, 2, 3)], round(blight_severity(15.0, 6), 2)
    ([0.198, 0.585, 0.862], 0.74)
    >>> round(blight_severity(28.0, 6, "leaf"), 2), round(blight_severity(25.0, 6, "leaf"), 2)
    (0.74, 0.38)
    """
    rate, best_c, narrow = FIGURES[part]
    rise = 1.0 - math.exp(-((rate * wet_h) ** 2))
    return rise / math.cosh(min(abs(temperature_c - best_c), 100.0) * narrow / 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Infection:
    """A spell of wet leaves and what it may infect.

    Parameters
    ----------
    start, end : datetime
        Local.
    wet_h, mean_c, rain_mm : float
        Hours, mean temperature and rain of the spell.
    severity : float
        Share, 0 to 1.
    fitted : bool
        Whether the source's formula was fitted there.
    """

    start: datetime
    end: datetime
    wet_h: float
    mean_c: float
    rain_mm: float
    severity: float
    fitted: bool


def infections(hours: Hours, part: Part = "fruit") -> tuple[Infection, ...]:
    """Return every spell of wet leaves with its severity, in order.

    Spells whose temperature is not known are left out.
    """
    found = []
    for spell in wet_spells(hours, leaves_wet(hours)):
        if math.isnan(spell.mean_c):
            continue
        rain = hours.rain_mm[spell.start : spell.start + spell.count_h]
        inside = (FITTED_C[0] <= spell.mean_c <= FITTED_C[1]
                  and FITTED_H[0] <= spell.count_h <= FITTED_H[1])  # fmt: skip
        found.append(Infection(
            start=hours.time(spell.start), end=hours.time(spell.start + spell.count_h),
            wet_h=float(spell.count_h), mean_c=spell.mean_c,
            rain_mm=float(np.nansum(rain)), fitted=inside,
            severity=blight_severity(spell.mean_c, float(spell.count_h), part),
        ))  # fmt: skip
    return tuple(found)
