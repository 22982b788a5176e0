"""Money: what a crop earns at three prices, where it breaks even, and what waiting is worth.

Theory of operation. Prices are scenarios, never one number: those on record give the low, middle
and high one by their quantiles, or the user enters them. Costs are those the user enters, for the
field and for each kilogram picked. Break-even follows by division. Waiting some days changes the
mass (ripening before the harvest is ripe, loss after it, loss for each day of rain) and the price;
each of these is an assumption of `agri.advice_rules` until the farm has its own, and all are told.

No figure is made up where one is missing: without a price there are no earnings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

from agri.advising import AdviceRule
from agri.errors import BadInput
from agri.field_records import Price

SCENARIOS = ("low", "middle", "high")
WEEK = 7.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Three prices of a kilogram, đồng.

    Parameters
    ----------
    low, middle, high : float
        0 < low ≤ middle ≤ high.
    count : int
        How many records they come from; 0 when entered.

    Raises
    ------
    BadInput
        When they are not in order.
    """

    low: float
    middle: float
    high: float
    count: int = 0

    def __post_init__(self) -> None:
        if not 0.0 < self.low <= self.middle <= self.high <= 1e8:
            raise BadInput("error.advice_prices", low=self.low, middle=self.middle,
                           high=self.high)  # fmt: skip

    @property
    def each(self) -> tuple[float, float, float]:
        """The three, low first."""
        return self.low, self.middle, self.high


def prices_of(records: Sequence[Price]) -> Prices | None:
    """Return the low, middle and high price on record: P10, P50 and P90; None without records.

    Examples
    --------
    >>> from datetime import date
    >>> kept = [Price(day=date(2027, 5, 20 + k), vnd_kg=30_000.0 + 5_000.0 * k) for k in range(3)]
    >>> prices_of(kept).middle
    35000.0
    """
    known = sorted(one.vnd_kg for one in records)
    if not known:
        return None
    if len(known) < 3:
        middle = sum(known) / len(known)
        return Prices(low=known[0], middle=middle, high=known[-1], count=len(known))
    tenths = quantiles(known, n=10, method="inclusive")
    return Prices(low=tenths[0], middle=tenths[4], high=tenths[8], count=len(known))


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What the season costs, đồng.

    Parameters
    ----------
    field_vnd : float
        Of the whole field, whatever it bears.
    kg_vnd : float
        Of each kilogram picked, sorted and carried.

    Raises
    ------
    BadInput
        When one is below nothing or beyond all bounds.
    """

    field_vnd: float = 0.0
    kg_vnd: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (("field", self.field_vnd), ("kg", self.kg_vnd)):
            if not (math.isfinite(value) and 0.0 <= value <= 1e13):
                raise BadInput("error.advice_costs", name=name, value=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waiting is worth at one price.

    Parameters
    ----------
    days, rain_days : float
        How long, and how many of them rain.
    mass_kg, price_vnd : float
        After waiting.
    worth_vnd : float
        Earnings after less earnings now.
    """

    days: float
    rain_days: float
    mass_kg: float
    price_vnd: float
    worth_vnd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Economics:
    """A field's money.

    Parameters
    ----------
    mass_kg : float
        Of the forecast's middle.
    prices : Prices
        Of a kilogram.
    income_vnd, profit_vnd : tuple of float
        At the low, middle and high price.
    break_even_vnd_kg : float
        Price at which nothing is earned or lost; inf when nothing is borne.
    break_even_kg : float
        Mass at which nothing is earned or lost at the middle price; inf when no price covers the
        picking.
    waiting : tuple of Waiting
        At the worst, the likely and the best of what is assumed; empty when not asked for.
    """

    mass_kg: float
    prices: Prices
    income_vnd: tuple[float, float, float]
    profit_vnd: tuple[float, float, float]
    break_even_vnd_kg: float
    break_even_kg: float
    waiting: tuple[Waiting, ...] = ()


def economics_of(
    mass_kg: float, prices: Prices, costs: Costs, waiting: Sequence[Waiting] = ()
) -> Economics:
    """Return what a field earns.

    Parameters
    ----------
    mass_kg : float
        Of the crop.
    prices, costs, waiting
        As entered or recorded, and from `waiting_of`.

    Examples
    --------
    >>> found = economics_of(4000.0, Prices(low=25e3, middle=35e3, high=50e3),
    ...                      Costs(field_vnd=40e6, kg_vnd=5e3))
    >>> [round(one / 1e6) for one in found.profit_vnd], found.break_even_vnd_kg
    ([40, 80, 140], 15000.0)
    >>> round(found.break_even_kg)
    1333
    """
    if not (math.isfinite(mass_kg) and 0.0 <= mass_kg <= 1e8):
        raise BadInput("error.advice_forecast", low=mass_kg, middle=mass_kg, high=mass_kg)
    income = tuple(mass_kg * price for price in prices.each)
    spent = costs.field_vnd + costs.kg_vnd * mass_kg
    left = prices.middle - costs.kg_vnd
    return Economics(
        mass_kg=mass_kg, prices=prices,
        income_vnd=(income[0], income[1], income[2]),
        profit_vnd=(income[0] - spent, income[1] - spent, income[2] - spent),
        break_even_vnd_kg=spent / mass_kg if mass_kg > 0.0 else math.inf,
        break_even_kg=costs.field_vnd / left if left > 0.0 else math.inf,
        waiting=tuple(waiting),
    )  # fmt: skip


def waiting_of(
    mass_kg: float,
    price_vnd: float,
    costs: Costs,
    rule: AdviceRule,
    *,
    days: float,
    days_to_ripe: float,
    rain_days: float,
) -> tuple[Waiting, Waiting, Waiting]:
    """Return what waiting is worth: at the worst, the likely and the best of what is assumed.

    Parameters
    ----------
    mass_kg, price_vnd : float
        Now.
    costs : Costs
        Those of each kilogram count.
    rule : AdviceRule
        With the numbers "gain", "loss_ripe", "loss_rain_day" and "price_drift", per cent.
    days : float
        To wait.
    days_to_ripe : float
        Until the harvest is ripe, 0 when it is.
    rain_days : float
        Days of rain forecast among them.

    Returns
    -------
    tuple of Waiting
        Worst, likely, best.
    """
    growing = min(max(days_to_ripe, 0.0), days) / WEEK
    over = (days - WEEK * growing) / WEEK
    found = []
    for gain, loss, rain, drift in (
        ("low", "high", "high", "low"), ("value",) * 4, ("high", "low", "low", "high"),
    ):  # fmt: skip
        share = (
            (1.0 + _share(rule, "gain", gain)) ** growing
            * (1.0 - _share(rule, "loss_ripe", loss)) ** over
            * (1.0 - _share(rule, "loss_rain_day", rain)) ** rain_days
        )
        price = price_vnd * (1.0 + _share(rule, "price_drift", drift)) ** (days / WEEK)
        later = mass_kg * share * (price - costs.kg_vnd)
        found.append(Waiting(
            days=days, rain_days=rain_days, mass_kg=mass_kg * share, price_vnd=price,
            worth_vnd=later - mass_kg * (price_vnd - costs.kg_vnd),
        ))  # fmt: skip
    return found[0], found[1], found[2]


def _share(rule: AdviceRule, name: str, which: str) -> float:
    return float(getattr(rule.number(name), which)) / 100.0
