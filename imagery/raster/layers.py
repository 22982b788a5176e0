"""What the layers of an orthomosaic are: bands, alpha, reflectance.

Which layer is which band is never told by its position. In this order it is believed: what the
caller says; a wavelength in the file (band tags, GDAL's ``IMAGERY`` domain, "717 nm" in a
description); a description, with the sensor's catalogue entry where the sensor is named; and, for
8-bit pictures of three colours alone, the colour interpretation (multispectral files carry "red,
green, blue" on their first three layers whatever these are).

Whether values are reflectance is not guessed either: the caller says which stored number stands for
1, or the file does, by declaring a scale or by holding decimal numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from rasterio.enums import ColorInterp, MaskFlags

from agri.errors import BadInput
from imagery.bands import Band, Sensor, band_from, sensor_bands

MAX_TAGS, MAX_TAG_LENGTH = 64, 500
WAVELENGTH_KEYS = ("wavelength", "central_wavelength", "centralwavelength", "center_wavelength")
WIDTH_KEYS = ("fwhm", "wavelengthfwhm", "bandwidth")
_NM = re.compile(r"(?<![\d.])(\d{3,5}(?:\.\d+)?)\s*nm\b", re.IGNORECASE)


def alpha_of(source: Any, bands: Sequence[str]) -> int | None:
    """Return the layer (from 1) that is alpha, by the caller's names, else by the file.

    Many programs mark the fourth layer of any four as alpha, near infrared too: who names the
    layers knows better.
    """
    told = [name.casefold() for name in bands]
    if told:
        return told.index("alpha") + 1 if "alpha" in told else None
    meant = [i for i, c in zip(source.indexes, source.colorinterp, strict=True)
             if c is ColorInterp.alpha]  # fmt: skip
    return meant[0] if len(meant) == 1 and source.count > 1 else None


def has_mask(source: Any) -> bool:
    """Return whether the file holds a mask that is no alpha layer."""
    return any(
        MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags
        for flags in source.mask_flag_enums
    )


def bands_of(
    source: Any,
    names: Sequence[str],
    sensor: Sensor | None,
    *,
    alpha: int | None,
    in_order: bool,
    name: str,
) -> tuple[Band | None, ...]:
    """Return one band for each layer, None where nothing tells what it is."""
    if names and len(names) != source.count:
        raise BadInput("error.ortho_layers", name=name, count=source.count, told=len(names))
    layers = [number for number in source.indexes if number != alpha]
    if not names and in_order and sensor is not None:
        if len(layers) != len(sensor.bands):
            raise BadInput(
                "error.ortho_layers", name=name, count=len(layers), told=len(sensor.bands)
            )
        by_layer = dict(zip(layers, sensor.bands, strict=True))
        return tuple(by_layer.get(number) for number in source.indexes)
    told = tuple(names) or tuple(word or "" for word in source.descriptions)
    if not any(told) and _is_picture(source, layers):
        told = tuple(c.name for c in source.colorinterp)
    return tuple(
        None if number == alpha else _band(source, number, told[number - 1], sensor, bool(names))
        for number in source.indexes
    )


def _is_picture(source: Any, layers: list[int]) -> bool:
    """Return whether it is an 8-bit picture of three colours."""
    colours = {source.colorinterp[number - 1] for number in layers}
    rgb = {ColorInterp.red, ColorInterp.green, ColorInterp.blue}
    return len(layers) == 3 and colours == rgb and set(source.dtypes) == {"uint8"}


def _band(
    source: Any, number: int, word: str, sensor: Sensor | None, declared: bool
) -> Band | None:
    """Return the band that a layer's words mean, None when they mean none."""
    tags = {} if declared else {k.casefold(): v for k, v in source.tags(number).items()}
    imagery = {} if declared else source.tags(number, ns="IMAGERY")
    centre = _first(tags, WAVELENGTH_KEYS) or 1000.0 * _first(imagery, ("CENTRAL_WAVELENGTH_UM",))
    width = _first(tags, WIDTH_KEYS) or 1000.0 * _first(imagery, ("FWHM_UM",))
    said = _NM.search(word)
    if not centre and said:
        centre = float(said.group(1))
    word = "".join(c for c in _NM.sub("", word).strip() if c.isprintable())[:40]
    if not centre and word.strip("-") == "":
        return None
    if not 0.0 < centre < 1e5:
        listed = sensor_bands([word], sensor)[0] if sensor is not None else None
        return listed if listed is not None else Band.named(word)
    return band_from(word, centre, width if 0.0 < width < 1e5 else None, sensor)


def _first(tags: dict[str, str], keys: tuple[str, ...]) -> float:
    """Return the first of these tags that is a number, 0 when none is."""
    for key in keys:
        try:
            value = float(tags.get(key, "").lower().replace("nm", "").strip())
        except ValueError:
            continue
        if math.isfinite(value):
            return value
    return 0.0


def reflectance_at_of(
    source: Any, scales: tuple[float, ...], told: float | None, name: str
) -> float | None:
    """Return the value that stands for reflectance 1, by the caller or the file."""
    if told is not None:
        if not (math.isfinite(told) and told > 0.0):
            raise BadInput("error.ortho_reflectance", name=name, value=told)
        return told * scales[0]
    declared = any(scale != 1.0 for scale in scales)
    decimal = all(np.dtype(kind).kind == "f" for kind in source.dtypes)
    return 1.0 if declared or decimal else None


def words_of(source: Any) -> tuple[tuple[str, str], ...]:
    """Return the file's own tags, not too many and not too long."""
    pairs = sorted(source.tags().items())[:MAX_TAGS]
    return tuple((key[:60], value[:MAX_TAG_LENGTH]) for key, value in pairs)
