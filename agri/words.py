"""The two dictionaries, Vietnamese and English, and the one way to speak from them.

Every sentence a person reads stands in ``agri/locale/vi.json`` and ``agri/locale/en.json``
under the same key, with the same ``{placeholders}``. Terminal, pages, reports and scripts
share them; a test keeps the two alike. Numbers inside a sentence follow the language:
``{gsd_cm:.1f}`` reads 2.5 in English and 2,5 in Vietnamese. So do days: a date given as such reads
06/12/2026 in Vietnamese and 06 Dec 2026 in English, where 06/12 may be June or December.
English has two forms of a noun: ``{count:?tree|trees}`` reads 1 tree, 2 trees, and
``{hours:.0f?hour|hours}`` goes by the number that is shown. Vietnamese has one, and writes none.

Whoever uses the app has no terminal at hand. A sentence that tells what to type there has a second
form under ``app.`` and its key, which says what to press instead; while `in_the_app` holds, all
that is spoken takes that form, also inside another sentence. What is made elsewhere and read in the
app stays a `Message` until it is read.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any, Literal, Protocol, runtime_checkable

Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = ("vi", "en")


@cache
def dictionary(language: Language) -> Mapping[str, str]:
    """Return the whole dictionary of one language, key to sentence."""
    text = resources.files("agri").joinpath(f"locale/{language}.json").read_text("utf-8")
    loaded: dict[str, str] = json.loads(text)
    return loaded


APP_FORM = "app."
_IN_APP: ContextVar[bool] = ContextVar("in_app", default=False)


@contextmanager
def in_the_app() -> Iterator[None]:
    """Speak, as long as it holds, to somebody who has the app before them and no terminal.

    Examples
    --------
    >>> one = Message.of("finding.licence_missing", pilot="Hòa", licence="")
    >>> with in_the_app():
    ...     one.text("en").partition(". ")[2]
    'Enter what stands on the licence.'
    """
    token = _IN_APP.set(True)
    try:
        yield
    finally:
        _IN_APP.reset(token)


_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def day_text(day: date, language: Language) -> str:
    """Return a day, or a day and its time, as people of a language write it.

    Examples
    --------
    >>> day_text(date(2026, 12, 6), "vi"), day_text(datetime(2026, 12, 6, 7, 30), "en")
    ('06/12/2026', '06 Dec 2026 07:30')
    """
    clock = f" {day:%H:%M}" if isinstance(day, datetime) else ""
    if language == "vi":
        return f"{day:%d/%m/%Y}{clock}"
    return f"{day.day:02d} {_MONTHS[day.month - 1]} {day.year}{clock}"


@runtime_checkable
class Spoken(Protocol):
    """A value of a sentence that has words of its own in each language, as a message has."""

    def text(self, language: Language) -> str:
        """Return it in `language`."""


class _Formatter(string.Formatter):
    def __init__(self, language: Language) -> None:
        self.language = language

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, Spoken):
            return value.text(self.language)
        if isinstance(value, date) and not format_spec:
            return day_text(value, self.language)
        format_spec, counted, forms = format_spec.partition("?")
        text = format(value, _readable(value, format_spec))
        if self.language == "vi" and isinstance(value, float | int) and format_spec:
            text = text.translate(str.maketrans(",.", ".,"))
        if not counted:
            return text
        one, _, several = forms.partition("|")
        return f"{text} {one if text == '1' else several}"


def _readable(value: Any, format_spec: str) -> str:
    """Return a form of numbers that writes none as 1e+07, which few who read it know."""
    if not format_spec.endswith("g") or not isinstance(value, float | int):
        return format_spec
    return ",.0f" if 1e6 <= abs(value) < 1e15 and "e" in format(value, format_spec) else format_spec


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence not yet spoken: its key and the values that fill it.

    Parameters
    ----------
    key : str
        Key in both dictionaries.
    values : tuple of (str, object)
        Values of the sentence's placeholders, sorted by name.

    Examples
    --------
    >>> Message.of("page.fact_gsd_value", gsd_cm=1.5).text("vi")
    '1,50 cm'
    """

    key: str
    values: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, key: str, /, **values: Any) -> Message:
        """Build a message from keyword values."""
        return cls(key, tuple(sorted(values.items())))

    def text(self, language: Language = "en") -> str:
        """Return the sentence in `language`; a missing key shows itself and its values."""
        known = dictionary(language)
        template = known.get(APP_FORM + self.key) if _IN_APP.get() else None
        template = template or known.get(self.key)
        if template is None:
            return " ".join([self.key, *(f"{name}={value}" for name, value in self.values)])
        return _Formatter(language).vformat(template, (), dict(self.values))


def say(key: str, language: Language, /, **values: Any) -> str:
    """Return the sentence under `key` in `language`, filled with `values`.

    Examples
    --------
    >>> say("page.fact_gsd_value", "en", gsd_cm=1.5)
    '1.50 cm'
    """
    return Message.of(key, **values).text(language)
