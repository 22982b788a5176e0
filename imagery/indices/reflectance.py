"""Whether a file's values can be reflectance, judged by a few of its pixels.

Programs export orthomosaics as reflectance (0 to 1), as reflectance × 10000 (DJI Terra, Sentinel-2)
or × 32768 (MicaSense, Metashape), in percent, or as a camera's numbers, and few say which. Plants
and soil reflect at most about 0.7 in any band of these cameras, and seldom less than 0.2 in the
brightest. So a few windows along the diagonal tell which of these conventions fits. That is a
suggestion for a person to confirm: nothing is scaled by it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agri.findings import Finding
from imagery.raster.ortho import Ortho, Window, blocks

WINDOWS = 5
SIDE = 128
CONVENTIONS = (1.0, 100.0, 255.0, 10_000.0, 32_768.0, 65_535.0)
"""Stored numbers that programs let stand for full reflectance."""
BRIGHTEST = (0.12, 0.95)
"""Where the 99 % quantile of the brightest band of a field lies, as reflectance."""
TOO_BRIGHT = 1.6
"""A quantile above this cannot be reflectance, whatever the light."""


def brightest(ortho: Ortho) -> float:
    """Return the 99 % quantile of the brightest band in a few windows, as the file has it.

    Returns
    -------
    float
        After scale and offset; NaN when the windows hold no value.
    """
    layers = [n for n in range(1, len(ortho.bands) + 1) if n != ortho.alpha]
    found: list[list[float]] = []
    for step in range(WINDOWS):
        window = Window(
            column=max(0, ortho.width - SIDE) * step // (WINDOWS - 1),
            row=max(0, ortho.height - SIDE) * step // (WINDOWS - 1),
            width=min(SIDE, ortho.width),
            height=min(SIDE, ortho.height),
        )
        for _, values in blocks(ortho, layers, area=window):
            known = values[:, np.isfinite(values).all(axis=0)]
            if known.size:
                found.append(np.quantile(known, 0.99, axis=1).tolist())
    return float(np.median(found, axis=0).max()) if found else float("nan")


def conventions(ortho: Ortho) -> tuple[float, ...]:
    """Return which conventions would make the file's values those of a field, likeliest first.

    Parameters
    ----------
    ortho : Ortho
        From `imagery.raster.open_ortho`; a few of its windows are read.

    Returns
    -------
    tuple of float
        Stored numbers that may stand for a reflectance of 1; () when none fits.
    """
    top = brightest(ortho) / ortho.scales[0]
    whole = all(np.dtype(kind).kind in "iu" for kind in ortho.dtypes)
    eight_bit = set(ortho.dtypes) == {"uint8"}
    low, high = BRIGHTEST
    fits = [
        full for full in CONVENTIONS
        if low * full <= top <= high * full and (full > 1.0 or not whole)
        and (not eight_bit or full == 255.0) and (full != 255.0 or eight_bit)
    ]  # fmt: skip
    return tuple(sorted(fits, key=lambda full: abs(top / full - 0.5)))


def judge_reflectance(ortho: Ortho) -> list[Finding]:
    """Say what a few pixels tell of a file's values: nothing, a suggestion, or a warning.

    Returns
    -------
    list of Finding
        Empty when values are known as reflectance and can be that.
    """
    name = Path(ortho.name).name
    if ortho.reflectance_at is not None:
        top = brightest(ortho) / ortho.reflectance_at
        if top > TOO_BRIGHT:
            return [Finding.warning("finding.reflectance_bright", where=name, value=top)]
        return []
    fits = conventions(ortho)
    if not fits:
        return [Finding.warning("finding.index_not_reflectance", where=name)]
    told = ", ".join(f"{full:g}" for full in fits)
    return [Finding.warning("finding.reflectance_likely", where=name, fits=told)]
