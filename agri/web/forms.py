"""What a page's form says, read into values.

Numbers may have a decimal comma. A corner is a line of latitude and longitude in degrees, as a map
program shows them, with a comma, a semicolon or space between; a decimal comma is taken where the
two are parted by something else. What cannot be read is one sentence that names the field.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from shapely.geometry import LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from agri.amounts import two_ways
from agri.errors import BadInput
from agri.weather import COMPASS
from agri.words import Language, Message, say

MOST_CORNERS = 500
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(?:[.,][0-9]{1,12})?")
_PAIR = re.compile(rf"({_NUMBER.pattern})(?:\s*;\s*|\s*,\s+|\s+)({_NUMBER.pattern})")
_CLOSE = re.compile(r"([+-]?[0-9]{1,9}(?:\.[0-9]{1,12})?),([+-]?[0-9]{1,9}(?:\.[0-9]{1,12})?)")
NONE = (math.nan, math.nan)


def number(form: Mapping[str, str], name: str, label: Message, *, low: float, high: float) -> float:
    """Return a number of a form.

    Parameters
    ----------
    form : mapping of str to str
        The form.
    name : str
        The field.
    label : Message
        What the page calls it.
    low, high : float
        Its limits, both allowed.

    Raises
    ------
    BadInput
        When it is none, outside its limits, or two that are within them: "1.500".

    Examples
    --------
    >>> number({"gsd": "2,5"}, "gsd", Message.of("page.fact_gsd"), low=0.1, high=50)
    2.5
    """
    text = form.get(name, "").strip()
    value = float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else math.nan
    if not low <= value <= high:
        raise BadInput("error.form_number", name=label, value=text[:40], low=low, high=high)
    both = two_ways(text.lstrip("+"))
    if both and both[0] <= high:
        raise BadInput("error.amount_two_ways", name=label, value=text, whole=both[0],
                       parts=both[1])  # fmt: skip
    return value


def sides_shown(language: Language) -> list[tuple[str, str]]:
    """Return the sides that a wind may be told to come from, "" for not known, as a form offers."""
    return [("", "–"), *((one, say(f"card.side_{one}", language)) for one in COMPASS)]


def side_of(form: Mapping[str, str]) -> float | None:
    """Return where a form says that the wind comes from, degrees from north; None unless told."""
    side = form.get("wind_from", "")
    return 45.0 * COMPASS.index(side) if side in COMPASS else None


def places(text: str) -> list[tuple[float, float]]:
    r"""Return the places that lines tell, (lon, lat) degrees.

    Raises
    ------
    BadInput
        When a line is no place, or they are too many.

    Examples
    --------
    >>> places("21.08, 106.51\n\n21,09; 106,52")
    [(106.51, 21.08), (106.52, 21.09)]
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > MOST_CORNERS:
        raise BadInput("error.corners_count", count=len(lines), most=MOST_CORNERS)
    return [_corner(line, number) for number, line in enumerate(lines, 1)]


def drawn_shape(form: Mapping[str, str]) -> BaseGeometry | None:
    r"""Return the point, line or area that a form's ``kind`` and ``places`` tell, None for none.

    Examples
    --------
    >>> drawn_shape({"kind": "line", "places": "21.08, 106.51\n21.09, 106.52"}).geom_type
    'LineString'
    """
    told, kind = places(form.get("places", "")), form.get("kind", "")
    least = {"point": 1, "line": 2, "area": 3}.get(kind, 0)
    if not least or len(set(told)) < least:
        return None
    if kind == "point":
        return Point(told[-1])
    return LineString(told) if kind == "line" else Polygon(told)


def outline(text: str) -> MultiPolygon:
    r"""Return the area that corners go round, WGS 84 (lon, lat) degrees.

    Parameters
    ----------
    text : str
        A line for each corner: latitude, longitude.

    Raises
    ------
    BadInput
        When a line is no corner, or they are fewer than three.

    Examples
    --------
    >>> outline("21.08, 106.51\n21.08; 106,52\n21.09 106.52").bounds
    (106.51, 21.08, 106.52, 21.09)
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    corners = [_corner(line, number) for number, line in enumerate(lines[: MOST_CORNERS + 1], 1)]
    if len(set(corners)) < 3 or len(corners) > MOST_CORNERS:
        raise BadInput("error.corners_count", count=len(corners), most=MOST_CORNERS)
    return MultiPolygon([Polygon(corners)])


def _corner(line: str, number: int) -> tuple[float, float]:
    found = _PAIR.fullmatch(line) or _CLOSE.fullmatch(line)
    lat_deg, lon_deg = (float(part.replace(",", ".")) for part in found.groups()) if found else NONE
    if not (-80.0 <= lat_deg <= 84.0 and -180.0 <= lon_deg <= 180.0):
        raise BadInput("error.corner", number=number, value=line[:60])
    return lon_deg, lat_deg
