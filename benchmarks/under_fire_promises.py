"""What is promised and who measures it: `under_fire.toml` as values, refused where it is wrong."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FAILED = "failed"
"""The figure of a suite of tests: how many of them failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """What is run, in a process of its own.

    Parameters
    ----------
    name : str
        What it is called.
    run : tuple of str
        ``pytest …``, or a Python file with its words; ``{share}`` times a number, as in
        ``{10000*share}``, becomes that whole number at the size that is run.
    limit_min : float
        When it is stopped, minutes, at its full size.
    quick : float
        The share of the full size for a quick look, 0 < quick ≤ 1.
    needs : str
        What it cannot run without: ``arducopter`` or nothing.
    """

    name: str
    run: tuple[str, ...]
    limit_min: float
    quick: float = 1.0
    needs: str = ""

    def __post_init__(self) -> None:
        if not self.run or not 0.0 < self.quick <= 1.0 or self.limit_min <= 0.0:
            raise ValueError(f"suite {self.name}: run, limit_min and quick must make sense")

    @property
    def tests(self) -> bool:
        """Whether it is a suite of pytest."""
        return self.run[0] == "pytest"

    def words(self, share: float) -> list[str]:
        """Return the words of its command at a share of its full size.

        Examples
        --------
        >>> Suite(name="x", run=("a.py", "{200*share}"), limit_min=1.0).words(0.1)
        ['a.py', '20']
        """
        return [
            re.sub(r"\{([\d.]+)\*share\}", lambda m: str(max(1, round(float(m[1]) * share))), word)
            for word in self.run
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One row: what is said, the bound it is held to, and where the figure is read.

    Parameters
    ----------
    area, says : str
        Where it belongs, and the sentence.
    source : str
        Why this bound and no other.
    suite : str
        Who measures it; "" when nobody does yet, and `why` says why.
    figure : str
        ``failed``, a property that tests told, or a path into a benchmark's JSON.
    at_most, at_least : float or None
        The bound.
    tests : str
        Which tests count, a pattern of their names; all of the suite by default.
    of : str
        The property that tells how often it was tried, or several to be added up.
    """

    area: str
    says: str
    source: str
    suite: str = ""
    why: str = ""
    figure: str = FAILED
    at_most: float | None = None
    at_least: float | None = None
    unit: str = ""
    tests: str = ""
    of: str = ""

    def __post_init__(self) -> None:
        bounds = [self.at_most, self.at_least].count(None)
        if self.suite and bounds == 2 and self.figure != FAILED:
            raise ValueError(f"“{self.says}” has no bound")
        if bool(self.suite) is bool(self.why):
            raise ValueError(f"“{self.says}” needs a suite, or a reason why there is none")

    @property
    def target(self) -> str:
        """The bound as text."""
        if self.figure == FAILED:
            return "none fails"
        parts = [f"≥ {self.at_least:g}"] if self.at_least is not None else []
        parts += [f"≤ {self.at_most:g}"] if self.at_most is not None else []
        return " and ".join(parts) + (f" {self.unit}" if self.unit else "")

    def holds(self, values: list[float]) -> bool:
        """Whether every value keeps the bound."""
        most = 0.0 if self.figure == FAILED else self.at_most
        return all(
            (most is None or value <= most) and (self.at_least is None or value >= self.at_least)
            for value in values
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """The suites in the order they run, and the promises in the order they are told."""

    suites: tuple[Suite, ...]
    promises: tuple[Promise, ...]


def read_promises(path: Path) -> Promises:
    """Read the table of promises.

    Raises
    ------
    ValueError
        When a row is wrong, or names a suite that is not there.
    """
    table = tomllib.loads(path.read_text("utf-8"))
    suites = tuple(Suite(**_frozen(row)) for row in table["suite"])
    promises = tuple(Promise(**_frozen(row)) for row in table["promise"])
    names = [suite.name for suite in suites]
    if len(set(names)) < len(names):
        raise ValueError("two suites have one name")
    for promise in promises:
        if promise.suite and promise.suite not in names:
            raise ValueError(f"“{promise.says}”: there is no suite “{promise.suite}”")
    return Promises(suites=suites, promises=promises)


def _frozen(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
