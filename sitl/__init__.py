"""The embedded simulator: an ArduCopter-like vehicle that speaks MAVLink, an honest opponent.

It imports nothing of `missions`: what it knows of the protocol it knows from ArduCopter's own
behaviour, so a mistake of the sender is not repeated here. The rooms, from the air to the socket:

* **Physics**: `vehicle`, `battery`, `spray_gear` (tank, pump, hose, nozzles, and the truth of what
  they gave), `faults` (what breaks, and when), `profile`, `ground`.
* **Flying**: `steering`, `motions`, `legs`, `flying`, `returning`, `landing`, `mission_run`,
  `auto`.
* **The flight software**: `copter` (modes, arming, home), `modes`, `mode_change`, `arming`,
  `readiness`, `failsafes`, `fence`, `orders`, `parameters`, `firmware` (which version it plays),
  `radio` (the sticks), `wind_estimate`, `sprayer` (what drives the pump), `spray_guard` (a rule on
  board that keeps it off away from spray lines), `payload` (camera, servo outputs).
* **MAVLink**: `autopilot` (no socket, no clock), `listening`, `commands`, `mission_store` with
  `storage` and `fence_storage` (what is kept of items) and `item_names`; `messages`,
  `item_messages`, `announcements`, `instruments`, `channel`, `signing`.
* **The rim**: `serve` (sockets), `simulator` (a process of its own), `ardupilot` (a real ArduCopter
  behind the same door), `installing` (that program fetched from the ArduPilot project) with
  `download` and `program_file` (what its bytes tell before it runs), `chaos` (a bad link).
* **What a survey sees**: `scene` (an orchard and a paddy whose truth is known), `camera` (the
  photos that a flight over them would take, with all that their files tell).
* **Hazards**: `scenarios` (what is done to either vehicle, and how that must end).
"""
