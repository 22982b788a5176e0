"""What is looked at on a field's map: rasters of every date, trees, zones, what needs a visit.

* `rasters`: which maps of the catalogue show a field, and when they were seen;
* `figures`: a map's figures within an area, its value at a place;
* `difference`: one date less another, in tiles;
* `shapes`: trees and zones as areas with names and values;
* `overlays`: what can be laid over the map, one kind at a time;
* `histories`: one tree or zone over the dates;
* `standing`: how every field stands, and which are wanted;
* `pictures`: a map cut to a field, as a small picture;
* `tile_store`: a file of tiles, read guarded, written whole;
* `basemap`: the map below all maps, cut around the fields;
* `stress`: what changed and needs a look, in the order of a walk.
"""
