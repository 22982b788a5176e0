"""What runs on the autopilot itself: the spray guard, a Lua script that keeps the sprayer off.

ArduCopter leaves its sprayer running when AUTO is left: a pilot's RTL, LAND or switch sprays all
the way home, and neither the plan nor a program on the ground can reach that in time, least of all
when the link is what was lost. ``spray_guard.lua`` can: ten times a second it switches the sprayer
off unless the aircraft is flying its spray lines (its head says exactly when that is).

To put it on the aircraft: copy the file to the folder ``APM/scripts`` of the autopilot's card, set
SCR_ENABLE 1 and SCR_HEAP_SIZE to `LEAST_HEAP_BYTES` or more (boards with much memory have that by
themselves; in the 64-bit simulator 80 kB were just enough, 72 kB not), and start the autopilot
anew. On a board without the memory it does not start, and the autopilot refuses to arm.

It needs the sprayer's own servo function (22) or, for a pump on a plain servo, that output's number
in SPGD_SERVO. It was flown on ArduCopter 4.6; whatever a firmware lacks of the calls it uses it
does without, and says when nothing is left that could stop the pump. Spraying by hand in another
mode, ZigZag's too, ends where it is on board.

Whether it runs can be seen three ways, from the strongest to the weakest:

* the message NAMED_VALUE_FLOAT `NAMED_VALUE` once a second with the value `VERSION`: it runs now
  and can stop the pump (0: it runs but cannot);
* the parameter `PARAMETER` (`VERSION`): it was started since the last power-up;
* the sentence `EXPECTED_TEXT` at start and at arming.

A script that stopped with an error also keeps ArduCopter from arming ("PreArm: Scripting").
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

VERSION = 2
"""Version of the script, raised with every change of what it does."""
FILE_NAME = "spray_guard.lua"
CARD_FOLDER = "APM/scripts"
"""Folder of the autopilot's card that scripts are started from."""
NAMED_VALUE = "SPRAYGUARD"
"""Name of the NAMED_VALUE_FLOAT it sends once a second."""
NAMED_VALUE_S = 1.0
PARAMETER = "SPGD_VER"
"""Parameter that is there once the script has started."""
SERVO_PARAMETER = "SPGD_SERVO"
"""Parameter for the output of a pump on a plain servo; 0 when the pump has function 22."""
TEXT_BEGINS = "Spray guard: "
"""How every sentence it says begins."""
EXPECTED_TEXT = f"{TEXT_BEGINS}version {VERSION} running"
"""What it says at start and at arming when all is well."""
ACTED_TEXT = f"{TEXT_BEGINS}sprayer off, "
"""How the sentence begins that it says each time it had to stop a running pump."""
LEAST_HEAP_BYTES = 100_000
"""Least SCR_HEAP_SIZE asked for."""
NEEDED_PARAMETERS = {"SCR_ENABLE": 1.0}
"""What the vehicle must be set to for it to run at all."""


@cache
def script() -> str:
    """Return the text of the spray guard, to be written as `FILE_NAME` into `CARD_FOLDER`.

    Examples
    --------
    >>> f"local VERSION = {VERSION}" in script()
    True
    """
    return (files(__package__) / FILE_NAME).read_text("utf-8")
