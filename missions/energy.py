"""Aircraft, flight time and energy (values; the model is below them)."""

from __future__ import annotations

from dataclasses import dataclass

from agri.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Aircraft:
    """A survey copter as far as planning must know it.

    Parameters
    ----------
    name : str
        Catalogue name.
    mass_kg : float
        Take-off mass with battery and camera.
    battery_wh, hover_power_w : float
        Energy of one full pack; electric power in hover at `mass_kg`.
    reserve : float
        Share of the pack that must be left on landing, 0.2 to 0.6 (invariant P6: ≥ 0.3).
    cruise_speed_m_s, climb_m_s, descent_m_s, land_speed_m_s : float
        Default survey speed; climb, descent and final landing speed.
    acceleration_m_s2 : float
        Horizontal acceleration (ArduCopter WPNAV_ACCEL, 2.5 by default).
    max_wind_m_s : float
        Wind it may be flown in.
    source : str
        Where the figures come from; assumptions are named as such.
    """

    name: str
    mass_kg: float
    battery_wh: float
    hover_power_w: float
    reserve: float = 0.3
    cruise_speed_m_s: float = 8.0
    climb_m_s: float = 2.5
    descent_m_s: float = 1.5
    land_speed_m_s: float = 0.5
    acceleration_m_s2: float = 2.5
    max_wind_m_s: float = 8.0
    source: str = ""

    def __post_init__(self) -> None:
        for field in (
            "mass_kg",
            "battery_wh",
            "hover_power_w",
            "cruise_speed_m_s",
            "climb_m_s",
            "descent_m_s",
            "land_speed_m_s",
            "acceleration_m_s2",
            "max_wind_m_s",
        ):
            if not getattr(self, field) > 0.0:
                raise BadInput(
                    "error.aircraft_value",
                    aircraft=self.name,
                    name=field,
                    value=getattr(self, field),
                )
        if not 0.2 <= self.reserve <= 0.6:
            raise BadInput(
                "error.aircraft_value", aircraft=self.name, name="reserve", value=self.reserve
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a flight will take, from take-off to disarm.

    Parameters
    ----------
    length_m : float
        Path flown, climb and descent left out.
    time_s, energy_wh : float
        Whole flight.
    batteries : int
        Packs needed when each keeps its reserve.
    photos : int
        Pictures taken.
    """

    length_m: float
    time_s: float
    energy_wh: float
    batteries: int
    photos: int
