"""Entries of the sprayer catalogue: from raw figures to a `Sprayer`, and the rules they must keep.

A wrong entry does harm quietly: a flow in litres an hour under-doses a whole field, a hover power
for the full aircraft written for the empty one brings it down beside the pad. `validate_sprayer`
therefore checks figures against each other, by what no true sprayer can fail:

* **reach**: at some speed it may fly, on its widest swath, it gives 20 L/ha, what drones spray on
  rice; a pump of wrong units cannot;
* **tank and flow**: a full tank lasts 1 to 30 minutes of full flow;
* **masses**: tank, empty aircraft and (where told) greatest take-off mass fit; the tank is neither
  a cup nor heavier than twice the aircraft;
* **hovering**: the energy model (hover power ∝ mass^1.5) comes to the hovering times told: never
  more than 2 % above, since that promises flight that is not there, nor 15 % below;
* **swath**: the points lie within the heights and speeds allowed, 1 to 5 times as wide as high,
  and no wider lower down;
* **source**: it has one, every assumed figure is one of its figures, and a source that assumes
  says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agri.errors import BadInput
from agri.findings import Finding
from missions.energy import Aircraft, with_payload
from missions.sprayer.dose import L_MIN_PER_L_HA_M_M_S
from missions.sprayer.gear import DropletClass, PumpControl, PumpPoint, Sprayer, SwathPoint

RICE_L_HA = 20.0
"""What drones spray on rice in Vietnam; every sprayer reaches it."""
SLOWEST_M_S = 1.0
"""Slowest spraying that a pump is judged for."""
FULL_FLOW_MIN = (1.0, 30.0)
"""Minutes a full tank lasts at full flow."""
TANK_TO_MASS = (0.2, 2.0)
"""Tank over empty aircraft, litres to kilograms."""
WIDTH_TO_HEIGHT = (1.0, 5.0)
"""Swath over height above the crop."""
NOZZLE_L_MIN = (0.05, 12.0)
"""What one nozzle gives, from a small flat fan to a large rotary one."""
HOVER_ABOVE, HOVER_BELOW = 0.02, 0.15
"""How far the energy model's hovering times may lie above and below those told."""
POWER_W_KG = (50.0, 250.0)
"""Electric power for hovering over mass, empty."""

Fault = tuple[str, dict[str, Any]]


def sprayer_from(entry: Mapping[str, Any]) -> Sprayer:
    """Build a sprayer from a raw entry.

    Parameters
    ----------
    entry : mapping
        Keys as in ``sprayers.toml``.

    Raises
    ------
    BadInput
        When a figure is missing, of the wrong kind or impossible by itself.
    """
    name = str(entry.get("name", "?"))
    missing = [k for k in (*Sprayer.__dataclass_fields__, "aircraft") if k not in entry]
    if missing:
        raise BadInput("error.sprayer_entry", sprayer=name, name=missing[0])
    kinds = Aircraft.__dataclass_fields__
    given = {key: entry[key] for key in Sprayer.__dataclass_fields__}
    try:
        craft = {**entry["aircraft"], "name": name, "source": entry["source"]}
        given["aircraft"] = Aircraft(**{k: v for k, v in craft.items() if k in kinds})
        given["control"] = PumpControl(entry["control"])
        given["droplets"] = DropletClass(entry["droplets"])
        given["pump"] = tuple(PumpPoint(output=o, flow_l_min=q) for o, q in entry["pump"])
        given["swath"] = tuple(
            SwathPoint(height_m=h, speed_m_s=v, width_m=w) for h, v, w in entry["swath"]
        )
        return Sprayer(**given)
    except (TypeError, ValueError) as error:
        raise BadInput("error.sprayer_entry", sprayer=name, name=str(error)) from None


def hover_min(sprayer: Sprayer, litres: float) -> float:
    """Return how long the energy model lets the sprayer hover with a load, minutes, pack empty.

    Examples
    --------
    >>> from missions.catalogue import sprayer
    >>> round(hover_min(sprayer("T40"), 40.0), 1)
    7.0
    """
    loaded = with_payload(sprayer.aircraft, litres)
    return 60.0 * loaded.battery_wh / loaded.hover_power_w


def validate_sprayer(entry: Mapping[str, Any]) -> list[Finding]:
    """Return what is wrong with a sprayer entry; an entry without findings may plan flights.

    Parameters
    ----------
    entry : mapping
        Keys as in ``sprayers.toml``; `mtow_kg`, `assumed` and `aliases` may be missing.

    Returns
    -------
    list of Finding
        All of level ERROR.

    Examples
    --------
    >>> from missions.catalogue import sprayer_entries
    >>> validate_sprayer(sprayer_entries()[0])
    []
    >>> hourly = {**sprayer_entries()[0], "pump": [[0.2, 60.0], [1.0, 360.0]]}
    >>> sorted({finding.key for finding in validate_sprayer(hourly)})
    ['finding.sprayer_flow_nozzle', 'finding.sprayer_flow_tank', 'finding.sprayer_reach']
    """
    name = str(entry.get("name", ""))
    try:
        found = sprayer_from(entry)
    except BadInput as error:
        return [Finding.error("finding.sprayer_figures", where=name, why=error.message)]
    rules = (_flow_faults(found), _mass_faults(found, entry), _hover_faults(found),
             _swath_faults(found), _source_faults(entry))  # fmt: skip
    return [Finding.error(key, where=name, **values) for rule in rules for key, values in rule]


