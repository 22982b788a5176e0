"""The law a flight stands under, as dated data, and the questions agri asks of it.

Theory of operation. ``rules_vn.toml`` holds Vietnam's rules as far as they were found: which text,
from when, how it was read, and how sure that is. The sentences stand in the two dictionaries under
``rule.<id>``; the figures stand only in the file, and the functions here judge by them, so that a
changed law is a changed line. `agri.papers` judges a farm's own permits and licences by it.

Decisions. None of the texts was read in full, and every rule says so. Where the reports leave a
doubt the stricter reading is taken: an automatic flight always asks the instrument licence, and no
flight is ever counted as exempt from a permit. A *ceiling* is the height a flight stays below, so
that a ceiling of 50 m is a flight "below 50 m above the ground", which the province may permit.
Distances to zones are told, not measured: no official map came in a form a program can read, so
a person looks at it (`agri.papers.MapCheck`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from agri.errors import BadInput
from agri.words import Message

DEFAULT_CEILING_M = 50.0
"""Above the ground; the most a provincial command permits (`authority_province`)."""
DOCUMENTS = (
    "law", "decree", "circular", "decision", "standard", "letter", "site", "guide", "own",
)  # fmt: skip
"""What a rule can stand in; "own" is agri's own working out."""
TOPICS = ("registration", "licence", "permit", "zones", "penalty", "pesticide")


class Confidence(StrEnum):
    """How sure it is that a rule is told rightly."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNSURE = "unsure"


class Reading(StrEnum):
    """How a rule's text came here: whole, quoted, told by others, or not found."""

    FULL = "full"
    QUOTED = "quoted"
    REPORTED = "reported"
    MISSING = "missing"


class Authority(StrEnum):
    """Who permits a flight."""

    PROVINCE = "province"
    REGION = "region"
    OPERATIONS = "operations"


