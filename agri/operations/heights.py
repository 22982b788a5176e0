"""Heights to fly at: from the user's ground files to what the item writers ask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shapely.geometry import Point

from agri.errors import BadInput
from agri.findings import Finding
from agri.grid import Grid
from imagery.raster import read_grid
from missions.flightplan import Site
from missions.sprayer.job import SpraySettings
from missions.terrain.ground_data import height_model
from missions.terrain.heights import AboveTerrain, Heights
from missions.terrain.relief import Canopy, Slope, plane_fit

AROUND_M = 120.0
"""Ground read around the field: way to the pad and way home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What is known of the ground.

    Parameters
    ----------
    dem, dsm : Path or None
        GeoTIFF of ground heights, and of heights with crowns and roofs.
    terrain_frame : bool
        Whether the aircraft keeps its height itself, by a rangefinder.

    Raises
    ------
    BadInput
        When a surface is told without its ground, or both ways at once.
    """

    dem: Path | None = None
    dsm: Path | None = None
    terrain_frame: bool = False

    def __post_init__(self) -> None:
        if self.dsm is not None and self.dem is None:
            raise BadInput("error.dsm_without_dem")
        if self.terrain_frame and self.dem is not None:
            raise BadInput("error.terrain_twice")


def heights_over(
    ground: Ground,
    site: Site,
    settings: SpraySettings,
    *,
    ceiling_m: float,
    canopy: Canopy | None = None,
    dem: Grid | None = None,
) -> tuple[Heights | None, tuple[Finding, ...]]:
    """Return the heights to fly at, None for level ground, and what is worth knowing of them.

    Parameters
    ----------
    ground : Ground
        The files.
    site, settings
        Where, and how high above the crop.
    ceiling_m : float
        Permitted height above ground.
    canopy : callable, optional
        Crop height at (east_m, north_m); by default the job's crop height everywhere, and nothing
        where a surface is told, which has the crop in it.
    dem : Grid, optional
        The ground heights, where they are read already (`ground_grid`).

    Raises
    ------
    NotFound, BadInput
        When a file cannot be used.
    """
    if ground.terrain_frame:
        above = AboveTerrain(height_m=settings.height_m)
        return above, tuple(above.findings)
    dem = ground_grid(ground, site) if dem is None else dem
    if dem is None:
        return None, ()
    frame = site.field.frame
    surface = None if ground.dsm is None else _read(ground.dsm, site, "max")
    over_m = settings.height_m
    if surface is None and canopy is None:
        over_m = settings.flying_height_m
    model = height_model(
        area=site.field.boundary,
        local=frame,
        home=frame.metres(site.pad.place),
        ground=dem,
        surface=surface,
        canopy=canopy,
        height_m=over_m,
        speed_m_s=settings.speed_m_s,
        swath_m=settings.swath_m,
        ceiling_m=ceiling_m,
    )
    return model, model.findings


def ground_grid(ground: Ground, site: Site) -> Grid | None:
    """Return the ground heights around a field and its pad, None when no file tells them.

    Raises
    ------
    NotFound, BadInput
        When the file cannot be used.
    """
    return None if ground.dem is None else _read(ground.dem, site)


def slope_of(dem: Grid | None, site: Site) -> Slope | None:
    """Return how a field rises, None when its ground is not told."""
    return None if dem is None else plane_fit(dem, site.field.boundary)


def _read(path: Path, site: Site, coarsen: Literal["mean", "max"] = "mean") -> Grid:
    pad = Point(site.pad.place.lon_deg, site.pad.place.lat_deg)
    area = site.field.boundary.union(pad).bounds
    return read_grid(path, area=area, margin_m=AROUND_M, unit="m", coarsen=coarsen)
