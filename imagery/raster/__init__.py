"""Rasters in and out: the one package that opens them, and it opens them guarded.

* `guard`: GeoTIFF alone, from this disk, no side files, no network, header judged first;
* `systems`: coordinate systems and datums;
* `grids`: one band as `agri.grid.Grid`, whole or around an area, and back.
"""

from imagery.raster.grids import read_grid, write_grid

__all__ = ["read_grid", "write_grid"]
