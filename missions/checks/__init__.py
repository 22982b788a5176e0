"""The checks of a plan: what would be wrong with this flight, measured on its items.

Written apart from the planners, with which they share only limits. They return findings; an ERROR
among them blocks export, upload and arming.

* `items`: the items by themselves: order, commands, switches, storage;
* `path`: where they go: places, heights, climbs;
* `fence`: whether the flight keeps inside its fence;
* `site`: whether it keeps clear of what stands and lives there;
* `survey`: what a survey promised of pictures and packs;
* `coverage`: whether a survey shows the whole field;
* `terrain`: heights over ground that is not level;
* `switching`: whether the sprayer is switched as it must be;
* `trace`: what is wet, read off the items;
* `work`: which pass every wet piece belongs to;
* `dose`: what a spraying gives: coverage, dose, litres;
* `spray`: whether a spraying does what it must and nothing else;
* `plan`: all of them on one plan; the only room others ask.
"""
