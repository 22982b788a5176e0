"""A raster file as it is shown: at a glance, as a grid, with words for its layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.field import Field
from agri.grid import Grid
from agri.operations.layers import BLACK, Layer
from imagery.bands import Role
from imagery.raster import Ortho
from imagery.raster.ortho import told_bands
from imagery.raster.overview import glance

BRIGHT_PCT = (1.0, 99.0)
"""What of a picture becomes black and white."""


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


def as_picture(ortho: Ortho) -> tuple[NDArray[np.uint8], Grid]:
    """Return an orthomosaic at a glance as a picture, and where it lies.

    Its red, green and blue are shown, else its first three layers, else the first as grey; each
    is stretched between its 1st and its 99th percentile unless it is a picture of bytes already.

    Returns
    -------
    picture : (H, W, 4) uint8
        Red, green, blue, opacity.
    grid : Grid
        Where it lies.
    """
    layers = [n for n in range(1, len(ortho.bands) + 1) if n != ortho.alpha]
    chosen = (layers if len(layers) >= 3 else layers[:1] * 3)[:3]
    if {Role.R, Role.G, Role.B} <= ortho.roles.keys():
        chosen = [ortho.roles[role] for role in (Role.R, Role.G, Role.B)]
    values, affine = glance(ortho, chosen)
    known = np.isfinite(values).any(axis=0)
    shown = np.zeros((*known.shape, 4), np.uint8)
    for index, plane in enumerate(values):
        low, high = 0.0, 255.0
        if ortho.dtypes[0] != "uint8" and known.any():
            low, high = np.nanpercentile(plane, BRIGHT_PCT)
        share = np.nan_to_num((plane - low) / max(float(high - low), 1e-9))
        shown[..., index] = np.clip(255.0 * share, 0.0, 255.0).astype(np.uint8)
    shown[..., 3] = np.where(known, 255, 0)
    grid = Grid(values=np.where(known, 0.0, np.nan), affine=affine, epsg=ortho.epsg)
    return shown, grid
