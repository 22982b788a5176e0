"""Rasters in and out: the one package that opens them, and it opens them guarded.

* `guard`: GeoTIFF alone, from this disk, no side files, no network, header judged first;
* `index`: the index of a raster in pieces, taken apart before GDAL gets it;
* `systems`: coordinate systems and datums;
* `grids`: one band as `agri.grid.Grid`, whole or around an area, and back;
* `plain`: a grid as the plainest GeoTIFF;
* `layers`: what an orthomosaic's layers are: bands, alpha, reflectance;
* `canvas`: a raster too large for memory, written in pieces;
* `ortho`: an orthomosaic's facts, and its pixels window by window;
* `overview`: a whole orthomosaic at a glance;
* `laying`: a raster on a grid of the web's system, for tiles and pictures;
* `tiff`: the head of a cloud-optimised GeoTIFF, byte by byte;
* `tiles`: values as stored numbers, tiles as bytes, overviews as means;
* `journal`: what is finished of a product being made, so that a killed run goes on;
* `workroom`: a hidden folder beside a product, emptied of what a killed run left;
* `labels`: what a product tells of itself, in GeoTIFF's and GDAL's places;
* `cog`: stretches of tiles in, a cloud-optimised GeoTIFF out;
* `pieces`: the index that makes one raster of pieces, as GDAL reads it;
* `stretch`: a part of the work that depends on nothing else;
* `engine`: one pass over an orthomosaic, with every core and little memory.
"""

from imagery.raster.grids import read_grid, write_grid
from imagery.raster.ortho import Ortho, Window, blocks, open_ortho

__all__ = ["Ortho", "Window", "blocks", "open_ortho", "read_grid", "write_grid"]
