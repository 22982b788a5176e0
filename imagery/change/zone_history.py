"""Zones over many flights: the same comparison as for trees, with their own history and neighbours.

A zone measured again and again is a thing with a number and visits, as a tree is. So zones become a
register (`imagery.trees.passport`) of the means over them, and `compare_trees`, series and lists
work on it. Flights are told oldest first; one that did not cover a zone did not see it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from shapely.geometry import MultiPolygon, Polygon

from agri.errors import BadInput
from agri.grid import Grid
from imagery.trees.measuring import mean_over
from imagery.trees.passport import Passport, Register, Visit


def zone_register(
    zones: Mapping[str, Polygon | MultiPolygon],
    flights: Mapping[str, Mapping[str, Grid]],
    *,
    epsg: int,
    progress: Callable[[float], None] | None = None,
) -> Register:
    """Return the register of zones over flights.

    Parameters
    ----------
    zones : mapping of str to polygon
        By name, in `epsg`, metres.
    flights : mapping of str to (mapping of str to Grid)
        By name or date, oldest first: rasters by measure (``{"2026-02-11": {"ndvi": grid}}``).
    epsg : int
        CRS of zones and rasters.
    progress : callable, optional
        Told the share done.

    Returns
    -------
    Register
        Rows and places are 0: zones stand in no grid.

    Raises
    ------
    BadInput
        When there is no zone or flight, or a raster lies in another CRS.
    """
    if not zones or not flights:
        raise BadInput("error.zones_nothing")
    for flight, rasters in flights.items():
        for grid in rasters.values():
            if grid.epsg != epsg:
                raise BadInput("error.rasters_apart", one=grid.name or flight, other="zones",
                               epsg=grid.epsg, other_epsg=epsg)  # fmt: skip
    passports = []
    for done, (name, zone) in enumerate(zones.items(), start=1):
        spot = (float(zone.centroid.x), float(zone.centroid.y))
        visits = tuple(_visit(flight, rasters, zone, spot) for flight, rasters in flights.items())
        passports.append(Passport(name=name, row=0, place=0, spot=spot, visits=visits))
        if progress:
            progress(done / len(zones))
    side = math.sqrt(sum(zone.area for zone in zones.values()) / len(zones))
    return Register(passports=tuple(passports), epsg=epsg, spacing_m=(side, side))


def _visit(
    flight: str,
    rasters: Mapping[str, Grid],
    zone: Polygon | MultiPolygon,
    spot: tuple[float, float],
) -> Visit:
    means = {measure: mean_over(grid, zone) for measure, grid in rasters.items()}
    seen = any(math.isfinite(mean) for mean in means.values())
    return Visit(flight=flight, seen=seen, middle=spot, area_m2=zone.area, indices=means)
