"""Before a launch: what the vehicle must be, be set to and tell before it may be armed.

Planners of heights and parameter files ask it what a flight will need; `missions.flight` asks it
whether the aircraft has it.

* `requirements`: a parameter, what it must be, and why;
* `firmware`: which versions of ArduCopter flights were tried on (``firmware.toml``);
* `safeguards`: the autopilot's own, which no flight may take away;
* `battery`: what a flight takes of a pack, and whether the aircraft itself notices a low one;
* `vehicle`: those of every flight; whether the aircraft is the right one, ready, and will come home
  by itself;
* `spray`: those of a spraying;
* `guard`: whether the script that keeps the sprayer off runs on board.
"""
