"""The empirical line: a plain orthomosaic becomes reflectance by targets of known brightness.

Theory of operation
-------------------
Where neither panel photos nor light readings exist, targets laid in the field (tarpaulins, painted
boards, a panel) tell how the stored numbers follow reflectance: ρ = gain · number + offset, band
by band, by least squares over two targets or more (Smith and Milton 1999,
doi:10.1080/014311699211994).

What the line is worth is told, not assumed. R² and RMSE of two targets are perfect whatever they
are, so with two it says that the error is not known; from three on the honest figure is the error
of each target by a line through the others. A line that falls with the light, targets too alike to
carry one, and values outside the targets' range (extrapolated) are refused, warned of, or counted.

A target's known reflectance is a `Certificate`: one value for grey things, or by wavelength. A band
whose wavelength nobody knows takes only targets that are grey.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.findings import Finding
from agri.zone import Zone
from imagery.bands import Band
from imagery.calibration.certificate import Certificate
from imagery.raster import Ortho
from imagery.zonal import OrthoLayers, zonal_statistics

FloatArray = NDArray[np.float64]
GREY = 0.02
"""A target whose reflectances differ by no more than this is grey."""
MIN_SPAN = 0.15
"""Targets closer together than this in reflectance carry no line far."""
GOOD_R2 = 0.98
GOOD_RMSE = 0.02
MAX_UNEVEN = 0.15
"""A target whose pixels vary by more (sd over mean) was not outlined well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A thing of known reflectance in the field.

    Parameters
    ----------
    zone : Zone
        Its outline, well inside its edge.
    certificate : Certificate
        What it reflects.
    """

    zone: Zone
    certificate: Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """ρ = gain · number + offset for one band.

    Parameters
    ----------
    band : str
        Its label.
    gain, offset : float
    r2, rmse : float
        Of the targets about the line; RMSE in reflectance.
    left_out_rmse : float or None
        Of each target by the line through the others; None with two.
    targets : int
    low, high : float
        Least and greatest reflectance of the targets.
    findings : tuple of Finding
    """

    band: str
    gain: float
    offset: float
    r2: float
    rmse: float
    left_out_rmse: float | None
    targets: int
    low: float
    high: float
    findings: tuple[Finding, ...] = ()

    def reflectance(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return reflectance of stored numbers (after the file's scale), NaN where they are."""
        return numbers * np.float32(self.gain) + np.float32(self.offset)

    def outside(self, values: NDArray[np.float32]) -> int:
        """Return how many reflectances lie beyond the targets' by more than a tenth."""
        with np.errstate(invalid="ignore"):
            beyond = (values < self.low - 0.1) | (values > self.high + 0.1)
        return int(beyond.sum())


def fit_line(band: str, measured: Sequence[float], known: Sequence[float]) -> Line:
    """Fit one band's line.

    Parameters
    ----------
    band : str
        For sentences.
    measured : sequence of float
        Mean number of each target.
    known : sequence of float
        Reflectance of each, 0 to 1.

    Raises
    ------
    BadInput
        When there are fewer than two targets, one has no value, they are all alike, or brighter
        targets have smaller numbers.

    Examples
    --------
    >>> line = fit_line("Red", [1000.0, 3000.0, 5000.0], [0.05, 0.25, 0.45])
    >>> round(line.gain * 2000.0 + line.offset, 6), round(line.r2, 6)
    (0.15, 1.0)
    """
    x, y = np.asarray(measured, dtype=np.float64), np.asarray(known, dtype=np.float64)
    if len(x) != len(y) or len(x) < 2:
        raise BadInput("error.empirical_targets", band=band, count=len(x))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise BadInput("error.empirical_empty", band=band)
    span = float(np.ptp(x))
    if span <= 1e-9 * max(1.0, float(np.abs(x).max())) or float(np.ptp(y)) < 1e-6:
        raise BadInput("error.empirical_alike", band=band)
    gain, offset = _least_squares(x, y)
    if gain <= 0.0:
        raise BadInput("error.empirical_falling", band=band)
    misses = y - (gain * x + offset)
    r2 = 1.0 - float(misses @ misses) / float(((y - y.mean()) ** 2).sum())
    line = Line(
        band=band,
        gain=gain,
        offset=offset,
        r2=r2,
        rmse=math.sqrt(float(misses @ misses) / len(x)),
        left_out_rmse=_left_out(x, y),
        targets=len(x),
        low=float(y.min()),
        high=float(y.max()),
    )
    return _judged(line)


