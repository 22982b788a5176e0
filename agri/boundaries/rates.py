"""Rate maps from files of polygons: prescriptions, drawn zones.

The file goes through the readers of boundary files (`agri.boundaries.shapes`: limits, formats,
coordinate systems, repairs). Every area must carry a rate under one of the names that farm programs
and people use; an area without one is refused rather than taken for 0, and lines and points are
passed over with a finding. Rate maps as rasters come as a `agri.grid.Grid` from elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from shapely.geometry import MultiPolygon, Polygon

from agri.boundaries.outlines import tidy_name
from agri.boundaries.shapes import read_shapes
from agri.errors import BadInput
from agri.findings import Finding
from agri.zone import RateMap, RatePatch

RATE_KEYS = ("rate l ha", "rate", "l ha", "dose l ha", "target rate", "tgt rate", "lieu phun",
             "lieu l ha", "lieu")  # fmt: skip
"""Names of the rate, folded, the likeliest first."""


def read_rate_map(
    path: Path, *, province: str = "Quảng Ninh", crs_epsg: int | None = None
) -> tuple[RateMap, tuple[Finding, ...]]:
    """Read a rate map from a file of polygons.

    Parameters
    ----------
    path : Path
        GeoJSON, KML, KMZ, zipped Shapefile, GeoPackage or WKT; each area with a property
        ``rate_l_ha`` (also ``rate`` and others), litres per hectare.
    province, crs_epsg
        As in `agri.boundaries.read_boundaries`.

    Returns
    -------
    rate_map : RateMap
        Named after the file.
    findings : tuple of Finding
        What was assumed, repaired or passed over.

    Raises
    ------
    NotFound
        When there is no such file.
    BadInput
        When it cannot be read, an area has no rate, a rate is impossible, or areas of different
        rates overlap.
    """
    shapes, told = read_shapes(path, province=province, crs_epsg=crs_epsg)
    findings = list(told)
    patches = []
    for shape in shapes:
        if not isinstance(shape.geometry, Polygon | MultiPolygon):
            findings.append(Finding.warning("finding.rate_no_area", where=shape.name))
            continue
        rate = shape.number(RATE_KEYS, unit="l/ha")
        if rate is None:
            raise BadInput("error.rate_missing", name=shape.name)
        patches.append(RatePatch(area=shape.geometry, rate_l_ha=rate, name=shape.name))
    return RateMap(patches=tuple(patches), name=tidy_name(path.name)), tuple(findings)
