"""What the farm pays, and what a flight costs by that; nothing is assumed.

Theory of operation. The owner enters what a litre or a kilogram of a product costs, a pack's
charge, an hour of work, and what whoever is hired asks for a hectare. `costs_of` multiplies; what
has no price stands in the list all the same, with None, so that nobody takes a part for the whole.

Decisions. Whoever is hired brings aircraft, packs and hands: with a price for hire a spraying costs
its area and its product, and no charge and no hour is counted beside. Surveys are flown by the farm
itself. Work is counted for the time in the air; nobody knows how long mixing and driving take.
Water costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum

from agri.errors import BadInput
from agri.names import fold

DEAREST_VND = 1e9
"""More than anything here costs; a slip of the finger."""
MOST_PRODUCTS = 200


class Part(StrEnum):
    """What is paid for."""

    PRODUCT = "product"
    HIRE = "hire"
    BATTERY = "battery"
    LABOUR = "labour"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The farm's own prices, in đồng; None and a missing product are not entered.

    Parameters
    ----------
    products : tuple of (str, float)
        Name, and what a litre or a kilogram of it costs.
    battery_vnd : float or None
        Charging one pack.
    labour_vnd_h : float or None
        An hour of work.
    hire_vnd_ha : float or None
        What is asked for spraying a hectare; None when the farm flies itself.

    Raises
    ------
    BadInput
        When a price is below nothing or cannot be.
    """

    products: tuple[tuple[str, float], ...] = ()
    battery_vnd: float | None = None
    labour_vnd_h: float | None = None
    hire_vnd_ha: float | None = None

    def __post_init__(self) -> None:
        single = [getattr(self, one.name) for one in fields(self) if one.name != "products"]
        for value in (*single, *(price for _, price in self.products)):
            if value is not None and not 0.0 <= value <= DEAREST_VND:
                raise BadInput("error.price", value=value)
        if len(self.products) > MOST_PRODUCTS:
            raise BadInput("error.price_products", most=MOST_PRODUCTS)

    def of_product(self, name: str) -> float | None:
        """Return what a litre or a kilogram of a product costs, None when not entered.

        Examples
        --------
        >>> Prices(products=(("Thuốc nấm", 250_000.0),)).of_product("thuoc nam")
        250000.0
        """
        return next((price for known, price in self.products if fold(known) == fold(name)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a flight takes that is paid for.

    Parameters
    ----------
    time_s : float
        In the air.
    packs : int
        Batteries.
    sprayed_m2 : float
        Ground treated; 0 for a survey.
    product : str
        What is sprayed, "" for nothing or clear water.
    product_amount : float
        Litres or kilograms of it.
    product_unit : {"l", "kg"}
        Which of the two.
    """

    time_s: float
    packs: int
    sprayed_m2: float = 0.0
    product: str = ""
    product_amount: float = 0.0
    product_unit: str = "l"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One part of what a flight costs.

    Parameters
    ----------
    part : Part
        What is paid for.
    amount : float
        Litres or kilograms, packs, hours, hectares.
    price_vnd : float or None
        For one of it; None when not entered.
    """

    part: Part
    amount: float
    price_vnd: float | None

    @property
    def vnd(self) -> float | None:
        """What this part costs, None when its price is not entered."""
        return None if self.price_vnd is None else self.amount * self.price_vnd


def costs_of(work: Work, prices: Prices) -> tuple[Cost, ...]:
    """Return what a flight costs, part by part.

    Parameters
    ----------
    work : Work
        What it takes.
    prices : Prices
        The farm's.

    Examples
    --------
    >>> work = Work(time_s=900.0, packs=1, sprayed_m2=5_000.0, product="A", product_amount=0.4)
    >>> known = Prices(products=(("A", 300_000.0),), battery_vnd=20_000.0)
    >>> [(one.part.value, one.vnd) for one in costs_of(work, known)]
    [('product', 120000.0), ('battery', 20000.0), ('labour', None)]
    """
    costs = []
    if work.product:
        price = prices.of_product(work.product)
        costs.append(Cost(part=Part.PRODUCT, amount=work.product_amount, price_vnd=price))
    if work.sprayed_m2 and prices.hire_vnd_ha is not None:
        hectares = work.sprayed_m2 / 10_000.0
        return (*costs, Cost(part=Part.HIRE, amount=hectares, price_vnd=prices.hire_vnd_ha))
    own = (
        Cost(part=Part.BATTERY, amount=work.packs, price_vnd=prices.battery_vnd),
        Cost(part=Part.LABOUR, amount=work.time_s / 3600.0, price_vnd=prices.labour_vnd_h),
    )
    return (*costs, *own)


def total_vnd(costs: Sequence[Cost]) -> float | None:
    """Return what all parts cost together, None when the price of one is not entered.

    Examples
    --------
    >>> total_vnd([Cost(part=Part.BATTERY, amount=2, price_vnd=None)]) is None
    True
    """
    known = [one.vnd for one in costs]
    return None if None in known else sum(one for one in known if one is not None)