def fit_lines(
    ortho: Ortho,
    targets: Sequence[Target],
    progress: Callable[[float], None] | None = None,
) -> tuple[tuple[Line, ...], tuple[Finding, ...]]:
    """Fit a line for every band of an orthomosaic.

    Parameters
    ----------
    ortho : Ortho
        The opened file; its alpha is left out.
    targets : sequence of Target
        Two or more.
    progress : callable, optional
        Is told the share done, 0 to 1.

    Returns
    -------
    lines : tuple of Line
        One for each band, in the file's order.
    findings : tuple of Finding
        Theirs, and of targets outside or unevenly lit.

    Raises
    ------
    BadInput
        As `fit_line`; when a band's wavelength is unknown and a target is not grey.
    """
    numbers = [n for n, band in enumerate(ortho.bands, 1) if band is not None and n != ortho.alpha]
    bands = [band for n in numbers if (band := ortho.bands[n - 1]) is not None]
    labels = tuple(f"{n} {band.label}" for n, band in zip(numbers, bands, strict=True))
    layers = OrthoLayers(ortho=ortho, bands=tuple(numbers), labels=labels)
    table, told = zonal_statistics(layers, [t.zone for t in targets], quantiles=(),
                                   progress=progress)  # fmt: skip
    findings = list(told)
    lines = []
    for label, band in zip(labels, bands, strict=True):
        rows = table.of(label)
        for row in rows:
            uneven = row.sd / abs(row.mean) if row.mean else math.inf
            if uneven > MAX_UNEVEN:
                findings.append(Finding.warning("finding.target_uneven", where=row.zone.name,
                                                band=label, uneven_pct=100.0 * uneven))  # fmt: skip
        known = [known_reflectance(target, band) for target in targets]
        lines.append(fit_line(band.label, [row.mean for row in rows], known))
    findings += [finding for line in lines for finding in line.findings]
    return tuple(lines), tuple(findings)


def known_reflectance(target: Target, band: Band) -> float:
    """Return what a target reflects in a band.

    Raises
    ------
    BadInput
        When the band's wavelength is unknown and the target is not grey, or its certificate does
        not reach the band.
    """
    if band.centre_nm is not None:
        return target.certificate.at(band.centre_nm)
    values = [value for _, value in target.certificate.albedo]
    if max(values) - min(values) > GREY:
        raise BadInput("error.empirical_wavelength", band=band.label, target=target.zone.name)
    return sum(values) / len(values)


def _least_squares(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    dx = x - x.mean()
    gain = float(dx @ (y - y.mean())) / float(dx @ dx)
    return gain, float(y.mean()) - gain * float(x.mean())


def _left_out(x: FloatArray, y: FloatArray) -> float | None:
    """RMSE of each target by a line through the others; infinite when those are alike."""
    if len(x) < 3:
        return None
    misses = []
    for out in range(len(x)):
        keep = np.arange(len(x)) != out
        if float(np.ptp(x[keep])) <= 0.0:
            return math.inf
        gain, offset = _least_squares(x[keep], y[keep])
        misses.append(float(y[out] - gain * x[out] - offset))
    return math.sqrt(sum(miss * miss for miss in misses) / len(misses))


def _judged(line: Line) -> Line:
    told = []
    if line.left_out_rmse is None:
        told.append(Finding.warning("finding.empirical_two", where=line.band))
    elif line.r2 < GOOD_R2 or max(line.rmse, line.left_out_rmse) > GOOD_RMSE:
        told.append(Finding.warning("finding.empirical_poor", where=line.band, r2=line.r2,
                                    rmse=max(line.rmse, line.left_out_rmse)))  # fmt: skip
    if line.high - line.low < MIN_SPAN:
        told.append(Finding.warning("finding.empirical_narrow", where=line.band, low=line.low,
                                    high=line.high))  # fmt: skip
    fields = {name: getattr(line, name) for name in Line.__dataclass_fields__}
    return Line(**{**fields, "findings": tuple(told)})
