"""The sprayer: what it is, what is asked of it, and what it gives.

Values and one formula, below the flight plan, which carries a `missions.sprayer.job.SprayJob`.
Planners, checks, preflight and the as-applied account all reckon with this dose.

* `gear`: tank, pump, nozzles and swath of a sprayer;
* `entries`: what its entry in ``sprayers.toml`` must keep to;
* `job`: what a spraying was asked and what came of it: settings, product, passes, estimate; the
  part of a flight plan that is spraying;
* `dose`: from litres per hectare to flow, speed and swath, to the pump and back;
* `parameters`: the same in ArduPilot's words;
* `mixture`: what goes into the tank.
"""
