"""Missions: planning, checking, exporting and flying what an ArduPilot copter is to do.

The rooms, in the order a flight goes through them; their imports make no circle.

* **What is known**: `catalogue` (cameras, aircraft, sprayers, from their ``.toml`` files), with
  `sprayer_entries`; `survey` (what a camera sees), `sprayers` (what sprays), `energy`.
* **What is flown**: `items` (MAVLink items, canonical form, digest), `flightplan` (one flight as
  one value), `spray_job` (its part that is spraying), `legs` (what the items fly and order).
* **Where it may fly**: `keepouts`, `fence`, `pads`, `route`; `ties` decides among near equals,
  `scanlines` cuts areas.
* **A field covered by lines**: `coverage` with its rooms `edge_pass`, `swaths`, `leads`, `mending`,
  `tracks`, `layouts`, `visiting`, `joining`; `survey_mission` makes a survey's plan of it.
* **How much is sprayed**: `dose`, `spray_parameters` (the same in ArduPilot's words), `rates` with
  `rate_stretches` (variable rate), `mixture` (what goes into the tank).
* **Where nothing may be sprayed**: `drift` (buffers) with `droplets` and `sweep`; `spray_limits`
  (go or no go).
* **What is sprayed of a field**: `spray_route` (passes: the value all planners give), `spray` with
  `spray_lines` (`spray_directions`, `spray_widths`), `spray_order`, `spray_passes`, and
  `spray_plot` for small plain plots.
* **What is sprayed of an orchard**: `crowns` (trees), `tree_ground`; `orchard` with `tour` (tree by
  tree); `rows` with `row_finding` and `row_lines` (row by row).
* **How high over the ground**: `heights` (the question), `terrain` with `relief`, `height_samples`,
  `height_fit`; `ground_data` (whether a raster will do); `carried_ground` and `carrying` (what a
  plan keeps of it).
* **From spray route to plan**: `spray_flight` (run-ups, speeds, when the pump is told);
  `spray_items`, `spray_mission`; `deposit` flies the items on paper.
* **Sorties**: `spray_energy` with `spray_pieces` and `spray_climbs` (time, energy, mixture),
  `spray_reach` and `cutting` (tank and pack), `sharing` (several aircraft), `progress` and `resume`
  (the rest of a flight that stopped early); `sortie` is the door to them.
* **Judging**: `checks`, with `check_items`, `check_path`, `check_fence`, `check_site`,
  `check_survey`, `check_coverage`; of spraying `check_spray`, with `check_switching`, `check_dose`,
  `spray_trace`, `spray_work`; `check_terrain`.
* **Files**: `formats`, one room each.
* **On the wire**: `messages` (the one encoder), `wire`, `delivery`, `commands`: machines without a
  socket; `telemetry`, `sightings`: what the aircraft tells; `pump`: the output its sprayer hangs
  on.
* **The link**: `address`, `radio` (the only socket), `tlog`, `service`, `stops` (what goes out to
  stop a flight), `link`.
* **Flying**: `requirements`, `spray_preflight`, `preflight`; `phases`, `flight` (the pure step
  function), `watching` with `spray_watch`, `recording`; `briefing` and `launch` carry out what it
  orders.
* **Afterwards**: `applied` (what was put where), with `sprayed_way`, `spray_floor`, `footprint`.
"""
