"""What a finished orthomosaic's numbers mean: which of them stands for a reflectance of 1.

Theory of operation
-------------------
Programs write reflectance as decimals (Pix4D, DJI Terra, OpenDroneMap), × 10,000 (Sentinel-2),
× 32,768 (Metashape, MicaSense's stacks), in percent, or not at all: a picture of eight bits holds
brightness, made to look good. Indices with constants (SAVI, EVI, MCARI …) are wrong on any scale
but reflectance's own, so the scale is settled before they are reckoned, in this order:

1. what the file declares (a GDAL scale), and what the writing program always does (its name in the
   file's tags);
2. what only one scale makes plausible. Vegetation is sure of itself without any scale: where
   NDVI's median is above 0.4, near infrared reflects 0.2 to 0.75 and red less than 0.2. Of the four
   scales those are kept under which this holds and the brightest pixels stay below 1.4;
3. nobody's guess: when none or several remain, the scale is unknown, the finding names those that
   could be, and the user says.

Even a declared scale is tried against 2, because files lie: decimals that reach 8,000 are numbers
somebody forgot to divide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agri.findings import Finding
from imagery.bands import Role
from imagery.raster import Ortho, Window, blocks

Why = Literal["declared", "program", "numbers", "unknown"]
SCALES = (1.0, 100.0, 10_000.0, 32_768.0)
"""Numbers that stand for a reflectance of 1 in common files."""
PROGRAMS: tuple[tuple[str, str, float], ...] = (
    ("metashape", "uint16", 32_768.0),
    ("photoscan", "uint16", 32_768.0),
    ("sentinel", "uint16", 10_000.0),
)
"""Part of the program's name, kind of number, scale it always writes."""
GREEN_NDVI = 0.4
SAMPLES = 4
"""Windows a side that are looked at …"""
SAMPLE_PX = 256
"""… and their size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberScale:
    """What was settled.

    Parameters
    ----------
    reflectance_at : float or None
        Value (after the file's own scale and offset) that stands for a reflectance of 1.
    why : {"declared", "program", "numbers", "unknown"}
    findings : tuple of Finding
        Empty when the file itself declares it rightly.
    """

    reflectance_at: float | None
    why: Why
    findings: tuple[Finding, ...] = ()


def number_scale(ortho: Ortho) -> NumberScale:
    """Settle the scale of an orthomosaic's numbers by its words and a sample of its pixels.

    Parameters
    ----------
    ortho : Ortho
        The opened file.

    Raises
    ------
    BadInput
        When it cannot be read, or two of its bands claim the same role.
    """
    roles = ortho.roles
    numbers = [n for n, band in enumerate(ortho.bands, 1) if band is not None and n != ortho.alpha]
    if not numbers:
        told = Finding.warning("finding.scale_unknown", where=ortho.name, scales=_list(SCALES))
        return NumberScale(reflectance_at=None, why="unknown", findings=(told,))
    sample = _sample(ortho, numbers)
    red, nir = (
        sample[numbers.index(roles[role])] if role in roles else None for role in (Role.R, Role.N)
    )
    return judge_scale(
        top=float(np.nanquantile(sample, 0.999)) if np.isfinite(sample).any() else np.nan,
        red=red,
        nir=nir,
        kind=ortho.dtypes[numbers[0] - 1],
        declared=ortho.reflectance_at,
        words=" ".join(value for _, value in ortho.tags).casefold(),
        name=ortho.name,
    )


def judge_scale(
    *,
    top: float,
    red: NDArray[np.float32] | None,
    nir: NDArray[np.float32] | None,
    kind: str,
    declared: float | None = None,
    words: str = "",
    name: str = "",
) -> NumberScale:
    """Settle a scale from figures; the pure part of `number_scale`.

    Parameters
    ----------
    top : float
        Number that 99.9 % of all pixels stay below, after the file's scale and offset.
    red, nir : (N,) float32 or None
        The same places in both bands, NaN for none; None when the file has not the band.
    kind : str
        Kind of number stored: "uint8", "uint16", "float32".
    declared : float, optional
        What the file or the user says stands for 1.
    words : str
        The file's tags in lower case.
    name : str
        For sentences.

    Examples
    --------
    >>> rice = np.full(9, 4500.0, np.float32)
    >>> judge_scale(top=7000.0, red=rice / 10.0, nir=rice, kind="uint16").reflectance_at
    10000.0
    """
    if kind in ("uint8", "int8") and declared is None:
        told = Finding.warning("finding.scale_eight_bits", where=name)
        return NumberScale(reflectance_at=None, why="unknown", findings=(told,))
    fits = [scale for scale in SCALES if _plausible(scale, top, red, nir)]
    sure = fits[0] if len(fits) == 1 else None
    if declared is not None:
        if _bright(declared, top):
            return NumberScale(reflectance_at=declared, why="declared")
        told = Finding.warning("finding.scale_contradicted", where=name, scale=declared, top=top)
        return NumberScale(reflectance_at=sure, why="numbers" if sure else "unknown",
                           findings=(told,))  # fmt: skip
    program = next((s for part, of, s in PROGRAMS if part in words and kind == of), None)
    if program is not None and _bright(program, top):
        sure = program
    elif not _green(red, nir):
        sure = None
    if sure is None:
        told = Finding.warning("finding.scale_unknown", where=name, scales=_list(fits or SCALES))
        return NumberScale(reflectance_at=None, why="unknown", findings=(told,))
    told = Finding.info("finding.scale_assumed", where=name, scale=sure)
    return NumberScale(reflectance_at=sure, why="program" if program == sure else "numbers",
                       findings=(told,))  # fmt: skip


def _bright(scale: float, top: float) -> bool:
    return bool(0.02 * scale <= top <= 1.4 * scale)


def _green(red: NDArray[np.float32] | None, nir: NDArray[np.float32] | None) -> bool:
    """Whether the picture is of vegetation, whatever its scale."""
    if red is None or nir is None:
        return False
    with np.errstate(invalid="ignore", divide="ignore"):
        ndvi = (nir - red) / (nir + red)
    known = ndvi[np.isfinite(ndvi)]
    return bool(known.size and float(np.median(known)) > GREEN_NDVI)


def _plausible(
    scale: float, top: float, red: NDArray[np.float32] | None, nir: NDArray[np.float32] | None
) -> bool:
    if not _bright(scale, top):
        return False
    if red is None or nir is None or not _green(red, nir):
        return True
    return bool(
        0.2 <= float(np.nanmedian(nir)) / scale <= 0.75
        and 0.003 <= float(np.nanmedian(red)) / scale <= 0.2
    )


def _sample(ortho: Ortho, numbers: Sequence[int]) -> NDArray[np.float32]:
    """Return (B, N) values of windows spread over the picture."""
    parts = []
    for across in range(SAMPLES):
        for down in range(SAMPLES):
            column, width = _span(across, ortho.width)
            row, height = _span(down, ortho.height)
            area = Window(column=column, row=row, width=width, height=height)
            parts += [values.reshape(len(numbers), -1)
                      for _, values in blocks(ortho, list(numbers), area=area)]  # fmt: skip
    return np.concatenate(parts, axis=1)


def _span(part: int, size: int) -> tuple[int, int]:
    """Return where a sample begins and how long it is, along one side."""
    start = max(0, (2 * part + 1) * size // (2 * SAMPLES) - SAMPLE_PX // 2)
    return start, min(SAMPLE_PX, size - start)


def _list(scales: Sequence[float]) -> str:
    return ", ".join(f"{scale:.0f}" for scale in scales)
