"""The parameters of the simulated ArduCopter: names, types and defaults of the real one.

The table itself is data (``parameters.toml``), read off ArduCopter 4.6-dev. Values are kept as
ArduPilot keeps them, in their own type: a REAL32 in single precision, an integer cut to its
range, so that what is read back after a set is what the real one would answer. Two groups are
listed only while their switch is on (SPRAY_ENABLE, CAM1_TYPE), but can always be read by name,
with an index of 65535, as ArduPilot does. A parameter that is its own switch is made by a script on
board: at 0 there is none. An unknown name is met with silence. What a newer firmware calls
otherwise (`sitl.firmware`) has the newer name only; the simulation itself reads it by either.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from agri.errors import BadInput
from sitl.firmware import Renamed
from sitl.storage import single

INT8, INT16, INT32, REAL32 = 2, 4, 6, 9
_RANGES = {INT8: (-128, 127), INT16: (-32768, 32767), INT32: (-(2**31), 2**31 - 1)}
UNLISTED = 65535


@dataclass(frozen=True, slots=True)
class Default:
    """What a parameter is before anyone sets it: its value, MAV_PARAM_TYPE and switch."""

    value: float
    kind: int
    switch: str | None = None


@cache
def copter_defaults() -> Mapping[str, Default]:
    """Return the table of ArduCopter's defaults, in the order they are listed."""
    text = resources.files("sitl").joinpath("parameters.toml").read_text("utf-8")
    table = tomllib.loads(text)
    rows = {name: Default(float(value), kind) for name, (value, kind) in table["always"].items()}
    for switch, group in table["hidden"].items():
        for name, (value, kind) in group.items():
            rows[name] = Default(float(value), kind, switch)
    return rows


def _with_newer_names(
    table: Mapping[str, Default], renamed: Mapping[str, Renamed]
) -> Mapping[str, Default]:
    rows = {}
    for name, row in table.items():
        newer = renamed.get(name)
        if newer is None:
            rows[name] = row
        else:
            rows[newer.name] = Default(newer.default, newer.kind, row.switch)
    return rows


def as_kept(value: float, kind: int) -> float:
    """Return a value as ArduPilot keeps it in a parameter of that MAV_PARAM_TYPE.

    Examples
    --------
    >>> as_kept(2000.4, INT16), as_kept(300.0, INT8), as_kept(0.1, REAL32) == 0.1
    (2000.0, 127.0, False)
    """
    if kind == REAL32:
        return single(value)
    low, high = _RANGES[kind]
    return float(
        max(low, min(high, math.floor(value + 0.5) if value > 0 else math.ceil(value - 0.5)))
    )


class Parameters:
    """The values of one vehicle.

    Parameters
    ----------
    changed : mapping of str to float, optional
        Values that differ from the defaults from the start.
    renamed : mapping of str to Renamed, optional
        Older names that this vehicle has not, and what it has instead.

    Raises
    ------
    BadInput
        When `changed` names a parameter that this vehicle does not have, or gives no number.

    Examples
    --------
    >>> parameters = Parameters({"RTL_ALT": 2500})
    >>> parameters["RTL_ALT"], parameters["WPNAV_SPEED"]
    (2500.0, 1000.0)
    >>> parameters.set("RTL_ALT", 3000.0), parameters.set("NO_SUCH", 1.0)
    (True, False)
    >>> "SPRAY_PUMP_RATE" in parameters.listed()
    False
    """

    def __init__(
        self,
        changed: Mapping[str, float] | None = None,
        renamed: Mapping[str, Renamed] | None = None,
    ) -> None:
        self._renamed = dict(renamed or {})
        self._table = _with_newer_names(copter_defaults(), self._renamed)
        self._values = {name: row.value for name, row in self._table.items()}
        self.version = 0
        for name, value in (changed or {}).items():
            if name not in self._table:
                raise BadInput("error.simulator_parameter", name=name)
            if not self._keep(name, float(value)):
                raise BadInput("error.simulator_parameter_value", name=name, value=value)

    def __getitem__(self, name: str) -> float:
        newer = self._renamed.get(name)
        return self._values[name] if newer is None else newer.older(self._values[newer.name])

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._values if name in self)

    def __contains__(self, name: str) -> bool:
        row = self._table.get(name)
        return row is not None and (row.switch != name or self._values[name] != 0.0)

    def kind(self, name: str) -> int:
        """Return the MAV_PARAM_TYPE of a parameter."""
        return self._table[name].kind

    def set(self, name: str, value: float) -> bool:
        """Set a parameter as PARAM_SET would; return whether it exists and took a number."""
        return name in self and self._keep(name, value)

    def _keep(self, name: str, value: float) -> bool:
        if not math.isfinite(value):
            return False
        self._values[name] = as_kept(value, self._table[name].kind)
        self.version += 1
        return True

    def listed(self) -> list[str]:
        """Return the names that PARAM_REQUEST_LIST lists now, in order."""
        return [
            name
            for name, row in self._table.items()
            if row.switch is None or self._values[row.switch] != 0.0
        ]
