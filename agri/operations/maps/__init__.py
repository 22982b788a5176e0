"""From photos to maps: one module per job of imagery.

* `quicklook`: the picture beside every raster product;
* `shelf`: where products go; `register`: how a farm's catalogue hears of them;
* `tiles`: a raster of the catalogue in tiles, its colours fixed;
* `sights`: a raster as it is shown; its layers by name;
* `photos`: are these photos good enough to work with;
* `overlap`: how many photos see each place, as a picture;
* `practice`: photos of a made orchard to practise on;
* `calibrate`: reflectance of photos and maps;
* `mosaic`: an orthomosaic of them;
* `indices`: crop indices of an orthomosaic;
* `zonal`: figures of fields, plots and trees;
* `trees`: every tree found, measured and numbered;
* `zones`: zones that the sprayer can follow, and rate maps;
* `change`: what changed between two flights.
"""
