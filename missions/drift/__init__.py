"""Where and when nothing may be sprayed, because the wind would carry it to its neighbours.

Planners are given the buffers; checks work them out again from the site and the settings.

* `droplets`: how far droplets are carried before they land;
* `sweep`: the ground that a distance downwind sweeps over;
* `limits`: go or no go: the weather in which spraying may start;
* `buffers`: from where spray may not be let go.
"""