def _flow_faults(found: Sprayer) -> Iterator[Fault]:
    widest_m = max(point.width_m for point in found.swath)
    low = found.min_flow_l_min / (L_MIN_PER_L_HA_M_M_S * widest_m * found.max_speed_m_s)
    high = found.max_flow_l_min / (L_MIN_PER_L_HA_M_M_S * widest_m * SLOWEST_M_S)
    if not low <= RICE_L_HA <= high:
        yield "finding.sprayer_reach", {"low": low, "high": high, "rate": RICE_L_HA}
    minutes = found.tank_l / found.max_flow_l_min
    if not FULL_FLOW_MIN[0] <= minutes <= FULL_FLOW_MIN[1]:
        yield "finding.sprayer_flow_tank", {"flow": found.max_flow_l_min, "minutes": minutes}
    each = found.max_flow_l_min / found.nozzles
    if not NOZZLE_L_MIN[0] <= each <= NOZZLE_L_MIN[1]:
        yield "finding.sprayer_flow_nozzle", {"flow": each}


def _mass_faults(found: Sprayer, entry: Mapping[str, Any]) -> Iterator[Fault]:
    mass_kg = found.aircraft.mass_kg
    if not TANK_TO_MASS[0] <= found.tank_l / mass_kg <= TANK_TO_MASS[1]:
        yield "finding.sprayer_tank_mass", {"tank": found.tank_l, "mass": mass_kg}
    most_kg = entry.get("mtow_kg")
    if most_kg is not None and mass_kg + found.tank_l > most_kg * 1.001:
        yield "finding.sprayer_mtow", {"mass": mass_kg + found.tank_l, "most": most_kg}


def _hover_faults(found: Sprayer) -> Iterator[Fault]:
    told = {0.0: found.endurance_empty_min, found.tank_l: found.endurance_full_min}
    if not 2.0 <= found.endurance_full_min < found.endurance_empty_min <= 60.0:
        yield "finding.sprayer_endurance", {"full": found.endurance_full_min,
                                            "empty": found.endurance_empty_min}  # fmt: skip
        return
    for litres, minutes in told.items():
        model_min = hover_min(found, litres)
        if not 1.0 - HOVER_BELOW <= model_min / minutes <= 1.0 + HOVER_ABOVE:
            yield "finding.sprayer_hover", {"litres": litres, "model": model_min, "told": minutes}
    specific = found.aircraft.hover_power_w / found.aircraft.mass_kg
    if not POWER_W_KG[0] <= specific <= POWER_W_KG[1]:
        yield "finding.sprayer_power", {"power": specific}


def _swath_faults(found: Sprayer) -> Iterator[Fault]:
    for point in found.swath:
        ratio = point.width_m / point.height_m if point.height_m > 0.0 else 0.0
        inside = found.min_height_m <= point.height_m <= found.max_height_m
        allowed = 0.0 < point.speed_m_s <= found.max_speed_m_s
        if not (inside and allowed and WIDTH_TO_HEIGHT[0] <= ratio <= WIDTH_TO_HEIGHT[1]):
            yield "finding.sprayer_swath", {"width": point.width_m, "height": point.height_m,
                                            "speed": point.speed_m_s}  # fmt: skip
    for low in found.swath:
        for high in found.swath:
            same = low.speed_m_s == high.speed_m_s
            if same and low.height_m < high.height_m and low.width_m > high.width_m:
                yield "finding.sprayer_swath_narrows", {"low": low.height_m, "high": high.height_m}


def _source_faults(entry: Mapping[str, Any]) -> Iterator[Fault]:
    source = str(entry["source"]).strip()
    assumed = list(entry.get("assumed", ()))
    if not source:
        yield "finding.sprayer_without_source", {}
    figures = {*entry, *entry["aircraft"]}
    for name in assumed:
        if name not in figures:
            yield "finding.sprayer_assumed_unknown", {"name": name}
    if assumed and source and "assum" not in source.lower():
        yield "finding.sprayer_assumed_silent", {"count": len(assumed)}
    if entry["confidence"] not in ("high", "medium", "low"):
        yield "finding.sprayer_confidence", {"value": str(entry["confidence"])}
    if entry["confidence"] == "high" and assumed:
        yield "finding.sprayer_confidence", {"value": "high"}
