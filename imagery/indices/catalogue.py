"""The catalogue of indices, and which of them a camera's bands allow.

Theory of operation
-------------------
``indices.toml`` holds formula, range, purpose, source and pinned constants. Formulas name bands by
their part (`imagery.bands.Role`), so a camera is offered what its wavelengths allow and nothing
else. Drone cameras have one red edge, some at 717 nm (RE1), some at 730 nm (RE2): a formula that
the literature ties to one of them asks for it; those that people use with whatever red edge there
is (NDRE, LCI, CCCI, ReCI) ask for ``RE``, and the product then names the band with its wavelength,
because values of two such cameras cannot be compared.

Legends are narrower than the range that values are stored in: NDRE reaches 1, but of crops it tells
between bare soil and a dense canopy, 0.1 to 0.5, and over -1 to 1 a whole field is one pale colour.
So the colours' ends (`Index.shown`) follow from the formula itself, at the reflectance of bare soil
and of a dense canopy: the same for every camera, day and field. Values beyond have an end's colour.

Whether an index wants reflectance is not a column of the catalogue but follows from the formula
(`Term.degree`), for custom formulas too.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from agri.errors import BadInput
from imagery.bands import Band, Role, roles_of
from imagery.indices.expression import BANDS, RED_EDGE, Term, parse

RED_EDGES = (Role.RE1, Role.RE2, Role.RE3)
"""What ``RE`` may be, in this order."""
PURPOSES = ("vigour", "chlorophyll", "sparse", "dense", "lai", "haze", "senescence", "disease",
            "flower", "rgb", "water", "soil", "shade", "own")  # fmt: skip
"""What indices are for; each has its words in the dictionaries (``page.index_…``)."""
MOST_STORED = 32_000
"""Stored numbers that a range is made to fit."""
SOIL = {"B": 0.08, "G": 0.12, "R": 0.17, "RE1": 0.19, "RE2": 0.21, "RE3": 0.22, "N": 0.24}
CANOPY = {"B": 0.03, "G": 0.08, "R": 0.04, "RE1": 0.15, "RE2": 0.35, "RE3": 0.45, "N": 0.50}
"""Reflectance of a dry soil, which grows with wavelength, and of a dense green canopy, with its red
edge: round figures of ours, of the kind that Bowker et al. 1985 (NASA RP-1139) tabulate."""
MARGIN = 1.1
LEAST_SHARE = 0.2
"""Of the whole range that a legend shows at least: some indices tell of what lies between, such as
how much chlorophyll there is, and are alike for soil and canopy."""
NICE = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A spectral index.

    Parameters
    ----------
    name : str
        Short name: "NDVI".
    long_name : str
        As the literature has it.
    formula : str
        As written.
    term : Term
        The same, read.
    low, high : float
        Where values of crops, soil and water lie at reflectance 0 to 1: what can be stored.
    purpose : str
        What it is for, one of `PURPOSES`.
    source : str
        Where it comes from.
    constants : tuple of (str, float)
        What names in the formula stand for.
    aliases : tuple of str
        Other names.
    own : bool
        Whether the Awesome Spectral Indices catalogue lacks it.
    """

    name: str
    long_name: str
    formula: str
    term: Term
    low: float
    high: float
    purpose: str
    source: str
    constants: tuple[tuple[str, float], ...] = ()
    aliases: tuple[str, ...] = ()
    own: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise BadInput("error.index_range", name=self.name, low=self.low, high=self.high)

    @property
    def bands(self) -> tuple[str, ...]:
        """Bands it needs."""
        return self.term.bands

    @property
    def needs_reflectance(self) -> bool:
        """Whether a camera's own numbers would give something else than reflectance does."""
        return self.term.degree != 0.0

    @property
    def scale(self) -> float:
        """Step in which values are stored: the power of ten that holds the range in 16 bits."""
        most = max(abs(self.low), abs(self.high))
        return 10.0 ** math.ceil(math.log10(most / MOST_STORED) - 1e-9)

    @property
    def shown(self) -> tuple[float, float]:
        """Values that get a legend's first and last colour.

        A range about zero stays about zero, so that the colour between stays that of none.

        Examples
        --------
        >>> [index(name).shown for name in ("NDVI", "NDRE", "CIRE", "GLI")]
        [(-1.0, 1.0), (-0.6, 0.6), (-0.3, 2.7), (-0.5, 0.5)]
        """
        red_edge = {RED_EDGE: (SOIL["RE1"], CANOPY["RE1"])}
        bands = {name: (SOIL[name], CANOPY[name]) for name in SOIL} | red_edge
        ends = self.term({name: np.array(bands[name]) for name in self.bands})
        least, most = float(ends.min()), float(ends.max())
        if not math.isfinite(least + most):
            return self.low, self.high
        narrow = LEAST_SHARE * (self.high - self.low)
        if self.low == -self.high:
            end = _nice(max(MARGIN * max(-least, most), narrow / 2.0))
            end = min(self.high, round(end, 9))
            return -end, end
        middle, half = (least + most) / 2.0, max(MARGIN * (most - least), narrow) / 2.0
        step = _nice(half / 5.0)
        return (max(self.low, round(step * math.floor((middle - half) / step), 9)),
                min(self.high, round(step * math.ceil((middle + half) / step), 9)))  # fmt: skip


