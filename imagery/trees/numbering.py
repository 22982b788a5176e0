"""Numbers for life: every tree keeps its own from flight to flight.

Theory of operation
-------------------
The first flight gives the grid (`lattice`) and with it a number to every place, empty ones too.
Every later flight is laid on the register (`aligning`), and trees are handed to known trees so that
the sum of distances is least (linear sum assignment), none further than `gate` of the shorter step:
group by group of those that could be exchanged at all, so the cost grows with the orchard and not
with its square. A known tree without partner is missing now. A new tree within the gate of an empty
place takes its number: it was replanted. Any other stands between and gets the next "N-" number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.findings import Finding
from imagery.trees.aligning import PointAlignment, align_points
from imagery.trees.crown import Crown
from imagery.trees.gaps import inside_of, place_name
from imagery.trees.lattice import IntArray, Orchard, fit_orchard, missing
from imagery.trees.passport import Passport, Register, Visit

FloatArray = NDArray[np.float64]
GATE = 0.4
"""Farthest partner, as a share of the shorter step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """What came of numbering a flight's trees.

    Parameters
    ----------
    register : Register
        With the flight added.
    crowns : tuple of Crown
        Those of the flight, in the same order, with their numbers as names.
    alignment : PointAlignment or None
        How the flight was laid on the register, None for the first.
    findings : tuple of Finding
        Trees missing since the last flight, replanted, new between rows.
    """

    register: Register
    crowns: tuple[Crown, ...]
    alignment: PointAlignment | None
    findings: tuple[Finding, ...]


def first_numbers(
    crowns: Sequence[Crown],
    *,
    epsg: int,
    flight: str,
    orchard: Orchard | None = None,
    area: BaseGeometry | None = None,
) -> Numbered:
    """Return numbers for the trees of an orchard's first flight.

    Parameters
    ----------
    crowns : sequence of Crown
        In `epsg`.
    epsg : int
        Their CRS, in metres.
    flight : str
        Name or date of the flight.
    orchard : Orchard, optional
        Its grid, if it is known already (`fit_orchard` of the crowns' middles).
    area : shapely geometry, optional
        Ground that is planted, in `epsg`: its empty places get numbers too (`find_gaps`).

    Raises
    ------
    BadInput
        When they stand in no grid.
    """
    grid = orchard or fit_orchard(np.array([crown.middle for crown in crowns]))
    empty = set(missing(grid, inside_of(grid, area)).tolist())
    names = [""] * len(crowns)
    passports = []
    for k in np.lexsort((grid.places, grid.rows)).tolist():
        which = int(grid.trees[k])
        if which < 0 and k not in empty:
            continue
        spot = (float(grid.spots[k, 0]), float(grid.spots[k, 1]))
        row, place = int(grid.rows[k]), int(grid.places[k])
        visit = _seen(crowns[which], crowns[which].middle, flight) if which >= 0 else None
        name = place_name(row, place)
        if which >= 0:
            names[which] = name
        passports.append(
            Passport(name=name, row=row, place=place, spot=spot,
                     visits=(visit or Visit(flight=flight, seen=False, middle=spot),))
        )  # fmt: skip
    along, across = grid.spacing_m
    register = Register(passports=tuple(passports), epsg=epsg, spacing_m=(along, across))
    places = np.array([crown.middle for crown in crowns])
    return _with_new(register, crowns, places, names, flight=flight, alignment=None, findings=[])


def next_numbers(
    register: Register, crowns: Sequence[Crown], *, epsg: int, flight: str, reach_m: float = 4.0,
    bound_m: float = 0.8, gate: float = GATE,
) -> Numbered:  # fmt: skip
    """Return numbers for the trees of a later flight.

    Parameters
    ----------
    register : Register
        What is known.
    crowns : sequence of Crown
        Of the new flight, in `epsg`.
    epsg : int
        The register's CRS.
    flight : str
        Name or date of the flight, not in the register yet.
    reach_m, bound_m : float
        Largest shift between flights and largest residual (`align_points`).
    gate : float
        Farthest partner, as a share of the shorter step.

    Raises
    ------
    BadInput
        When the CRS differs or the flight is known already.
    Refused
        When the flight cannot be laid on the register.
    """
    if epsg != register.epsg:
        raise BadInput("error.rasters_apart", one=flight, other="register", epsg=epsg,
                       other_epsg=register.epsg)  # fmt: skip
    if flight in register.flights:
        raise BadInput("error.flight_known", flight=flight)
    passports = list(register.passports)
    known = [k for k, passport in enumerate(passports) if passport.stands]
    where = np.array([_where(passports[k]) for k in known]).reshape(-1, 2)
    middles = np.array([crown.middle for crown in crowns]).reshape(-1, 2)
    alignment = align_points(where, middles, reach_m=reach_m, bound_m=bound_m)
    places = alignment.moved(middles)
    gate_m = gate * min(register.spacing_m)
    names = [""] * len(crowns)
    gone = set(known)
    for old, new in match(where, places, gate_m):
        k = known[old]
        gone.discard(k)
        names[new] = passports[k].name
        passports[k] = _visited(passports[k], crowns[new], places[new], flight)
    replanted = _replanted(passports, names, crowns, places, flight=flight, gate_m=gate_m)
    for k, passport in enumerate(passports):
        if passport.visits[-1].flight != flight:
            visit = Visit(flight=flight, seen=False, middle=_where(passport))
            passports[k] = replace(passport, visits=(*passport.visits, visit))
    findings = []
    if gone:
        lost = ", ".join(passports[k].name for k in sorted(gone)[:10])
        findings.append(Finding.warning("finding.trees_gone", count=len(gone), names=lost))
    if replanted:
        findings.append(Finding.info("finding.trees_replanted", count=replanted))
    kept = replace(register, passports=tuple(passports))
    return _with_new(
        kept, crowns, places, names, flight=flight, alignment=alignment, findings=findings
    )


