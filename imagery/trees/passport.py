"""The passport of a tree: its number, its place in the orchard, and every time it was seen.

A value that keeps: the register of an orchard is one JSON text, read back equal. Numbers are given
once (`numbering`); a tree that has gone keeps its place's number for the one planted after it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from agri.errors import BadInput

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What one flight says of one place.

    Parameters
    ----------
    flight : str
        The flight's own name or date.
    seen : bool
        Whether a tree stands there.
    middle : (x, y)
        Middle of its crown in the register's plane, after co-registration; the spot when not seen.
    height_m, area_m2, volume_m3 : float
        NaN when not known.
    indices : mapping of str to float
        Means over the crown.
    """

    flight: str
    seen: bool
    middle: tuple[float, float]
    height_m: float = math.nan
    area_m2: float = math.nan
    volume_m3: float = math.nan
    indices: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passport:
    """A tree's number, place and history.

    Parameters
    ----------
    name : str
        For life: row and place ("07-12"), or "N-3" for one that stands between.
    row, place : int
        In the orchard; 0 for one between.
    spot : (x, y)
        Where the place is, in the register's plane.
    visits : tuple of Visit
        Oldest first.

    Raises
    ------
    BadInput
        When it has no name or no visit.
    """

    name: str
    row: int
    place: int
    spot: tuple[float, float]
    visits: tuple[Visit, ...]

    def __post_init__(self) -> None:
        if not self.name or not self.visits:
            raise BadInput("error.passport_value", name=self.name)

    @property
    def stands(self) -> bool:
        """Whether the last flight saw a tree there."""
        return self.visits[-1].seen

    @property
    def last_seen(self) -> Visit | None:
        """The last visit that saw it, None when none did."""
        return next((visit for visit in reversed(self.visits) if visit.seen), None)

    @property
    def replanted(self) -> bool:
        """Whether a tree stands where one was missing before."""
        seen = [visit.seen for visit in self.visits]
        return self.stands and False in seen

    def series(self, name: str) -> tuple[tuple[str, float], ...]:
        """Return a measure over time: ``"height_m"``, ``"area_m2"``, ``"volume_m3"`` or an index.

        Examples
        --------
        >>> seen = Visit(flight="2026-02-01", seen=True, middle=(0.0, 0.0), indices={"ndvi": 0.8})
        >>> Passport(name="01-01", row=1, place=1, spot=(0.0, 0.0), visits=(seen,)).series("ndvi")
        (('2026-02-01', 0.8),)
        """
        own = ("height_m", "area_m2", "volume_m3")
        return tuple(
            (
                visit.flight,
                getattr(visit, name) if name in own else visit.indices.get(name, math.nan),
            )
            for visit in self.visits
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """All passports of an orchard.

    Parameters
    ----------
    passports : tuple of Passport
        By row and place, those between at the end.
    epsg : int
        CRS of their places.
    spacing_m : (along, across)
        Steps of the grid.

    Raises
    ------
    BadInput
        When two passports have one name.
    """

    passports: tuple[Passport, ...]
    epsg: int
    spacing_m: tuple[float, float]

    def __post_init__(self) -> None:
        names = [passport.name for passport in self.passports]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise BadInput("error.passport_twice", name=twice)

    @property
    def flights(self) -> tuple[str, ...]:
        """Every flight that is known of, oldest first."""
        return tuple(dict.fromkeys(v.flight for p in self.passports for v in p.visits))

    def passport(self, name: str) -> Passport:
        """Return the passport of a number.

        Raises
        ------
        BadInput
            When there is none.
        """
        for passport in self.passports:
            if passport.name == name:
                return passport
        raise BadInput("error.passport_unknown", name=name)


def register_text(register: Register) -> str:
    """Return a register as JSON, the same text for the same register."""
    body = {"version": VERSION, **asdict(register)}
    return json.dumps(_bare(body), ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)


def register_from(text: str) -> Register:
    """Return the register that `register_text` wrote.

    Raises
    ------
    BadInput
        When the text is none.
    """
    try:
        body = json.loads(text)
        if body["version"] != VERSION:
            raise BadInput("error.register_text")
        along, across = body["spacing_m"]
        return Register(
            passports=tuple(_passport(one) for one in body["passports"]),
            epsg=int(body["epsg"]),
            spacing_m=(float(along), float(across)),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadInput("error.register_text") from None


def _bare(value: Any) -> Any:
    """Return a value with None for what is not known, as JSON has no NaN."""
    if isinstance(value, Mapping):
        return {key: _bare(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_bare(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _passport(body: Mapping[str, Any]) -> Passport:
    return Passport(
        name=str(body["name"]), row=int(body["row"]), place=int(body["place"]),
        spot=_pair(body["spot"]), visits=tuple(_visit(one) for one in body["visits"]),
    )  # fmt: skip


def _visit(body: Mapping[str, Any]) -> Visit:
    return Visit(
        flight=str(body["flight"]), seen=bool(body["seen"]), middle=_pair(body["middle"]),
        height_m=_number(body["height_m"]), area_m2=_number(body["area_m2"]),
        volume_m3=_number(body["volume_m3"]),
        indices={str(name): _number(value) for name, value in body["indices"].items()},
    )  # fmt: skip


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _pair(value: Any) -> tuple[float, float]:
    x, y = value
    return float(x), float(y)
