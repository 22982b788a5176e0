"""The seasons of a field as a forecast needs them: trees, what was seen of them, what they gave.

Theory of operation. Trees come from the orchard's register (``agri trees``): crown sizes and
indices of every flight. A flight's day is the date in its name. Sizes of a season are those of its
first flight, without one of the last flight before; where a past season lies before every flight,
the first one stands for it, and that is said. An index is of its own season alone, and named by the
gate it was flown for, so that like is compared with like. Gate days come from the crop card's
stages, this season's from the weather where it is known; the day asked about moves the gate it
falls in, in past seasons by as much. Fruit counted on trees become kilograms by the card's mass of
a fruit, with the error of what becomes of a fruit counted at that gate (assumed).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from agri.crop import CropCard
from agri.errors import BadInput
from agri.findings import Finding
from agri.names import fold
from agri.operations.harvests import Kept, TreeBloom, TreeCount, summed
from imagery.trees.passport import Passport, Register, Visit
from models.features import Column
from models.phenology.clock import clock_from
from models.yields.gates import GATE_BBCH, Counts, Flowering, Gate, PastSeason, SeasonInputs
from models.yields.measuring import COUNT_ERROR, SEEN_LOGITS

FloatArray = NDArray[np.float64]

SIZES = ("volume_m3", "area_m2", "height_m")
USUAL_GATES = (0.0, 0.2, 0.35, 0.56, 0.87)
"""Share of the time from first stage to harvest at each gate, where a card does not tell."""
BLOCK_M = 30.0
_DATE = re.compile(r"(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Orchard:
    """The standing trees of a register, in order.

    Parameters
    ----------
    passports : tuple of Passport
    xy_m : (N, 2) float64
        In the plane `epsg`.
    epsg : int
    """

    passports: tuple[Passport, ...]
    xy_m: FloatArray
    epsg: int

    @classmethod
    def of(cls, register: Register) -> Orchard:
        """Return the trees that stand.

        Raises
        ------
        BadInput
            When none does.
        """
        standing = tuple(one for one in register.passports if one.stands)
        if not standing:
            raise BadInput("error.forecast_no_trees")
        spots = np.array([one.visits[-1].middle for one in standing], dtype=np.float64)
        return cls(passports=standing, xy_m=spots, epsg=register.epsg)

    @property
    def names(self) -> NDArray[np.str_]:
        """Every tree's number."""
        return np.array([one.name for one in self.passports])

    @property
    def block(self) -> NDArray[np.intp]:
        """Part of the orchard that each tree stands in, squares of `BLOCK_M`."""
        squares = np.floor((self.xy_m - self.xy_m.min(axis=0)) / BLOCK_M).astype(np.intp)
        return np.unique(squares, axis=0, return_inverse=True)[1].ravel()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seasons:
    """All seasons of a field.

    Parameters
    ----------
    past : tuple of PastSeason
    now : SeasonInputs
    findings : tuple of Finding
    """

    past: tuple[PastSeason, ...]
    now: SeasonInputs
    findings: tuple[Finding, ...]


def gate_days(card: CropCard, year: int) -> tuple[date, ...]:
    """Return about when the gates of a season are, by the card alone.

    Examples
    --------
    >>> from agri.crop_cards import crop_card
    >>> [f"{day:%d/%m}" for day in gate_days(crop_card("vai_ph40"), 2026)]
    ['11/01', '06/02', '26/02', '26/03', '05/05']
    """
    clock = clock_from(card)
    known = dict(clock.stages)
    shares = [known.get(GATE_BBCH[gate], usual)
              for gate, usual in zip(Gate, USUAL_GATES, strict=True)]  # fmt: skip
    first = card.number("first_stage").day(year)
    days = [first + timedelta(days=round(share * clock.length_days)) for share in shares]
    return tuple(sorted(days))


