"""Cutting a spray route into sorties: what one tank, one pack and one mission hold.

Theory of operation
-------------------
A route is cut where its tank, its pack or the vehicle's mission storage ends, whichever comes
first. Passes begin a little early (`missions.passes.timing.early_l`); that has its place in the
tank, and so has a reserve (`TANK_RESERVE`). Every sortie begins at the pad with a full pack and as
much mixture as it sprays, and could come home from any of its points (`missions.sortie.reach`).
Cuts fall at the end of a pass or on the pass itself, never so that less than `LEAST_PART_M` of it
is left on either side; a tree is never cut. Where a pass was cut the next sortie begins
``resume_overlap_m`` before the cut; at the end of a pass there is nothing to begin again.

How the cuts are chosen:

1. *As few as can be.* Going as far as tank, pack and storage allow each time gives the number of
   sorties.
2. *Balanced.* Measured in such full sorties (far from the pad one is shorter than near it), every
   sortie is aimed at the same share of what is left, so that the last is no splinter.
3. *At the end of a pass, near the pad.* Among the ends of passes whose share is within `LEEWAY` of
   the aim, the one nearest to the pad is taken, if the rest then still fits the number; where no
   pass ends there, the cut falls on the pass.
4. When the aims cannot all be met the leeway is narrowed; then the first half of the sorties stays
   as it is in 1. and only the later ones are balanced, then the last quarter, in the end the last
   two.

The union of the sorties' passes is the route, in its order, each metre once but for the overlap
asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput, Refused
from missions.flightplan import DEFAULT_LIMITS, VehicleLimits
from missions.passes.items import item_count as count_items
from missions.passes.route import Pass, SprayRoute
from missions.passes.timing import early_l
from missions.sortie.reach import Bits, cut_up, usable_wh
from missions.sprayer.gear import PumpControl
from missions.sprayer.job import SpraySettings

LEAST_PART_M = 10.0
"""Shortest piece of a pass that a cut leaves; a shorter pass is not cut."""
TANK_RESERVE = 0.02
"""Share of the tank that no sortie is planned to need: what ends of passes, slow corners and the
sprayer's looks take beyond the plan, in small tanks with many short passes up to 1 %."""
PULSE_ROUNDING = 0.002
"""What a plain servo's pulse of whole microseconds may add to the flow."""
LEEWAYS = (0.25, 0.1, 0.0)
"""How far a cut may lie from the balanced place, as shares of a sortie, tried in this order."""
FULL = 0.99
"""How full the sorties left may have to be when a cut is moved."""
ITEMS_AROUND = 14
"""Mission items of a sortie besides its passes: up, speed, ways out and home, down."""
ITEMS_PER_PASS = 7
"""Mission items of a pass besides its own points: way there, speed, sprayer on and off, leads."""

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class _Borders:
    """Where a route may be cut: K places in flying order, the first before and the last after all.

    Parameters
    ----------
    ends, begins : (K,) int64
        Bit at which a sortie that ends here stops (left out), and from which the next goes on.
    at_pass_end : (K,) bool
        Whether no pass is cut.
    items : (K,) float64
        Mission items of all passes up to here, a cut one included.
    again : (K,) float64
        Mission items that a pass cut here takes anew.
    home_m : (K,) float64
        Way to the pad.
    """

    ends: IntArray
    begins: IntArray
    at_pass_end: NDArray[np.bool_]
    items: FloatArray
    again: FloatArray
    home_m: FloatArray

    @property
    def last(self) -> int:
        return len(self.ends) - 1


def split_sorties(
    route: SprayRoute,
    settings: SpraySettings,
    *,
    limits: VehicleLimits = DEFAULT_LIMITS,
    item_count: Callable[[SprayRoute], int] | None = None,
    transit_speed_m_s: float | None = None,
) -> tuple[SprayRoute, ...]:
    """Return the sorties of a route, in flying order.

    Parameters
    ----------
    route : SprayRoute
        The whole work.
    settings : SpraySettings
        Sprayer with tank and aircraft, wind, overlap.
    limits : VehicleLimits
        What the vehicle's mission storage holds.
    item_count : callable, optional
        Number of mission items of a sortie; by default `items_of`, and what
        `missions.passes.items` writes over flat ground where that is anywhere near the limit.
    transit_speed_m_s : float, optional
        Ground speed off the passes; the job's speed by default.

    Returns
    -------
    tuple of SprayRoute
        Each fits one tank, one pack less its reserve, and the mission storage; none for a route
        without passes.

    Raises
    ------
    BadInput
        When the tank does not hold the mixture of one tree, or of the shortest piece of a swath,
        or the mission storage not one pass.
    Refused
        When a pack does not reach some place of the route and come home, or there is no way to it.
    """
    if not route.passes:
        return ()
    bits = cut_up(route, settings, transit_speed_m_s=transit_speed_m_s)

    def flat(sortie: SprayRoute) -> int:
        about = items_of(sortie)
        return about if 2 * about < limits.items else count_items(sortie, settings)

    count = item_count or flat
    weight = 1.0
    for _ in range(8):
        sorties = _Cutter(route, bits, limits.items, weight).sorties()
        most = max(count(sortie) / limits.items for sortie in sorties)
        if most <= 1.0:
            return sorties
        weight *= 1.05 * most
    raise BadInput("error.sortie_items", count=max(map(count, sorties)), limit=limits.items)


