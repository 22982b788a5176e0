"""Options turned from text into values; a comma may stand for the decimal point."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import TYPE_CHECKING

from agri.errors import BadInput
from agri.geo import LonLat
from agri.names import fold
from agri.units import read_length_m
from agri.weather import Weather, Wind

if TYPE_CHECKING:
    from imagery.calibration.reflectance import Wanted
    from imagery.zones.rules import RateRule, Unit
    from missions.sprayer.job import Objective


def read_number(text: str, *, name: str) -> float:
    """Read a number such as ``2.5`` or ``2,5``.

    Examples
    --------
    >>> read_number("2,5", name="--speed")
    2.5
    """
    if not re.fullmatch(r"\s*-?[0-9]+(?:[.,][0-9]+)?\s*", text):
        raise BadInput("error.not_a_number", name=name, value=text)
    return float(text.replace(",", "."))


def read_litres(text: str, *, name: str) -> float:
    """Read litres, with or without their unit.

    Examples
    --------
    >>> read_litres("2,5 L", name="--left"), read_litres("3", name="--left")
    (2.5, 3.0)
    """
    return read_number(text.rstrip("lL "), name=name)


def read_percent(text: str, *, name: str) -> float:
    """Read a percentage, with or without its sign, as a share.

    Examples
    --------
    >>> read_percent("75 %", name="--front")
    0.75
    """
    percent = read_number(text.rstrip("% "), name=name)
    if not 0.0 <= percent <= 95.0:
        raise BadInput("error.percent_range", name=name, value=text)
    return round(percent / 100.0, 6)


def read_mass_kg(text: str, *, name: str) -> float:
    """Read a mass in kilograms, with or without its unit.

    Examples
    --------
    >>> read_mass_kg("45,5 kg", name="--mass")
    45.5
    """
    return read_number(re.sub(r"(?i)\s*kg\s*$", "", text), name=name)


def read_port(text: str, *, name: str) -> int:
    """Read a port number, 1 to 65535.

    Examples
    --------
    >>> read_port("5760", name="--port")
    5760
    """
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise BadInput("error.port", name=name, value=text)
    return int(text)


def read_place(text: str, *, name: str) -> LonLat:
    """Read ``latitude,longitude`` in degrees, as phones and maps write it.

    Examples
    --------
    >>> read_place("21.0834, 106.5121", name="--pad").lon_deg
    106.5121
    """
    parts = re.split(r"[;\s]+|,\s*(?=-?[0-9]+\.)", text.strip())
    if len(parts) != 2:
        raise BadInput("error.not_a_place", name=name, value=text)
    lat, lon = (read_number(part, name=name) for part in parts)
    return LonLat(lon_deg=lon, lat_deg=lat)


def read_epsg(text: str) -> int | None:
    """Read a coordinate system as its EPSG number, ``5899`` or ``EPSG:5899``; "" is None.

    Examples
    --------
    >>> read_epsg("EPSG:5899"), read_epsg("")
    (5899, None)
    """
    match = re.fullmatch(r"(?i)\s*(?:EPSG:)?\s*([0-9]{4,6})\s*", text)
    if text.strip() and match is None:
        raise BadInput("error.not_an_epsg", value=text)
    return int(match[1]) if match else None


_QUARTERS = {
    "bac": 0.0, "dong bac": 45.0, "dong": 90.0, "dong nam": 135.0, "nam": 180.0,
    "tay nam": 225.0, "tay": 270.0, "tay bac": 315.0,
    "north": 0.0, "north east": 45.0, "northeast": 45.0, "east": 90.0, "south east": 135.0,
    "southeast": 135.0, "south": 180.0, "south west": 225.0, "southwest": 225.0, "west": 270.0,
    "north west": 315.0, "northwest": 315.0,
}  # fmt: skip


def read_side(text: str, *, name: str) -> float:
    """Read where a wind comes from: degrees from north, or a quarter in whole words.

    Single letters are refused: N is north to one reader and nam, south, to the other.

    Examples
    --------
    >>> read_side("đông bắc", name="--wind-from"), read_side("north-east", name="--wind-from")
    (45.0, 45.0)
    """
    word = " ".join(re.findall(r"[a-z]+", fold(text)))
    if word in _QUARTERS:
        return _QUARTERS[word]
    if not re.fullmatch(r"\s*[0-9]+(?:[.,][0-9]+)?\s*°?\s*", text):
        raise BadInput("error.wind_side", name=name, value=text)
    degrees = read_number(text.strip("° "), name=name)
    if degrees > 360.0:
        raise BadInput("error.wind_side", name=name, value=text)
    return degrees % 360.0


def read_range(text: str, *, name: str) -> tuple[float, float]:
    """Read two numbers, the smaller first, as in ``3-5``; one stands for both.

    Examples
    --------
    >>> read_range("3-5", name="--crown"), read_range("4", name="--crown")
    ((3.0, 5.0), (4.0, 4.0))
    """
    parts = [part.strip(" m") for part in re.split(r"[-–]", text)]
    if not 1 <= len(parts) <= 2 or not all(parts):
        raise BadInput("error.range", name=name, value=text)
    low, high = (read_number(part, name=name) for part in (parts[0], parts[-1]))
    if low > high:
        raise BadInput("error.range", name=name, value=text)
    return low, high


def read_rule(
    text: str,
    *,
    unit: str,
    steps: bool,
    least: float,
    most: float | None,
    step: float,
    where_none: float | None,
) -> RateRule:
    """Read a rule from index to rate: pairs with a colon, as in ``0.4:30,0.8:10``.

    Raises
    ------
    BadInput
        When a pair is none, or the rule cannot be.
    """
    from imagery.zones.rules import RateRule

    points = []
    for pair in text.split(","):
        index, _, rate = pair.partition(":")
        try:
            points.append((float(index), float(rate)))
        except ValueError:
            raise BadInput("error.rule_pair", value=pair.strip()[:40]) from None
    units: dict[str, Unit] = {"l/ha": "l/ha", "kg/ha": "kg/ha"}
    if unit not in units:
        raise BadInput("error.rule_unit", unit=unit[:20])
    return RateRule(points=tuple(points), unit=units[unit], how="steps" if steps else "lines",
                    least=least, most=math.inf if most is None else most, step=step,
                    where_none=where_none)  # fmt: skip


def read_wanted(text: str) -> Wanted:
    """Read what reflectance is to stand on: best, panel or light."""
    known: dict[str, Wanted] = {"best": "best", "panel": "panel", "light": "light"}
    if text not in known:
        raise BadInput("error.calibrate_by", value=text[:20])
    return known[text]


_AMOUNTS = {"ml": (1.0, "ml"), "l": (1000.0, "ml"), "g": (1.0, "g"), "kg": (1000.0, "g")}


def read_dose(text: str, *, name: str) -> tuple[float, str]:
    """Read a product's dose per hectare, such as ``500ml`` or ``0,8 kg``, as ml or g.

    Examples
    --------
    >>> read_dose("0,8 kg", name="--dose"), read_dose("500ml", name="--dose")
    ((800.0, 'g'), (500.0, 'ml'))
    """
    match = re.fullmatch(r"\s*([0-9]+(?:[.,][0-9]+)?)\s*(ml|l|g|kg)(?:/ha)?\s*", text.lower())
    if match is None:
        raise BadInput("error.dose_text", name=name, value=text)
    factor, unit = _AMOUNTS[match[2]]
    return round(read_number(match[1], name=name) * factor, 6), unit


def read_edge(text: str, *, name: str) -> tuple[int, float]:
    """Read an edge's clearance, ``3=5m``: the edge's number and metres.

    Examples
    --------
    >>> read_edge("3 = 5 m", name="--edge")
    (3, 5.0)
    """
    match = re.fullmatch(r"\s*([0-9]{1,4})\s*=\s*(\S.*)", text)
    if match is None:
        raise BadInput("error.edge_text", name=name, value=text)
    return int(match[1]), read_length_m(match[2], name=name, zero=True)


def read_objective(text: str, *, name: str) -> Objective:
    """Read what the direction of lines is chosen for: ``time`` or ``energy``."""
    from missions.sprayer.job import Objective

    try:
        return Objective(text.strip().lower())
    except ValueError:
        raise BadInput("error.objective", name=name, value=text) from None


def read_weather(
    *,
    wind: str,
    wind_from: str,
    gust: str,
    temperature: str,
    humidity: str,
    rain: str,
    now: datetime,
) -> Weather | None:
    """Read the weather as a person measured it now; None when nothing of it is told.

    Raises
    ------
    BadInput
        When one is no number or out of range, or a gust or a side is told without a wind.

    Examples
    --------
    >>> from datetime import UTC
    >>> nothing = dict.fromkeys(("wind_from", "gust", "temperature", "humidity", "rain"), "")
    >>> read_weather(wind="", **nothing, now=datetime.now(UTC)) is None
    True
    """

    def number(text: str, name: str) -> float | None:
        return read_number(text.rstrip("%°C "), name=name) if text else None

    if not any((wind, wind_from, gust, temperature, humidity, rain)):
        return None
    blows = None
    if wind or wind_from or gust:
        blows = Wind(
            speed_m_s=read_number(wind, name="--wind"),
            from_deg=read_side(wind_from, name="--wind-from") if wind_from else None,
            gust_m_s=number(gust, "--gust"),
        )
    return Weather(
        wind=blows,
        temperature_c=number(temperature, "--temperature"),
        humidity_pct=number(humidity, "--humidity"),
        rain_mm_h=number(rain, "--rain"),
        time_utc=now,
    )
