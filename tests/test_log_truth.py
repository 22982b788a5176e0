"""What the aircraft's own log tells of a spray flight is nearer to what truly fell than what is
heard of it four times a second; and going on after a stop does not depend on how often it looked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agri.geo import LocalFrame
from agri.track import FlightRecord, Track
from missions.applied.account import Applied, applied
from missions.applied.floor import Floor
from missions.applied.sprayed_way import sprayed_way
from missions.flightplan import job_of
from missions.sortie.progress import progress_on
from sitl.autopilot import Autopilot
from sitl.spray_gear import SprayHardware
from tests import spray_flown
from tests.dataflash_files import log_of, read
from tests.ground_station import Station
from tests.two_copters import messages_of

FloatArray = NDArray[np.float64]
PLAN = spray_flown.plan(norths=spray_flown.NORTHS[:3])
PUMP = tuple((point.output, point.flow_l_min) for point in spray_flown.SPRAYER.pump)
PARAMETERS = {"SERVO9_FUNCTION": 22.0, "SERVO9_MIN": 1100.0, "SERVO9_MAX": 1900.0}
PIECES = 25


@dataclass(frozen=True)
class Truth:
    """What the simulator did: every fiftieth of a second, and every drop."""

    track: Track
    drops: FloatArray
    litres: float


@cache
def flown() -> Truth:
    """Three swaths of the hand-made field, flown by the embedded simulator."""
    vehicle = Autopilot(
        home=PLAN.home,
        ready_after_s=2.0,
        parameters={**spray_flown.FITTED, **PARAMETERS},
        sprayer=SprayHardware(pump=PUMP, kg_per_l=0.0),
    )
    station = Station(vehicle)
    station.start(messages_of(PLAN.items, PLAN.home)[1:])
    rows = []
    while station.copter.armed:
        body, pulse = station.copter.body, station.copter.sprayer.pump_share
        rows.append((station.now_s, body.east_m, body.north_m, body.up_m, pulse))
        station.wait(0.02)
    time_s, east, north, up, share = np.array(rows).T
    lon, lat = LocalFrame(PLAN.home).to_lonlat(east, north)
    track = Track(
        time_s=np.round(time_s - time_s[0], 6), lon_deg=lon, lat_deg=lat, height_m=up,
        speed_m_s=np.hypot(np.gradient(east), np.gradient(north)) / np.gradient(time_s),
        battery_pct=np.full(len(time_s), 80.0), pump_share=share,
    )  # fmt: skip
    gear = station.copter.gear
    drops = np.array([(d.east_m, d.north_m, d.flow_l_min * 0.02 / 60.0) for d in gear.deposits])
    return Truth(track, drops, gear.sprayed_l)


def thinned(track: Track, rate_hz: float, first: int = 0) -> Track:
    """The track as it is heard so often, beginning with one of its first reports."""
    chosen = slice(first, None, round(50.0 / rate_hz))
    return Track(**{name: getattr(track, name)[chosen] for name in Track.__slots__})


def record_of(track: Track) -> FlightRecord:
    return FlightRecord(plan_name="", plan_digest="", started_utc=spray_flown.record([0], [0], [0],
                        [0]).started_utc, vehicle="", outcome="landed", track=track, photos=(),
                        events=())  # fmt: skip


@cache
def logged() -> Track:
    (flight,) = read(log_of(flown().track, parameters=PARAMETERS)).flights
    return flight.track


def along(drops: FloatArray) -> FloatArray:
    """Litres on every metre of every swath."""
    east, north, litres = drops.T
    return np.histogram2d(east, north, bins=(np.arange(-40, 180), [-20, 15, 20, 60]),
                          weights=litres)[0]  # fmt: skip


def drops_of(track: Track) -> FloatArray:
    """What a track tells of every drop: its pieces, each cut small."""
    floor = Floor(job_of(PLAN), 1.0)
    places = floor.metres(track.lon_deg, track.lat_deg)
    way = sprayed_way(track, places, spray_flown.SPRAYER, floor.widths)
    share = (np.arange(PIECES) + 0.5) / PIECES
    at = way.start[:, None, :] + share[None, :, None] * (way.end - way.start)[:, None, :]
    lonlat = floor.lonlat(at.reshape(-1, 2))
    east, north = LocalFrame(PLAN.home).to_local(*lonlat.T)
    return np.column_stack((east, north, np.repeat(way.litres / PIECES, PIECES)))


def away_l(track: Track) -> float:
    """Litres that lie on another metre than they truly fell on."""
    return float(np.abs(along(drops_of(track)) - along(flown().drops)).sum()) / 2.0


@cache
def mapped(*, exact: bool) -> Applied:
    """The map of the log, or of the truth itself."""
    return applied(record_of(logged() if exact else flown().track), PLAN)


@settings(max_examples=8, deadline=None)
@given(first=st.integers(min_value=0, max_value=11), rate_hz=st.sampled_from([4.0, 2.0]))
def test_the_log_tells_nearer_to_where_every_drop_fell_than_what_was_heard(
    first: int, rate_hz: float
) -> None:
    truth = flown()
    heard = thinned(truth.track, rate_hz, first)
    exact_l, heard_l = away_l(logged()), away_l(heard)
    assert exact_l < heard_l
    assert exact_l < 0.01 * truth.litres
    exact, true = mapped(exact=True), mapped(exact=False)
    rough = applied(record_of(heard), PLAN)
    assert exact.litres == pytest.approx(truth.litres, rel=0.003)
    off_l = abs(exact.litres - truth.litres)
    assert off_l <= abs(rough.litres - truth.litres) + 0.001 * truth.litres

    def unlike(grid: FloatArray) -> float:
        return float(np.abs(np.nan_to_num(grid) - np.nan_to_num(true.grid.values)).sum())

    assert exact.grid.values.shape == true.grid.values.shape
    if rough.grid.values.shape == true.grid.values.shape:
        assert unlike(exact.grid.values) < 0.8 * unlike(rough.grid.values)


@pytest.mark.parametrize("stop_m", [35.0, 61.5, 97.0])
def test_where_to_go_on_is_told_alike_however_often_it_was_looked(stop_m: float) -> None:
    truth = flown().track
    east, north = LocalFrame(PLAN.home).to_local(truth.lon_deg, truth.lat_deg)
    second = (np.abs(north - spray_flown.NORTHS[1]) < 1.0) & (truth.pump_share > 0.1)
    stop = np.flatnonzero(second & (east < stop_m))[0]  # the second swath is flown westwards
    share = np.where(np.arange(len(east)) < stop, truth.pump_share, 0.0)
    ends = []
    chance = np.random.default_rng(3)
    drift = np.cumsum(chance.normal(0.0, 0.01, (2, len(east))), axis=1)
    lon, lat = LocalFrame(PLAN.home).to_lonlat(east + drift[0], north + drift[1])
    for rate_hz in (50.0, 10.0, 4.0):
        whole = Track(time_s=truth.time_s, lon_deg=lon, lat_deg=lat, height_m=truth.height_m,
                      speed_m_s=truth.speed_m_s, battery_pct=truth.battery_pct,
                      pump_share=share)  # fmt: skip
        track = thinned(whole, rate_hz)
        done = progress_on(PLAN, time_s=track.time_s, lon_deg=track.lon_deg, lat_deg=track.lat_deg,
                           pump_on=track.pump_share > 0.01, speed_m_s=track.speed_m_s)  # fmt: skip
        assert [stretch.index for stretch in done] == [0, 1]
        ends.append(done[1].to_m)
    true_m = spray_flown.FIELD[2] - stop_m
    assert ends == pytest.approx([true_m] * 3, abs=1.0)
    assert max(ends) - min(ends) < 0.8
