"""Every tree of an orchard: found from above, measured, numbered for life, the missing ones listed.

The register of an orchard is kept beside its maps (``…-trees.json``); the next flight over the same
field finds it and keeps the numbers. Heights are used where there are any; otherwise colours alone
tell a crown from the ground.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput, Refused
from agri.field import Field
from agri.files import read_text_limited, write_text
from agri.findings import Finding
from agri.geo import projected, transformer
from agri.grid import Grid
from agri.operations.layers import GREEN, VERMILION, Layer
from agri.operations.maps.indices import RasterWords, open_map
from agri.operations.maps.quicklook import Look, draw_photo_map, draw_quicklook
from agri.operations.maps.register import list_areas
from agri.operations.maps.shelf import Shelf
from agri.operations.maps.sights import as_picture, field_layers
from agri.operations.report import Facts, fact
from agri.words import Language, say
from imagery.bands import Role
from imagery.raster import Ortho, read_grid
from imagery.raster.systems import Bounds
from imagery.trees.canopy import canopy_height
from imagery.trees.colours import find_crowns_by_colour, vegetation
from imagery.trees.crown import Crown
from imagery.trees.finding import find_crowns
from imagery.trees.gaps import Gap, find_gaps, to_replant
from imagery.trees.lattice import Orchard, fit_orchard
from imagery.trees.measuring import measured
from imagery.trees.numbering import Numbered, first_numbers, next_numbers
from imagery.trees.output import write_trees
from imagery.trees.passport import register_from, register_text

Progress = Callable[[float], None]
MOST_PIXELS = 60_000_000
"""Of one raster held in memory; a larger one is read coarser."""
REGISTER_BYTES = 200_000_000
MOST_NAMES = 120
"""More trees than this are drawn without their numbers."""
FEWEST = 6
_NOTHING: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The rasters in which trees are looked for.

    Parameters
    ----------
    ortho : Path or None
        Colours or bands.
    surface, ground : Path or None
        Heights of what a camera sees, and of the ground beneath.
    canopy : Path or None
        Heights above ground, instead of those two.
    """

    ortho: Path | None = None
    surface: Path | None = None
    ground: Path | None = None
    canopy: Path | None = None

    @property
    def main(self) -> Path:
        """The file that results are named after."""
        found = self.ortho or self.canopy or self.surface
        if found is None:
            raise BadInput("error.trees_nothing")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTrees:
    """An orchard's trees, and the files that hold them.

    Parameters
    ----------
    crowns : tuple of Crown
        With their numbers as names where they stand in a grid.
    orchard : Orchard or None
        The grid they stand in, None when they stand in none.
    gaps : tuple of Gap
        Where trees are missing.
    facts : sequence of (str, str)
        Label and value.
    findings : tuple of Finding
        What a reader should know.
    files : tuple of Path
        Trees, register, places to replant, picture.
    """

    crowns: tuple[Crown, ...]
    orchard: Orchard | None
    gaps: tuple[Gap, ...]
    facts: Facts
    findings: tuple[Finding, ...]
    files: tuple[Path, ...]


