"""Imagery: from photos and orthomosaics to crop indices.

* `bands`: what light a camera's bands measure and which part each plays in a formula; the catalogue
  of sensors;
* `photo`: one photo file's facts, the value between intake and calibration;
* `calibration`: counts to radiance to reflectance, bands laid on each other;
* `raster`: opens GeoTIFF, guarded: one band as `agri.grid.Grid`, an orthomosaic in windows; writes
  products in one pass;
* `indices`: spectral indices, which a camera offers, and maps of them;
* `masks`: what is left out of a map: soil, shadow, cloud, water;
* `scale`: who works: a Dask cluster;
* `piecework`: a product in pieces, made by a cluster or here;
* `extras`: libraries of the extra “imagery”, one sentence when they are missing;
* `decoding`: what runs in the separate process that opens strangers' photos;
* `intake`: folders, cards and zips of photos, and finished orthomosaics, taken in safely;
* `overlap`: how many photos see each place;
* `metric`: rasters measured in metres;
* `mosaic`: an orthomosaic of photos, at the field's edge;
* `zonal`: exact statistics of fields, plots, zones and trees over rasters;
* `change`: flights laid on one another, what changed, what to look at first;
* `zones`: management zones, rates for them, prescriptions as files;
* `stac`: one product as a STAC item;
* `catalogue`: the farm's catalogue: every product traces to its photos;
* `trees`: crowns found from above, the orchard's grid, numbers that stay.

A survey's photographs meet the package through the positions that a flight's record keeps
(`agri.track.Photo`).
"""