def _nice(value: float) -> float:
    """Return the next round figure that is not less.

    Examples
    --------
    >>> _nice(0.59), _nice(12.0), _nice(1.0)
    (0.6, 15.0, 1.0)
    """
    power = 10.0 ** math.floor(math.log10(value))
    return float(next(n for n in NICE if n * power >= value * (1.0 - 1e-9)) * power)


@cache
def catalogue() -> Mapping[str, Index]:
    """Return every index by its name.

    Examples
    --------
    >>> len(catalogue()) >= 60
    True
    >>> catalogue()["NDVI"].bands, catalogue()["NDVI"].scale
    (('N', 'R'), 0.0001)
    """
    text = resources.files("imagery.indices").joinpath("indices.toml").read_text("utf-8")
    return {entry["name"]: _index(entry) for entry in tomllib.loads(text)["index"]}


def index(name: str) -> Index:
    """Return the index that a name or alias means, whatever its case.

    Raises
    ------
    BadInput
        When there is none; the sentence names the nearest.

    Examples
    --------
    >>> index("ndvi").name, index("ReCI").name
    ('NDVI', 'RECI')
    """
    wanted = name.strip().casefold()
    for entry in catalogue().values():
        if wanted in {word.casefold() for word in (entry.name, *entry.aliases)}:
            return entry
    near = [key for key in catalogue() if wanted[:2] == key.casefold()[:2]]
    raise BadInput(
        "error.index_unknown", name=name[:40], near=", ".join(near[:12] or ["NDVI", "NDRE", "VARI"])
    )


def shown_of(name: str) -> tuple[float, float] | None:
    """Return the values that get a legend's first and last colour, None for a formula of one's own.

    Examples
    --------
    >>> shown_of("ndre"), shown_of("a formula of mine")
    ((-0.6, 0.6), None)
    """
    try:
        return index(name).shown
    except BadInput:
        return None


def custom(
    name: str,
    formula: str,
    *,
    bands: Sequence[Band | None] | None = None,
    low: float = -1.0,
    high: float = 1.0,
) -> Index:
    """Return an index of a formula that somebody wrote.

    Parameters
    ----------
    name : str
        How the layer is called.
    formula : str
        See `imagery.indices.expression.parse`.
    bands : sequence of Band, optional
        The camera's; the formula may use no other.
    low, high : float
        Where values are expected; values far beyond are stored less finely or cut.

    Raises
    ------
    BadInput
        When the name or the formula is not one.
    """
    clean = name.strip()
    if not clean or len(clean) > 40 or not clean.isprintable():
        raise BadInput("error.index_name", name="".join(c for c in name[:40] if c.isprintable()))
    known = BANDS if bands is None else tuple(sorted(available(bands)))
    return Index(
        name=clean,
        long_name=clean,
        formula=formula.strip(),
        term=parse(formula, known=known),
        low=low,
        high=high,
        purpose="own",
        source="",
        own=True,
    )


def available(bands: Sequence[Band | None]) -> dict[str, int]:
    """Return which names formulas may use for a camera's bands.

    Parameters
    ----------
    bands : sequence of Band or None
        In the order of the file's layers.

    Returns
    -------
    dict of str to int
        Name to layer, from 1; ``RE`` is the first red edge there is.

    Examples
    --------
    >>> available((Band.at("Red", 650.0), Band.at("Red edge", 730.0), Band.at("NIR", 860.0)))
    {'R': 1, 'RE2': 2, 'N': 3, 'RE': 2}
    """
    roles = roles_of(bands)
    found = {role.value: layer + 1 for role, layer in roles.items() if role is not Role.T}
    edge = next((roles[role] for role in RED_EDGES if role in roles), None)
    if edge is not None:
        found[RED_EDGE] = edge + 1
    return found


def offered(bands: Sequence[Band | None]) -> tuple[Index, ...]:
    """Return the indices that a camera's bands allow, in the catalogue's order.

    Examples
    --------
    >>> rgb = [Band.named(name) for name in ("red", "green", "blue")]
    >>> [entry.name for entry in offered(rgb)][:3]
    ['ExGn', 'ExRn', 'vNDVI']
    """
    names = set(available(bands))
    return tuple(entry for entry in catalogue().values() if names.issuperset(entry.bands))


def _index(entry: Mapping[str, Any]) -> Index:
    constants = {key: float(value) for key, value in entry.get("constants", {}).items()}
    if entry["purpose"] not in PURPOSES:
        raise ValueError(entry)
    return Index(
        name=entry["name"],
        long_name=entry["long_name"],
        formula=entry["formula"],
        term=parse(entry["formula"], constants),
        low=entry["range"][0],
        high=entry["range"][1],
        purpose=entry["purpose"],
        source=entry["source"],
        constants=tuple(sorted(constants.items())),
        aliases=tuple(entry.get("aliases", ())),
        own=entry.get("own", False),
    )
