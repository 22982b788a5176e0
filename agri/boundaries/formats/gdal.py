"""The one door to GDAL's vector readers, for binary formats whose bytes were checked before.

Theory of operation
-------------------
GDAL tells formats by content, and some of its formats are programs: virtual layers, web services,
links to other files. It is therefore given only bytes in memory, never a path; only bytes whose
format the caller has already recognised and checked; and its answer is refused when it was
another driver than the one meant that opened them. Bytes in memory have no neighbours, so there is
no side file to read. Whatever goes wrong inside comes out as one sentence.

Geometry is taken as WKB and handed on as numbers (see `outlines`); curves arrive as line
segments already.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from agri.boundaries.outlines import MAX_FEATURES, OutlineFile, check_count, make_outline
from agri.errors import BadInput
from agri.findings import Finding


def read_layer(
    data: bytes,
    layer: str,
    *,
    driver: str,
    file: str,
    decoded: Callable[[list[str]], list[str]] = lambda texts: texts,
) -> OutlineFile:
    """Read one layer of a dataset held in memory.

    Parameters
    ----------
    data : bytes
        The dataset.
    layer : str
        Name of the layer.
    driver : str
        GDAL's name of the one driver that may open it.
    file : str
        The file's name, for error sentences.
    decoded : callable
        Given every text of the layer at once, returns them in their true letters.

    Raises
    ------
    BadInput
        When GDAL cannot read it, another driver opens it, or there are too many features.
    """
    crs, columns, blobs = _read(data, layer, driver, file)
    check_count(len(blobs), file)
    names = decoded([name for name, _ in columns])
    texts = [value for _, values in columns for value in values if isinstance(value, str)]
    letters = dict(zip(texts, decoded(texts), strict=True))
    outlines, findings = [], []
    for position, blob in enumerate(blobs, 1):
        row = {
            name: letters[value] if isinstance(value := values[position - 1], str) else value
            for name, (_, values) in zip(names, columns, strict=True)
        }
        geometry, closed = _geometry(blob, f"#{position}")
        outline = make_outline(_parts(geometry), row, position=position)
        if closed:
            findings.append(Finding.info("finding.ring_closed", outline.name or f"#{position}"))
        outlines.append(outline)
    return OutlineFile(outlines=tuple(outlines), crs=crs, findings=tuple(findings))


def _read(
    data: bytes, layer: str, driver: str, file: str
) -> tuple[str, list[tuple[str, list[Any]]], list[Any]]:
    from pyogrio import raw, read_info

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            opened_by = read_info(data, layer=layer)["driver"]
            if opened_by != driver:
                raise BadInput("error.boundary_format", file=file)
            meta, _, blobs, columns = raw.read(
                data, layer=layer, max_features=MAX_FEATURES + 1, datetime_as_string=True
            )
    except BadInput:
        raise
    except Exception:  # whatever a hostile file brings out of a C library
        raise BadInput("error.boundary_unreadable", file=file) from None
    if blobs is None:
        raise BadInput("error.boundary_unreadable", file=file)
    named = [
        (str(name), values.tolist()) for name, values in zip(meta["fields"], columns, strict=True)
    ]
    return meta["crs"] or "", named, list(blobs)


def _geometry(blob: Any, label: str) -> tuple[BaseGeometry | None, bool]:
    """Return the geometry and whether a ring had to be closed to read it."""
    if blob is None:
        return None, False
    with np.errstate(invalid="ignore"):  # NaN is judged later, where the feature is named
        try:
            return shapely.from_wkb(blob), False
        except (ShapelyError, TypeError, ValueError):
            try:
                fixed = shapely.from_wkb(blob, on_invalid="fix")
            except (ShapelyError, TypeError, ValueError):
                fixed = None
    if fixed is None:
        raise BadInput("error.geometry_empty", name=label)
    return fixed, True


def _parts(geometry: BaseGeometry | None) -> Iterator[tuple[str, Any]]:
    if geometry is None or geometry.is_empty:
        return
    kind = geometry.geom_type
    if isinstance(geometry, Polygon):
        yield kind, [_numbers(ring) for ring in (geometry.exterior, *geometry.interiors)]
    elif kind in {"LineString", "LinearRing"}:
        yield "LineString", _numbers(geometry)
    elif kind == "Point":
        yield kind, _numbers(geometry)[0]
    else:
        for part in shapely.get_parts(geometry):
            yield from _parts(part)


def _numbers(geometry: BaseGeometry) -> list[list[float]]:
    numbers: list[list[float]] = shapely.get_coordinates(
        geometry, include_z=bool(shapely.has_z(geometry))
    ).tolist()
    return numbers
