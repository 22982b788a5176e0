"""A raster file as it is shown: at a glance, as a grid, with words for its layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agri.errors import BadInput
from agri.field import Field
from agri.grid import Grid
from agri.operations.layers import BLACK, Layer
from imagery.raster import Ortho
from imagery.raster.ortho import told_bands
from imagery.raster.overview import glance


def layer_names(ortho: Ortho) -> dict[int, str]:
    """Return the name of each layer that is not alpha, by its number from 1."""
    return {
        number: band.name if band is not None else str(number)
        for number, band in enumerate(ortho.bands, 1)
        if number != ortho.alpha
    }


def chosen_layers(ortho: Ortho, wanted: Sequence[str]) -> dict[int, str]:
    """Return the layers that a user names, by number or name; all of them when none is named.

    Raises
    ------
    BadInput
        When the raster has no such layer; the sentence names those it has.
    """
    names = layer_names(ortho)
    if not wanted:
        return names
    found = {}
    for word in wanted:
        number = next(
            (n for n, name in names.items() if word.casefold() in (name.casefold(), str(n))), None
        )
        if number is None:
            raise BadInput("error.no_layer", name=ortho.name, wanted=word[:40],
                           bands=told_bands(ortho))  # fmt: skip
        found[number] = names[number]
    return found


def seen(ortho: Ortho, layer: int, *, name: str = "") -> Grid:
    """Return a layer at a glance, as a grid to draw."""
    values, affine = glance(ortho, [layer])
    return Grid(values=values[0].astype(np.float64), affine=affine, epsg=ortho.epsg, name=name)


def field_layers(fields: Sequence[Field]) -> tuple[Layer, ...]:
    """Return the borders of fields, with their names."""
    return tuple(
        Layer(key="page.layer.field", geometry=field.boundary, colour=BLACK, label=field.name)
        for field in fields
    )