def map_trees(
    sources: Sources,
    shelf: Shelf,
    *,
    field: Field | None = None,
    crown_m: tuple[float, float] = (3.0, 5.0),
    threshold: float | None = None,
    flight: str = "",
    words: RasterWords | None = None,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> FoundTrees:
    """Find the trees of an orchard, number them, and list the missing ones.

    Parameters
    ----------
    sources : Sources
        Where to look.
    shelf : Shelf
        Where trees, register and picture go.
    field : Field, optional
        The orchard: only trees within it count, and gaps up to its border.
    crown_m : (narrowest, widest)
        Diameter of usual crowns, metres; used with colours alone.
    threshold : float, optional
        Less green than this is no crown; needed where grass grows between trees and there are no
        heights. By default what parts the picture best.
    flight : str
        Name of the flight in the register; by default the raster's name.
    words : RasterWords, optional
        What the orthomosaic does not tell of itself.
    now : datetime, optional
        For the flight's name where the raster's is in the register already.
    progress : callable, optional
        Told the share done, 0 to 1.

    Raises
    ------
    AgriError
        When a raster cannot be used or shows no tree.
    """
    ortho, told = None, _NOTHING
    if sources.ortho is not None:
        ortho, told = open_map(sources.ortho, words or RasterWords(), field)
    area = None if field is None else field.boundary.bounds
    crowns, place = _crowns(sources, ortho, area, (crown_m, threshold), progress)
    border = None if field is None else projected(field.boundary, 4326, place.epsg)
    if border is not None:
        crowns = [c for c in crowns if border.contains(shapely.Point(*c.middle))]
    if not crowns:
        raise BadInput("error.no_crowns")
    name = field.name if field is not None else sources.main.name
    numbered, orchard, gaps, more = _numbered(
        crowns, place.epsg, border, shelf.place(name, "trees", ".json"),
        flight=flight or sources.main.stem, now=now or datetime.now(UTC),
    )  # fmt: skip
    files = _files(name, shelf, numbered, gaps, place.epsg)
    used = (sources.ortho, sources.surface, sources.ground, sources.canopy)
    list_areas(shelf, files[0], "trees", _ground(numbered, place.epsg),
               made_of=[path for path in used if path is not None], flight=flight)  # fmt: skip
    facts = tree_facts(numbered, orchard, gaps, shelf.language)
    title = say("page.trees_title", shelf.language, name=field.name if field else sources.main.stem)
    look = Look(title=title, legend=say("page.fact_canopy", shelf.language), ramp="height",
                facts=facts)  # fmt: skip
    layers = (*_layers(numbered, gaps, place.epsg), *_border(field))
    if ortho is not None:
        picture, at = as_picture(ortho)
        png = draw_photo_map(picture, at, look, layers=layers, language=shelf.language)
    else:
        png = draw_quicklook(_small(place), look, layers=layers, language=shelf.language)
    files = (*files, shelf.keep_picture(name, "trees", png))
    findings = tuple(dict.fromkeys((*told, *more)))
    return FoundTrees(crowns=numbered, orchard=orchard, gaps=gaps, facts=facts,
                      findings=findings, files=files)  # fmt: skip


def _crowns(
    sources: Sources,
    ortho: Ortho | None,
    area: Bounds | None,
    asked: tuple[tuple[float, float], float | None],
    progress: Progress | None,
) -> tuple[list[Crown], Grid]:
    """Return crowns with what the colours say of them, and the raster they were found in."""
    green = None
    if ortho is not None:
        green = vegetation(_bands(ortho, area))
    if sources.canopy is None and sources.surface is None:
        if green is None:
            raise BadInput("error.trees_nothing")
        found = find_crowns_by_colour(
            green, crown_m=asked[0], threshold=asked[1], progress=progress
        )
        place = green
    else:
        place = _canopy(sources, area)
        found = find_crowns(place, progress=progress)
    if green is not None and green.epsg == place.epsg:
        found = measured(found, {_green_name(ortho): green}, epsg=place.epsg)
    return list(found), place


def _green_name(ortho: Ortho | None) -> str:
    return "NDVI" if ortho is not None and Role.N in ortho.roles else "GLI"


def _canopy(sources: Sources, area: Bounds | None) -> Grid:
    def read(path: Path) -> Grid:
        return read_grid(path, unit="m", area=area, max_pixels=MOST_PIXELS)

    if sources.canopy is not None:
        return read(sources.canopy)
    assert sources.surface is not None  # noqa: S101 - asked by the only caller
    ground = read(sources.ground) if sources.ground is not None else None
    return canopy_height(read(sources.surface), ground)


def _bands(ortho: Ortho, area: Bounds | None) -> dict[str, Grid]:
    """Return the bands from which greenness is reckoned."""
    roles = ortho.roles
    wanted = {"red": Role.R, "green": Role.G, "blue": Role.B}
    if Role.N in roles:
        wanted = {"red": Role.R, "nir": Role.N}
    return {
        name: read_grid(ortho.path, band=roles[role], area=area, max_pixels=MOST_PIXELS // 4)
        for name, role in wanted.items()
        if role in roles
    }


def _numbered(
    crowns: Sequence[Crown],
    epsg: int,
    border: BaseGeometry | None,
    kept: Path,
    *,
    flight: str,
    now: datetime,
) -> tuple[tuple[Crown, ...], Orchard | None, tuple[Gap, ...], tuple[Finding, ...]]:
    """Return the trees with their numbers; the register is written when they have any."""
    bare = tuple(crowns)
    if len(crowns) < FEWEST:
        return bare, None, (), (Finding.info("finding.trees_no_grid", count=len(crowns)),)
    try:
        orchard = fit_orchard(np.array([crown.middle for crown in crowns]))
    except BadInput as error:
        return bare, None, (), (Finding.info("finding.trees_ungridded", why=error.message),)
    gaps, found = find_gaps(orchard, border)
    try:
        numbered = _registered(
            kept,
            flight,
            now,
            first=partial(first_numbers, crowns, epsg=epsg, orchard=orchard, area=border),
            later=partial(next_numbers, crowns=crowns, epsg=epsg),
        )
    except Refused as error:
        lost = Finding.warning("finding.trees_not_laid", why=error.message)
        return bare, orchard, gaps, (*found, lost)
    write_text(kept, register_text(numbered.register))
    return numbered.crowns, orchard, gaps, (*found, *numbered.findings)


def _registered(
    kept: Path,
    flight: str,
    now: datetime,
    *,
    first: Callable[..., Numbered],
    later: Callable[..., Numbered],
) -> Numbered:
    """Return the flight added to the register that is kept, or begun as the first one.

    A flight of a name that is there already is told from it by the moment.
    """
    if not kept.exists():
        return first(flight=flight)
    register = register_from(read_text_limited(kept, limit_bytes=REGISTER_BYTES))
    if flight in register.flights:
        flight = f"{flight} {now:%Y-%m-%d %H:%M:%S}"
    return later(register, flight=flight)


def _files(
    name: str, shelf: Shelf, crowns: Sequence[Crown], gaps: Sequence[Gap], epsg: int
) -> tuple[Path, ...]:
    path = shelf.place(name, "trees", ".gpkg")
    write_trees(path, crowns, epsg=epsg, gaps=gaps)
    empty = to_replant(gaps)
    if not empty:
        return (path,)
    listed = shelf.place(name, "replant", ".csv")
    write_text(listed, _replant_text([(e.name, e.row, e.place, *e.spot) for e in empty], epsg))
    return path, listed


def _replant_text(rows: Sequence[tuple[str, int, int, float, float]], epsg: int) -> str:
    """Return the places to replant as CSV, in degrees."""
    lon, lat = transformer(epsg, 4326).transform([row[3] for row in rows], [row[4] for row in rows])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("name", "row", "place", "lat", "lon"))
    for (name, row, place, *_), x, y in zip(rows, lon, lat, strict=True):
        writer.writerow((name, row, place, f"{y:.7f}", f"{x:.7f}"))
    return text.getvalue()


def tree_facts(
    crowns: Sequence[Crown], orchard: Orchard | None, gaps: Sequence[Gap], language: Language
) -> Facts:
    """Return label and value of what there is to know about trees at a glance."""
    facts: Facts = []
    facts.append((say("page.fact_trees", language), f"{len(crowns)}"))
    areas = np.array([crown.area_m2 for crown in crowns])
    fact(facts, language, "page.fact_crowns", mean_m2=float(areas.mean()), least_m2=areas.min(),
         most_m2=areas.max())  # fmt: skip
    heights = np.array([crown.height_m for crown in crowns])
    if np.isfinite(heights).any():
        fact(facts, language, "page.fact_tree_height", mean_m=float(np.nanmean(heights)),
             most_m=float(np.nanmax(heights)))  # fmt: skip
    if orchard is not None:
        along_m, across_m = orchard.spacing_m
        fact(facts, language, "page.fact_spacing", along_m=along_m, across_m=across_m)
        fact(facts, language, "page.fact_missing_trees", count=len(to_replant(gaps)))
    return facts


def _ground(crowns: Sequence[Crown], epsg: int) -> Polygon:
    """Return the ground that trees stand on, degrees."""
    hull = shapely.union_all([crown.outline for crown in crowns]).convex_hull
    found = projected(hull, epsg, 4326)
    assert isinstance(found, Polygon)  # noqa: S101 - the hull of areas is one
    return found


def _border(field: Field | None) -> tuple[Layer, ...]:
    """Return the orchard's border without its name, which would hide the numbers of trees."""
    layers = field_layers([field]) if field is not None else ()
    return tuple(replace(layer, label="") for layer in layers)


def _layers(crowns: Sequence[Crown], gaps: Sequence[Gap], epsg: int) -> tuple[Layer, ...]:
    named = len(crowns) <= MOST_NAMES
    drawn = [
        Layer(key="page.layer.crown", geometry=projected(crown.outline, epsg, 4326), colour=GREEN,
              width=1.2, label=crown.name if named else "")
        for crown in crowns
    ]  # fmt: skip
    empty = [place.spot for place in to_replant(gaps)]
    if empty:
        spots = projected(shapely.MultiPoint(empty), epsg, 4326)
        drawn.append(Layer(key="page.layer.missing_tree", geometry=spots, colour=VERMILION,
                           fill=1.0, radius=5.0))  # fmt: skip
    return tuple(drawn)


def _small(grid: Grid) -> Grid:
    """Return a raster that is drawn, with few enough pixels."""
    factor = max(1, int(np.sqrt(grid.values.size / 1_000_000)))
    a, b, c, d, e, f = grid.affine
    return replace(grid, values=grid.values[::factor, ::factor],
                   affine=(a * factor, b * factor, c, d * factor, e * factor, f))  # fmt: skip
