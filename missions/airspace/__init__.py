"""Where a flight may be: what is closed, the fence round the rest, and the ways inside.

In local metres. Planners of surveys, fields and orchards lay their lines inside it; checks measure
against the same fence, margins and clearances.

* `keepouts`: what is closed to a flight at one height;
* `pose`: axes that turn with the ground, so that a plan does too;
* `fence`: the fence a flight stays in, what it stays out of, rally points;
* `pads`: where to take off when the farm has no pad;
* `route`: the shortest way between two places that never leaves what is allowed.
"""
