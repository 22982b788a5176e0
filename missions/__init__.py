"""Missions: planning, checking, exporting and flying what an ArduPilot copter is to do.

The packages, in the order a flight goes through them; the head of each is the map of its rooms.
Their imports go one way: ``tests/test_architecture.py`` lists them from low to high.

* **Values everybody knows**: `items` (MAVLink items, canonical form, digest); `energy` (aircraft,
  flight time, packs); `survey` (what a camera sees; a survey's settings); `carried_ground` (the
  ground a plan carries); `flightplan` (one flight as one value); `legs` (what the items fly);
  `catalogue` (cameras, aircraft and sprayers, from their ``.toml`` files).
* **With what**: `sprayer` (the sprayer, the job, the dose).
* **Where and how high**: `airspace` (what is closed, fence, pads, ways); `terrain` (heights over
  the ground); `drift` (from where spray may not be let go, and when).
* **Planning**: `coverage` (a field covered by lines; a survey's plan); `passes` (the work of any
  spraying: flight, energy, items); `spray` (a field's spray route; the plan of any); `orchard` (the
  spray route of trees or rows); `sortie` (cut by tank and pack, shared out, resumed).
* **Judging**: `checks` (what is wrong with a plan); `preflight` (what is wrong with the aircraft).
* **Files**: `formats` (one room each).
* **Flying**: `wire` (what is said, without a socket); `link` (the only socket); `flight` (steps,
  watching, record).
* **On the aircraft itself**: `onboard` (the script that keeps the sprayer off outside its swaths).
* **Afterwards**: `applied` (what was put where).
"""
