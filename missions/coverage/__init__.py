"""A field covered by lines: where they lie, in which order, and the ways that join them.

Its way goes to the survey's plan and, as tracks, to `missions.spray`, which makes passes of them;
orchards take only the order of open tracks.

* `planning`: the search for the best tracks, and the whole way over them;
* `layouts`: which directions, how much of the edge, how many lines;
* `edge_pass`: the pass round the border and every hole;
* `swaths`: parallel lines over the rest;
* `mending`: short lines over what the long ones miss;
* `leads`: the straight way before and after a line;
* `tracks`: one working way as a value, and what it covers;
* `visiting`: the order of open tracks;
* `joining`: the allowed legs between them;
* `ties`: decides among near equals, the same on every machine;
* `scanlines`: cuts areas by lines;
* `survey`: the flight plan of a survey.
"""
