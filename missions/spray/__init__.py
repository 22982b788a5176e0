"""What is sprayed of a field, and the flight plan of any spray route.

Its rooms, from working tracks up to the plan:

* `trimming`: from working tracks to passes that spray once;
* `plot`: the passes over a small plain plot;
* `order`: the order of passes, as the wind asks for it;
* `directions`: directions worth laying out, and what flying them costs;
* `widths`: widths at which lines fill the ground evenly;
* `lines`: the lines over a field: the best of directions and widths;
* `planning`: from a field to the route that sprays it;
* `mission`: from a site, or from any route, to the flight plan.
"""
