"""How far along a route one tank and one pack reach, home again from anywhere included.

Theory of operation
-------------------
At any moment the pilot may call the aircraft back, or a failsafe may. So what a pack must hold is
the greatest, over every point of the sortie, of: energy spent so far, plus the way home straight
against the wind at the mass then carried, plus landing. The way home is the shortest one in the
allowed region. It begins with a full stop and a turn, and it is flown as RETURN_TO_LAUNCH flies:
up to `RETURN_HEIGHT_M` where home is far, down again at the end, even though that is far above
the job's own height. What forward flight saves is not counted on it.

A route is cut up into `Bits` of a few metres once, with time, mixture, airspeed and way home of
each; what a stretch of it needs is then a handful of sums. Against a sortie worked out leg by leg
(`missions.passes.energy`) a stretch is never cheaper: where it is cut full stops and starts are
added, and its first way out is taken against the wind as well. No point of a bit is further from
home than the mean of its two ends plus half its length, which is what is taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from missions.airspace.route import distances_from
from missions.energy import Aircraft
from missions.passes.energy import (
    KG_PER_L,
    airspeeds,
    climb_cost,
    flight_power_w,
    hover_power_w,
    landing_cost,
    worse_power_w,
)
from missions.passes.pieces import LegKind, Piece, course
from missions.passes.route import SprayRoute
from missions.passes.timing import full_after_s, run_up_m
from missions.sprayer.job import SpraySettings

STEP_M = 5.0
"""Longest bit of a swath, unless that makes too many."""
MOST_BITS = 20_000
"""More bits than this make longer ones instead."""
RETURN_HEIGHT_M = 15.0
"""ArduCopter's RTL_ALT: RETURN_TO_LAUNCH climbs to it before it flies home."""
RETURN_SLOPE = 3.0
"""ArduCopter's RTL_CONE_SLOPE: nearer home it climbs no higher than this times the distance."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Bits:
    """A route cut up into N bits in flying order, ways from and to the pad left out.

    Parameters
    ----------
    index : (N,) int64
        Pass of each bit; for a transit the one it leads to.
    works : (N,) bool
        Whether it sprays.
    from_m, to_m : (N,) float64
        Where on its pass it begins and ends; 0 for a transit and a spot.
    length_m, time_s, litres : (N,) float64
        Length, time, mixture.
    low_m_s, high_m_s : (N,) float64
        Least and greatest speed through the air.
    start_home_m, end_home_m : (N,) float64
        Length of the shortest way from its beginning and its end to the pad.
    settings : SpraySettings
        Sprayer, aircraft, wind, height.
    transit_speed_m_s : float
        Ground speed off the passes.
    """

    index: IntArray
    works: NDArray[np.bool_]
    from_m: FloatArray
    to_m: FloatArray
    length_m: FloatArray
    time_s: FloatArray
    litres: FloatArray
    low_m_s: FloatArray
    high_m_s: FloatArray
    start_home_m: FloatArray
    end_home_m: FloatArray
    settings: SpraySettings
    transit_speed_m_s: float

    @property
    def aircraft(self) -> Aircraft:
        """What flies, with an empty tank."""
        return self.settings.sprayer.aircraft

    @cached_property
    def litres_before(self) -> FloatArray:
        """Mixture sprayed before each bit, and after the last: (N + 1,) float64."""
        return np.concatenate([[0.0], np.cumsum(self.litres)])

    @cached_property
    def time_before(self) -> FloatArray:
        """Time before each bit, and after the last: (N + 1,) float64."""
        return np.concatenate([[0.0], np.cumsum(self.time_s)])

    def again(self, first: int, overlap_m: float) -> tuple[float, float, float]:
        """Return metres, seconds and litres sprayed again when spraying begins anew at a bit."""
        length_m = float(self.length_m[first])
        if length_m <= 0.0 or self.from_m[first] <= 0.0:
            return 0.0, 0.0, 0.0
        again_m = min(overlap_m, float(self.from_m[first]))
        share = again_m / length_m
        return again_m, share * float(self.time_s[first]), share * float(self.litres[first])

    def load_l(self, first: int, last: int, overlap_m: float = 0.0) -> float:
        """Return the mixture for bits `first` up to `last`, that one left out."""
        return float(
            self.litres_before[last] - self.litres_before[first] + self.again(first, overlap_m)[2]
        )

    def need_wh(
        self, first: int, last: int, overlap_m: float = 0.0, *, whole: bool = False
    ) -> float:
        """Return what a pack must hold to fly bits `first` up to `last`, that one left out.

        A flight begins and ends at a stand. Unless the bits are the `whole` route, passes are taken
        as cut at both ends too.
        """
        aircraft, settings = self.aircraft, self.settings
        again_m, again_s, again_l = self.again(first, overlap_m)
        load_kg = KG_PER_L * (self.load_l(first, last, overlap_m) + settings.sprayer.dead_l)
        full_kg = aircraft.mass_kg + load_kg
        stop_s = self.transit_speed_m_s / aircraft.acceleration_m_s2
        out_m = float(self.start_home_m[first]) + again_m
        leads_s = 2.0 * run_up_m(settings.speed_m_s) / settings.speed_m_s
        out_s = out_m / self.transit_speed_m_s + leads_s + again_s
        out_s += (2.0 if whole else 3.0) * stop_s
        full = np.array([full_kg])
        head_m_s = max(self.transit_speed_m_s, settings.speed_m_s) + settings.wind.speed_m_s
        out_w = float(flight_power_w(aircraft, full, head_m_s, saving=False)[0])
        out_wh = out_w * out_s / 3600.0
        spent_wh = climb_cost(aircraft, full_kg, settings.flying_height_m)[1] + out_wh

        part = slice(first, last)
        sprayed_kg = KG_PER_L * (self.litres_before[first + 1 : last + 1]
                                 - self.litres_before[first] + again_l)  # fmt: skip
        after = full_kg - sprayed_kg
        before = after + KG_PER_L * self.litres[part]
        watts = worse_power_w(
            aircraft, (before + after) / 2.0, self.low_m_s[part], self.high_m_s[part]
        )
        along_wh = np.cumsum(watts * self.time_s[part]) / 3600.0
        ends_m = self.start_home_m[part] + self.end_home_m[part]
        away_m = (ends_m + self.length_m[part]) / 2.0
        needs = spent_wh + along_wh + self.home_wh(before, away_m)
        first_wh = spent_wh + float(self.home_wh(full, np.array([out_m]))[0])
        return max(first_wh, float(needs.max(initial=0.0)))

    def home_wh(self, mass_kg: FloatArray, away_m: FloatArray) -> FloatArray:
        """Return the energy of coming home from a stop and landing.

        Parameters
        ----------
        mass_kg : (N,) float64
            Mass then carried.
        away_m : (N,) float64
            Length of the way home.

        Returns
        -------
        (N,) float64
            Watt-hours.
        """
        aircraft, settings = self.aircraft, self.settings
        speed = self.transit_speed_m_s
        height_m = settings.flying_height_m
        return_m = np.maximum(height_m, np.minimum(RETURN_HEIGHT_M, RETURN_SLOPE * away_m))
        stop_s = 2.5 * max(speed, settings.speed_m_s) / aircraft.acceleration_m_s2
        watts = flight_power_w(aircraft, mass_kg, speed + settings.wind.speed_m_s, saving=False)
        level_wh = watts * (away_m / speed + stop_s) / 3600.0
        extra_m = return_m - height_m
        hover = hover_power_w(aircraft, mass_kg)
        extra_s = extra_m / aircraft.climb_m_s + extra_m / aircraft.land_speed_m_s
        landing_wh = landing_cost(aircraft, mass_kg, height_m)[1]
        return np.asarray(level_wh + hover * extra_s / 3600.0 + landing_wh)


def cut_up(
    route: SprayRoute, settings: SpraySettings, *, transit_speed_m_s: float | None = None
) -> Bits:
    """Return a route cut up into bits.

    Parameters
    ----------
    route : SprayRoute
        At least one pass.
    settings : SpraySettings
        The job's.
    transit_speed_m_s : float, optional
        Ground speed off the passes; the job's speed by default.

    Raises
    ------
    Refused
        When the allowed region joins two passes, or a pass and the pad, by no way.
    """
    transit = settings.speed_m_s if transit_speed_m_s is None else transit_speed_m_s
    pieces = course(
        route,
        transit_speed_m_s=transit,
        acceleration_m_s2=settings.sprayer.aircraft.acceleration_m_s2,
        fill_s=full_after_s(settings.sprayer),
    )
    flown = [piece for piece in pieces if piece.index > 0 or piece.kind is not LegKind.TRANSIT]
    flown = [piece for piece in flown if piece.index < len(route.passes)]
    step_m = max(STEP_M, sum(piece.length_m for piece in flown) / MOST_BITS)
    return _bits(route, flown, settings, step_m=step_m, transit_speed_m_s=transit)


def _bits(
    route: SprayRoute,
    pieces: Sequence[Piece],
    settings: SpraySettings,
    *,
    step_m: float,
    transit_speed_m_s: float,
) -> Bits:
    counts = np.array([max(1, math.ceil(piece.length_m / step_m)) for piece in pieces])
    which = np.repeat(np.arange(len(pieces)), counts)
    number = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    low, high = number / counts[which], (number + 1) / counts[which]
    start = np.array([piece.start for piece in pieces])[which]
    along = np.array([piece.end for piece in pieces])[which] - start
    length = np.array([piece.length_m for piece in pieces])[which]
    works = np.array([piece.kind is not LegKind.TRANSIT for piece in pieces])[which]
    base = np.array([piece.from_m for piece in pieces])[which]
    share = 1.0 / counts[which]
    low_m_s, high_m_s = airspeeds(pieces, settings.wind)
    places = np.concatenate([start + low[:, None] * along, start + high[:, None] * along])
    home_m = distances_from(route.allowed, route.home, places)
    return Bits(
        index=np.array([piece.index for piece in pieces])[which],
        works=works,
        from_m=np.where(works, base + low * length, 0.0),
        to_m=np.where(works, base + high * length, 0.0),
        length_m=length * share,
        time_s=np.array([piece.time_s for piece in pieces])[which] * share,
        litres=np.array([piece.litres for piece in pieces])[which] * share,
        low_m_s=low_m_s[which],
        high_m_s=high_m_s[which],
        start_home_m=home_m[: len(which)],
        end_home_m=home_m[len(which) :],
        settings=settings,
        transit_speed_m_s=transit_speed_m_s,
    )


def pack_need_wh(
    route: SprayRoute, settings: SpraySettings, *, transit_speed_m_s: float | None = None
) -> float:
    """Return what a pack must hold so that a sortie comes home from any of its points.

    Parameters
    ----------
    route : SprayRoute
        One sortie.
    settings : SpraySettings
        The job's.
    transit_speed_m_s : float, optional
        Ground speed off the passes; the job's speed by default.

    Returns
    -------
    float
        Watt-hours, reserve not counted; 0 for a route without passes.

    Raises
    ------
    Refused
        When the allowed region joins two passes, or a pass and the pad, by no way.
    """
    if not route.passes:
        return 0.0
    bits = cut_up(route, settings, transit_speed_m_s=transit_speed_m_s)
    return bits.need_wh(0, len(bits.index), whole=True)


def usable_wh(settings: SpraySettings) -> float:
    """Return what of a full pack may be used."""
    aircraft = settings.sprayer.aircraft
    return aircraft.battery_wh * (1.0 - aircraft.reserve)
