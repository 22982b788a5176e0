"""What goes out when a flight is to be stopped: sprayer and camera off first, then the mode.

ArduPilot's sprayer and its camera trigger stay on when a mode is changed, whatever the mode; so an
order to hold, return or land is never sent alone. The off goes first: it works in every mode, and
the packets leave together. Each is repeated until it is answered.
"""

from __future__ import annotations

from missions.wire.commands import CommandCall
from missions.wire.messages import Pair
from missions.wire.pump import SET_SERVO
from missions.wire.telemetry import CopterMode, PumpServo

SET_MODE, SPRAYER, CAMERA_DISTANCE = 176, 216, 206
ARM, MISSION_START = 400, 300
"""MAV_CMD numbers that are commanded, not planned."""
STOP_EVERY_S = 0.2
STOP_TRIES, OFF_TRIES = 75, 10
"""An order to stop is repeated five times a second for as long as its mode is waited for."""


def mode_call(pair: Pair, mode: CopterMode) -> CommandCall:
    """Return the order for a mode."""
    return CommandCall(
        pair, SET_MODE, (1.0, float(mode)), word="mode", tries=STOP_TRIES, every_s=STOP_EVERY_S
    )


def off_calls(
    pair: Pair, plain_pump: PumpServo | None = None, *, camera: bool = True
) -> tuple[CommandCall, ...]:
    """Return the orders that switch off whatever the plan may have switched on.

    Parameters
    ----------
    pair : Pair
        Who is spoken to.
    plain_pump : PumpServo or None
        A pump on a servo that ArduPilot's sprayer does not drive.
    camera : bool
        Whether the camera is switched off too.
    """
    orders: list[tuple[int, tuple[float, ...]]] = [(SPRAYER, (0.0,))]
    if plain_pump is not None:
        idle_us = plain_pump.max_us if plain_pump.reversed else plain_pump.min_us
        orders.append((SET_SERVO, (float(plain_pump.channel), idle_us)))
    if camera:
        orders.append((CAMERA_DISTANCE, (0.0,)))
    return tuple(
        CommandCall(pair, command, params, word="off", tries=OFF_TRIES, every_s=STOP_EVERY_S)
        for command, params in orders
    )


def undone(call: CommandCall) -> bool:
    """Return whether an order to stop undoes a command: a mode, motors on, the mission's start.

    Examples
    --------
    >>> from missions.wire.messages import Address
    >>> pair = Pair(vehicle=Address(1, 1), us=Address(255, 190))
    >>> given = [(SET_MODE, 6.0), (ARM, 1.0), (ARM, 0.0), (SPRAYER, 0.0)]
    >>> [undone(CommandCall(pair, command, (first,), word="mode")) for command, first in given]
    [True, True, False, False]
    """
    arms = call.command == ARM and call.params[:1] == (1.0,)
    return arms or call.command in (SET_MODE, MISSION_START)
