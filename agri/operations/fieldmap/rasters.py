"""Which maps of the farm's catalogue show a field, one entry for each layer and date."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from agri.errors import AgriError
from agri.operations.maps.tiles import drawable
from agri.units import INDOCHINA_TIME
from imagery import catalogue
from imagery.stac import Kind, Product

PICTURE = 0
"""Number of the layer of what is shown in its own colours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterLayer:
    """One layer of a raster product, as it can be chosen on a map.

    Parameters
    ----------
    product : Product
        Of the catalogue.
    number : int
        Layer of the file, from 1; `PICTURE` for an orthomosaic in colours.
    title : str
        What it shows: "NDVI"; the product's name for a picture.
    """

    product: Product
    number: int
    title: str

    @property
    def key(self) -> str:
        """What names it in an address: product and layer."""
        return f"{self.product.name}.{self.number}"

    @property
    def day(self) -> date:
        """Local day on which it was seen."""
        return self.product.start.astimezone(INDOCHINA_TIME).date()


def listed(farm: Path) -> tuple[Product, ...]:
    """Return what the farm's catalogue lists; nothing where it cannot be read."""
    try:
        return catalogue.products(farm)
    except AgriError:
        return ()


def raster_layers(
    products: Iterable[Product], ground: BaseGeometry | None = None
) -> tuple[RasterLayer, ...]:
    """Return the layers that show some ground: by what they show, of each the newest first.

    Parameters
    ----------
    products : iterable of Product
        From `listed`.
    ground : shapely geometry, optional
        WGS 84 (lon, lat) degrees; everything when none is told.
    """
    found = [
        layer
        for one in products
        if drawable(one) and (ground is None or one.footprint.intersects(ground))
        for layer in _layers(one)
    ]
    found.sort(key=lambda one: one.product.start, reverse=True)
    ranks = {kind: rank for rank, kind in enumerate(("index", "orthomosaic", "surface", "change"))}
    return tuple(sorted(found, key=lambda one: (ranks[one.product.kind], one.title.casefold())))


def _layers(product: Product) -> list[RasterLayer]:
    if product.kind == "orthomosaic":
        return [RasterLayer(product=product, number=PICTURE, title=product.name)]
    return [
        RasterLayer(product=product, number=number, title=layer.band.name or product.name)
        for number, layer in enumerate(product.layers, 1)
    ]


def with_key(layers: Iterable[RasterLayer], key: str) -> RasterLayer | None:
    """Return the layer of this key, None when there is none."""
    return next((one for one in layers if one.key == key), None)


def same_title(layers: Iterable[RasterLayer], title: str) -> tuple[RasterLayer, ...]:
    """Return the index layers of one title, the oldest first."""
    own = [one for one in layers if one.title == title and one.product.kind == "index"]
    return tuple(sorted(own, key=lambda one: one.product.start))


def of_kind(
    products: Iterable[Product], kind: Kind, ground: BaseGeometry | None = None
) -> tuple[Product, ...]:
    """Return the products of a kind that touch some ground, the newest first."""
    found = [
        one for one in products
        if one.kind == kind and (ground is None or one.footprint.intersects(ground))
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: one.start, reverse=True))