def _replanted(
    passports: list[Passport],
    names: list[str],
    crowns: Sequence[Crown],
    places: FloatArray,
    *,
    flight: str,
    gate_m: float,
) -> int:
    """Give trees without a number those of empty places they stand at; return how many."""
    empty = [k for k, passport in enumerate(passports) if not passport.stands]
    left = [k for k, name in enumerate(names) if not name]
    spots = np.array([passports[k].spot for k in empty]).reshape(-1, 2)
    pairs = match(spots, places[left], gate_m)
    for old, new in pairs:
        k, which = empty[old], left[new]
        names[which] = passports[k].name
        passports[k] = _visited(passports[k], crowns[which], places[which], flight)
    return len(pairs)


def match(old: FloatArray, new: FloatArray, gate_m: float) -> list[tuple[int, int]]:
    """Return pairs (old, new) of least total distance, as many as can be, none beyond the gate.

    Examples
    --------
    >>> match(np.array([[0.0, 0.0], [5.0, 0.0]]), np.array([[4.2, 0.0], [20.0, 0.0]]), 1.0)
    [(1, 0)]
    """
    if not len(old) or not len(new):
        return []
    near = cKDTree(old).sparse_distance_matrix(cKDTree(new), gate_m, output_type="coo_matrix")
    size = len(old) + len(new)
    links = sparse.coo_array((np.ones(near.nnz), (near.row, near.col + len(old))), (size, size))
    _, group = connected_components(links, directed=False)
    pairs: list[tuple[int, int]] = []
    order = np.argsort(group[near.row], kind="stable")
    rows, columns, miss = near.row[order], near.col[order], near.data[order]
    bounds = np.flatnonzero(np.diff(group[rows])) + 1
    for part in np.split(np.arange(len(rows)), bounds):
        if len(part):
            pairs += _assigned(rows[part], columns[part], miss[part], gate_m)
    return sorted(pairs)


def _assigned(
    rows: IntArray, columns: IntArray, miss: FloatArray, gate_m: float
) -> list[tuple[int, int]]:
    """Return the pairs of one group."""
    olds, row = np.unique(rows, return_inverse=True)
    news, column = np.unique(columns, return_inverse=True)
    cost = np.full((len(olds), len(news)), 1e3 * gate_m)
    cost[row, column] = miss
    chosen = zip(*linear_sum_assignment(cost), strict=True)
    return [(int(olds[i]), int(news[j])) for i, j in chosen if cost[i, j] <= gate_m]


def _where(passport: Passport) -> tuple[float, float]:
    """Return where a tree is to be looked for: the mean of where it was seen, else its spot."""
    seen = [visit.middle for visit in passport.visits if visit.seen]
    if not seen:
        return passport.spot
    x, y = zip(*seen, strict=True)
    return math.fsum(x) / len(x), math.fsum(y) / len(y)


def _seen(crown: Crown, place: Sequence[float] | FloatArray, flight: str) -> Visit:
    return Visit(flight=flight, seen=True, middle=(float(place[0]), float(place[1])),
                 height_m=crown.height_m, area_m2=crown.area_m2, volume_m3=crown.volume_m3,
                 indices=dict(crown.indices))  # fmt: skip


def _visited(passport: Passport, crown: Crown, place: FloatArray, flight: str) -> Passport:
    return replace(passport, visits=(*passport.visits, _seen(crown, place, flight)))


def _with_new(
    register: Register,
    crowns: Sequence[Crown],
    places: FloatArray,
    names: list[str],
    *,
    flight: str,
    alignment: PointAlignment | None,
    findings: list[Finding],
) -> Numbered:
    """Return the flight numbered, with new numbers for trees that stand between."""
    between = [p.name for p in register.passports if p.row == 0]
    number = max((int(name.removeprefix("N-")) for name in between), default=0)
    added = []
    for k, name in enumerate(names):
        if name:
            continue
        number += 1
        names[k] = f"N-{number}"
        spot = (float(places[k][0]), float(places[k][1]))
        visit = _seen(crowns[k], spot, flight)
        added.append(Passport(name=names[k], row=0, place=0, spot=spot, visits=(visit,)))
    if added:
        findings = [*findings, Finding.info("finding.trees_between", count=len(added))]
    return Numbered(
        register=replace(register, passports=(*register.passports, *added)),
        crowns=tuple(replace(crown, name=name) for crown, name in zip(crowns, names, strict=True)),
        alignment=alignment,
        findings=tuple(findings),
    )
