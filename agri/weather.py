"""Wind and weather as the field has it now: what drift, go or no-go and energy are judged by.

Directions are where the wind comes **from**, degrees clockwise from true north, as every weather
report and every windsock tells it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from agri.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Wind:
    """A wind near the ground (2 to 10 m up).

    Parameters
    ----------
    speed_m_s : float
        Mean over some minutes, 0 to 40.
    from_deg : float or None
        Where it comes from, degrees clockwise from true north, 0 ≤ from < 360; None when not
        known: then every side is taken for downwind.
    gust_m_s : float or None
        Strongest gust, not below the mean; None when not known.

    Raises
    ------
    BadInput
        When a figure is not finite or out of range.

    Examples
    --------
    >>> Wind(speed_m_s=2.0, from_deg=90.0).to_deg
    270.0
    """

    speed_m_s: float
    from_deg: float | None = None
    gust_m_s: float | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.speed_m_s <= 40.0:
            raise BadInput("error.wind_speed", value=self.speed_m_s)
        if self.from_deg is not None and not math.isfinite(self.from_deg):
            raise BadInput("error.wind_direction", value=self.from_deg)
        if self.from_deg is not None:
            object.__setattr__(self, "from_deg", self.from_deg % 360.0)
        if self.gust_m_s is not None and not self.speed_m_s <= self.gust_m_s <= 60.0:
            raise BadInput("error.wind_gust", value=self.gust_m_s, mean=self.speed_m_s)

    @property
    def to_deg(self) -> float | None:
        """Where it blows to, degrees clockwise from true north."""
        return None if self.from_deg is None else (self.from_deg + 180.0) % 360.0
