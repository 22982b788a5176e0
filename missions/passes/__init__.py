"""Passes: the work of any spraying as one value, and how it is flown.

Planners of fields and orchards give a ``SprayRoute``; sorties cut it, `missions.spray.mission`
makes a flight plan of it.

* `route`: passes in the order they are flown, in local metres;
* `timing`: when the pump must be told, and how fast the aircraft is there;
* `flight`: passes joined to runs, run-ups, and the ways between;
* `speeds`: how fast legs are flown from rest, when short, and between runs;
* `pieces`: the way flown, straight piece by straight piece;
* `energy`: time, energy and mixture, the aircraft growing lighter;
* `climbs`: what ground that is not level adds to it;
* `items`: the mission items of a route;
* `rates`: variable rate: passes cut where a rate map changes;
* `rate_stretches`: where it changes along a pass.
"""
