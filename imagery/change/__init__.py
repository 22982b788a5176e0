"""Change: what differs from last time and from the neighbours, how sure that is, what it may be.

* `registration`: two rasters laid on one another, with a residual in metres;
* `significance`: how far from usual, and how many of many alarms are false;
* `series`: values over time, smoothed for plotting;
* `tree_change`: each tree against its own history and its neighbours;
* `area_change`: changed ground between two rasters, and zones;
* `zone_history`: zones over many flights, compared as trees are;
* `anomalies`: a ranked list of what to look at, with what may be behind it.
"""
