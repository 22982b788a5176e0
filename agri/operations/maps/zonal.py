"""Figures of fields, plots and trees out of a raster: exact, as a table and as a picture.

A few zones are drawn with their outlines and names over the raster. Of a commune's thousands that
would be a smear: each is filled with its own mean instead, and how they differ is told.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiPolygon

from agri.errors import BadInput
from agri.field import Field
from agri.findings import Finding
from agri.operations.layers import BLACK, Layer
from agri.operations.maps.quicklook import Look, draw_quicklook
from agri.operations.maps.shelf import Shelf
from agri.operations.maps.sights import chosen_layers, seen
from agri.operations.report import Facts, fact
from agri.units import square_metres_to_hectares, square_metres_to_sao
from agri.words import say
from agri.zone import Zone
from imagery.intake.intake import Progress
from imagery.raster import open_ortho
from imagery.zonal import (
    OrthoLayers,
    ZonalTable,
    filled,
    read_zones,
    sao_plots,
    write_table,
    zonal_statistics,
)

TABLES = (".gpkg", ".parquet", ".csv")
MOST_NAMES = 40
"""More zones than this are drawn by their means, without names."""
TENTHS = (10.0, 50.0, 90.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Statistics of zones, and the files that hold them.

    Parameters
    ----------
    table : ZonalTable
        A row for each zone and layer.
    facts : sequence of (str, str)
        Label and value.
    findings : tuple of Finding
        Zones outside the raster, without data, partly covered.
    files : tuple of Path
        Table and picture.
    """

    table: ZonalTable
    facts: Facts
    findings: tuple[Finding, ...]
    files: tuple[Path, ...]


def zones_for(
    shelf: Shelf, *, file: Path | None = None, field: Field | None = None, sao: bool = False
) -> tuple[tuple[Zone, ...], tuple[Finding, ...]]:
    """Return the zones that a user asks for: a file's, a field, its plots, else all fields.

    Raises
    ------
    BadInput
        When there is nothing to measure: no file, no field and no farm.
    """
    if file is not None:
        return read_zones(file)
    if field is None and shelf.farm is None:
        raise BadInput("error.zones_nowhere")
    fields = (field,) if field is not None else shelf.farm.fields() if shelf.farm else ()
    if sao:
        return tuple(
            Zone(name=plot.name if len(fields) == 1 else f"{one.name} {plot.name}",
                 area=plot.area, kind=plot.kind)
            for one in fields
            for plot in sao_plots(one.boundary)
        ), ()  # fmt: skip
    return tuple(Zone(name=one.name, area=one.boundary, kind="field") for one in fields), ()


def measure(
    raster: Path,
    shelf: Shelf,
    zones: Sequence[Zone],
    *,
    layers: Sequence[str] = (),
    bin_edges: Sequence[float] = (),
    suffix: str = ".gpkg",
    cluster: str = "",
    progress: Progress | None = None,
) -> Measured:
    """Measure zones over a raster; keep table and picture.

    Parameters
    ----------
    raster : Path
        A GeoTIFF: an index, an orthomosaic, heights.
    shelf : Shelf
        Where table and picture go.
    zones : sequence of Zone
        WGS 84; they may overlap.
    layers : sequence of str
        Names or numbers of the raster's layers; all when none is named.
    bin_edges : sequence of float
        Of a histogram.
    suffix : {".gpkg", ".parquet", ".csv"}
        Kind of table.
    cluster : str
        Address of a Dask scheduler, ``tcp://…``, whose workers do it.
    progress : callable, optional
        Told the share done, 0 to 1.

    Raises
    ------
    AgriError
        When the raster or the zones cannot be used.
    """
    if suffix not in TABLES:
        raise BadInput("error.table_kind", wanted=suffix[:20], known=" ".join(TABLES))
    ortho = open_ortho(raster)
    chosen = chosen_layers(ortho, layers)
    source = OrthoLayers(ortho=ortho, bands=tuple(chosen), labels=tuple(chosen.values()))
    with _workers(cluster) as client:
        table, findings = zonal_statistics(source, zones, bin_edges=bin_edges, progress=progress,
                                           client=client)  # fmt: skip
    path = shelf.place(raster.name, "zonal", suffix)
    write_table(path, table)
    first = next(iter(chosen))
    facts = _facts(table, chosen[first], shelf)
    many = len(zones) > MOST_NAMES
    look = Look(
        title=say("page.zonal_many" if many else "page.zonal_title", shelf.language,
                  name=raster.stem, count=len(zones)),
        legend=chosen[first],
        facts=facts,
    )  # fmt: skip
    shown = seen(ortho, first)
    if many:
        shown = filled(zones, [row.mean for row in table.of(chosen[first])], shown)
    outlines = [_together(zones)] if many else _outlines(zones)
    png = draw_quicklook(shown, look, layers=outlines, language=shelf.language)
    picture = shelf.keep_picture(raster.name, "zonal", png)
    return Measured(table=table, facts=facts, findings=findings, files=(path, picture))


@contextmanager
def _workers(cluster: str) -> Iterator[Any]:
    """Give a cluster's client, None without one."""
    if not cluster:
        yield None
        return
    from imagery.scale import connected, losses_told

    with losses_told(cluster), connected(cluster) as client:
        yield client


def _outlines(zones: Sequence[Zone]) -> list[Layer]:
    return [
        Layer(key="page.layer.zone", geometry=zone.area, colour=BLACK, width=1.2, label=zone.name)
        for zone in zones
    ]


def _together(zones: Sequence[Zone]) -> Layer:
    parts = [part for zone in zones for part in shapely.get_parts(zone.area).tolist()]
    return Layer(key="page.layer.zone", geometry=MultiPolygon(parts), colour=BLACK, width=0.4)


def _facts(table: ZonalTable, label: str, shelf: Shelf) -> Facts:
    facts: Facts = []
    rows = [row for row in table.of(label) if math.isfinite(row.mean)]
    area_m2 = sum(row.area_m2 for row in table.of(label))
    fact(facts, shelf.language, "page.fact_zones", count=len(table.of(label)),
         ha=square_metres_to_hectares(area_m2), sao=square_metres_to_sao(area_m2))  # fmt: skip
    if rows:
        low, high = min(rows, key=lambda r: r.mean), max(rows, key=lambda r: r.mean)
        known_m2 = sum(row.area_m2 * row.coverage for row in rows)
        mean = sum(row.mean * row.area_m2 * row.coverage for row in rows) / max(known_m2, 1e-9)
        facts.append((say("page.fact_mean_of", shelf.language, what=label),
                      say("page.number", shelf.language, value=mean)))  # fmt: skip
        fact(facts, shelf.language, "page.fact_lowest", name=low.zone.name, value=low.mean)
        fact(facts, shelf.language, "page.fact_highest", name=high.zone.name, value=high.mean)
    if len(rows) > MOST_NAMES:
        low_tenth, half, high_tenth = np.percentile([row.mean for row in rows], TENTHS).tolist()
        fact(facts, shelf.language, "page.fact_tenths", low=low_tenth, half=half, high=high_tenth)
    return facts
