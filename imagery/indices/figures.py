"""A map of indices in figures: what each layer holds, what masks left out, what to say of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agri.findings import Finding
from imagery.indices.catalogue import Index
from imagery.masks import Mask, pixel_area_m2
from imagery.raster.engine import Product
from imagery.raster.labels import error_of
from imagery.raster.ortho import Ortho
from imagery.raster.tiles import Encoding

MANY_CLIPPED = 1e-3
"""Share of clipped values from which on somebody should know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What a mask left out.

    Parameters
    ----------
    mask : Mask or None
        None for all masks together.
    pixels : int
        Of those that had a value.
    area_m2 : float
        Ground.
    share : float
        Of the ground that had a value, 0 to 1.
    """

    mask: Mask | None
    pixels: int
    area_m2: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A layer in figures, in the index's own unit.

    Parameters
    ----------
    index : Index
        What it is.
    pixels : int
        With a value.
    mean, deviation, low, high : float
        Over them; NaN when there is none.
    error : float
        How far a stored value may be from the reckoned one.
    clipped : int
        Values held at the end of what can be stored.
    """

    index: Index
    pixels: int
    mean: float
    deviation: float
    low: float
    high: float
    error: float
    clipped: int


def summaries_of(
    indices: Sequence[Index], product: Product, encoding: Encoding
) -> tuple[Summary, ...]:
    """Return what was counted of each layer, in its index's own unit."""
    found = []
    for entry, layer, sums in zip(indices, product.layers, product.tallies, strict=True):
        step = layer.scale if encoding.kind == "int16" else 1.0
        found.append(
            Summary(
                index=entry,
                pixels=sums.count,
                mean=sums.mean * step,
                deviation=sums.deviation * step,
                low=sums.low * step if sums.count else float("nan"),
                high=sums.high * step if sums.count else float("nan"),
                error=error_of(layer, encoding),
                clipped=sums.clipped,
            )
        )
    return tuple(found)


def removed_by(masks: Sequence[Mask], counts: Sequence[int], ortho: Ortho) -> tuple[Removed, ...]:
    """Return what masks left out, from what `IndexRecipe.compute` counted."""
    if not masks or not counts:
        return ()
    area, known = pixel_area_m2(ortho), max(1, counts[0])
    return tuple(
        Removed(mask=mask, pixels=pixels, area_m2=pixels * area, share=pixels / known)
        for mask, pixels in zip((None, *masks), counts[1:], strict=True)
    )


def judge_figures(summaries: Sequence[Summary], removed: Sequence[Removed]) -> list[Finding]:
    """Return what a reader should know of the figures: empty, clipped, left out."""
    found = []
    for row in summaries:
        if not row.pixels:
            found.append(Finding.warning("finding.index_empty", where=row.index.name))
        elif row.clipped > MANY_CLIPPED * row.pixels:
            found.append(
                Finding.warning(
                    "finding.index_clipped",
                    where=row.index.name,
                    percent=100.0 * row.clipped / row.pixels,
                    low=row.low,
                    high=row.high,
                )
            )
    for part in removed:
        if part.mask is not None:
            found.append(
                Finding.info(
                    "finding.mask_removed",
                    mask=part.mask.spoken,
                    area_m2=part.area_m2,
                    percent=100.0 * part.share,
                    rule=part.mask.rule,
                )
            )
    return found
