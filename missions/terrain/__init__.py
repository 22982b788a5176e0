"""How high over the ground: height rasters, and the heights a flight is flown at.

Who writes items asks one question, ``Heights``, and need not know whether the ground is level.

* `relief`: ground and surface in local metres;
* `samples`: what lies beneath a way;
* `fit`: heights along a way from few corners;
* `heights`: the question, at which heights a flight is flown; level ground's answer;
* `model`: the answer over ground that is not level;
* `ground_data`: whether a height raster is fit to fly by;
* `carrying`: cuts out the ground that a plan carries, and makes heights of it again.
"""
