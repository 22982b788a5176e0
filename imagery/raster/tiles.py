"""What a product's values are as stored numbers, and its tiles as bytes.

Theory of operation
-------------------
The arithmetic of an index is nearly free; decoding the photographs and encoding the result is what
a map costs. So values are by default stored as 16-bit whole numbers, value = number · scale, the
scale a power of ten that the index's range allows: 0.0001 for an index between −1 and 1, with an
error of at most half of that. −32768 means "none"; a value beyond what the numbers reach is held
at the last one and counted (`Tally.clipped`). "float32" keeps every bit instead.

Tiles are packed with ZSTD at its quickest level (or Deflate, for programs that know no ZSTD) after
TIFF's horizontal predictor (2 for whole numbers, 3 for decimal ones).

An overview's pixel is the mean of the stored values of the four pixels below it that have one,
rounded half up; "none" only where none has. So an overview shows the index's own mean, not the
index of mean bands, and gaps do not bleed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from imagery.extras import extra
from imagery.raster.tiff import TILE

Kind = Literal["int16", "float32"]
Packing = Literal["zstd", "deflate"]

NONE = -32768
"""The 16-bit number that means "none"."""
MOST = 32767
COMPRESSION = {"zstd": 50000, "deflate": 8}
LEVEL = {"zstd": 1, "deflate": 6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One band of a product.

    Parameters
    ----------
    name : str
        Short name: "NDVI".
    scale : float
        value = stored number · scale, for 16-bit products.
    tags : tuple of (str, str)
        What the band carries with it: formula, source, bands, error.
    """

    name: str
    scale: float = 1e-4
    tags: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale > 0.0):
            raise BadInput("error.layer_scale", name=self.name, value=self.scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How a product's values are stored.

    Parameters
    ----------
    kind : {"int16", "float32"}
        Scaled whole numbers, or every bit.
    packing : {"zstd", "deflate"}
        Compression of the tiles.
    """

    kind: Kind = "int16"
    packing: Packing = "zstd"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Kind of stored number."""
        return np.dtype(self.kind)

    @property
    def predictor(self) -> int:
        """TIFF's number of the predictor."""
        return 2 if self.kind == "int16" else 3


@dataclass(slots=True, kw_only=True)
class Tally:
    """Sums over the pixels of one band that have a value.

    Parameters
    ----------
    count : int
        Pixels with a value.
    total, squares : float
        Sum of the stored values and of their squares.
    low, high : float
        Least and greatest stored value.
    clipped : int
        Values held at the last number that 16 bits reach.
    """

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    clipped: int = 0

    def add(self, other: Tally) -> None:
        """Add what another part of the band counted."""
        self.count += other.count
        self.total += other.total
        self.squares += other.squares
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.clipped += other.clipped

    @property
    def mean(self) -> float:
        """Mean stored value; NaN when there is none."""
        return self.total / self.count if self.count else math.nan

    @property
    def deviation(self) -> float:
        """Standard deviation (of the population)."""
        if not self.count:
            return math.nan
        return math.sqrt(max(0.0, self.squares / self.count - self.mean**2))


@dataclass(frozen=True, slots=True, kw_only=True)
class TileRow:
    """A stretch of a row of tiles, ready to be kept.

    Parameters
    ----------
    tiles : tuple of tuple of bytes
        From left to right, at each place the packed tile of each band.
    half : (K, 256, w) int16 or float32
        The same at half the size, as stored.
    tallies : list of Tally
        One for each band.
    counts : (M,) int64
        What the recipe counted.
    """

    tiles: tuple[tuple[bytes, ...], ...]
    half: NDArray[Any]
    tallies: list[Tally] = field(default_factory=list)
    counts: tuple[int, ...] = ()


def codecs() -> Any:
    """Return imagecodecs, or say in one sentence how to get it."""
    return extra("imagecodecs")


def pack(stored: NDArray[Any], packing: Packing) -> bytes:
    """Return a tile of stored numbers as bytes.

    Parameters
    ----------
    stored : (512, 512) int16 or float32
        Contiguous.
    packing : {"zstd", "deflate"}
        How.
    """
    known = codecs()
    if stored.dtype.kind == "f":
        data = known.floatpred_encode(stored, axis=-1)
    else:
        data = known.delta_encode(stored, axis=-1)
    if packing == "zstd":
        return bytes(known.zstd_encode(data, level=LEVEL["zstd"]))
    return bytes(known.deflate_encode(data, level=LEVEL["deflate"], raw=False))


def unpack(tile: bytes, encoding: Encoding) -> NDArray[Any]:
    """Return the (512, 512) stored numbers of a packed tile."""
    known = codecs()
    size = TILE * TILE * encoding.dtype.itemsize
    if encoding.packing == "zstd":
        data = known.zstd_decode(tile, out=size)
    else:
        data = known.zlib_decode(tile, out=size)
    stored = np.frombuffer(data, encoding.dtype).reshape(TILE, TILE)
    undo = known.floatpred_decode if encoding.kind == "float32" else known.delta_decode
    result: NDArray[Any] = undo(stored, axis=-1)
    return result


def rounded(values: NDArray[np.float32], scale: float) -> int:
    """Turn values into the 16-bit numbers they are stored as, in place, still as float32.

    Returns
    -------
    int
        How many were beyond what 16 bits reach.
    """
    np.multiply(values, np.float32(1.0 / scale), out=values)
    np.rint(values, out=values)
    high, low = np.fmax.reduce(values, axis=None), np.fmin.reduce(values, axis=None)
    if not (high > MOST or low < -MOST):
        return 0
    beyond = int(np.count_nonzero(np.abs(values) > MOST))
    np.clip(values, -MOST, MOST, out=values)
    return beyond


def stored_of(values: NDArray[np.float32], kind: Kind) -> NDArray[Any]:
    """Return whole float32 numbers (NaN for none) as they are stored."""
    if kind == "float32":
        return np.ascontiguousarray(values)
    known = np.nan_to_num(values, nan=NONE) if np.isnan(values.min()) else values
    return known.astype(np.int16)


def values_of(stored: NDArray[Any]) -> NDArray[np.float32]:
    """Return stored numbers as float32, NaN for none."""
    values: NDArray[np.float32] = stored.astype(np.float32)
    if stored.dtype.kind == "i":
        values[stored == NONE] = np.nan
    return values


def none_of(shape: tuple[int, ...], encoding: Encoding) -> NDArray[Any]:
    """Return stored numbers of which none is a value."""
    return np.full(shape, NONE if encoding.kind == "int16" else np.nan, encoding.dtype)


def halved(values: NDArray[np.float32], *, whole: bool) -> NDArray[np.float32]:
    """Return the means of two by two values, leaving out what is none.

    Parameters
    ----------
    values : (..., h, w) float32
        h and w even; NaN for none.
    whole : bool
        Whether means are rounded (half up) to whole numbers.

    Examples
    --------
    >>> halved(np.float32([[1, 2, np.nan, np.nan], [2, 2, 7, np.nan]]), whole=True).tolist()
    [[2.0, 7.0]]
    """
    pairs = values[..., 0::2, :] + values[..., 1::2, :]
    means: NDArray[np.float32] = pairs[..., 0::2] + pairs[..., 1::2]
    means *= np.float32(0.25)
    gaps = np.isnan(means)
    if gaps.any():
        where = np.nonzero(gaps)
        *front, i, j = where
        four = np.stack([values[(*front, 2 * i + a, 2 * j + b)] for a in (0, 1) for b in (0, 1)])
        known = ~np.isnan(four)
        count = known.sum(axis=0)
        total = np.where(known, four, np.float32(0)).sum(axis=0, dtype=np.float64)
        means[where] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    if whole:
        means += np.float32(0.5)
        np.floor(means, out=means)
    return means


def tally(values: NDArray[np.float32]) -> Tally:
    """Count and sum one band's values, whole numbers or not; NaN is none."""
    plain = values
    count = values.size
    if np.isnan(values.min()):
        known = ~np.isnan(values)
        count = int(np.count_nonzero(known))
        if not count:
            return Tally()
        plain = np.where(known, values, np.float32(0))
        low = float(np.fmin.reduce(values, axis=None))
        high = float(np.fmax.reduce(values, axis=None))
    else:
        low, high = float(values.min()), float(values.max())
    exact = plain.ravel().astype(np.float64)  # whole numbers and their squares add up exactly
    return Tally(
        count=count,
        total=float(exact.sum()),
        squares=float(np.einsum("i,i->", exact, exact)),
        low=low,
        high=high,
    )
