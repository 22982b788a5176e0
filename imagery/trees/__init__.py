"""Trees: their crowns found from above, their places in the orchard, their numbers for life.

* `canopy`: heights above ground: surface less ground, the ground found if need be, pits filled;
* `tops`: tree tops: the highest place within a window that grows with the tree;
* `crown`: what is known of one crown, and its outline;
* `flooding`: from tops to crowns, in pieces that fit without a seam;
* `finding`: the crowns of a canopy model of any size;
* `reading`: a canopy model too large for memory, read piece by piece;
* `colours`: crowns from colours alone;
* `measuring`: the mean of an index over each crown;
* `lattice`: the orchard's grid, straight or curved, and its empty places;
* `gaps`: empty places as areas, and where to replant;
* `aligning`: two lists of the same trees laid on one another;
* `passport`: a tree's number, place and history; the register of an orchard;
* `numbering`: every tree keeps its number from flight to flight;
* `output`: trees and gaps as GeoPackage and GeoJSON.
"""
