"""Several aircraft on one route: bands side by side, as long to fly, never near each other.

Theory of operation
-------------------
**Bands.** The route is cut into as many contiguous bands as there are aircraft, across its lines
(every line whole in one band) or, where there are too few lines for that, along them. What bends
through several bands, such as an edge pass, is cut where it leaves one. The borders are moved until
the aircraft take the same time, ways to the pad and refills counted; the best of `ROUNDS` attempts
is kept. Few long lines cannot always be shared evenly: what came out can be read from
`missions.passes.energy`.

**Apart.** Neighbouring bands touch, so aircraft are kept apart by time: each may begin its band at
one of several places and fly it either way round. The first choice is taken that keeps any two
that spray at the same moment as far from each other as is asked; without one, sharing is refused.
That distance is promised when every aircraft starts within `SLIP_S` of the others and takes the
same time to refill (`turnaround_s`). It is promised between spraying aircraft only: on the way to a
pad that they share, and on the pad, whoever stands there must give way by eye.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise, product

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput, Refused
from missions.airspace.route import Place
from missions.flightplan import DEFAULT_LIMITS, VehicleLimits
from missions.passes.energy import spray_legs
from missions.passes.pieces import LegKind, course
from missions.passes.route import Pass, SprayRoute
from missions.passes.timing import full_after_s
from missions.sortie.cutting import split_sorties
from missions.sprayer.job import SpraySettings

MOST_AIRCRAFT = 6
"""More at one field are not planned for."""
SEPARATION_M = 20.0
"""Least distance between spraying aircraft unless another is asked (assumption: rotor wash and
a receiver's error, several times over)."""
TURNAROUND_S = 180.0
"""Filling the tank and changing the pack (assumption)."""
SLIP_S = 30.0
"""How far apart the starts may be."""
ROUNDS = 12
"""Attempts at moving the bands' borders."""
EVEN = 0.02
"""Times that differ by less than this share are even."""
PIECE_M = 5.0
"""How finely a pass that crosses bands is looked at."""
LEAST_PIECE_M = 2.0
"""A shorter piece of a pass stays with its neighbour."""
BEGINNINGS = 4
"""Places of a band from which flying it is tried."""
FEW = 3
"""More aircraft than this begin at a band's first pass or at its last."""
TICK_S = 1.0

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """What goes to one band as a whole: a stretch of a pass, how far across, how long to spray."""

    index: int
    from_m: float
    to_m: float
    across_m: float
    time_s: float


def share_out(
    route: SprayRoute,
    settings: SpraySettings,
    aircraft_count: int,
    *,
    pads: Sequence[Place] = (),
    separation_m: float = SEPARATION_M,
    turnaround_s: float = TURNAROUND_S,
    limits: VehicleLimits = DEFAULT_LIMITS,
) -> tuple[SprayRoute, ...]:
    """Return one route for each aircraft, of about the same time and apart from each other.

    Parameters
    ----------
    route : SprayRoute
        The whole work.
    settings : SpraySettings
        The job's; the aircraft are alike.
    aircraft_count : int
        1 to `MOST_AIRCRAFT`.
    pads : sequence of (east_m, north_m), optional
        One for each aircraft, given to the bands in the order that makes the ways shortest; by
        default all use the route's own.
    separation_m : float
        Least distance between two that spray at the same moment.
    turnaround_s : float
        Time on the pad between two sorties.
    limits : VehicleLimits
        What each vehicle's mission storage holds.

    Returns
    -------
    tuple of SprayRoute
        In the order of the bands; together they are the route, each metre once. Each is to be split
        into sorties like any other.

    Raises
    ------
    BadInput
        When the number of aircraft or of pads makes no sense, or a sortie cannot be made.
    Refused
        When there is too little work, or no order keeps the distance.
    """
    if not 1 <= aircraft_count <= MOST_AIRCRAFT or len(pads) not in (0, aircraft_count):
        raise BadInput("error.share_count", count=aircraft_count, pads=len(pads),
                       most=MOST_AIRCRAFT)  # fmt: skip
    if aircraft_count == 1:
        return (replace(route, home=pads[0]) if pads else route,)

    def sorties(part: SprayRoute) -> tuple[SprayRoute, ...]:
        return split_sorties(part, settings, limits=limits)

    def time_s(part: SprayRoute) -> float:
        return sum(leg.time_s for flight in sorties(part) for leg in spray_legs(flight, settings))

    found: list[tuple[float, tuple[SprayRoute, ...]]] = []
    for normal, whole in _directions(route):
        units = _units(route, normal, whole=whole)
        if len(units) >= aircraft_count:
            found.append(_even_bands(route, units, aircraft_count, pads, time_s))
            if found[-1][0] <= 0.1:
                break
    if not found:
        raise Refused("error.share_too_little", count=aircraft_count, passes=len(route.passes))
    bands = min(found, key=lambda attempt: attempt[0])[1]
    return _apart(bands, settings, sorties, separation_m, turnaround_s)


def _directions(route: SprayRoute) -> Iterator[tuple[tuple[float, float], bool]]:
    """Yield the directions to lay bands side by side in, and whether straight lines stay whole."""
    angle = route.angle_deg
    if math.isnan(angle):
        points = np.array([point for work in route.passes for point in work.points])
        spread = np.cov((points - points.mean(axis=0)).T)
        east, north = np.linalg.eigh(spread)[1][:, -1] if len(points) > 1 else (1.0, 0.0)
        yield (float(east), float(north)), True
        return
    along = (math.sin(math.radians(angle)), math.cos(math.radians(angle)))
    yield (along[1], -along[0]), True
    yield along, False


def _units(route: SprayRoute, normal: tuple[float, float], *, whole: bool) -> list[_Unit]:
    """Return the route in stretches that go to one band each, sorted across the bands."""
    found = []
    for index, work in enumerate(route.passes):
        across = [e * normal[0] + n * normal[1] for e, n in work.points]
        pieces = max(1, math.ceil(work.length_m / PIECE_M))
        if whole and max(across) - min(across) <= work.width_m:
            pieces = 1
        for number in range(pieces):
            low, high = (work.length_m * share / pieces for share in (number, number + 1))
            east, north = work.at((low + high) / 2.0)
            found.append(
                _Unit(
                    index=index,
                    from_m=low,
                    to_m=high,
                    across_m=east * normal[0] + north * normal[1],
                    time_s=work.time_s / pieces + 2.0 * (pieces == 1),
                )
            )
    return sorted(found, key=lambda unit: (round(unit.across_m, 3), unit.index, unit.from_m))


def _even_bands(
    route: SprayRoute,
    units: Sequence[_Unit],
    count: int,
    pads: Sequence[Place],
    time_s: Callable[[SprayRoute], float],
) -> tuple[float, tuple[SprayRoute, ...]]:
    """Return bands of about the same time, and by what share they differ."""
    work = np.concatenate([[0.0], np.cumsum([unit.time_s for unit in units])])
    shares = np.full(count, 1.0 / count)
    best: tuple[float, tuple[SprayRoute, ...]] | None = None
    for _ in range(ROUNDS):
        cuts = np.searchsorted(work, work[-1] * np.cumsum(shares)[:-1])
        cuts = np.clip(cuts, np.arange(1, count), len(units) - np.arange(count - 1, 0, -1))
        borders = [0, *np.maximum.accumulate(cuts).tolist(), len(units)]
        bands = [
            replace(route, passes=_passes(route, units[low:high]))
            for low, high in pairwise(borders)
        ]
        if not all(band.passes for band in bands):
            break
        homes = _matched(bands, pads, route.home)
        homed = tuple(replace(band, home=home) for band, home in zip(bands, homes, strict=True))
        times = np.array([time_s(band) for band in homed])
        uneven = float(times.max() / times.min() - 1.0)
        if best is None or uneven < best[0]:
            best = (uneven, homed)
        if uneven <= EVEN:
            break
        shares = shares * (times.mean() / times) ** 0.7
        shares = shares / shares.sum()
    if best is None:
        raise Refused("error.share_too_little", count=count, passes=len(route.passes))
    return best


def _passes(route: SprayRoute, units: Sequence[_Unit]) -> tuple[Pass, ...]:
    """Return the units of one band as passes, in the route's order, stretches that touch joined."""
    found: list[tuple[int, float, float]] = []
    for unit in sorted(units, key=lambda unit: (unit.index, unit.from_m)):
        if found and found[-1][0] == unit.index and abs(found[-1][2] - unit.from_m) < 1e-9:
            found[-1] = (unit.index, found[-1][1], unit.to_m)
        else:
            found.append((unit.index, unit.from_m, unit.to_m))
    return tuple(
        route.passes[index]
        if from_m == 0.0 and to_m >= route.passes[index].length_m
        else route.passes[index].part(from_m, to_m)
        for index, from_m, to_m in found
    )


def _matched(bands: Sequence[SprayRoute], pads: Sequence[Place], home: Place) -> list[Place]:
    """Return a pad for each band: in the order across the bands that makes the ways shortest."""
    if not pads:
        return [home] * len(bands)
    middles = [np.mean([p for work in band.passes for p in work.points], axis=0) for band in bands]

    def far(order: Sequence[Place]) -> float:
        return sum(math.dist(pad, mid) for pad, mid in zip(order, middles, strict=True))

    left, chosen = list(pads), list(pads)
    best = far(chosen)
    improved = True
    while improved:
        improved = False
        for a, b in combinations(range(len(left)), 2):
            chosen[a], chosen[b] = chosen[b], chosen[a]
            if far(chosen) < best - 1e-6:
                best, improved = far(chosen), True
            else:
                chosen[a], chosen[b] = chosen[b], chosen[a]
    return chosen


def _apart(
    bands: tuple[SprayRoute, ...],
    settings: SpraySettings,
    sorties: Callable[[SprayRoute], tuple[SprayRoute, ...]],
    separation_m: float,
    turnaround_s: float,
) -> tuple[SprayRoute, ...]:
    """Return the bands in the orders that keep spraying aircraft furthest apart.

    Of orders that keep the distance asked, the first: the route's own before any other.
    """
    parts = BEGINNINGS if len(bands) <= FEW else 1
    orders = [_orders(band, parts) for band in bands]
    paths = [
        [_spraying(sorties(order), settings, turnaround_s) for order in choice] for choice in orders
    ]
    pairs = list(combinations(range(len(bands)), 2))
    near = {
        (a, b): np.array([[_least_m(one, other) for other in paths[b]] for one in paths[a]])
        for a, b in pairs
    }
    best, best_m = (0,) * len(bands), -1.0
    for pick in product(*(range(len(choice)) for choice in orders)):
        least_m = min(float(near[a, b][pick[a], pick[b]]) for a, b in pairs)
        if least_m > best_m + 0.5:
            best, best_m = pick, least_m
        if best_m >= separation_m:
            break
    if best_m < separation_m:
        raise Refused("error.share_too_near", distance_m=best_m, separation_m=separation_m,
                      count=len(bands))  # fmt: skip
    return tuple(choice[number] for choice, number in zip(orders, best, strict=True))


def _orders(band: SprayRoute, parts: int) -> list[SprayRoute]:
    """Return a band begun at its first pass or further on, and each the other way round."""
    found = []
    for part in range(parts):
        first = part * len(band.passes) // parts
        passes = band.passes[first:] + band.passes[:first]
        back = tuple(replace(work, points=work.points[::-1]) for work in reversed(passes))
        found += [replace(band, passes=passes), replace(band, passes=back)]
    return found


def _spraying(
    flights: Sequence[SprayRoute], settings: SpraySettings, turnaround_s: float
) -> FloatArray:
    """Return where an aircraft sprays, every `TICK_S`: (N, 2) float64, NaN where it does not."""
    acceleration = settings.sprayer.aircraft.acceleration_m_s2
    times, places = [0.0], [(math.nan, math.nan)]
    now_s = 0.0
    for flight in flights:
        legs = spray_legs(flight, settings)
        now_s += legs[0].time_s
        for piece in course(
            flight,
            transit_speed_m_s=settings.speed_m_s,
            acceleration_m_s2=acceleration,
            fill_s=full_after_s(settings.sprayer),
        ):
            if piece.kind is not LegKind.TRANSIT:
                times += [now_s, now_s + piece.time_s - 1e-6]
                places += [piece.start, piece.end]
            else:
                times += [now_s, now_s + piece.time_s - 1e-6]
                places += [(math.nan, math.nan)] * 2
            now_s += piece.time_s
        times += [now_s, now_s + legs[-1].time_s + turnaround_s]
        places += [(math.nan, math.nan)] * 2
        now_s += legs[-1].time_s + turnaround_s
    ticks = np.arange(0.0, now_s, TICK_S)
    columns = np.array(places)
    return np.column_stack([np.interp(ticks, times, columns[:, axis]) for axis in (0, 1)])


def _least_m(first: FloatArray, second: FloatArray) -> float:
    """Return the least distance of two aircraft that spray at the same moment, slips counted."""
    least = math.inf
    for slip in range(-round(SLIP_S / TICK_S), round(SLIP_S / TICK_S) + 1, 5):
        a, b = (first[slip:], second) if slip >= 0 else (first, second[-slip:])
        count = min(len(a), len(b))
        apart = np.hypot(*(a[:count] - b[:count]).T)
        apart = apart[np.isfinite(apart)]
        least = min(least, float(apart.min(initial=math.inf)))
    return least
