"""What changed between two flights: patches of a map, trees of an orchard, worth a walk first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely

from agri.field import Field
from agri.files import read_text_limited, write_json
from agri.findings import Finding
from agri.geo import projected
from agri.grid import Grid
from agri.operations.layers import BLACK, Layer
from agri.operations.maps.quicklook import Look, draw_quicklook
from agri.operations.maps.register import list_areas
from agri.operations.maps.shelf import Shelf
from agri.operations.maps.sights import chosen_layers, field_layers
from agri.operations.maps.trees import MOST_PIXELS, REGISTER_BYTES
from agri.operations.report import Facts, fact
from agri.words import say
from imagery.change.anomalies import Anomaly, area_anomalies, tree_anomalies
from imagery.change.area_change import changed_areas
from imagery.change.registration import RasterAlignment, align_rasters, laid_on
from imagery.change.tree_change import compare_trees
from imagery.raster import open_ortho, read_grid
from imagery.trees.passport import register_from

MOST_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundChange:
    """What changed, and the files that show it.

    Parameters
    ----------
    anomalies : tuple of Anomaly
        The most worth a walk first.
    alignment : RasterAlignment or None
        How the second map was laid on the first; None for trees.
    facts : sequence of (str, str)
        Label and value.
    findings : tuple of Finding
        What a reader should know.
    files : tuple of Path
        The list and the picture.
    """

    anomalies: tuple[Anomaly, ...]
    alignment: RasterAlignment | None
    facts: Facts
    findings: tuple[Finding, ...]
    files: tuple[Path, ...]


def map_change(
    before: Path,
    after: Path,
    shelf: Shelf,
    *,
    field: Field | None = None,
    layer: str = "",
    least_m2: float = 25.0,
) -> FoundChange:
    """Compare two maps of the same index.

    Parameters
    ----------
    before, after : Path
        GeoTIFFs of two flights.
    shelf : Shelf
        Where list and picture go.
    field : Field, optional
        Only its ground is compared.
    layer : str
        Name or number; the first when none is named.
    least_m2 : float
        Patches smaller than this are not listed.

    Raises
    ------
    AgriError
        When a map cannot be used, or the two do not fit on one another.
    """
    first, second = (_layer(path, layer, field) for path in (before, after))
    found = align_rasters(first, second)
    moved = laid_on(first, second, found)
    if field is not None:
        first = _within(first, field)
    anomalies = area_anomalies(changed_areas(first, moved, least_m2=least_m2), measure=first.name)
    facts: Facts = []
    off = moved.values - first.values
    known = off[np.isfinite(off)]
    fact(facts, shelf.language, "page.fact_compared", before=before.stem, after=after.stem)
    fact(facts, shelf.language, "page.fact_laid", shift_m=float(np.hypot(*found.shift_m)),
         residual_m=found.residual_m)  # fmt: skip
    if known.size:
        fact(facts, shelf.language, "page.fact_median_change", change=float(np.median(known)))
    fact(facts, shelf.language, "page.fact_patches", count=len(anomalies))
    title = say("page.change_title", shelf.language, name=field.name if field else after.stem)
    look = Look(title=title, legend=say("page.legend_change", shelf.language, what=first.name),
                ramp="change", facts=facts)  # fmt: skip
    layers = (*_patches(anomalies, first.epsg), *(field_layers([field]) if field else ()))
    png = draw_quicklook(replace(first, values=off), look, layers=layers, language=shelf.language)
    source = f"{before.stem}-{after.stem}"
    path = shelf.place(source, "change", ".geojson")
    write_json(path, _features(anomalies, first.epsg, shelf))
    if anomalies:
        ground = shapely.union_all([projected(one.outline, first.epsg, 4326) for one in anomalies])
        list_areas(shelf, path, "change", ground.convex_hull.buffer(0.0), made_of=[before, after])
    picture = shelf.keep_picture(source, "change", png)
    return FoundChange(anomalies=anomalies, alignment=found, facts=facts, findings=(),
                       files=(path, picture))  # fmt: skip


def tree_change(register: Path, shelf: Shelf, *, measure: str, flight: str = "") -> FoundChange:
    """Compare the last flight over an orchard with the earlier ones, tree by tree.

    Parameters
    ----------
    register : Path
        As `agri.operations.maps.trees.map_trees` keeps it.
    shelf : Shelf
        Where the list goes.
    measure : str
        ``"height_m"``, ``"area_m2"``, ``"volume_m3"``, or an index: ``"NDVI"``, ``"GLI"``.
    flight : str
        Which; the last when none is named.
    """
    book = register_from(read_text_limited(register, limit_bytes=REGISTER_BYTES))
    changes = compare_trees(book, measure, flight=flight)
    anomalies = tree_anomalies(changes, measure=measure, spacing_m=book.spacing_m)
    facts: Facts = []
    fact(facts, shelf.language, "page.fact_trees_compared", count=len(changes),
         flights=len(book.flights))  # fmt: skip
    fact(facts, shelf.language, "page.fact_patches", count=len(anomalies))
    path = shelf.place(register.name, "change", ".geojson")
    write_json(path, _features(anomalies, book.epsg, shelf))
    if anomalies:
        ground = shapely.union_all([projected(one.outline, book.epsg, 4326) for one in anomalies])
        list_areas(shelf, path, "change", ground.convex_hull.buffer(0.0), made_of=[register],
                   flight=flight)  # fmt: skip
    return FoundChange(anomalies=anomalies, alignment=None, facts=facts, findings=(), files=(path,))


def _layer(path: Path, layer: str, field: Field | None) -> Grid:
    chosen = chosen_layers(open_ortho(path), [layer] if layer else [])
    number = next(iter(chosen))
    area = None if field is None else field.boundary.bounds
    grid = read_grid(path, band=number, area=area, max_pixels=MOST_PIXELS // 4)
    return replace(grid, name=chosen[number])


def _within(grid: Grid, field: Field) -> Grid:
    """Return a grid without what lies outside a field."""
    border = projected(field.boundary, 4326, grid.epsg)
    a, b, c, d, e, f = grid.affine
    row, column = np.indices(grid.shape) + 0.5
    shapely.prepare(border)
    inside = shapely.contains_xy(border, a * column + b * row + c, d * column + e * row + f)
    return replace(grid, values=np.where(inside, grid.values, np.nan))


def _patches(anomalies: Sequence[Anomaly], epsg: int) -> list[Layer]:
    return [
        Layer(key="page.layer.changed", geometry=projected(one.outline, epsg, 4326), colour=BLACK,
              label=str(number) if number <= MOST_NAMED else "")
        for number, one in enumerate(anomalies, 1)
    ]  # fmt: skip


def _features(anomalies: Sequence[Anomaly], epsg: int, shelf: Shelf) -> dict[str, object]:
    """Return the list as GeoJSON, each with what may be behind it and what to look at."""
    features = [
        {
            "type": "Feature",
            "properties": {
                "number": number,
                "trees": ", ".join(one.names),
                "measure": one.measure,
                "sense": one.sense,
                "shape": one.shape,
                "change": round(one.change, 4),
                "area_m2": round(one.area_m2, 1),
                "confidence": round(one.confidence, 3),
                "may_be": "; ".join(cause.text(shelf.language) for cause in one.causes),
                "look_at": " ".join(look.text(shelf.language) for look in one.look),
            },
            "geometry": shapely.geometry.mapping(
                shapely.orient_polygons(projected(one.outline, epsg, 4326))
            ),
        }
        for number, one in enumerate(anomalies, 1)
    ]
    return {"type": "FeatureCollection", "features": features}
