"""Missions: planning, checking, exporting and flying what an ArduPilot copter is to do.

The rooms, in the order a flight goes through them; a room uses only rooms above it or beside it.

* **What is known**: `catalogue` (cameras, aircraft), `survey` (what a camera sees), `energy`.
* **What is flown**: `items` (MAVLink items, canonical form, digest), `flightplan` (one flight as
  one value), `legs` (what the items fly).
* **Planning**: `keepouts`, `fence`, `pads`, `route`; `coverage` with its rooms `edge_pass`,
  `swaths`, `tracks`, `layouts`, `visiting`, `joining`; `survey_mission` makes the plan of it all.
* **Judging**: `checks`, with `check_items`, `check_path`, `check_fence`, `check_site`,
  `check_survey`.
* **Files**: `formats`, one room each.
* **On the wire**: `messages` (the one encoder), `wire`, `delivery`, `commands`: machines without a
  socket; `telemetry`, `sightings`: what the aircraft tells.
* **The link**: `address`, `radio` (the only socket), `tlog`, `service`, `link`.
* **Flying**: `preflight`, `phases`, `flight` (the pure step function), `watching`, `recording`;
  `briefing` and `launch` carry out what it orders.
"""
