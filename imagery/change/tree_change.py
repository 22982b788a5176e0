"""Each tree against its own history and against its neighbours.

Theory of operation
-------------------
A whole orchard greens and fades with season, light and camera. That is taken off first: each value
is counted from the orchard's median of its flight. What remains is compared twice:

* **with its own history**: now, less the median of its earlier flights. A tree that always was poor
  is no news;
* **with its neighbours**: now, less the median of the `NEIGHBOURS` nearest trees, and that less the
  same of earlier flights when there are any, else as it stands. A slope that dries out slowly is no
  alarm for every tree on it.

Each difference is counted in robust deviations of all trees, never finer than the noise floor
(`significance`). The likelihood by chance is that of the less likely of the two, doubled because
there were two chances (Bonferroni). A patch of sick trees looks like its neighbours from within;
its own history tells it. On a first flight there is no history, and neighbours alone decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from agri.errors import BadInput
from agri.grid import FloatArray
from imagery.change.significance import robust_z, two_sided
from imagery.trees.passport import Register

NEIGHBOURS = 8
NOISE = {"height_m": 0.15, "area_m2": 0.5, "volume_m3": 1.0}
"""Noise of one measure from one flight to the next (assumptions)."""
INDEX_NOISE = 0.01
FEWEST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeChange:
    """What one flight says of one tree.

    Parameters
    ----------
    name : str
        The tree's number.
    middle : (x, y)
        In the register's plane.
    value : float
        Measured now.
    own, beside : float
        Change against its own history, and against its neighbours, in the measure's unit; NaN when
        not known.
    own_z, beside_z : float
        The same in robust deviations.
    chance : float
        How likely so much is by chance, 0 to 1.
    """

    name: str
    middle: tuple[float, float]
    value: float
    own: float
    beside: float
    own_z: float
    beside_z: float
    chance: float


def compare_trees(
    register: Register, measure: str, *, flight: str = "", noise: float | None = None
) -> tuple[TreeChange, ...]:
    """Return the change of every tree that a flight saw.

    Parameters
    ----------
    register : Register
        With at least one flight.
    measure : str
        ``"ndvi"`` or another index of the crowns, ``"height_m"``, ``"area_m2"``, ``"volume_m3"``.
    flight : str
        Which; by default the last.
    noise : float, optional
        Noise floor of a difference, in the measure's unit.

    Raises
    ------
    BadInput
        When the flight is not known or measured fewer than eight trees.
    """
    flights = register.flights
    flight = flight or flights[-1]
    if flight not in flights:
        raise BadInput("error.register_flight_unknown", flight=flight)
    upto = flights[: flights.index(flight) + 1]
    table = np.full((len(register.passports), len(upto)), np.nan)
    for k, passport in enumerate(register.passports):
        told = dict(passport.series(measure))
        table[k] = [told.get(one, math.nan) for one in upto]
    seen = np.flatnonzero(np.isfinite(table[:, -1]))
    if len(seen) < FEWEST:
        raise BadInput("error.trees_measured", measure=measure, flight=flight, count=len(seen))
    table = table[seen]
    values = table[:, -1].copy()
    with np.errstate(all="ignore"):
        table -= np.array([np.median(c[np.isfinite(c)]) if np.isfinite(c).any() else np.nan
                           for c in table.T])  # fmt: skip
    places = np.array([_place(register, k, flight) for k in seen.tolist()])
    floor = NOISE.get(measure, INDEX_NOISE) if noise is None else noise
    own = table[:, -1] - _median(table[:, :-1])
    beside = _beside(places, table)
    own_z, beside_z = robust_z(own, floor=floor), robust_z(beside, floor=floor)
    chances = np.stack([two_sided(own_z, len(seen)), two_sided(beside_z, len(seen))])
    known = np.isfinite(np.stack([own_z, beside_z]))
    least = np.where(known, chances, 1.0).min(axis=0)
    chance = np.minimum(1.0, least * np.maximum(known.sum(axis=0), 1))
    return tuple(
        TreeChange(
            name=register.passports[k].name, middle=(float(places[i, 0]), float(places[i, 1])),
            value=float(values[i]), own=float(own[i]), beside=float(beside[i]),
            own_z=float(own_z[i]), beside_z=float(beside_z[i]), chance=float(chance[i]),
        )
        for i, k in enumerate(seen.tolist())
    )  # fmt: skip


def _place(register: Register, k: int, flight: str) -> tuple[float, float]:
    return next(v.middle for v in register.passports[k].visits if v.flight == flight)


def _median(table: FloatArray) -> FloatArray:
    """Return the median of each row's known values, NaN where there is none."""
    found = np.full(len(table), np.nan)
    some = np.isfinite(table).any(axis=1) if table.size else np.zeros(len(table), dtype=bool)
    if some.any():
        found[some] = np.nanmedian(table[some], axis=1)
    return found


def _beside(places: FloatArray, table: FloatArray) -> FloatArray:
    """Return how far each tree is from its neighbours now, less how far it used to be."""
    count = min(NEIGHBOURS + 1, len(places))
    _, near = cKDTree(places).query(places, k=count)
    off = np.column_stack([column - _median(column[near[:, 1:]]) for column in table.T])
    before = _median(off[:, :-1])
    return np.asarray(off[:, -1] - np.where(np.isfinite(before), before, 0.0))
