"""Units of the farm and of the wire, converted only where text or packets enter and leave.

Inside agri every quantity is SI with its unit in its name. Here are the exceptions: the
Northern Vietnamese area units (1 sào Bắc Bộ = 360 m², 1 mẫu = 10 sào = 3,600 m²), hectares,
and the integers that MAVLink carries (degrees × 10⁷, centimetres).
"""

from __future__ import annotations

import re
from datetime import timedelta, timezone

from agri.errors import BadInput

SAO_M2 = 360.0
"""Square metres in one sào Bắc Bộ."""
MAU_M2 = 3600.0
"""Square metres in one mẫu Bắc Bộ."""
HECTARE_M2 = 10_000.0
"""Square metres in one hectare."""
INDOCHINA_TIME = timezone(timedelta(hours=7), "ICT")
"""Vietnam's time, without summer time since 1975."""
E7 = 10_000_000
"""MAVLink's integer steps in one degree."""

_LENGTH_M = {"mm": 0.001, "cm": 0.01, "m": 1.0, "km": 1000.0}


def square_metres_to_sao(area_m2: float) -> float:
    """Convert square metres to sào Bắc Bộ.

    Examples
    --------
    >>> square_metres_to_sao(720.0)
    2.0
    """
    return area_m2 / SAO_M2


def square_metres_to_hectares(area_m2: float) -> float:
    """Convert square metres to hectares.

    Examples
    --------
    >>> square_metres_to_hectares(2500.0)
    0.25
    """
    return area_m2 / HECTARE_M2


def degrees_to_e7(degrees: float) -> int:
    """Round degrees to MAVLink's integer degrees × 10⁷ (about 1.1 cm of latitude).

    Examples
    --------
    >>> degrees_to_e7(106.512345678)
    1065123457
    """
    return round(degrees * E7)


def e7_to_degrees(value: int) -> float:
    """Convert MAVLink's integer degrees × 10⁷ to degrees.

    Examples
    --------
    >>> e7_to_degrees(1065123457)
    106.5123457
    """
    return value / E7


def read_length_m(text: str, *, name: str, default_unit: str = "m", zero: bool = False) -> float:
    """Read a length such as ``2cm``, ``50 m`` or ``2,5cm`` in metres.

    Parameters
    ----------
    text : str
        What the user wrote; a comma may stand for the decimal point.
    name : str
        The option's name, for the error sentence.
    default_unit : str
        Unit taken when none is written: mm, cm, m or km.
    zero : bool
        Whether nothing is a length.

    Returns
    -------
    float
        Metres.

    Raises
    ------
    BadInput
        When the text is not a number with a known unit, or nothing where that makes no sense.

    Examples
    --------
    >>> read_length_m("2,5 cm", name="gsd")
    0.025
    """
    match = re.fullmatch(r"\s*([0-9]+(?:[.,][0-9]+)?)\s*([a-zA-Z]*)\s*", text)
    if match is None:
        raise BadInput("error.not_a_number", name=name, value=text)
    unit = match[2].lower() or default_unit
    if unit not in _LENGTH_M:
        raise BadInput("error.unknown_unit", name=name, value=text, units=", ".join(_LENGTH_M))
    length_m = round(float(match[1].replace(",", ".")) * _LENGTH_M[unit], 9)
    if length_m <= 0.0 and not zero:
        raise BadInput("error.length_positive", name=name, value=text)
    return length_m