def items_of(route: SprayRoute) -> int:
    """Return about how many mission items a route takes, on the high side."""
    return ITEMS_AROUND + sum(ITEMS_PER_PASS + len(work.points) for work in route.passes)


class _Cutter:
    """One attempt at cutting a route, with mission items weighed by `weight`."""

    def __init__(self, route: SprayRoute, bits: Bits, items: int, weight: float) -> None:
        self.route, self.bits = route, bits
        self.room = items - weight * ITEMS_AROUND
        self.overlap_m = bits.settings.resume_overlap_m
        self.usable_wh = usable_wh(bits.settings)
        self.usable_l = bits.settings.sprayer.usable_l * (1.0 - TANK_RESERVE) + 1e-9
        if bits.settings.sprayer.control is PumpControl.SERVO:
            self.usable_l *= 1.0 - PULSE_ROUNDING
        self.early_l = _early_l(route, bits)
        self.at = _borders(route, bits, weight)
        self.effort = bits.time_before[self.at.ends]
        self._reached: dict[int, int] = {}

    def sorties(self) -> tuple[SprayRoute, ...]:
        """Return the best cuts found as sorties."""
        cuts = self._cuts()
        pairs = pairwise(cuts)
        return tuple(replace(self.route, passes=self._passes(a, b)) for a, b in pairs)

    def _cuts(self) -> list[int]:
        plain = [0]
        while plain[-1] < self.at.last:
            plain.append(self.reach(plain[-1]))
        count = len(plain) - 1
        if count == 1:
            return plain
        self.effort = self._efforts(plain)
        while count > 1:
            for leeway in LEEWAYS:
                cuts = self._balanced(plain[:-count], count, leeway)
                if cuts is not None:
                    return cuts
            count = 2 if 2 < count < 4 else count // 2
        return plain

    def _efforts(self, plain: list[int]) -> FloatArray:
        """Return what lies before each border in full sorties: those of `plain`, and the rest."""
        times = self.bits.time_before[self.at.ends]
        lasting = np.diff(times[plain])
        rest = min(1.0, float(lasting[-1] / lasting[-2]))
        full = [*range(len(plain) - 1), len(plain) - 2 + rest]
        efforts: FloatArray = np.interp(times, times[plain], full)
        return efforts

    def _balanced(self, begun: list[int], count: int, leeway: float) -> list[int] | None:
        """Return cuts that go on after `begun` with `count` sorties of about the same effort.

        None when they do not fit. Nothing is looked at that leaves more than a full sortie for
        each of the others.
        """
        cuts = list(begun)
        for left in range(count, 0, -1):
            reach = self.reach(cuts[-1])
            if left == 1:
                return [*cuts, reach] if reach == self.at.last else None
            share = (self.effort[-1] - self.effort[cuts[-1]]) / left
            aim = self.effort[cuts[-1]] + share
            least = max(aim - leeway * share, self.effort[-1] - (left - 1) * FULL)
            window = self.effort[cuts[-1] + 1 : reach + 1]
            found = np.flatnonzero((window >= least - 1e-9) & (window <= aim + leeway * share))
            cuts.append(self._best(found + cuts[-1] + 1, aim, reach))
        return None

    def _best(self, found: IntArray, aim: float, reach: int) -> int:
        """Return the end of a pass nearest to the pad, else the border nearest to the aim."""
        ends = found[self.at.at_pass_end[found]]
        if len(ends):
            order = np.lexsort((abs(self.effort[ends] - aim), self.at.home_m[ends].round(1)))
            return int(ends[order[0]])
        if len(found):
            return int(found[abs(self.effort[found] - aim).argmin()])
        return min(reach, int(np.searchsorted(self.effort, aim - 1e-9)))

    def reach(self, start: int) -> int:
        """Return the furthest border that a sortie from border `start` may end at."""
        if start not in self._reached:
            self._reached[start] = self._reach(start)
        return self._reached[start]

    def _reach(self, start: int) -> int:
        at, bits = self.at, self.bits
        first = int(at.begins[start])
        room_l = self.usable_l - bits.again(first, self.overlap_m)[2]
        sprayed = bits.litres_before[at.ends] - bits.litres_before[first]
        sprayed = sprayed + self.early_l[at.ends] - self.early_l[first + 1]
        room_l -= early_l(self.route.passes[int(bits.index[first])])
        by_tank = int(np.searchsorted(sprayed, room_l, side="right")) - 1
        taken = at.items - at.items[start] + at.again[start]
        high = min(by_tank, int(np.searchsorted(taken, self.room, side="right")) - 1)
        if high <= start:
            raise self._too_small(start, by_tank)
        if self._fits(first, high):
            return high
        low = start
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._fits(first, middle) else (low, middle)
        if low == start:
            raise self._out_of_reach(start)
        return low

    def _fits(self, first: int, end: int) -> bool:
        last = int(self.at.ends[end])
        return self.bits.need_wh(first, last, self.overlap_m) <= self.usable_wh

    def _too_small(self, start: int, by_tank: int) -> BadInput:
        first, last = int(self.at.begins[start]), int(self.at.ends[start + 1])
        if by_tank > start:
            most = round(float(self.at.items[start + 1] - self.at.items[start])) + ITEMS_AROUND
            return BadInput("error.sortie_items", count=most, limit=round(self.room))
        litres = self.bits.load_l(first, last, self.overlap_m)
        work = self.route.passes[int(self.bits.index[first])]
        key = "error.tank_below_tree" if work.is_spot else "error.tank_below_swath"
        length_m = float(self.bits.length_m[first:last].sum())
        tank_l = self.bits.settings.sprayer.usable_l
        return BadInput(key, litres=litres, usable_l=tank_l, length_m=length_m)

    def _out_of_reach(self, start: int) -> Refused:
        first, last = int(self.at.begins[start]), int(self.at.ends[start + 1])
        return Refused(
            "error.spray_pack_too_small",
            distance_m=float(self.bits.start_home_m[first]),
            need_wh=self.bits.need_wh(first, last, self.overlap_m),
            usable_wh=self.usable_wh,
            wind_m_s=self.bits.settings.wind.speed_m_s,
        )

    def _passes(self, start: int, end: int) -> tuple[Pass, ...]:
        """Return what is sprayed between two borders, the overlap included."""
        first, last = int(self.at.begins[start]), int(self.at.ends[end]) - 1
        bits, passes = self.bits, self.route.passes
        low, high = int(bits.index[first]), int(bits.index[last])
        found = []
        for index in range(low, high + 1):
            work = passes[index]
            from_m = 0.0
            if index == low:
                from_m = max(0.0, float(bits.from_m[first]) - self.overlap_m)
            whole = index < high or self.at.at_pass_end[end]
            to_m = work.length_m if whole else float(bits.to_m[last])
            uncut = whole and from_m == 0.0
            found.append(work if uncut or work.is_spot else work.part(from_m, to_m))
        return tuple(found)


