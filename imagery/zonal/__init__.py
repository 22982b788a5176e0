"""Statistics of fields, plots, zones and trees over rasters: exact at edges, right on overlaps.

Rasters (files or arrays) and zones go in, a table and findings come out, which can be written as
GeoPackage, GeoParquet or CSV. The rooms, from low to high:

* `coverage`: how much of every pixel an area covers;
* `order`: quantiles of values that count in part;
* `tally`: what is known of one area so far, and its figures;
* `pieces`: many small areas' pixels of a block at once;
* `places`: where whole pixels lie in a block, and which areas are too large to hold;
* `gathering`: takes blocks as they stream past;
* `refining`: quantiles of areas too large to hold;
* `layers`: files and arrays as layers;
* `placing`: zones in a raster's pixels;
* `shares`: the pass over the windows, in one piece or shared out among workers;
* `statistics`: the whole pass, with findings;
* `filling`: zones filled with a value each, to be drawn;
* `tables`: GeoPackage, GeoParquet and CSV;
* `sao`: plots of one sào inside a field.
"""

from imagery.zonal.filling import filled
from imagery.zonal.layers import ArrayLayers, Layers, OrthoLayers
from imagery.zonal.sao import sao_plots
from imagery.zonal.statistics import ZonalTable, ZoneStatistics, zonal_statistics
from imagery.zonal.tables import read_zones, table_frame, write_table

__all__ = ["ArrayLayers", "Layers", "OrthoLayers", "ZonalTable", "ZoneStatistics", "filled",
           "read_zones", "sao_plots", "table_frame", "write_table",
           "zonal_statistics"]  # fmt: skip
