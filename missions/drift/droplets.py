"""How far droplets of a spray are carried by the wind before they reach the ground.

Theory of operation
-------------------
Drift is told by the fine part of a spray. Each droplet class (ASABE S572.3, ISO 25358) is
stood for by one diameter, about the one below which a tenth of its volume lies (`FINE_PART_UM`).
Such a droplet, leaving the nozzle at a height h over the ground in a wind v, falls at its terminal
velocity w and is carried::

    x = h · v / w

* w is where weight and drag are equal, the drag coefficient of a sphere after Schiller and
  Naumann (1933), c = 24 / Re · (1 + 0.15 · Re^0.687), good to some per cent up to Re = 800; a
  droplet of 500 µm has Re = 70. Against Gunn and Kinzer's measurements (J. Meteorol. 6, 1949, at
  20 °C) it is a tenth slow at 100 µm and within 3 % from 200 to 500 µm.
* That x grows evenly with the wind, and its size, agree with Ontario's advice on drift: 100 µm
  from 1 m at 15 km/h, at 20 °C and 40 % humidity, up to 16 m (here 17 m).

What is left out, and on which side it lies: the rotors' downwash and the nozzle's throw (they
shorten the fall: safe), evaporation (droplets shrink and fall slower: unsafe; go or no-go bounds
heat and dryness instead), eddies and the wake that lift fine droplets (unsafe). Therefore x is
never used as a distance to keep. It only says how much further than under the `REFERENCE`
conditions a job drifts, and published or agreed distances are stretched by that, never shrunk
(`stretch`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from agri.errors import BadInput
from agri.weather import Wind
from missions.sprayer.gear import DropletClass
from missions.sprayer.job import SpraySettings

CALM_M_S = 0.5
"""Slower air has no direction to rely on (agri's least wind to start in)."""
SWING_DEG = 45.0
"""How far the wind near the ground swings to either side of what was told (assumption: half the
step of an eight-point windsock, and some 20° that light winds meander within minutes)."""
GRAVITY_M_S2 = 9.81
"""Standard gravity."""
AIR_KG_M3 = 1.165
"""Density of air at 30 °C and sea level."""
AIR_PA_S = 1.86e-5
"""Viscosity of air at 30 °C."""
WATER_KG_M3 = 996.0
"""Density of water at 30 °C; mixtures are taken as water."""

FINE_PART_UM = {
    DropletClass.VERY_FINE: 60.0,
    DropletClass.FINE: 100.0,
    DropletClass.MEDIUM: 150.0,
    DropletClass.COARSE: 200.0,
    DropletClass.VERY_COARSE: 250.0,
}
"""Diameter below which about a tenth of a class's volume lies, µm (assumption: the standard
compares with reference nozzles and prints no sizes; published spectra of those lie near these).
From class to class it halves what stays airborne, as GRDC's spray application manual tells it."""


def fall_m_s(diameter_um: float) -> float:
    """Return the terminal velocity of a droplet of water in still air.

    Parameters
    ----------
    diameter_um : float
        1 to 1000 µm.

    Returns
    -------
    float
        Metres per second.

    Raises
    ------
    BadInput
        When the diameter is out of that range.

    Examples
    --------
    >>> round(fall_m_s(100.0), 2), round(fall_m_s(200.0), 2)
    (0.24, 0.7)
    """
    if not 1.0 <= diameter_um <= 1000.0:
        raise BadInput("error.droplet_size", value=diameter_um)
    size_m = diameter_um * 1e-6
    weight = (WATER_KG_M3 - AIR_KG_M3) * GRAVITY_M_S2 * size_m**2 / (18.0 * AIR_PA_S)
    low, high = 0.0, weight
    for _ in range(60):
        middle = (low + high) / 2.0
        reynolds = AIR_KG_M3 * middle * size_m / AIR_PA_S
        if middle * (1.0 + 0.15 * reynolds**0.687) < weight:
            low = middle
        else:
            high = middle
    return high


@lru_cache(maxsize=16)
def class_fall_m_s(droplets: DropletClass) -> float:
    """Return the terminal velocity of the fine part of a droplet class, metres per second."""
    return fall_m_s(FINE_PART_UM[droplets])


def carried_m(height_m: float, wind_m_s: float, droplets: DropletClass) -> float:
    """Return how far the fine part of a spray is carried while it falls.

    Parameters
    ----------
    height_m : float
        Of the nozzles above the ground.
    wind_m_s : float
        Mean wind.
    droplets : DropletClass
        Spray quality.

    Returns
    -------
    float
        Metres; more wind, greater height or finer droplets never make it less.

    Examples
    --------
    >>> round(carried_m(1.0, 15.0 / 3.6, DropletClass.FINE), 1)
    17.2
    """
    return height_m * wind_m_s / class_fall_m_s(droplets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What drift depends on.

    Parameters
    ----------
    height_m : float
        Of the nozzles above the ground.
    wind_m_s : float
        Mean wind.
    droplets : DropletClass
        Spray quality.
    """

    height_m: float
    wind_m_s: float
    droplets: DropletClass


REFERENCE = Conditions(height_m=3.0, wind_m_s=3.0, droplets=DropletClass.FINE)
"""What the table of distances is taken to hold for (assumption): the most wind to start in, the
most height over a paddy, and the droplets farm copters are sold with. Ground deposits of small
spraying copters were measured out to 50 m downwind."""


def stretch(conditions: Conditions) -> float:
    """Return by how much distances downwind grow against the table's; never less than 1.

    Examples
    --------
    >>> stretch(REFERENCE)
    1.0
    >>> stretch(Conditions(height_m=6.0, wind_m_s=4.5, droplets=DropletClass.FINE))
    3.0
    >>> stretch(Conditions(height_m=2.0, wind_m_s=1.0, droplets=DropletClass.COARSE))
    1.0
    """
    here_m = carried_m(conditions.height_m, conditions.wind_m_s, conditions.droplets)
    return max(1.0, here_m / carried_m(REFERENCE.height_m, REFERENCE.wind_m_s, REFERENCE.droplets))


def downwind_of(wind: Wind) -> float | None:
    """Return where the wind comes from as far as buffers rely on it, None in a calm.

    Examples
    --------
    >>> downwind_of(Wind(speed_m_s=2.0, from_deg=90.0)), downwind_of(Wind(speed_m_s=0.4,
    ...                                                                   from_deg=90.0))
    (90.0, None)
    """
    return wind.from_deg if wind.speed_m_s >= CALM_M_S else None


def conditions(settings: SpraySettings, wind: Wind) -> Conditions:
    """Return what the drift of a job depends on."""
    return Conditions(
        height_m=settings.flying_height_m,
        wind_m_s=wind.speed_m_s,
        droplets=settings.sprayer.droplets,
    )
