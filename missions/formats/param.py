"""ArduPilot's parameter file (.param): written for a spray plan, and read.

One ``NAME,VALUE`` a line; what stands after ``#`` is a comment. Mission Planner, QGroundControl's
importer and pymavlink's mavparm read it. Written is all that `missions.preflight.vehicle` asks of
the aircraft for the plan, each with its reason in both languages: the sprayer's dose, the speed,
the failsafes, the fence and the way home. Where the pump is wired and how fast a nozzle spins only
the owner knows; those stand as comments to be taken over by hand.
"""

from __future__ import annotations

import math
import re

from agri.errors import BadInput, Refused
from missions.flightplan import FlightPlan
from missions.formats.guard import checked_text, shown
from missions.preflight.vehicle import needed_parameters
from missions.sprayer.dose import PUMP_CHANNEL
from missions.sprayer.gear import PumpControl
from missions.sprayer.parameters import (
    PUMP_FUNCTION,
    SPINNER_CHANNEL,
    SPINNER_FUNCTION,
    SPINNER_US,
    job_parameters,
)

_LINE = re.compile(r"([A-Z][A-Z0-9_]{0,15})\s*[,\s]\s*(\S+)")


def write_param(plan: FlightPlan) -> str:
    """Return the settings an ArduPilot aircraft needs for a spray plan.

    Raises
    ------
    BadInput
        When the plan sprays nothing.
    Refused
        When its sprayer is another maker's, or its pump cannot do it.
    """
    if plan.spray is None:
        raise BadInput("error.param_no_spraying", name=plan.name)
    sprayer = plan.spray.settings.sprayer
    if sprayer.control is PumpControl.EXPORT:
        raise Refused("error.spray_export_only", sprayer=sprayer.name)
    job_parameters(plan.spray)
    lines = [f"# {_comment(plan.name)}", f"# {_comment(sprayer.name)}"]
    for need in needed_parameters(plan):
        if need.instead_of:
            continue
        if need.settable:
            reasons = [f"# {_comment(need.reason.text(language))}" for language in ("vi", "en")]
            lines += [*reasons, f"{need.name},{_number(need.wanted)}"]
    return "\n".join([*lines, *_by_hand(sprayer.control)]) + "\n"


def _by_hand(control: PumpControl) -> list[str]:
    lines = [
        "# Xem lại rồi tự đặt (đầu ra nối với bơm và vòi của máy này):",
        "# Look at these and set them by hand (where this aircraft's pump and nozzles are wired):",
    ]
    if control is PumpControl.SERVO:
        return [*lines, f"# SERVO{PUMP_CHANNEL}_FUNCTION,0"]
    return [
        *lines,
        f"# SERVO{PUMP_CHANNEL}_FUNCTION,{PUMP_FUNCTION}",
        f"# SERVO{SPINNER_CHANNEL}_FUNCTION,{SPINNER_FUNCTION}",
        f"# SPRAY_SPINNER,{SPINNER_US}",
    ]


def _comment(text: str) -> str:
    """Return text that stays on its line whatever it holds."""
    return " ".join(text.split())


def _number(value: float) -> str:
    return f"{value:.10g}"


def read_param(content: str | bytes, *, name: str = "param") -> dict[str, float]:
    r"""Return the settings of a parameter file, in its order.

    Parameters
    ----------
    content : str or bytes
        The file: NAME and value on a line, with a comma or spaces between them.
    name : str
        The file's name, for sentences.

    Raises
    ------
    BadInput
        When a line is neither a setting nor a comment, a value is no finite number, one parameter
        has two values, or there is none at all.

    Examples
    --------
    >>> read_param("SPRAY_ENABLE,1  # on\n# nothing\nWPNAV_SPEED 500\n")
    {'SPRAY_ENABLE': 1.0, 'WPNAV_SPEED': 500.0}
    """
    found: dict[str, float] = {}
    for number, line in enumerate(checked_text(name, content).splitlines(), start=1):
        text = line.split("#")[0].strip()
        if not text:
            continue
        parameter, value = _setting(text, number, name)
        if found.setdefault(parameter, value) != value:
            raise BadInput("error.param_twice", name=name, parameter=parameter,
                           first=found[parameter], second=value)  # fmt: skip
    if not found:
        raise BadInput("error.param_empty", name=name)
    return found


def _setting(text: str, number: int, name: str) -> tuple[str, float]:
    match = _LINE.fullmatch(text)
    try:
        value = float(match[2]) if match else math.nan
    except ValueError:
        value = math.nan
    if match is None or not math.isfinite(value):
        raise BadInput("error.param_line", name=name, line=number, text=shown(text))
    return match[1], value
