"""Dose: from litres per hectare to flow, speed and swath, and back.

The one formula, with q the flow in L/min, r the rate in L/ha, w the swath in m, v the ground speed
in m/s::

    q = r · w · v · 60 / 10,000 = 0.006 · r · w · v

(a swath of w metres at v m/s covers w · v · 60 m² a minute; the same formula stands in nozzle
makers' charts as q = r · km/h · w / 600).
"""

from __future__ import annotations

from dataclasses import dataclass

from agri.errors import BadInput

L_MIN_PER_L_HA_M_M_S = 0.006
"""60 s/min over 10,000 m²/ha."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """What a job asks of the sprayer on a swath.

    Parameters
    ----------
    rate_l_ha : float
        Litres of mixture per hectare.
    swath_m, speed_m_s : float
        Swath width and ground speed.
    flow_l_min : float
        What the pump must give for it.
    """

    rate_l_ha: float
    swath_m: float
    speed_m_s: float
    flow_l_min: float


def flow_l_min(rate_l_ha: float, swath_m: float, speed_m_s: float) -> float:
    """Return the flow that gives a rate on a swath at a speed.

    Examples
    --------
    >>> round(flow_l_min(20.0, 5.0, 5.0), 6)
    3.0
    """
    for name, value in (("rate", rate_l_ha), ("swath", swath_m), ("speed", speed_m_s)):
        if not 0.0 <= value < 1e5:
            raise BadInput("error.dose_value", name=name, value=value)
    return L_MIN_PER_L_HA_M_M_S * rate_l_ha * swath_m * speed_m_s