class LicenceClass(StrEnum):
    """What a pilot's licence allows; instrument flight includes visual flight."""

    VISUAL = "visual"
    INSTRUMENT = "instrument"

    def covers(self, needed: LicenceClass) -> bool:
        """Return whether this licence is enough where `needed` is asked.

        Examples
        --------
        >>> LicenceClass.VISUAL.covers(LicenceClass.INSTRUMENT)
        False
        """
        return self is LicenceClass.INSTRUMENT or self is needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, with where it comes from.

    Parameters
    ----------
    id : str
        Its name here; the sentence stands under ``rule.<id>``.
    topic : str
        One of `TOPICS`.
    document : str
        One of `DOCUMENTS`.
    number, article : str
        The text's number and article, "" when it has none.
    dated : str
        ISO date, or as much of one as is known, "" when none is.
    in_force : bool
        Whether `dated` is when it began to hold; else the day of issue.
    reading : Reading
        How its text came here.
    seen, seen_on : str
        Where it was read, and the newest report's ISO date, "" when not told.
    confidence : Confidence
        How sure it is.
    figures : tuple of (str, float)
        Its numbers, each with its unit in its name.

    Raises
    ------
    BadInput
        When a rule without source, date or place claims to be known.

    Examples
    --------
    >>> rule("authority_province").figure("below_m")
    50.0
    """

    id: str
    topic: str
    document: str
    number: str = ""
    article: str = ""
    dated: str = ""
    in_force: bool = True
    reading: Reading
    seen: str = ""
    seen_on: str = ""
    confidence: Confidence
    figures: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        known = self.document in DOCUMENTS and self.topic in TOPICS
        sure = self.confidence in (Confidence.HIGH, Confidence.MEDIUM)
        bare = not (self.seen and (self.number or self.document == "guide"))
        if not known or (sure and (bare or self.reading is Reading.MISSING)):
            raise BadInput("error.rule_entry", rule=self.id)

    @property
    def message(self) -> Message:
        """What the rule says, with its figures."""
        return Message.of(f"rule.{self.id}", **dict(self.figures))

    @property
    def source(self) -> Message:
        """The text it stands in, such as "Decree 288/2025/NĐ-CP, article 19"."""
        key = f"rule_source.{self.document}" + ("_article" if self.article else "")
        return Message.of(key, number=self.number, article=self.article)

    def figure(self, name: str) -> float:
        """Return one of its numbers."""
        return dict(self.figures)[name]


def rule_from(entry: Mapping[str, Any]) -> Rule:
    """Build a rule from an entry of the file.

    Raises
    ------
    BadInput
        When the entry lacks what a rule must tell.
    """
    text = {key: str(entry.get(key, "")) for key in ("number", "article", "seen", "seen_on")}
    try:
        return Rule(
            id=entry["id"],
            topic=entry["topic"],
            document=entry["document"],
            dated=str(entry.get("in_force", "") or entry.get("issued", "")),
            in_force="in_force" in entry,
            reading=Reading(entry["read"]),
            confidence=Confidence(entry["confidence"]),
            figures=tuple((name, float(v)) for name, v in entry.get("figures", {}).items()),
            **text,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise BadInput("error.rule_entry", rule=str(entry.get("id", "?"))) from error


@cache
def rules() -> tuple[Rule, ...]:
    """Return every rule, in the order of the file.

    Examples
    --------
    >>> [one.id for one in rules() if one.topic == "registration"][:2]
    ['register', 'mass_classes']
    """
    text = resources.files("agri").joinpath("rules_vn.toml").read_text("utf-8")
    return tuple(rule_from(entry) for entry in tomllib.loads(text)["rule"])


def rule(name: str) -> Rule:
    """Return the rule called `name`.

    Raises
    ------
    BadInput
        When there is none.
    """
    for one in rules():
        if one.id == name:
            return one
    raise BadInput("error.no_rule", rule=name)


def authority_for(
    ceiling_m: float, *, provinces: int = 1, near_aerodrome: bool = False
) -> Authority:
    """Return who permits a flight that stays below a ceiling.

    Parameters
    ----------
    ceiling_m : float
        Above the ground; the flight stays below it.
    provinces : int
        How many provinces of one military region it touches.
    near_aerodrome : bool
        Whether it enters an aerodrome's no-fly or restricted area.

    Returns
    -------
    Authority
        By circular 146/2025/TT-BQP, as newspapers tell it.

    Examples
    --------
    >>> authority_for(50.0).value, authority_for(80.0).value, authority_for(130.0).value
    ('province', 'region', 'operations')
    >>> authority_for(40.0, provinces=2).value
    'region'
    """
    _check_positive("ceiling_m", ceiling_m)
    region = rule("authority_region")
    most_m = region.figure("below_m" if provinces == 1 else "provinces_below_m")
    if near_aerodrome or ceiling_m > most_m:
        return Authority.OPERATIONS
    if provinces == 1 and ceiling_m <= rule("authority_province").figure("below_m"):
        return Authority.PROVINCE
    return Authority.REGION


def mass_class(takeoff_kg: float) -> int:
    """Return the weight class, 1 to 5, of a take-off mass (decree 288/2025/NĐ-CP, article 4).

    Examples
    --------
    >>> [mass_class(kg) for kg in (0.2, 0.25, 2.0, 24.9, 25.0, 150.0)]
    [1, 2, 3, 3, 4, 5]
    """
    _check_positive("takeoff_kg", takeoff_kg)
    limits = rule("mass_classes").figures
    return 1 + sum(takeoff_kg >= limit for _, limit in limits)


def licence_needed(
    takeoff_kg: float, *, programmed: bool, in_sight: bool = True
) -> LicenceClass | None:
    """Return the licence a pilot must hold (decree 288/2025/NĐ-CP, article 19).

    Parameters
    ----------
    takeoff_kg : float
        Take-off mass, with all it carries.
    programmed : bool
        Whether it flies a programme set before, as every agri mission does.
    in_sight : bool
        Whether the pilot sees it all the time.

    Returns
    -------
    LicenceClass or None
        None below the lightest mass that asks one.

    Notes
    -----
    The reports list mass, sight and programme one after the other; each is taken to ask the
    instrument licence by itself.

    Examples
    --------
    >>> licence_needed(1.2, programmed=False).value, licence_needed(1.2, programmed=True).value
    ('visual', 'instrument')
    """
    _check_positive("takeoff_kg", takeoff_kg)
    heavy = takeoff_kg >= rule("licence_instrument").figure("from_kg")
    if heavy or programmed or not in_sight:
        return LicenceClass.INSTRUMENT
    light = takeoff_kg < rule("licence_visual").figure("from_kg")
    return None if light else LicenceClass.VISUAL


def _check_positive(name: str, value: float) -> None:
    if not 0.0 < value < 100_000.0:
        raise BadInput("error.rule_value", name=name, value=value)
