"""What is looked at on a field's map: rasters of every date, trees, zones, what needs a visit.

* `rasters`: which maps of the catalogue show a field, and when they were seen;
* `figures`: a map's figures within an area, its value at a place;
* `difference`: one date less another, in tiles;
* `shapes`: trees and zones as areas with names and values;
* `overlays`: what can be laid over the map, one kind at a time;
* `histories`: one tree or zone over the dates;
* `stress`: what changed and needs a look, in the order of a walk.
"""
