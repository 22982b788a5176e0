"""Zones of a field that the sprayer can follow, and how much each is to get."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from agri.errors import BadInput
from agri.field import Field
from agri.files import write_json
from agri.findings import Finding
from agri.grid import Grid
from agri.operations.maps.quicklook import Look, draw_quicklook
from agri.operations.maps.register import list_areas, list_raster
from agri.operations.maps.shelf import Shelf
from agri.operations.maps.sights import chosen_layers, field_layers
from agri.operations.report import Facts, fact
from agri.units import square_metres_to_hectares, square_metres_to_sao
from agri.words import say
from imagery.raster import open_ortho
from imagery.zonal import OrthoLayers
from imagery.zones.exports import (
    write_dji,
    write_isoxml,
    write_rate_geojson,
    write_rate_shapefile,
    write_rate_tiff,
)
from imagery.zones.lattice import cell_values, lattice, run_length_m
from imagery.zones.management import ZoneMap, find_zones
from imagery.zones.prescription import (
    Prescription,
    check_total,
    prescribe_cells,
    prescribe_zones,
)
from imagery.zones.rules import RateRule

Progress = Callable[[float], None]
KINDS = ("tif", "shp", "geojson", "isoxml", "dji")


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayerReach:
    """What of a sprayer bounds how finely a map can be followed.

    Parameters
    ----------
    swath_m, speed_m_s : float
        Width and speed of a pass.
    reaction_s : float
        From the command to the new flow at the nozzles.
    angle_deg : float or None
        Bearing of the passes; None takes the field's long side.
    """

    swath_m: float = 4.0
    speed_m_s: float = 4.0
    reaction_s: float = 1.0
    angle_deg: float | None = None

    def bearing(self, field: Field) -> float:
        """Return the bearing of the passes over a field."""
        return long_side_deg(field) if self.angle_deg is None else self.angle_deg


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeZones:
    """Zones, and the files that hold them.

    Parameters
    ----------
    found : ZoneMap
        The zones with their means.
    facts : sequence of (str, str)
        Label and value.
    findings : tuple of Finding
        How many there are and why; ground without data.
    files : tuple of Path
        Zones and picture.
    """

    found: ZoneMap
    facts: Facts
    findings: tuple[Finding, ...]
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeRates:
    """A rate map, and the files that hold it.

    Parameters
    ----------
    asked : Prescription
        The rates.
    facts : sequence of (str, str)
        Label and value.
    findings : tuple of Finding
        What it comes to in all, and what is wrong with it.
    files : tuple of Path
        One or two for each kind asked for, and the picture.
    """

    asked: Prescription
    facts: Facts
    findings: tuple[Finding, ...]
    files: tuple[Path, ...]


def long_side_deg(field: Field) -> float:
    """Return the bearing of a field's long side, 0 to 180."""
    local = field.frame.geometry_to_local(field.boundary)
    ring = shapely.get_coordinates(shapely.minimum_rotated_rectangle(local))
    sides = np.diff(ring[:3], axis=0)
    east, north = sides[int(np.argmax(np.hypot(*sides.T)))]
    return math.degrees(math.atan2(east, north)) % 180.0


def divide(
    raster: Path,
    field: Field,
    reach: SprayerReach,
    *,
    layers: Sequence[str] = (),
    classes: int | None = None,
    progress: Progress | None = None,
) -> tuple[ZoneMap, tuple[Finding, ...]]:
    """Divide a field into zones by layers of a raster, the first of them when none is named."""
    return find_zones(_layers(raster, layers), field.boundary, direction_deg=reach.bearing(field),
                      swath_m=reach.swath_m, speed_m_s=reach.speed_m_s,
                      reaction_s=reach.reaction_s, classes=classes, progress=progress)  # fmt: skip


def _layers(raster: Path, layers: Sequence[str]) -> OrthoLayers:
    """Return layers of a raster, the first of them when none is named."""
    ortho = open_ortho(raster)
    chosen = chosen_layers(ortho, layers)
    if not layers:
        first = next(iter(chosen))
        chosen = {first: chosen[first]}
    return OrthoLayers(ortho=ortho, bands=tuple(chosen), labels=tuple(chosen.values()))


def make_zones(
    raster: Path,
    shelf: Shelf,
    field: Field,
    reach: SprayerReach,
    *,
    layers: Sequence[str] = (),
    classes: int | None = None,
    progress: Progress | None = None,
) -> MadeZones:
    """Divide a field into management zones; keep them as GeoJSON with a picture.

    Parameters
    ----------
    raster : Path
        A GeoTIFF, as a rule an index.
    shelf : Shelf
        Where the files go.
    field : Field
        What is divided.
    reach : SprayerReach
        How fine zones may be.
    layers : sequence of str
        Names or numbers; the first when none is named.
    classes : int, optional
        How many; otherwise chosen by a criterion that is told.
    progress : callable, optional
        Told the share done, 0 to 1.
    """
    found, findings = divide(raster, field, reach, layers=layers, classes=classes,
                             progress=progress)  # fmt: skip
    facts: Facts = []
    for zone, mean in zip(found.zones, found.means[:, 0], strict=True):
        label = say("page.zone_name", shelf.language, name=zone.name)
        value = say("page.zone_value", shelf.language, mean=mean,
                    ha=square_metres_to_hectares(zone.area_m2),
                    sao=square_metres_to_sao(zone.area_m2))  # fmt: skip
        facts.append((label, value))
    if found.classes.criterion != "given":
        curve = ", ".join(f"{c.classes}: {c.fpi:.2f} + {c.nce:.2f}" for c in found.classes.curve)
        facts.append((say("page.fact_zone_curve", shelf.language), curve))
    path = shelf.place(field.name, "zones", ".geojson")
    write_json(path, _features(found))
    list_areas(shelf, path, "zones", field.boundary, made_of=[raster])
    values = np.where(found.labels >= 0, found.labels + 1.0, np.nan)
    look = Look(
        title=say("page.zones_title", shelf.language, name=field.name),
        legend=say("page.layer.zone", shelf.language),
        classes={int(zone.name): f"{zone.name}: {mean:.2f}"
                 for zone, mean in zip(found.zones, found.means[:, 0], strict=True)},
        facts=facts,
    )  # fmt: skip
    png = draw_quicklook(found.cells.grid(values), look, layers=field_layers([field]),
                         language=shelf.language)  # fmt: skip
    picture = shelf.keep_picture(field.name, "zones", png)
    return MadeZones(found=found, facts=facts, findings=findings, files=(path, picture))