def moved(days: Sequence[date], gate: Gate, by: timedelta) -> tuple[date, ...]:
    """Return gate days with one moved, never past the day before the next gate."""
    found = list(days)
    wanted = found[gate - 1] + by
    if gate < Gate.HARVEST:
        wanted = min(wanted, found[gate] - timedelta(days=1))
    found[gate - 1] = max(wanted, found[gate - 2]) if gate > 1 else wanted
    return tuple(found)


def flown_on(flight: str) -> date | None:
    """Return the date in a flight's name, None without one.

    Examples
    --------
    >>> flown_on("vườn vải 2026-02-14 sáng"), flown_on("DJI_20260214_1")
    (datetime.date(2026, 2, 14), datetime.date(2026, 2, 14))
    """
    found = _DATE.search(flight)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def seasons_of(
    orchard: Orchard, card: CropCard, kept: Kept, *, season: int, day: date,
    days: Sequence[date], fruit_kg: float | None = None, flowering: Flowering | None = None,
) -> Seasons:  # fmt: skip
    """Return past seasons and the one asked about.

    Parameters
    ----------
    orchard : Orchard
    card : CropCard
        With stages.
    kept : Kept
        Harvests, counts and flowering.
    season : int
        Year of the harvest asked about.
    day : date
        What became known after it is not looked at.
    days : sequence of date
        Gate days of the season.
    fruit_kg : float, optional
        Mass of a fruit; by default the card's.
    flowering : Flowering, optional
        Of the whole field; seen blooms of the records come before it.

    Raises
    ------
    BadInput
        When a tree's name is none of the orchard's, or fruit was counted before any had set.
    """
    gate = max((one for one in Gate if days[one - 1] <= day), default=Gate.INDUCTION)
    by = day - days[gate - 1]
    told: list[Finding] = []
    named = {fold(name): at for at, name in enumerate(orchard.names.tolist())}
    table = summed(one for one in kept.picked if one.season < season)
    unknown = {tree for trees in table.values() for tree in trees if tree} - {
        tree for trees in table.values() for tree in trees if fold(tree) in named}  # fmt: skip
    if unknown:
        told.append(Finding.warning("finding.forecast_trees_unknown", count=len(unknown),
                                    name=min(unknown)))  # fmt: skip
    past = []
    for year in sorted(table):
        nominal = moved(gate_days(card, year), gate, by)
        inputs = _inputs(orchard, year, nominal, kept, named, told=told)
        kg = np.full(len(named), math.nan)
        for tree, value in table[year].items():
            if fold(tree) in named:
                kg[named[fold(tree)]] = value
        past.append(PastSeason(inputs=inputs, yield_kg=kg, field_kg=table[year].get("", math.nan)))
        unweighed = int(np.count_nonzero(np.isnan(kg)))
        if 0 < unweighed < len(kg) - 1:
            told.append(Finding.info("finding.forecast_unweighed", season=year, count=unweighed))
    now = _inputs(orchard, season, moved(days, gate, by), kept, named, told=told, until=day,
                  flowering=flowering)  # fmt: skip
    counts = [one for one in kept.counts if days[0] <= one.day <= day]
    if counts:
        now = _with_counts(now, counts, named, fruit_kg=_fruit(card, fruit_kg), days=days)
    return Seasons(past=tuple(past), now=now, findings=tuple(dict.fromkeys(told)))


def _inputs(
    orchard: Orchard, year: int, days: tuple[date, ...], kept: Kept, named: dict[str, int], *,
    told: list[Finding], until: date | None = None, flowering: Flowering | None = None,
) -> SeasonInputs:  # fmt: skip
    begun = days[-1] - timedelta(days=335)
    last = days[-1] if until is None else until
    columns = [*_sizes(orchard, begun, last, told), *_indices(orchard, begun, last, days)]
    seen = [one for one in kept.blooms if one.season == year and one.day <= last]
    single = [one for one in seen if one.tree]
    if single:
        columns = [one for one in columns if one.name != "flowering"]
        columns.append(_bloomed(single, named))
    whole = [one for one in seen if not one.tree]
    if whole:
        best = max(whole, key=lambda one: one.share)
        flowering = Flowering(share=best.share, logit_error=SEEN_LOGITS, known_on=best.day)
    return SeasonInputs(season=year, trees=orchard.names, gate_days=days, columns=tuple(columns),
                        flowering=flowering, block=orchard.block)  # fmt: skip


