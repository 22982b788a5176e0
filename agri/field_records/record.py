"""What every field record tells, and the checks its children share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from dataclasses import fields as fields_of
from datetime import date, datetime
from typing import ClassVar

from agri.errors import BadInput
from agri.names import clean
from agri.words import Message

YEARS = range(1900, 2200)
"""Years a record may be of."""
LONGEST_NAME, LONGEST_TEXT = 200, 4000
"""Letters of a name, and of a remark or note."""
MOST_KG, MOST_M2, MOST_NUMBER = 10_000_000.0, 10_000_000.0, 100_000_000.0
"""More than that is taken for a mistake of units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every record tells.

    Parameters
    ----------
    day : date
        When it was done or seen, as the calendar in Vietnam has it.
    field : str
        The field's name; a price or a note may be of the whole farm, "".
    tree, row : str
        The tree's number or name and the row's, as the orchard's register has them; "" for all.
    lot : str
        The lot it belongs to, "" when none.
    season : int
        The year in which the season's harvest falls; 0 takes the day's year.
    by : str
        Who did or saw it.
    source : str
        Where the record is from, such as "can-hai.csv:12"; "" when typed in.
    remark : str
        Anything else.
    field_uid : str
        The field's stable key, "" when not known.
    replaces : str
        Key of the earlier record that this one corrects, "" when none.
    uid : str
        The farm's stable key, "" until stored.
    entered_utc : datetime or None
        When it was stored; None until then.

    Raises
    ------
    BadInput
        When a figure cannot be, the day is out of all bounds, or what must be told is not.
    """

    kind: ClassVar[str] = ""
    of_farm: ClassVar[bool] = False
    """Whether it may be of the whole farm."""

    day: date
    field: str = ""
    tree: str = ""
    row: str = ""
    lot: str = ""
    season: int = 0
    by: str = ""
    source: str = ""
    remark: str = ""
    field_uid: str = ""
    replaces: str = ""
    uid: str = ""
    entered_utc: datetime | None = None

    def __post_init__(self) -> None:
        for one in fields_of(self):
            value = getattr(self, one.name)
            if type(value) is str:
                longest = LONGEST_TEXT if one.name in ("remark", "text") else LONGEST_NAME
                if len(value) > longest:
                    raise BadInput("error.record_long", name=label(one.name), most=longest)
                object.__setattr__(self, one.name, clean(value))
        if not self.season:
            object.__setattr__(self, "season", self.day.year)
        for year in (self.day.year, self.season):
            if year not in YEARS:
                raise BadInput("error.record_year", value=year)
        if not self.field and not self.of_farm:
            raise BadInput("error.record_without_field")


def label(name: str) -> Message:
    """Return how a figure or text of a record is called."""
    return Message.of(f"page.record_{name}")


def within(record: Record, name: str, most: float, *, least: float = 0.0) -> None:
    """Check one figure; a figure that is not told is None and is right."""
    value = getattr(record, name)
    if value is not None and not (math.isfinite(value) and least <= value <= most):
        raise BadInput("error.record_figure", name=label(name), value=value, least=least,
                       most=most)  # fmt: skip


def above_nothing(record: Record, name: str, most: float) -> None:
    """Check one figure that cannot be 0; one that is not told is None and is right."""
    within(record, name, most)
    if getattr(record, name) == 0:
        raise BadInput("error.record_nothing", name=label(name))


def told(record: Record, name: str) -> None:
    """Check that a text was told."""
    if not getattr(record, name):
        raise BadInput("error.record_untold", name=label(name))