def _early_l(route: SprayRoute, bits: Bits) -> FloatArray:
    """Return what passes take by beginning early, up to that of the bit before, (N + 1,) litres."""
    so_far = np.cumsum([early_l(work) for work in route.passes])
    litres: FloatArray = np.append(0.0, so_far[bits.index])
    return litres


def _borders(route: SprayRoute, bits: Bits, weight: float) -> _Borders:
    """Return where a route may be cut."""
    lengths = np.array([work.length_m for work in route.passes])[bits.index]
    works = np.flatnonzero(bits.works)
    following = np.append(works[1:], len(bits.index))
    ends_pass = np.append(bits.index[works[1:]] != bits.index[works[:-1]], True)
    roomy = (bits.to_m[works] >= LEAST_PART_M) & (lengths[works] - bits.to_m[works] >= LEAST_PART_M)
    kept = ends_pass | roomy
    items = weight * np.array([ITEMS_PER_PASS + len(work.points) for work in route.passes])
    index = bits.index[works[kept]]
    return _Borders(
        ends=np.concatenate([[0], works[kept] + 1]),
        begins=np.concatenate([[works[0]], following[kept]]),
        at_pass_end=np.concatenate([[True], ends_pass[kept]]),
        items=np.concatenate([[0.0], np.cumsum(items)[index]]),
        again=np.concatenate([[0.0], np.where(ends_pass[kept], 0.0, items[index])]),
        home_m=np.concatenate([[0.0], bits.end_home_m[works[kept]]]),
    )
