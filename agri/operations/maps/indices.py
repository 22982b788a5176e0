"""Crop indices of an orthomosaic: one pass for all that are asked for, a picture of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from agri.field import Field
from agri.findings import Finding
from agri.grid import Grid
from agri.names import slug
from agri.operations.layers import Layer
from agri.operations.maps.photos import declared_sensor, unusable
from agri.operations.maps.quicklook import Look, draw_quicklook
from agri.operations.maps.register import free_place, list_raster
from agri.operations.maps.shelf import Shelf
from agri.operations.maps.sights import field_layers, seen
from agri.operations.report import Facts, fact
from agri.words import Language, say
from agri.zone import Zone
from imagery.indices.catalogue import Index, custom, index, offered
from imagery.indices.figures import Summary
from imagery.indices.maps import IndexMap, index_map, index_pieces
from imagery.intake.orthomosaic import take_ortho
from imagery.piecework import PIECE_SIDE
from imagery.raster import Ortho, open_ortho
from imagery.raster.index import SUFFIX
from imagery.raster.tiles import Encoding
from imagery.zonal import OrthoLayers, ZoneStatistics, zonal_statistics

Progress = Callable[[float], None]
FORMULA_SIGN = "="


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterWords:
    """What a user says of an orthomosaic that its file does not.

    Parameters
    ----------
    bands : tuple of str
        Name of each layer.
    camera : str
        Name of the camera in the catalogue.
    reflectance_at : float or None
        Stored number that stands for a reflectance of 1.
    flown : date or None
        When it was photographed.
    """

    bands: tuple[str, ...] = ()
    camera: str = ""
    reflectance_at: float | None = None
    flown: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeIndices:
    """A map of indices, and the files that show it.

    Parameters
    ----------
    map : IndexMap
        The GeoTIFF and its figures.
    facts : sequence of (str, str)
        Label and value.
    findings : tuple of Finding
        What a reader should know.
    pictures : tuple of Path
        One for each index.
    """

    map: IndexMap
    facts: Facts
    findings: tuple[Finding, ...]
    pictures: tuple[Path, ...]


def open_map(path: Path, words: RasterWords, field: Field | None = None) -> tuple[
    Ortho, tuple[Finding, ...]
]:  # fmt: skip
    """Take an orthomosaic in, with what the user says of it.

    Raises
    ------
    BadInput
        When it cannot be used; the sentence is that of the gravest finding.
    """
    taken, findings = take_ortho(path, field=field, bands=words.bands,
                                 declared=declared_sensor(words.camera),
                                 reflectance_at=words.reflectance_at)  # fmt: skip
    if taken is None:
        raise unusable(findings)
    return taken.ortho, tuple(findings)


def wanted_index(word: str) -> str | Index:
    """Return what a user writes for an index: a name, or ``NAME=formula``."""
    name, sign, formula = word.partition(FORMULA_SIGN)
    return custom(name.strip(), formula.strip()) if sign else index(name)


def make_indices(
    path: Path,
    shelf: Shelf,
    wanted: Sequence[str],
    *,
    words: RasterWords | None = None,
    masks: Sequence[str] = (),
    field: Field | None = None,
    lossless: bool = False,
    cluster: str = "",
    pieces: bool = False,
    progress: Progress | None = None,
) -> MadeIndices:
    """Make a map of indices from an orthomosaic, and a picture of each.

    Parameters
    ----------
    path : Path
        A GeoTIFF.
    shelf : Shelf
        Where map and pictures go.
    wanted : sequence of str
        Names, or ``NAME=formula``.
    words : RasterWords, optional
        What the file does not tell.
    masks : sequence of str
        "soil", "shadow", "cloud", "water": ground that is left out.
    field : Field, optional
        Drawn over the picture, its figures told first; told when the map does not reach it.
    lossless : bool
        Every bit of every value, in a file about twice as large.
    cluster : str
        Address of a Dask scheduler, ``tcp://…``, that does the work.
    pieces : bool
        Write pieces and an index that makes one map of them; a cluster does so with every map
        larger than one piece.
    progress : callable, optional
        Told the share done, 0 to 1.

    Raises
    ------
    AgriError
        When the orthomosaic, an index or a mask cannot be used.
    """
    ortho, told = open_map(path, words or RasterWords(), field)
    entries = [wanted_index(word) for word in wanted]
    names = [entry if isinstance(entry, str) else entry.name for entry in entries]
    kind = "-".join(slug(name) for name in names[:4]) or "none"
    in_pieces = pieces or (bool(cluster) and max(ortho.width, ortho.height) > PIECE_SIDE)
    target = free_place(shelf, shelf.place(path.name, kind, SUFFIX if in_pieces else ".tif"))
    make = _in_pieces if in_pieces else _in_one
    made = make(
        cluster, target, ortho, entries, masks=masks, sensor=words.camera if words else "",
        encoding=Encoding(kind="float32") if lossless else Encoding(), progress=progress,
    )  # fmt: skip
    assert made is not None  # noqa: S101 - nobody asks it to stop
    list_raster(
        shelf, target, "index", made_of=[path], flown=words.flown if words else None,
        formula="; ".join(f"{s.index.name} = {s.index.formula}" for s in made.summaries),
    )  # fmt: skip
    layers = field_layers([field]) if field is not None else ()
    inside = _within(field, target) if field is not None else ()
    pictures = tuple(
        shelf.keep_picture(
            path.name,
            summary.index.name.lower(),
            _picture(
                seen(open_ortho(target), number),
                summary.index,
                inside[number - 1] if inside else summary,
                field.name if field else path.stem,
                layers=layers,
                language=shelf.language,
            ),
        )
        for number, summary in enumerate(made.summaries, 1)
    )
    return MadeIndices(map=made, facts=index_facts(made, shelf.language, inside),
                       findings=(*told, *made.findings), pictures=pictures)  # fmt: skip


def _within(field: Field, target: Path) -> tuple[ZoneStatistics, ...]:
    """Return each layer's figures within a field, none where the map has no value there."""
    zone = Zone(name=field.name, area=field.boundary, kind="field")
    table, _ = zonal_statistics(OrthoLayers.of(open_ortho(target)), [zone])
    return tuple(table.rows) if all(math.isfinite(row.mean) for row in table.rows) else ()


