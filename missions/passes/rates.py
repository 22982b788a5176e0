"""Variable rate: passes cut where the rate map changes, each piece with its rate and speed.

Theory of operation
-------------------
**Cutting** (`missions.passes.rate_stretches`). Where the rate is 0 the pass is cut out. Where the
map has no rate on more than `GAP_M` in a row, the job is refused with the missing area; shorter
gaps are slits between polygons and take the rate beside them.

**Speed and flow.** With k = 0.006 · rate · width a piece needs the flow q = k · v. What can vary
depends on the pump:

* following the speed (ArduPilot's sprayer): it can only *hold* one flow for the whole flight (see
  `missions.sprayer.parameters`), so one flow Q is chosen that all pieces can be flown with,
  v = Q / k, nearest to the job's speed on average and a whole percent of output;
* another maker's controller: the same, and where one flow is not enough the flow varies too;
* a servo pump: the job's speed throughout, and a flow for each piece
  (`missions.sprayer.dose.servo_pwm`).

Speeds lie within 1 m/s (or the job's own, if slower) and the sprayer's fastest. A map that asks for
more, or for less, or for too wide a range, is refused with the place.

**Merging.** A piece must be longer than it takes to fly it as planned: `MIN_PIECE_M`, and twice the
way in which the aircraft changes its speed from the piece before, |v² − u²| / (2 a); for a servo
pump twice the way flown in the pump's lag. Shorter ones are joined, the shortest first, to the
neighbour with the nearer rate, at the mean of both rates weighted by length: litres stay exactly
what the map asks. Nothing is joined across a part that is left out, and such a part is never joined
away. If more than `MAX_ERROR` of the litres would then fall where the map asks for others, the map
is refused as too fine.

A spot over a tree keeps its own litres; it is left out where the rate is 0. Swath widths are kept
as planned for the job's speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from agri.errors import BadInput, Refused
from agri.geo import LocalFrame
from agri.zone import RateMap
from missions.passes.rate_stretches import Stretch, stretches
from missions.passes.route import Pass
from missions.sprayer.dose import L_MIN_PER_L_HA_M_M_S, held_percents, pump_flow_l_min
from missions.sprayer.gear import PumpControl, Sprayer
from missions.sprayer.job import SpraySettings

GAP_M = 1.0
"""A longer stretch without a rate is missing; a shorter one is a slit between polygons."""
MIN_SPEED_M_S = 1.0
"""Slowest that a map may make a piece be flown."""
MIN_PIECE_M = 3.0
"""No shorter piece is flown: ArduCopter turns to the next point 2 m before it (WPNAV_RADIUS)."""
SERVO_LAG_S = 0.5
"""From a DO_SET_SERVO to the pump's new speed, besides the hose (assumption)."""
MAX_ERROR = 0.10
"""Share of the litres that merging may move."""
_HAIR = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A stretch of a pass at one rate, and what the map asks along it as (length, rate)."""

    work: Pass
    start_m: float
    end_m: float
    rate_l_ha: float
    asked: tuple[tuple[float, float], ...]

    @property
    def length_m(self) -> float:
        return self.end_m - self.start_m

    @property
    def need(self) -> float:
        """Flow for each metre per second."""
        return L_MIN_PER_L_HA_M_M_S * self.rate_l_ha * self.work.width_m

    def joined(self, other: _Piece) -> _Piece:
        """Return this piece and the one after it as one, the litres kept."""
        length_m = self.length_m + other.length_m
        litres = self.rate_l_ha * self.length_m + other.rate_l_ha * other.length_m
        return replace(
            self, end_m=other.end_m, rate_l_ha=litres / length_m, asked=self.asked + other.asked
        )

    def flown(self, speed_m_s: float) -> Pass:
        part = self.work
        if self.start_m > 0.0 or self.end_m < self.work.length_m:
            part = self.work.part(self.start_m, self.end_m)
        return replace(part, rate_l_ha=self.rate_l_ha, speed_m_s=speed_m_s)


_Run = list[_Piece]
"""Pieces that follow each other without anything left out between them."""
_Speed = Callable[[_Piece], float]


def rated(
    passes: Sequence[Pass], rate_map: RateMap, frame: LocalFrame, settings: SpraySettings
) -> tuple[Pass, ...]:
    """Return passes that give each place the rate of a map.

    Parameters
    ----------
    passes : sequence of Pass
        In flying order, local metres; their own rates do not count.
    rate_map : RateMap
        Litres per hectare; halved for each pass of a crosshatch.
    frame : LocalFrame
        Where the local metres lie.
    settings : SpraySettings
        Sprayer and job speed.

    Returns
    -------
    tuple of Pass
        In the same order. Pieces of one swath follow each other end to start.

    Raises
    ------
    BadInput
        When the map has no rate somewhere, or 0 everywhere.
    Refused
        When pump or speed cannot give a rate, or the map is too fine.

    Examples
    --------
    >>> import shapely
    >>> from agri.geo import LonLat
    >>> from agri.weather import Wind
    >>> from agri.zone import RatePatch
    >>> from missions.catalogue import sprayer
    >>> from missions.sprayer.job import Product
    >>> frame = LocalFrame(LonLat(lon_deg=106.51, lat_deg=21.08))
    >>> def patch(west, east, rate):
    ...     area = frame.geometry_to_lonlat(shapely.box(west, -10.0, east, 10.0))
    ...     return RatePatch(area=area, rate_l_ha=rate)
    >>> asked = SpraySettings(sprayer=sprayer("16 L"), product=Product(name="w", dose_per_ha=0.0),
    ...     rate_l_ha=20.0, height_m=2.5, speed_m_s=4.0, swath_m=5.0, wind=Wind(speed_m_s=1.0))
    >>> swath = Pass(points=((0, 0), (100, 0)), width_m=5.0, rate_l_ha=20.0, speed_m_s=4.0)
    >>> both = RateMap(patches=(patch(-1.0, 50.0, 20.0), patch(50.0, 101.0, 30.0)))
    >>> for piece in rated([swath], both, frame, asked):
    ...     print(round(piece.length_m), round(piece.rate_l_ha), round(piece.speed_m_s, 1))
    50 20 5.0
    50 30 3.4
    """
    found = stretches(passes, rate_map, frame)
    _check_gaps(passes, found, rate_map, frame)
    share = 0.5 if settings.crosshatch else 1.0
    runs = [list(_runs(work, cut, share)) for work, cut in zip(passes, found, strict=True)]
    kept = [work for work, cut in zip(passes, found, strict=True)
            if work.is_spot and cut[0].rate_l_ha > 0.0]  # fmt: skip
    if not kept and not any(runs):
        raise BadInput("error.rate_nothing", name=rate_map.name or "?")
    runs = [[_merged(run, lambda _: MIN_PIECE_M) for run in own] for own in runs]
    speed = _speeds([p for own in runs for run in own for p in run], settings, frame)
    runs = [[_merged(run, _least_m(speed, settings)) for run in own] for own in runs]
    _check_error([p for own in runs for run in own for p in run], rate_map, settings)
    flown: list[Pass] = []
    for work, own in zip(passes, runs, strict=True):
        flown += [work] if work in kept else [p.flown(speed(p)) for run in own for p in run]
    return tuple(flown)


def _check_gaps(
    passes: Sequence[Pass], found: Sequence[Sequence[Stretch]], rate_map: RateMap, frame: LocalFrame
) -> None:
    """Refuse a map that has no rate where something is to be sprayed."""
    missing = [
        (work, part)
        for work, cut in zip(passes, found, strict=True)
        for part in cut
        if part.rate_l_ha != part.rate_l_ha
        and (work.is_spot or part.length_m > GAP_M or len(cut) == 1)
    ]
    if not missing:
        return
    area_m2 = sum(
        work.width_m * (part.length_m if not work.is_spot else work.width_m * 0.785)
        for work, part in missing
    )
    work, part = missing[0]
    place = frame.place(*work.at((part.start_m + part.end_m) / 2.0))
    raise BadInput("error.rate_gap", name=rate_map.name or "?", area_m2=area_m2,
                   lat=place.lat_deg, lon=place.lon_deg)  # fmt: skip


def _runs(work: Pass, cut: Sequence[Stretch], share: float) -> Iterator[_Run]:
    """Return what is sprayed of a swath: runs of pieces, slits given the rate beside them."""
    if work.is_spot:
        return
    rates = [part.rate_l_ha for part in cut]
    for index in [*range(1, len(rates)), *range(len(rates) - 2, -1, -1)]:
        if rates[index] != rates[index]:
            beside = index - 1 if index and rates[index - 1] == rates[index - 1] else index + 1
            rates[index] = rates[beside]
    run: _Run = []
    for part, rate in zip(cut, rates, strict=True):
        if rate > 0.0:
            piece = _Piece(work=work, start_m=part.start_m, end_m=part.end_m,
                           rate_l_ha=rate * share, asked=((part.length_m, rate * share),),
                           )  # fmt: skip
            same = run and run[-1].rate_l_ha == piece.rate_l_ha
            run = [*run[:-1], run[-1].joined(piece)] if same else [*run, piece]
        elif run:
            yield run
            run = []
    if run:
        yield run


def _merged(run: _Run, least_m: Callable[[_Run], float]) -> _Run:
    """Join pieces shorter than `least_m` of [piece before, piece], the shortest first."""
    run = list(run)
    while len(run) > 1:
        short = [(piece.length_m, index) for index, piece in enumerate(run)
                 if piece.length_m < least_m(run[max(0, index - 1) : index + 1])]  # fmt: skip
        if not short:
            break
        index = min(short)[1]
        beside = [i for i in (index - 1, index + 1) if 0 <= i < len(run)]
        other = min(beside, key=lambda i: abs(run[i].rate_l_ha - run[index].rate_l_ha))
        first = min(index, other)
        run[first : first + 2] = [run[first].joined(run[first + 1])]
    return run


def _least_m(speed: _Speed, settings: SpraySettings) -> Callable[[_Run], float]:
    """Return how long a piece must be, given [the piece before, it]."""
    sprayer = settings.sprayer
    if sprayer.control is PumpControl.SERVO:
        lag_m = 2.0 * settings.speed_m_s * (SERVO_LAG_S + sprayer.hose_s)
        return lambda _: max(MIN_PIECE_M, lag_m)

    def least_m(pieces: _Run) -> float:
        before, after = speed(pieces[0]), speed(pieces[-1])
        return max(MIN_PIECE_M, abs(after**2 - before**2) / sprayer.aircraft.acceleration_m_s2)

    return least_m


def _speeds(pieces: _Run, settings: SpraySettings, frame: LocalFrame) -> _Speed:
    """Return the speed of each piece as a function of what it needs, or refuse."""
    sprayer = settings.sprayer
    if not pieces:
        return lambda _: settings.speed_m_s
    slowest_m_s = min(MIN_SPEED_M_S, settings.speed_m_s)
    least = min(pieces, key=lambda piece: piece.need)
    most = max(pieces, key=lambda piece: piece.need)
    _check_reach(least, most, slowest_m_s, sprayer, frame)
    if sprayer.control is PumpControl.SERVO:
        return _servo_speed(least, most, slowest_m_s, settings, frame)
    length_m = sum(piece.length_m for piece in pieces)
    wanted = settings.speed_m_s * sum(p.need * p.length_m for p in pieces) / length_m
    low = max(sprayer.min_flow_l_min, most.need * slowest_m_s)
    high = min(sprayer.max_flow_l_min, least.need * sprayer.max_speed_m_s)
    if sprayer.control is PumpControl.SPEED:
        first, last = held_percents(sprayer)
        flows = [pump_flow_l_min(sprayer, percent / 100.0) for percent in range(first, last + 1)]
        fits = [q for q in flows if low * (1.0 - _HAIR) <= q <= high * (1.0 + _HAIR)]
        if not fits:
            raise Refused("error.rate_spread", **_told(most, sprayer, frame, least))
        held = min(fits, key=lambda q: abs(q - wanted))
        return lambda piece: held / piece.need
    held = min(max(wanted, low), high) if low <= high else wanted

    def speed(piece: _Piece) -> float:
        slow = max(slowest_m_s, sprayer.min_flow_l_min / piece.need)
        fast = min(sprayer.max_speed_m_s, sprayer.max_flow_l_min / piece.need)
        return min(max(held / piece.need, slow), fast)

    return speed


def _servo_speed(
    least: _Piece, most: _Piece, slowest_m_s: float, settings: SpraySettings, frame: LocalFrame
) -> _Speed:
    sprayer = settings.sprayer
    low = max(slowest_m_s, sprayer.min_flow_l_min / least.need)
    high = min(sprayer.max_speed_m_s, sprayer.max_flow_l_min / most.need)
    if low > high * (1.0 + _HAIR):
        raise Refused("error.rate_spread", **_told(most, sprayer, frame, least))
    if not low * (1.0 - _HAIR) <= settings.speed_m_s <= high * (1.0 + _HAIR):
        raise Refused("error.rate_speed", sprayer=sprayer.name, speed=settings.speed_m_s,
                      low=-(-low * 100.0 // 1) / 100.0, high=high * 100.0 // 1 / 100.0,
                      )  # fmt: skip
    return lambda _: settings.speed_m_s


def _check_reach(
    least: _Piece, most: _Piece, slowest_m_s: float, sprayer: Sprayer, frame: LocalFrame
) -> None:
    """Refuse a rate that no speed gives."""
    if most.need * slowest_m_s > sprayer.max_flow_l_min * (1.0 + _HAIR):
        reached = sprayer.max_flow_l_min / (most.need * slowest_m_s)
        raise Refused("error.rate_over", **_told(most, sprayer, frame), speed=slowest_m_s,
                      fits=most.rate_l_ha * reached * 10.0 // 1 / 10.0)  # fmt: skip
    fastest_m_s = sprayer.max_speed_m_s
    if least.need * fastest_m_s < sprayer.min_flow_l_min * (1.0 - _HAIR):
        reached = sprayer.min_flow_l_min / (least.need * fastest_m_s)
        raise Refused("error.rate_under", **_told(least, sprayer, frame), speed=fastest_m_s,
                      fits=-(-least.rate_l_ha * reached * 10.0 // 1) / 10.0)  # fmt: skip


def _told(
    piece: _Piece, sprayer: Sprayer, frame: LocalFrame, lower: _Piece | None = None
) -> dict[str, str | float]:
    """Return what a sentence tells of a piece: where it is and what it asks."""
    place = frame.place(*piece.work.at((piece.start_m + piece.end_m) / 2.0))
    where: dict[str, str | float] = {
        "lat": place.lat_deg, "lon": place.lon_deg, "sprayer": sprayer.name,
    }  # fmt: skip
    if lower is not None:
        return {**where, "low": lower.rate_l_ha, "high": piece.rate_l_ha}
    return {**where, "rate": piece.rate_l_ha, "swath": piece.work.width_m}


def _check_error(pieces: _Run, rate_map: RateMap, settings: SpraySettings) -> None:
    """Refuse a map of which merging would move too many litres."""
    moved = sum(
        abs(piece.rate_l_ha - rate) * length_m * piece.work.width_m
        for piece in pieces
        for length_m, rate in piece.asked
    )
    asked = sum(rate * m * piece.work.width_m for piece in pieces for m, rate in piece.asked)
    if asked > 0.0 and moved / asked > MAX_ERROR:
        raise Refused("error.rate_map_fine", name=rate_map.name or "?",
                      sprayer=settings.sprayer.name, error_pct=100.0 * moved / asked,
                      length_m=_calm_m(settings))  # fmt: skip


def _calm_m(settings: SpraySettings) -> float:
    """Return a length that surely is flown as planned: from slowest to fastest and as far again."""
    fast = settings.sprayer.max_speed_m_s
    return max(MIN_PIECE_M, fast**2 / settings.sprayer.aircraft.acceleration_m_s2)
