"""Which servo output the sprayer's pump hangs on, by the aircraft's own parameters.

ArduPilot's sprayer drives the servo with function 22. A pump that the plan sets by DO_SET_SERVO
hangs on a servo without that function; then the plan names its channel. Either way the pulses of
no and of full output are SERVOx_MIN and SERVOx_MAX, never assumed.

What the pump gives at an output, `missions.sprayer.dose` tells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from missions.flightplan import FlightPlan
from missions.sprayer.gear import PumpControl
from missions.wire.commands import Parameter
from missions.wire.telemetry import PumpServo

SPRAYER_PUMP = 22
"""SERVOx_FUNCTION of the sprayer's pump."""
SET_SERVO = 183
"""MAV_CMD_DO_SET_SERVO."""
CHANNELS = range(1, 17)


def find_pump(
    read: Callable[[Sequence[str]], tuple[Parameter, ...]], channel: int = 0
) -> PumpServo | None:
    """Return where the pump is.

    Parameters
    ----------
    read : callable
        Takes names of parameters, returns them (`missions.link.link.Link.read_parameters`).
    channel : int
        The servo, when it is known; 0 looks for the sprayer's function.

    Returns
    -------
    PumpServo or None
        None when there is none, or the aircraft does not tell its range.

    Examples
    --------
    >>> kept = {"SERVO9_FUNCTION": 22.0, "SERVO9_MIN": 1100.0, "SERVO9_MAX": 1900.0}
    >>> find_pump(lambda names: tuple(Parameter(name, kept.get(name)) for name in names))
    PumpServo(channel=9, min_us=1100.0, max_us=1900.0, reversed=False)
    """
    if not channel:
        functions = read([f"SERVO{number}_FUNCTION" for number in CHANNELS])
        found = [n for n, p in zip(CHANNELS, functions, strict=True) if p.value == SPRAYER_PUMP]
        if not found:
            return None
        channel = found[0]
    low, high, turned = read([f"SERVO{channel}_{word}" for word in ("MIN", "MAX", "REVERSED")])
    if low.value is None or high.value is None or low.value == high.value:
        return None
    return PumpServo(
        channel=channel, min_us=low.value, max_us=high.value, reversed=turned.value == 1.0
    )


def pump_channel(plan: FlightPlan) -> int:
    """Return the channel that a plan's own items set the pump by, 0 when ArduPilot drives it."""
    if plan.spray is None or plan.spray.settings.sprayer.control is not PumpControl.SERVO:
        return 0
    return next((int(i.param1) for i in plan.items if i.command == SET_SERVO), 0)