def _in_one(cluster: str, *words: Any, **options: Any) -> IndexMap | None:
    """Make one file, with threads or a Dask cluster."""
    if not cluster:
        return index_map(*words, **options)
    from imagery.scale import executor, losses_told

    with losses_told(cluster), executor(cluster) as workers:
        return index_map(*words, cluster=workers, **options)


def _in_pieces(cluster: str, *words: Any, **options: Any) -> IndexMap | None:
    """Make pieces and their index, with threads or a Dask cluster."""
    if not cluster:
        return index_pieces(*words, **options)
    from imagery.scale import connected, losses_told

    with losses_told(cluster), connected(cluster) as client:
        return index_pieces(*words, client=client, **options)


def index_facts(made: IndexMap, language: Language, inside: Sequence[ZoneStatistics] = ()) -> Facts:
    """Return label and value of what there is to know about indices at a glance.

    Parameters
    ----------
    made : IndexMap
        The map.
    language : {"vi", "en"}
        Of labels and values.
    inside : sequence of ZoneStatistics
        Of each layer within the field that was asked for; told before those of the whole map.
    """
    facts: Facts = []
    for summary, row in zip(made.summaries, inside, strict=bool(inside)):
        facts.append((f"{summary.index.name} · {row.zone.name}",
                      say("page.index_figures", language, mean=row.mean, sd=row.sd,
                          low=row.least, high=row.greatest)))  # fmt: skip
    for summary in made.summaries:
        name = summary.index.name
        whole = f"{name} · {say('page.job_whole_map', language)}" if inside else name
        facts.append((whole, say("page.index_figures", language, mean=summary.mean,
                                 sd=summary.deviation, low=summary.low,
                                 high=summary.high)))  # fmt: skip
    for part in made.removed[:1]:
        fact(facts, language, "page.fact_removed", percent=100.0 * part.share, area_m2=part.area_m2)
    return facts


def _picture(
    grid: Grid,
    entry: Index,
    figures: Summary | ZoneStatistics,
    where: str,
    *,
    layers: Sequence[Layer],
    language: Language,
) -> bytes:
    sd = figures.sd if isinstance(figures, ZoneStatistics) else figures.deviation
    facts: Facts = []
    facts.append((say("page.fact_purpose", language), say(f"page.index_{entry.purpose}", language)))
    facts.append((entry.name, entry.formula))
    fact(facts, language, "page.fact_spread", mean=figures.mean, sd=sd)
    look = Look(title=f"{entry.name} · {where}", legend=entry.name, facts=facts)
    return draw_quicklook(grid, look, layers=layers, language=language)


def offers(
    path: Path, words: RasterWords | None = None
) -> tuple[tuple[Index, ...], tuple[Finding, ...]]:
    """Return the indices that an orthomosaic's bands allow, and what is to know of the file."""
    ortho, told = open_map(path, words or RasterWords())
    return offered(ortho.bands), told
