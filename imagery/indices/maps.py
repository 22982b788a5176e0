"""Maps of several indices from one orthomosaic, masked, in one pass, and what to say of them.

Theory of operation
-------------------
Every band that any index or mask needs is read once; the indices are reckoned from it and written
side by side (`imagery.raster.engine`). An index that means reflectance (SAVI, EVI, TGI …) is
refused for a file of which nobody knows what stands for 1; ratios (NDVI, NDRE, GLI …) are made, and
it is said that their values come from a camera's own numbers.

Each layer carries its formula with the constants used, its source, the bands with their
wavelengths, and the error that its storage adds; the file carries calibration, masks, the input's
name and hash, and the version. What a reader should know comes back as findings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agri import __version__
from agri.errors import BadInput
from agri.findings import Finding
from imagery.indices.catalogue import Index, available, index
from imagery.indices.expression import RED_EDGE
from imagery.indices.figures import Removed, Summary, judge_figures, removed_by, summaries_of
from imagery.indices.reflectance import judge_reflectance
from imagery.masks import Mask, find_mask
from imagery.piecework import PIECE_SIDE, write_pieces
from imagery.raster.engine import Product, Progress, write_product
from imagery.raster.labels import error_of
from imagery.raster.ortho import Ortho, Window, told_bands
from imagery.raster.tiles import Encoding, Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRecipe:
    """From bands to indices (`imagery.raster.stretch.Recipe`).

    Parameters
    ----------
    indices : tuple of Index
        What is reckoned.
    masks : tuple of Mask
        What is left out.
    names : tuple of tuple of str
        For each band that is read, what formulas call it.
    numbers : tuple of int
        The same as layers of the file, from 1.
    layers : tuple of Layer
        What is written.
    factor : float
        Reflectance is a value times this.
    """

    indices: tuple[Index, ...]
    masks: tuple[Mask, ...]
    names: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]
    layers: tuple[Layer, ...]
    factor: float = 1.0

    @property
    def identity(self) -> str:
        """Words that differ when results would."""
        return repr(self)

    def compute(self, values: NDArray[np.float32]) -> tuple[NDArray[np.float32], tuple[int, ...]]:
        """Return the indices, (K, h, w), and (with a value, left out, left out by each mask)."""
        if self.factor != 1.0:
            values *= np.float32(self.factor)
        bands = {
            name: band for band, names in zip(values, self.names, strict=True) for name in names
        }
        found = np.empty((len(self.indices), *values.shape[1:]), np.float32)
        for layer, entry in zip(found, self.indices, strict=True):
            layer[...] = entry.term(bands)
        if not self.masks:
            return found, ()
        known = np.isfinite(values).all(axis=0)
        each = [mask.hides(bands) & known for mask in self.masks]
        hidden = np.logical_or.reduce(each)
        found[:, hidden] = np.nan
        counts = (known, hidden, *each)
        return found, tuple(int(np.count_nonzero(part)) for part in counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexMap:
    """A map that was made.

    Parameters
    ----------
    product : Product
        The file.
    summaries : tuple of Summary
        One for each layer.
    removed : tuple of Removed
        All masks together, then each; () without masks.
    findings : tuple of Finding
        What a reader should know.
    """

    product: Product
    summaries: tuple[Summary, ...]
    removed: tuple[Removed, ...]
    findings: tuple[Finding, ...]


def index_recipe(
    ortho: Ortho,
    indices: Sequence[str | Index],
    *,
    masks: Sequence[str | Mask] = (),
    encoding: Encoding | None = None,
) -> IndexRecipe:
    """Return what is to be reckoned, once the bands are known to allow it.

    Raises
    ------
    BadInput
        When no or an unknown index is asked for, one is asked for twice, the bands do not allow
        it, or it means reflectance and nobody knows what stands for 1.
    """
    entries = tuple(index(entry) if isinstance(entry, str) else entry for entry in indices)
    names = [entry.name for entry in entries]
    if not entries or len(set(names)) < len(names):
        raise BadInput("error.index_list", names=", ".join(names) or "–")
    have = available(ortho.bands)
    for entry in entries:
        missing = [band for band in entry.bands if band not in have]
        if missing:
            raise BadInput(
                "error.index_bands",
                index=entry.name,
                need=", ".join(missing),
                name=ortho.name,
                bands=told_bands(ortho),
            )
        if entry.needs_reflectance and ortho.reflectance_at is None:
            raise BadInput("error.index_reflectance", index=entry.name, name=ortho.name)
    found = tuple(find_mask(m, ortho) if isinstance(m, str) else m for m in masks)
    terms = [entry.term for entry in entries] + [mask.term for mask in found]
    numbers = tuple(sorted({have[band] for term in terms for band in term.bands}))
    return IndexRecipe(
        indices=entries,
        masks=found,
        names=tuple(tuple(n for n, at in have.items() if at == number) for number in numbers),
        numbers=numbers,
        layers=tuple(_layer(entry, ortho, have, encoding or Encoding()) for entry in entries),
        factor=1.0 / (ortho.reflectance_at or 1.0),
    )


def index_map(
    path: Path,
    ortho: Ortho,
    indices: Sequence[str | Index],
    *,
    masks: Sequence[str | Mask] = (),
    encoding: Encoding | None = None,
    sensor: str = "",
    calibration: str = "",
    area: Window | None = None,
    workers: int | None = None,
    cluster: Executor | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> IndexMap | None:
    """Make a map of indices from an orthomosaic.

    Parameters
    ----------
    path : Path
        Takes this name when it is whole; an interrupted run of the same map is taken up.
    ortho : Ortho
        From `imagery.raster.open_ortho`.
    indices : sequence of str or Index
        Names of the catalogue, or entries (`imagery.indices.catalogue.custom`).
    masks : sequence of str or Mask
        "soil", "shadow", "cloud", "water", or masks (`imagery.masks.mask_of`).
    encoding : Encoding, optional
        How values are stored; scaled 16-bit numbers otherwise.
    sensor, calibration : str
        What the product tells of camera and calibration.
    area, workers, cluster, progress, stop
        As `imagery.raster.engine.write_product`.

    Returns
    -------
    IndexMap, or None when it was stopped.

    Raises
    ------
    BadInput
        As `index_recipe` and `imagery.raster.engine.write_product`.
    """
    encoding = encoding or Encoding()
    recipe = index_recipe(ortho, indices, masks=masks, encoding=encoding)
    product = write_product(
        path,
        ortho,
        recipe,
        encoding=encoding,
        tags=_tags(ortho, recipe, sensor, calibration),
        area=area,
        workers=workers,
        cluster=cluster,
        progress=progress,
        stop=stop,
    )
    return None if product is None else _map_of(ortho, recipe, product, encoding)


def index_pieces(
    path: Path,
    ortho: Ortho,
    indices: Sequence[str | Index],
    *,
    masks: Sequence[str | Mask] = (),
    encoding: Encoding | None = None,
    sensor: str = "",
    calibration: str = "",
    client: Any = None,
    side: int = PIECE_SIDE,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> IndexMap | None:
    """Make a map of indices in pieces, with an index file that makes one raster of them.

    Parameters
    ----------
    path : Path
        The index file, ``….vrt``; it appears last, and an interrupted run is taken up.
    ortho, indices, masks, encoding, sensor, calibration, progress, stop
        As `index_map`.
    client, side
        As `imagery.piecework.write_pieces`.

    Returns
    -------
    IndexMap, or None when it was stopped.

    Raises
    ------
    BadInput
        As `index_recipe` and `imagery.piecework.write_pieces`.
    """
    encoding = encoding or Encoding()
    recipe = index_recipe(ortho, indices, masks=masks, encoding=encoding)
    made = write_pieces(
        path,
        ortho,
        recipe,
        client,
        encoding=encoding,
        side=side,
        tags=_tags(ortho, recipe, sensor, calibration),
        progress=progress,
        stop=stop,
    )
    if made is None:
        return None
    found = _map_of(ortho, recipe, made.product, encoding)
    told = Finding.info("finding.product_pieces", pieces=len(made.pieces), made=made.made)
    return replace(found, findings=(*found.findings, told))


def _tags(
    ortho: Ortho, recipe: IndexRecipe, sensor: str, calibration: str
) -> list[tuple[str, str]]:
    """Return what the file tells of itself."""
    tags = [
        ("CALIBRATION", calibration or ("" if ortho.reflectance_at else "none: camera numbers")),
        ("SENSOR", sensor),
        ("MASKS", "; ".join(mask.told for mask in recipe.masks)),
        ("OVERVIEWS", "means of the index, gaps left out"),
        ("AGRI_VERSION", __version__),
    ]
    return [(key, value) for key, value in tags if value]


def _map_of(ortho: Ortho, recipe: IndexRecipe, product: Product, encoding: Encoding) -> IndexMap:
    summaries = summaries_of(recipe.indices, product, encoding)
    removed = removed_by(recipe.masks, product.counts, ortho)
    return IndexMap(
        product=product,
        summaries=summaries,
        removed=removed,
        findings=(*_said(ortho, recipe, product), *judge_figures(summaries, removed)),
    )


def _layer(entry: Index, ortho: Ortho, have: dict[str, int], encoding: Encoding) -> Layer:
    words = []
    for name in entry.bands:
        band = ortho.bands[have[name] - 1]
        words.append(f"{name} = {band.label if band is not None else '?'}")
    constants = ", ".join(f"{key} = {value:g}" for key, value in entry.constants)
    plain = Layer(name=entry.name, scale=entry.scale)
    tags = (
        ("LONG_NAME", entry.long_name),
        ("FORMULA", entry.formula + (f" with {constants}" if constants else "")),
        ("BANDS", "; ".join(words)),
        ("SOURCE", entry.source),
        ("ERROR", f"{error_of(plain, encoding):g}"),
    )
    return Layer(name=entry.name, scale=entry.scale, tags=tuple(tag for tag in tags if tag[1]))


def _said(ortho: Ortho, recipe: IndexRecipe, product: Product) -> list[Finding]:
    found = judge_reflectance(ortho)
    have = available(ortho.bands)
    edge = [entry.name for entry in recipe.indices if RED_EDGE in entry.bands]
    if edge:
        band = ortho.bands[have[RED_EDGE] - 1]
        label = band.label if band is not None else "?"
        found.append(Finding.info("finding.index_red_edge", indices=", ".join(edge), band=label))
    if product.resumed_rows:
        found.append(Finding.info("finding.product_resumed", rows=product.resumed_rows))
    return found
