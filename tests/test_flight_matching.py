"""Two tracks laid on each other: the offset of their clocks, and how far apart they lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from agri.geo import LocalFrame, LonLat
from agri.track import Track
from missions.flight.matching import Match, match

FRAME = LocalFrame(LonLat(lon_deg=106.51, lat_deg=21.08))
Floats = NDArray[np.float64]


def way(time_s: Floats) -> tuple[Floats, Floats, Floats]:
    """East, north, height of an aircraft on a way that nowhere repeats itself."""
    return (
        60.0 * np.sin(time_s / 11.0) + 0.5 * time_s,
        40.0 * np.cos(time_s / 17.0),
        5.0 + np.sin(time_s / 7.0),
    )


def track(time_s: ArrayLike, east: ArrayLike, north: ArrayLike, height: ArrayLike) -> Track:
    times = np.asarray(time_s, float)
    lon, lat = FRAME.to_lonlat(np.asarray(east, float), np.asarray(north, float))
    return Track(
        time_s=times, lon_deg=lon, lat_deg=lat, height_m=np.asarray(height, float),
        speed_m_s=np.zeros(times.shape), battery_pct=np.zeros(times.shape),
    )  # fmt: skip


def heard(
    begin_s: float = 0.0, end_s: float = 60.0, aside: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> Track:
    """Twice a second; `aside` is how far all of it lies off the logged way."""
    times = np.arange(begin_s, end_s, 0.5)
    return track(times, *(axis + off for axis, off in zip(way(times), aside, strict=True)))


def logged(begin_s: float = 0.0, end_s: float = 60.0, clock_s: float = 0.0) -> Track:
    """Ten times a second, by a clock that is ahead by `clock_s`."""
    times = np.arange(begin_s, end_s, 0.1)
    return track(times + clock_s, *way(times))


@pytest.mark.parametrize("clock_s", [0.0, 3.27, -41.55, 1000.12])
def test_the_offset_of_the_clocks_is_found_to_a_hundredth(clock_s: float) -> None:
    found = match(heard(), logged(clock_s=clock_s))
    assert found is not None
    assert found.offset_s == pytest.approx(clock_s, abs=0.011)
    assert found.median_m < 0.05
    assert found.most_m < 0.1
    assert found.same


@pytest.mark.parametrize("aside", [(3.0, 0.0, 0.0), (0.0, -3.0, 0.0), (0.0, 0.0, 3.0)])
def test_what_lies_off_to_any_side_or_above_is_another_flight(
    aside: tuple[float, float, float],
) -> None:
    found = match(heard(aside=aside), logged(begin_s=-1.0, end_s=61.0))
    assert found is not None
    assert not found.same
    assert 0.5 < found.median_m <= 3.1


def test_the_distance_is_that_in_space() -> None:
    still = np.zeros(30)
    times = np.arange(30.0)
    found = match(track(times, still, still, still), track(times, still + 2, still - 3, still + 6))
    assert found is not None
    assert found.median_m == pytest.approx(7.0, abs=0.01)
    assert found.most_m == pytest.approx(7.0, abs=0.01)


def test_half_and_nine_tenths_of_the_places_are_told() -> None:
    """A hover heard with errors of 0 to 100 m and back: its ends are the good part."""
    times, still = np.arange(201.0), np.zeros(201)
    errors = 100.0 - np.abs(times - 100.0)
    found = match(track(times, errors, still, still), track(times, still, still, still))
    assert found is not None
    assert found.offset_s == pytest.approx(0.0, abs=0.011)
    assert found.median_m == pytest.approx(50.0, abs=0.1)
    assert found.most_m == pytest.approx(90.0, abs=0.1)


@pytest.mark.parametrize(
    ("median_m", "most_m", "same"),
    [(0.0, 0.0, True), (0.5, 2.0, True), (0.51, 2.0, False), (0.5, 2.01, False)],
)
def test_one_flight_agrees_to_half_a_metre_and_mostly_to_two(
    median_m: float, most_m: float, same: bool
) -> None:
    assert Match(offset_s=0.0, median_m=median_m, most_m=most_m).same is same


@pytest.mark.parametrize("guess_s", [-6.0, 0.0, 4.5])
def test_a_hover_that_fits_at_many_offsets_takes_what_the_clocks_said(guess_s: float) -> None:
    still, times = np.zeros(40), np.arange(40.0)
    hover = track(times, still, still, still)
    long = np.arange(-40.0, 80.0)
    logs = track(long, np.zeros(120), np.zeros(120), np.zeros(120))
    found = match(hover, logs, guess_s=guess_s)
    assert found is not None
    assert found.offset_s == pytest.approx(guess_s, abs=0.011)


@pytest.mark.parametrize(("until_s", "enough"), [(38.0, True), (34.0, False)])
def test_six_tenths_of_what_was_heard_must_be_in_the_log(until_s: float, enough: bool) -> None:
    """A log that ends early still is that flight's; over less of the way it says too little."""
    found = match(heard(), logged(end_s=until_s))
    same = found is not None and found.same and abs(found.offset_s) < 0.02
    assert same is enough


def test_a_log_that_begins_late_is_that_flights_too() -> None:
    found = match(heard(), logged(begin_s=20.0, clock_s=5.0))
    assert found is not None
    assert found.same
    assert found.offset_s == pytest.approx(5.0, abs=0.011)


@pytest.mark.parametrize(("places", "enough"), [(9, False), (10, True)])
def test_less_than_ten_places_are_no_way(places: int, enough: bool) -> None:
    times = np.arange(float(places))
    assert (match(track(times, *way(times)), logged()) is not None) is enough


@pytest.mark.parametrize(("rows", "enough"), [(0, False), (1, False), (2, True)])
def test_a_log_of_less_than_two_places_is_no_way(rows: int, enough: bool) -> None:
    still, times = np.zeros(12), np.arange(12.0)
    log_s = np.array([-100.0, 100.0])[:rows]
    log = track(log_s, np.zeros(rows), np.zeros(rows), np.zeros(rows))
    assert (match(track(times, still, still, still), log) is not None) is enough


def test_places_that_were_not_told_are_left_out() -> None:
    whole = heard()
    lon, height = whole.lon_deg.copy(), whole.height_m.copy()
    lon[5::7] = np.nan
    height[3::11] = np.nan
    found = match(replace(whole, lon_deg=lon, height_m=height), logged(clock_s=2.5))
    assert found is not None
    assert found.same
    assert found.offset_s == pytest.approx(2.5, abs=0.011)


def test_a_long_flight_is_compared_over_all_of_its_way() -> None:
    """Its first tenth fits; the rest, on which it does not, must not be thinned away."""
    times = np.arange(0.0, 600.0, 0.5)
    east, north, height = way(times)
    off = np.where(times < 60.0, 0.0, 300.0 + times)
    found = match(track(times, east, north + off, height), logged(end_s=600.0))
    assert found is None or not found.same