def _sizes(orchard: Orchard, begun: date, last: date, told: list[Finding]) -> list[Column]:
    """Return crown sizes of the season's first flight, else of the nearest one."""
    found: dict[str, list[float]] = {name: [] for name in SIZES}
    known, later = date.min, False
    for tree in orchard.passports:
        seen = [(flown_on(visit.flight) or date.min, visit) for visit in tree.visits if visit.seen]
        within = [one for one in seen if begun < one[0] <= last]
        before = [one for one in seen if one[0] <= begun]
        day, visit = within[0] if within else before[-1] if before else seen[0]
        if day > last:
            later, day = True, begun
        known = max(known, day)
        for name in SIZES:
            found[name].append(getattr(visit, name))
    if later:
        told.append(Finding.info("finding.forecast_later_size"))
    return [Column(name=name, values=np.array(values), known_on=known)
            for name, values in found.items() if np.isfinite(values).any()]  # fmt: skip


def _indices(orchard: Orchard, begun: date, last: date, days: Sequence[date]) -> list[Column]:
    """Return the indices of the season's flights, named by the gate each was flown for."""
    found: dict[str, FloatArray] = {}
    known: dict[str, date] = {}
    for at, tree in enumerate(orchard.passports):
        for visit in tree.visits:
            day = flown_on(visit.flight)
            if day is None or not begun < day <= last or not visit.seen:
                continue
            gate = next((one for one in Gate if day <= days[one - 1]), Gate.HARVEST)
            for name, value in _measured(visit, gate):
                found.setdefault(name, np.full(len(orchard.passports), math.nan))[at] = value
                known[name] = max(known.get(name, day), day)
    return [Column(name=name, values=values, known_on=known[name])
            for name, values in sorted(found.items())]  # fmt: skip


def _measured(visit: Visit, gate: Gate) -> list[tuple[str, float]]:
    return [(name if name == "flowering" else f"{name}_{gate}", value)
            for name, value in visit.indices.items()]  # fmt: skip


def _bloomed(blooms: Sequence[TreeBloom], named: dict[str, int]) -> Column:
    values = np.full(len(named), math.nan)
    for one in blooms:
        if fold(one.tree) in named:
            values[named[fold(one.tree)]] = one.share
    return Column(name="flowering", values=values, known_on=max(one.day for one in blooms))


def _fruit(card: CropCard, told: float | None) -> tuple[float, float]:
    """Return a fruit's mass, kg, and its relative error."""
    if told is not None:
        return told, 0.03
    mass = card.number("fruit_mass")
    return mass.value / 1000.0, (mass.high - mass.low) / 2.0 / 1.645 / mass.value


def _with_counts(
    now: SeasonInputs, counts: Sequence[TreeCount], named: dict[str, int], *,
    fruit_kg: tuple[float, float], days: Sequence[date],
) -> SeasonInputs:  # fmt: skip
    latest = max(one.day for one in counts)
    gate = max((one for one in Gate if days[one - 1] <= latest), default=Gate.INDUCTION)
    if gate not in COUNT_ERROR:
        raise BadInput("error.count_too_early", day=latest, first=days[Gate.FRUIT_SET - 1])
    trees: dict[int, float] = {}
    for one in counts:
        if fold(one.tree) not in named:
            raise BadInput("error.count_tree", name=one.tree[:40])
        trees[named[fold(one.tree)]] = one.fruits
    order = sorted(trees)
    error = math.hypot(COUNT_ERROR[gate], fruit_kg[1])
    kg = np.array([trees[at] for at in order]) * fruit_kg[0]
    return replace(now, counts=Counts(tree=np.array(order, dtype=np.intp), kg=kg, error=error,
                                      known_on=latest))  # fmt: skip
