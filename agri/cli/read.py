"""Options turned from text into values; a comma may stand for the decimal point."""

from __future__ import annotations

import re

from agri.errors import BadInput
from agri.geo import LonLat


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
