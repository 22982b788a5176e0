"""What a plan costs by the farm's own prices, and where those are kept.

Prices stand in ``prices.json`` in the farm's folder, written whole or not at all. A file that
cannot be read is said to be so; no price is taken from half of one.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from agri.errors import BadInput, NotFound
from agri.files import read_json_limited, write_json
from agri.prices import Prices, Work
from agri.workspace import Workspace
from missions.flightplan import FlightPlan
from missions.sprayer.job import DoseUnit
from missions.sprayer.mixture import mixture

PRICES = "prices.json"
"""The file of prices in a farm's folder."""


def _file(farm: Workspace) -> Path:
    return farm.folder / PRICES


def read_prices(farm: Workspace) -> Prices:
    """Return the farm's prices; none is entered where there is no file.

    Raises
    ------
    BadInput
        When the file cannot be read as one that agri wrote.
    """
    try:
        told = read_json_limited(_file(farm))
    except NotFound:
        return Prices()
    try:
        products = tuple((str(name), float(price)) for name, price in told.pop("products"))
        single = {name: None if one is None else float(one) for name, one in told.items()}
        return Prices(products=products, **single)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise BadInput("error.price_file", path=PRICES) from None


def keep_prices(farm: Workspace, prices: Prices) -> None:
    """Keep the farm's prices in place of those before.

    Raises
    ------
    StoreError
        When the disk cannot take them.
    """
    write_json(_file(farm), asdict(prices))


def work_of(plan: FlightPlan) -> Work | None:
    """Return what a plan takes that is paid for, None for a mission made elsewhere.

    A sortie of a spraying is flown on one pack; of the product counts what is filled in, with what
    the pump cannot draw from an empty tank.
    """
    if plan.survey:
        return Work(time_s=plan.survey.estimate.time_s, packs=plan.survey.estimate.batteries)
    if plan.spray is None:
        return None
    job = plan.spray
    mixed = mixture(job, empty_tank=job.sortie == 1)
    return Work(
        time_s=job.estimate.time_s,
        packs=1,
        sprayed_m2=job.estimate.area_m2,
        product=job.settings.product.name if mixed.product_amount > 0.0 else "",
        product_amount=mixed.product_amount / 1000.0,
        product_unit="l" if mixed.unit is DoseUnit.ML else "kg",
    )
