"""Weather: as the field has it now, and as a season had it.

- `now`: wind, air and sun at one time, which drift and go or no-go are judged by
- `series`: the values of hourly and daily weather, days from hours
- `warmth`: degree days, hours and units of chill
- `water`: vapour pressure deficit, wetness of leaves, reference evapotranspiration
- `quality`: what cannot have been, what hangs, what is missing
- `filling`: gaps closed by a line or by other years, each told
- `table`: station tables (CSV) of strangers, and our own

What is needed in the air (`now`) is imported from here; the rooms of series, which need NumPy, are
imported by name: ``from agri.weather.series import Days``.
"""

from __future__ import annotations

from agri.weather.now import (
    COMPASS,
    Weather,
    Wind,
    delta_t_c,
    in_utc,
    sun_elevation_deg,
    wet_bulb_c,
)

__all__ = ["COMPASS", "Weather", "Wind", "delta_t_c", "in_utc", "sun_elevation_deg", "wet_bulb_c"]
