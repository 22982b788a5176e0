"""What goes into the tank for one sortie: mixture, product and water.

The label's dose is per hectare and the pump gives litres per hectare, so a litre of mixture must
hold ``dose ÷ rate`` of the product, whatever the way flown. With the job's rate r in L/ha, the dose
d in ml or g per hectare and V litres to be filled in::

    treated ground  A = V / r            (ha; for trees and rate maps the ground it is worth)
    product         p = d · A
    water           w = V − p / 1000     for millilitres; a powder takes no room worth telling

What the pump cannot draw stays in the tank. An empty tank therefore takes that much more, mixed
like the rest, or the last metres get air; a refill does not.

Amounts are rounded to what a farmer can measure out: half a millilitre or gram below 10, one below
100, five below a litre or kilogram, ten above. Where that moves the dose by more than
`COARSE_SHARE` the mixture says so: such an amount belongs in a syringe or on a balance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from missions.sprayer.job import DoseUnit, SprayJob

COARSE_SHARE = 0.02
"""Rounding beyond this share of the dose is told."""
LITRE_STEP = 0.1
"""Step of litres filled in, as a tank's scale can be read."""

FINE_BELOW_L = 5.0
"""Less mixture than this is measured out in a jug, not on the tank's scale."""

_STEPS = ((10.0, 0.5), (100.0, 1.0), (1000.0, 5.0), (math.inf, 10.0))
_HAIR = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """What one sortie is filled with.

    Parameters
    ----------
    litres : float
        Mixture to fill in, to the tenth, never less than is sprayed.
    sprayed_l : float
        What the flight sprays of it.
    rest_l : float
        What stays in the tank because the pump cannot draw it, 0 for a refill.
    area_m2 : float
        Ground treated.
    product_amount : float
        Product for `litres`, millilitres or grams, rounded to what can be measured.
    exact_amount : float
        The same before rounding.
    unit : DoseUnit
        Millilitres or grams.
    water_l : float
        Water for `litres`, to the tenth, below `FINE_BELOW_L` of mixture to the hundredth.
    """

    litres: float
    sprayed_l: float
    rest_l: float
    area_m2: float
    product_amount: float
    exact_amount: float
    unit: DoseUnit
    water_l: float

    @property
    def rounding_share(self) -> float:
        """By what share of the dose the rounded amount is off, with its sign."""
        return self.product_amount / self.exact_amount - 1.0 if self.exact_amount > 0.0 else 0.0

    @property
    def is_coarse(self) -> bool:
        """Whether the rounding is worth a warning."""
        return abs(self.rounding_share) > COARSE_SHARE


def measurable(amount: float) -> float:
    """Return an amount in ml or g rounded to what can be measured out.

    Examples
    --------
    >>> measurable(7.3), measurable(72.4), measurable(723.0), measurable(2317.0)
    (7.5, 72.0, 725.0, 2320.0)
    """
    step = next(step for below, step in _STEPS if amount < below)
    return math.floor(amount / step + 0.5) * step


def mixture(job: SprayJob, *, empty_tank: bool = False) -> Mixture:
    """Return what one sortie is filled with.

    Parameters
    ----------
    job : SprayJob
        The sortie; its estimate tells what it sprays.
    empty_tank : bool
        Whether the tank is empty before, so that what the pump cannot draw is filled in as well.

    Returns
    -------
    Mixture
        Litres, product and water.

    Notes
    -----
    At 400 ml/ha and 20 L/ha a litre holds 20 ml: 9 L take 180 ml in 8.8 L of water.
    """
    settings, product = job.settings, job.settings.product
    rest_l = settings.sprayer.dead_l if empty_tank else 0.0
    exact_l = job.estimate.litres + rest_l
    litres = round(math.ceil(exact_l / LITRE_STEP - _HAIR) * LITRE_STEP, 1)
    exact_amount = product.dose_per_ha * litres / settings.rate_l_ha
    amount = measurable(exact_amount)
    volume_l = amount / 1000.0 if product.unit is DoseUnit.ML else 0.0
    return Mixture(
        litres=litres,
        sprayed_l=job.estimate.litres,
        rest_l=rest_l,
        area_m2=job.estimate.area_m2,
        product_amount=amount,
        exact_amount=exact_amount,
        unit=product.unit,
        water_l=round(max(litres - volume_l, 0.0), 2 if litres < FINE_BELOW_L else 1),
    )
