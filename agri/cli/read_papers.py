"""What stands on papers, turned from text into values: days, hours, and the words for kinds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, time
from enum import StrEnum
from typing import TypeVar

from agri.amounts import read_day
from agri.errors import BadInput
from agri.names import fold
from agri.papers import END_OF_DAY, Shown
from agri.rules import Authority, LicenceClass
from agri.units import INDOCHINA_TIME

E = TypeVar("E", bound=StrEnum)

_AUTHORITIES = {
    "tỉnh": Authority.PROVINCE, "quân khu": Authority.REGION,
    "cục tác chiến": Authority.OPERATIONS,
}  # fmt: skip
_CLASSES = {"trực quan": LicenceClass.VISUAL, "thiết bị": LicenceClass.INSTRUMENT}
_SHOWN = {
    "không cấm": Shown.CLEAR, "hạn chế": Shown.RESTRICTED, "cấm": Shown.FORBIDDEN,
}  # fmt: skip


def read_clock(text: str, *, name: str) -> time:
    """Read a time of day: ``6:00``, ``17h30``, ``6h``; ``24:00`` is the day's end.

    Examples
    --------
    >>> read_clock("17h30", name="--hours"), read_clock("24:00", name="--hours")
    (datetime.time(17, 30), datetime.time(23, 59))
    """
    match = re.fullmatch(r"\s*([0-9]{1,2})(?:\s*(?:[:h]|giờ)\s*([0-9]{2})?)?\s*", text.lower())
    if match is None:
        raise BadInput("error.not_a_time", name=name, value=text)
    hour, minute = int(match[1]), int(match[2] or 0)
    if (hour, minute) == (24, 0):
        return END_OF_DAY
    if hour > 23 or minute > 59:
        raise BadInput("error.not_a_time", name=name, value=text)
    return time(hour, minute)


def read_hours(text: str, *, name: str) -> tuple[time, time]:
    """Read the hours of a day, ``6:00-17:30``.

    Examples
    --------
    >>> read_hours("6h-17h30", name="--hours")
    (datetime.time(6, 0), datetime.time(17, 30))
    """
    parts = re.split(r"\s*[-–—]\s*", text.strip())
    if len(parts) != 2:
        raise BadInput("error.not_hours", name=name, value=text)
    return read_clock(parts[0], name=name), read_clock(parts[1], name=name)


def read_moment(text: str, *, name: str, now: datetime) -> datetime:
    """Read a day and a time of day in Vietnam, ``2026-12-31 7:00``; "" is now.

    Examples
    --------
    >>> read_moment("31/12/2026 7h", name="--at", now=datetime.now()).isoformat()
    '2026-12-31T07:00:00+07:00'
    """
    if not text.strip():
        return now
    day, _, clock = text.strip().partition(" ")
    return datetime.combine(
        read_day(day, name=name), read_clock(clock or "0:00", name=name), tzinfo=INDOCHINA_TIME
    )


def _read_word(words: Mapping[str, E], text: str, *, name: str) -> E:
    for told, kind in words.items():
        if fold(text) in (fold(told), kind.value):
            return kind
    choices = ", ".join(f"{told} ({kind.value})" for told, kind in words.items())
    raise BadInput("error.not_a_choice", name=name, value=text, choices=choices)


def read_authority(text: str, *, name: str) -> Authority:
    """Read who gave a permit, in Vietnamese or English.

    Examples
    --------
    >>> read_authority("Quân khu", name="--by").value
    'region'
    """
    return _read_word(_AUTHORITIES, text, name=name)


def read_licence_class(text: str, *, name: str) -> LicenceClass:
    """Read a licence's class, in Vietnamese or English.

    Examples
    --------
    >>> read_licence_class("thiết bị", name="--class").value
    'instrument'
    """
    return _read_word(_CLASSES, text, name=name)


def read_shown(text: str, *, name: str) -> Shown:
    """Read what the official map shows, in Vietnamese or English.

    Examples
    --------
    >>> read_shown("Cấm", name="--shows").value, read_shown("không cấm", name="--shows").value
    ('forbidden', 'clear')
    """
    return _read_word(_SHOWN, text, name=name)
