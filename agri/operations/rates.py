"""A rate map from a file of areas or a raster."""

from __future__ import annotations

from pathlib import Path

from agri.boundaries.rates import read_rate_map
from agri.findings import Finding
from agri.zone import RateMap
from imagery.raster import read_grid

RASTERS = frozenset({".tif", ".tiff"})


def read_rates(path: Path) -> tuple[RateMap, tuple[Finding, ...]]:
    """Read a rate map, litres per hectare.

    Parameters
    ----------
    path : Path
        A GeoTIFF of one band in L/ha, or any format of boundary files with a rate on every area.

    Returns
    -------
    rate_map : RateMap
        Named after the file.
    findings : tuple of Finding
        What was assumed, repaired or passed over.

    Raises
    ------
    NotFound, BadInput
        When the file cannot be used.
    """
    if path.suffix.lower() in RASTERS:
        return RateMap(grid=read_grid(path), name=path.name), ()
    return read_rate_map(path)
