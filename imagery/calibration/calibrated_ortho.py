"""A plain orthomosaic written as reflectance, by the lines its targets gave.

One pass of `imagery.raster.engine`: each band's numbers through its line, none where the file has
none. Pixels brighter or darker than the targets by more than a tenth of reflectance are counted:
there the line is an extrapolation. The product carries names and wavelengths of its bands, the
line, its R² and its error, so that whoever opens it knows what it stands on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.findings import Finding
from imagery.bands import Band
from imagery.calibration.empirical import Line
from imagery.raster import Ortho
from imagery.raster.engine import Product, write_product
from imagery.raster.tiles import Encoding, Layer

BEYOND = 0.05
"""More extrapolated pixels than this share are told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRecipe:
    """From stored numbers to reflectance (`imagery.raster.stretch.Recipe`).

    Parameters
    ----------
    numbers : tuple of int
        Layers of the file, from 1.
    lines : tuple of Line
        One for each.
    layers : tuple of Layer
        What is written.
    """

    numbers: tuple[int, ...]
    lines: tuple[Line, ...]
    layers: tuple[Layer, ...]

    @property
    def identity(self) -> str:
        """Words that differ when results would."""
        return repr((self.numbers, [(line.gain, line.offset) for line in self.lines]))

    def compute(self, values: NDArray[np.float32]) -> tuple[NDArray[np.float32], tuple[int, ...]]:
        """Return reflectance, (B, h, w), and for each band pixels with a value and beyond."""
        found = np.stack(
            [line.reflectance(band) for line, band in zip(self.lines, values, strict=True)]
        )
        counts = []
        for line, band in zip(self.lines, found, strict=True):
            counts += [int(np.isfinite(band).sum()), line.outside(band)]
        return found, tuple(counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedOrtho:
    """What was written.

    Parameters
    ----------
    product : Product
    lines : tuple of Line
    findings : tuple of Finding
        The lines' own, and how much was extrapolated.
    """

    product: Product
    lines: tuple[Line, ...]
    findings: tuple[Finding, ...]


def calibrate_ortho(
    path: Path,
    ortho: Ortho,
    lines: tuple[Line, ...],
    *,
    encoding: Encoding | None = None,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> CalibratedOrtho | None:
    """Write an orthomosaic's reflectance.

    Parameters
    ----------
    path : Path
        Takes this name when it is whole; an interrupted run is taken up.
    ortho : Ortho
        What `lines` were fitted for.
    lines : tuple of Line
        From `imagery.calibration.empirical.fit_lines`: one for each band, in the file's order.
    encoding : Encoding, optional
        16-bit numbers × 10,000 otherwise.
    workers, progress, stop
        As `imagery.raster.engine.write_product`.

    Returns
    -------
    CalibratedOrtho, or None when it was stopped.

    Raises
    ------
    BadInput
        When the lines are not those of the file's bands; else as `write_product`.
    """
    numbers = tuple(
        n for n, band in enumerate(ortho.bands, 1) if band is not None and n != ortho.alpha
    )
    bands = [band for n in numbers if (band := ortho.bands[n - 1]) is not None]
    if [band.label for band in bands] != [line.band for line in lines]:
        raise BadInput("error.empirical_bands", name=ortho.name,
                       bands=", ".join(line.band for line in lines)[:120])  # fmt: skip
    layers = tuple(_layer(band, line) for band, line in zip(bands, lines, strict=True))
    product = write_product(
        path,
        ortho,
        LineRecipe(numbers=numbers, lines=lines, layers=layers),
        encoding=encoding,
        tags=[("CALIBRATION", "empirical line, reflectance")],
        workers=workers,
        progress=progress,
        stop=stop,
    )
    if product is None:
        return None
    findings = [finding for line in lines for finding in line.findings]
    for line, known, beyond in zip(lines, product.counts[::2], product.counts[1::2], strict=True):
        if beyond > BEYOND * max(1, known):
            findings.append(Finding.warning("finding.empirical_beyond", where=line.band,
                                            share_pct=100.0 * beyond / known))  # fmt: skip
    return CalibratedOrtho(product=product, lines=lines, findings=tuple(findings))


def _layer(band: Band, line: Line) -> Layer:
    error = line.rmse if line.left_out_rmse is None else line.left_out_rmse
    tags = [
        ("LINE", f"reflectance = {line.gain:.9g} * number + {line.offset:.9g}"),
        ("R2", f"{line.r2:.5f}"),
        (
            "ERROR_OF_TARGETS",
            "unknown, two targets" if line.left_out_rmse is None else f"{error:.4f}",
        ),
        ("TARGETS", str(line.targets)),
    ]
    if band.centre_nm is not None:
        tags.append(("WAVELENGTH", f"{band.centre_nm:g}"))
    if band.fwhm_nm is not None:
        tags.append(("FWHM", f"{band.fwhm_nm:g}"))
    return Layer(name=band.name, tags=tuple(tags))
