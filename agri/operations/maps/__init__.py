"""From photos to maps: one module per job of imagery.

* `quicklook`: the picture beside every raster product;
* `shelf`: where products go, and how a farm's catalogue hears of them;
* `photos`: are these photos good enough to work with.
"""