def _features(found: ZoneMap) -> dict[str, object]:
    features = [
        {
            "type": "Feature",
            "properties": {"name": zone.name, "mean": round(float(mean), 6),
                           "area_m2": round(zone.area_m2, 1)},
            "geometry": shapely.geometry.mapping(shapely.orient_polygons(zone.area)),
        }
        for zone, mean in zip(found.zones, found.means[:, 0], strict=True)
    ]  # fmt: skip
    return {"type": "FeatureCollection", "features": features}


def make_rates(
    raster: Path,
    shelf: Shelf,
    field: Field,
    reach: SprayerReach,
    rule: RateRule,
    *,
    layers: Sequence[str] = (),
    by_zone: bool = True,
    classes: int | None = None,
    kinds: Sequence[str] = ("tif",),
    available: float | None = None,
    usual_rate: float | None = None,
    progress: Progress | None = None,
) -> MadeRates:
    """Make a rate map: how much each place of a field gets, by an index.

    Parameters
    ----------
    raster, shelf, field, reach, layers, classes, progress
        As `make_zones`.
    rule : RateRule
        From index to rate.
    by_zone : bool
        One rate for each zone; otherwise each cell that the sprayer can follow has its own.
    kinds : sequence of {"tif", "shp", "geojson", "isoxml", "dji"}
        What is written.
    available : float, optional
        Litres or kilograms that there are.
    usual_rate : float, optional
        What the field gets evenly.

    Raises
    ------
    AgriError
        When raster, field, rule or kind cannot be used, or a place would have no rate.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise BadInput("error.rate_kind", wanted=", ".join(unknown)[:40], known=", ".join(KINDS))
    if by_zone:
        found, findings = divide(raster, field, reach, layers=layers, classes=classes,
                                 progress=progress)  # fmt: skip
        asked = prescribe_zones(found, rule, name=field.name)
    else:
        cells = lattice(field.boundary, direction_deg=reach.bearing(field),
                        across_m=reach.swath_m,
                        along_m=run_length_m(reach.speed_m_s, reach.reaction_s))  # fmt: skip
        values, findings = cell_values(_layers(raster, layers), cells, progress=progress)
        asked = prescribe_cells(cells, values[..., 0], rule, name=field.name)
    checked = check_total(asked, available=available, usual_rate=usual_rate)
    files = [file for kind in kinds for file in _write(asked, kind, field, shelf)]
    first = files[0]
    if first.suffix == ".tif":
        list_raster(shelf, first, "other", made_of=[raster])
    else:
        list_areas(shelf, first, "other", field.boundary, made_of=[raster])
    facts: Facts = []
    rates = asked.different
    fact(facts, shelf.language, "page.fact_rates", least=rates[0], most=rates[-1], unit=asked.unit,
         count=len(rates))  # fmt: skip
    total, unit = asked.total(), asked.unit.partition("/")[0]
    fact(facts, shelf.language, "page.fact_total", total=total, unit=unit.upper() if unit == "l"
         else unit)  # fmt: skip
    picture = _rate_picture(asked.grid, shelf, field, facts)
    return MadeRates(asked=asked, facts=facts, findings=(*findings, *checked),
                     files=(*files, picture))  # fmt: skip


def _rate_picture(grid: Grid, shelf: Shelf, field: Field, facts: Facts) -> Path:
    look = Look(title=say("page.rates_title", shelf.language, name=field.name), legend=grid.unit,
                ramp="amount", facts=facts)  # fmt: skip
    png = draw_quicklook(grid, look, layers=field_layers([field]), language=shelf.language)
    return shelf.keep_picture(field.name, "rates", png)


def _write(asked: Prescription, kind: str, field: Field, shelf: Shelf) -> tuple[Path, ...]:
    """Write a prescription in one kind of file and return what was written."""
    if kind == "dji":
        return write_dji(shelf.place(field.name, "rates-dji", ".tif"), asked)
    endings = {"tif": ("rates", ".tif"), "shp": ("rates-shp", ".zip"),
               "geojson": ("rates", ".geojson"), "isoxml": ("rates-isoxml", ".zip")}  # fmt: skip
    path = shelf.place(field.name, *endings[kind])
    writers: dict[str, Callable[[Path, Prescription], None]] = {
        "tif": write_rate_tiff, "shp": write_rate_shapefile, "geojson": write_rate_geojson,
        "isoxml": write_isoxml,
    }  # fmt: skip
    writers[kind](path, asked)
    return (path,)
