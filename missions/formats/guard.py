"""Reading strangers' text: what every mission file must pass before its content is believed.

A mission file comes by mail, from a memory card or from another program, and may be cut short,
hostile or simply something else. Every reader therefore goes through this room: text of at most
`MAX_BYTES`, JSON no deeper than `MAX_DEPTH` (Python's parser would run out of stack), no NaN or
Infinity, at most `MAX_ITEMS` mission items, and every value taken by an accessor that says which
value it was and where it stood. Whatever is wrong ends in one `BadInput`, nothing else.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from agri.errors import BadInput
from agri.geo import LonLat
from missions.formats.item_numbers import holds_degrees
from missions.items import INT_TWIN, Frame, MissionItem

MAX_BYTES = 10_000_000
"""Largest file read; 650 items are about 200 kB, so this is generous."""
MAX_ITEMS = 5000
"""Most mission items read; the largest store seen on an autopilot holds 4,368."""
MAX_DEPTH = 64
"""Deepest nesting of lists and objects; a .plan needs 9."""
MAX_PLAIN = 2_000_000_000.0
"""Largest fifth or sixth number read; MAVLink carries 32 bits."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


def shown(value: object) -> str:
    """Return `value` short enough for a sentence.

    Examples
    --------
    >>> shown("x" * 100)
    'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'
    """
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= 40 else text[:39] + "…"


def checked_text(name: str, content: str | bytes) -> str:
    """Return the text of a file, a byte order mark left out.

    Raises
    ------
    BadInput
        When it is larger than `MAX_BYTES` or not UTF-8 text.
    """
    if len(content) > MAX_BYTES:
        raise BadInput("error.file_too_big", name=name, limit_mb=MAX_BYTES / 1e6)
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        text.encode("utf-8")
    except UnicodeError:
        raise BadInput("error.file_not_text", name=name) from None
    if "\x00" in text:
        raise BadInput("error.file_not_text", name=name)
    return text.removeprefix("\ufeff")


def _refuse_constant(token: str) -> NoReturn:
    raise ValueError(token)


def _depth(text: str) -> int:
    deepest = depth = 0
    for bracket in re.findall(r"[\[\]{}]", _STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def read_json(name: str, content: str | bytes) -> dict[str, Any]:
    """Return the object that a JSON text holds.

    Parameters
    ----------
    name : str
        The file's name, for the error sentence.
    content : str or bytes
        The file.

    Raises
    ------
    BadInput
        When it is too big, too deep, not JSON, or not an object.

    Examples
    --------
    >>> read_json("a.plan", '{"version": 1}')
    {'version': 1}
    """
    text = checked_text(name, content)
    if _depth(text) > MAX_DEPTH:
        raise BadInput("error.file_too_deep", name=name, limit=MAX_DEPTH)
    try:
        loaded = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as problem:
        raise BadInput("error.file_not_json", name=name, line=problem.lineno) from None
    except (ValueError, RecursionError):
        raise BadInput("error.file_not_json", name=name, line=1) from None
    if not isinstance(loaded, dict):
        raise BadInput("error.file_not_json", name=name, line=1)
    return loaded


class Reader:
    """Takes values out of a parsed file and says by file and place what is wrong with them.

    Parameters
    ----------
    name : str
        The file's name.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def bad(self, where: str, value: object) -> BadInput:
        """Return the error that `where` cannot be `value`."""
        return BadInput("error.file_value", name=self.name, where=where, value=shown(value))

    def member(self, owner: dict[str, Any], key: str, where: str) -> Any:
        """Return ``owner[key]``, which must be there."""
        if key not in owner:
            raise BadInput("error.file_missing", name=self.name, where=f"{where}{key}")
        return owner[key]

    def members(self, value: object, where: str) -> dict[str, Any]:
        """Return `value`, which must be an object."""
        if not isinstance(value, dict):
            raise self.bad(where, value)
        return value

    def entries(self, value: object, where: str) -> list[Any]:
        """Return `value`, which must be a list."""
        if not isinstance(value, list):
            raise self.bad(where, value)
        return value

    def number(self, value: object, where: str) -> float:
        """Return `value`, which must be a finite number."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.bad(where, value)
        try:
            number = float(value)
        except OverflowError:
            raise self.bad(where, value) from None
        if not math.isfinite(number):
            raise self.bad(where, value)
        return number

    def whole(self, value: object, where: str) -> int:
        """Return `value`, which must be a whole number of at most nine digits."""
        number = self.number(value, where)
        if not number.is_integer() or abs(number) > 999_999_999:
            raise self.bad(where, value)
        return int(number)

    def place(self, lat: object, lon: object, where: str) -> LonLat:
        """Return the place at `lat`, `lon`; a latitude beyond 90 is told as swapped."""
        lat_deg, lon_deg = self.number(lat, where), self.number(lon, where)
        if abs(lat_deg) > 90.0 >= abs(lon_deg):
            raise BadInput("error.file_swapped", name=self.name, where=where, value=lat_deg)
        if abs(lat_deg) > 90.0 or abs(lon_deg) > 180.0:
            raise self.bad(where, f"{lat_deg}, {lon_deg}")
        return LonLat(lon_deg=lon_deg, lat_deg=lat_deg)

    def xy(
        self, command: int, frame: Frame, fifth: object, sixth: object, where: str
    ) -> tuple[int, int]:
        """Return x and y of an item whose file says `fifth` and `sixth`."""
        if holds_degrees(command, frame):
            place = self.place(fifth, sixth, where)
            return place.lat_e7, place.lon_e7
        x, y = self.number(fifth, where), self.number(sixth, where)
        if max(abs(x), abs(y)) > MAX_PLAIN:
            raise self.bad(where, f"{x}, {y}")
        return round(x), round(y)

    def frame(self, value: object, where: str) -> Frame:
        """Return the frame of a MAV_FRAME number, ``_INT`` twins folded."""
        number = self.whole(value, where)
        try:
            return INT_TWIN[number] if number in INT_TWIN else Frame(number)
        except ValueError:
            raise self.bad(where, value) from None

    def item(self, number: int, **values: Any) -> MissionItem:
        """Build mission item `number`; what is wrong with it is told with its number."""
        try:
            return MissionItem(**values)
        except BadInput as problem:
            raise BadInput(
                "error.file_item", name=self.name, item=number, problem=problem.message
            ) from None

    def count(self, items: int) -> None:
        """Refuse more than `MAX_ITEMS`."""
        if items > MAX_ITEMS:
            raise BadInput(
                "error.file_too_many_items", name=self.name, count=items, limit=MAX_ITEMS
            )
