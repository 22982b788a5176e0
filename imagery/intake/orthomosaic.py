"""A finished orthomosaic or satellite band: who made it, what its layers are, what a value means.

Theory of operation
-------------------
`imagery.raster.open_ortho` judges the header and believes wavelengths and names. This room adds
what the file's *own name* and maker say, and tells in sentences what nobody said:

* **Maker**, from the tags (``TIFFTAG_SOFTWARE``) or the names programs always give their files
  (``odm_orthophoto``, DJI Terra's ``result_NIR``): "OpenDroneMap", "Pix4D", "Metashape",
  "DJI Terra", "Sentinel-2", "" when unknown.
* **A single layer's band**, from the last word of its name (``result_RedEdge.tif``,
  ``field_reflectance_nir.tif``, ``…_B04_10m.tif``), never from a position.
* **Sentinel-2**: reflectance = (value − 1000) / 10000 for products that carry ESA's own file name
  and were sensed on or after 25 January 2022 (processing baseline 04.00), value / 10000 before.
  Products reprocessed later carry the offset although they are older; that it was assumed is told.
* **What stands for full reflectance** is settled by `imagery.calibration.number_scale`, and what it
  assumes or cannot know is told.

`take_ortho` opens the file in this process; `imagery.intake.take_in` lets it be tried in a confined
one before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import shapely

from agri.errors import AgriError, BadInput
from agri.field import Field
from agri.findings import Finding
from agri.geo import transformer
from imagery.bands import NAMES, Sensor
from imagery.bands import sensor as sensor_named
from imagery.calibration.number_scale import NumberScale, Why, number_scale
from imagery.intake.guard import shown
from imagery.raster import Ortho, open_ortho

Maker = Literal["", "OpenDroneMap", "Pix4D", "Metashape", "DJI Terra", "Sentinel-2"]

MAKERS: tuple[tuple[str, Maker], ...] = (
    ("opendronemap", "OpenDroneMap"), ("odm", "OpenDroneMap"), ("pix4d", "Pix4D"),
    ("metashape", "Metashape"), ("photoscan", "Metashape"), ("agisoft", "Metashape"),
    ("dji terra", "DJI Terra"), ("djiterra", "DJI Terra"), ("sentinel-2", "Sentinel-2"),
)  # fmt: skip
"""A word in a file's tags, and who writes it."""
OFFSET_SINCE = date(2022, 1, 25)
"""Sentinel-2 processing baseline 04.00."""
_SENTINEL = re.compile(
    r"(?:^|_)(?:T\d{2}[A-Z]{3}_(?P<day>\d{8})T\d{6}_)(?P<band>B0[1-9]|B1[0-2]|B8A)(?:_\d0m)?$"
)
_TERRA = re.compile(r"^result(_[A-Za-z]+)?$")
_WORDS = {"rededge": "Red edge", "red edge": "Red edge", "re": "Red edge", "reg": "Red edge"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Orthomosaic:
    """An orthomosaic taken in.

    Parameters
    ----------
    ortho : Ortho
        Its facts, ready for `imagery.raster.blocks`.
    maker : str
        Program that made it, "" when unknown.
    scale_known : {"declared", "program", "numbers", "unknown"}
        Who says what stands for reflectance 1 (`Ortho.reflectance_at`): the file or the user, the
        habit of the program, the numbers themselves, nobody.
    """

    ortho: Ortho
    maker: Maker = ""
    scale_known: Why = "unknown"


def take_ortho(
    path: Path,
    *,
    field: Field | None = None,
    bands: Sequence[str] = (),
    declared: Sensor | None = None,
    reflectance_at: float | None = None,
) -> tuple[Orthomosaic | None, tuple[Finding, ...]]:
    """Take in one orthomosaic.

    Parameters
    ----------
    path : Path
        A GeoTIFF.
    field : Field, optional
        What it should show.
    bands : sequence of str
        What the user says that the layers are, one word for each; () for the file's own words.
    declared : Sensor, optional
        What the user says that the camera was.
    reflectance_at : float, optional
        What the user says that stands for reflectance 1.

    Returns
    -------
    orthomosaic : Orthomosaic or None
        None when it was refused; the findings say why.
    findings : tuple of Finding
    """
    where = shown(path)
    satellite = _SENTINEL.search(path.stem)
    try:
        if satellite and not bands:
            ortho = _sentinel(path, satellite, reflectance_at)
        else:
            named = tuple(bands) or _band_in_name(path)
            ortho = _opened(path, named, declared, reflectance_at, asked=bool(bands))
        maker: Maker = "Sentinel-2" if satellite else _maker(ortho)
        scale, findings = _settled(ortho, where)
    except AgriError as error:
        return None, (Finding.error("finding.ortho_refused", where=where, because=error.message),)
    if satellite:
        findings.append(Finding.info("finding.ortho_sentinel", where=where,
                                     offset=-ortho.offsets[0]))  # fmt: skip
    findings += _unknown_layers(ortho, where)
    if field is not None:
        findings += _reach(ortho, field, where)
    ortho = replace(ortho, reflectance_at=scale.reflectance_at)
    taken = Orthomosaic(ortho=ortho, maker=maker, scale_known=scale.why)
    return taken, tuple(findings)


def _opened(
    path: Path,
    named: tuple[str, ...],
    declared: Sensor | None,
    reflectance_at: float | None,
    *,
    asked: bool,
) -> Ortho:
    """Open with the words of the user, else of the file's name when it has one layer."""
    if named and not asked:
        own = open_ortho(path, sensor=declared, reflectance_at=reflectance_at)
        layers = len(own.bands) - (own.alpha is not None)
        if layers != 1 or any(band is not None for band in own.bands):
            return own
        named = tuple("alpha" if n == own.alpha else named[0] for n in range(1, 1 + len(own.bands)))
    return open_ortho(path, bands=named, sensor=declared, reflectance_at=reflectance_at)


def _band_in_name(path: Path) -> tuple[str, ...]:
    """Return the band that the last word of a file's name means, () for none.

    Examples
    --------
    >>> _band_in_name(Path("result_RedEdge.tif")), _band_in_name(Path("ortho.tif"))
    (('Red edge',), ())
    """
    last = re.split(r"[_\-]", path.stem)[-1].casefold()
    if last in _WORDS:
        return (_WORDS[last],)
    return (last.capitalize(),) if len(last) > 2 and last in NAMES else ()


def _sentinel(path: Path, found: re.Match[str], reflectance_at: float | None) -> Ortho:
    ortho = open_ortho(
        path,
        bands=(found["band"],),
        sensor=sensor_named("Sentinel-2 L2A"),
        reflectance_at=reflectance_at or 10_000.0,
    )
    sensed = found["day"]
    since = f"{OFFSET_SINCE:%Y%m%d}"
    if sensed < since or ortho.offsets[0] != 0.0:
        return ortho
    return replace(ortho, offsets=(-1000.0,))


def _maker(ortho: Ortho) -> Maker:
    words = " ".join(value for _, value in ortho.tags).casefold()
    for word, maker in MAKERS:
        if re.search(rf"(?<![a-z]){re.escape(word)}", words):
            return maker
    stem = ortho.path.stem
    if stem.startswith("odm_orthophoto"):
        return "OpenDroneMap"
    return "DJI Terra" if _TERRA.match(stem) else ""


def _unknown_layers(ortho: Ortho, where: str) -> list[Finding]:
    unknown = [
        number
        for number, band in enumerate(ortho.bands, 1)
        if number != ortho.alpha and (band is None or band.role is None)
    ]
    if not unknown:
        return []
    layers = ", ".join(map(str, unknown))
    return [Finding.warning("finding.ortho_layers_unknown", where=where, layers=layers)]


def _settled(ortho: Ortho, where: str) -> tuple[NumberScale, list[Finding]]:
    """Return what stands for reflectance 1, and what to say about it."""
    try:
        scale = number_scale(ortho)
    except BadInput as error:
        doubt = Finding.warning("finding.ortho_unsettled", where=where, because=error.message)
        return NumberScale(reflectance_at=None, why="unknown"), [doubt]
    return scale, list(scale.findings)


def _reach(ortho: Ortho, field: Field, where: str) -> list[Finding]:
    """Return whether an orthomosaic shows a field, by the ground its raster covers."""
    a, b, c, d, e, f = ortho.affine
    corners = [(0, 0), (ortho.width, 0), (ortho.width, ortho.height), (0, ortho.height)]
    xs, ys = zip(*((a * i + b * j + c, d * i + e * j + f) for i, j in corners), strict=True)
    lon, lat = transformer(ortho.epsg, 4326).transform(xs, ys)
    if not np.isfinite([*lon, *lat]).all():
        raise BadInput("error.raster_damaged", name=ortho.name)
    frame = field.frame
    ground = frame.geometry_to_local(shapely.Polygon(list(zip(lon, lat, strict=True))))
    boundary = frame.geometry_to_local(field.boundary)
    share = float(boundary.intersection(ground).area / boundary.area)
    if share == 0.0:
        return [Finding.error("finding.ortho_elsewhere", where=where, field=field.name)]
    if share < 0.99:
        return [Finding.warning("finding.ortho_part", where=where, field=field.name,
                                share_pct=100.0 * share)]  # fmt: skip
    return []
