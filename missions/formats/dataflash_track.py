"""From the columns of a dataflash log to a track: places and outputs laid on one clock."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.geo import LonLat
from agri.track import Photo, Track
from missions.wire.commands import Parameter
from missions.wire.pump import find_pump
from missions.wire.telemetry import PumpServo

FloatArray = NDArray[np.float64]

SILENCE_S = 2.0
"""Over a longer silence nothing is made up between two reports."""
METRES_A_DEGREE = 111_195.0
"""Of latitude, on a sphere of 6,371 km: enough for a speed nobody else told."""
OUTPUTS = 16


class Series:
    """Rows of numbers that grow, the first of each its time in seconds."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._values = array("d")

    def __len__(self) -> int:
        return len(self._values) // self._width

    def add(self, *row: float) -> None:
        """Append a row."""
        self._values.extend(row)

    def rows(self) -> FloatArray:
        """Return all rows, (N, width)."""
        return np.array(self._values, dtype=np.float64).reshape(-1, self._width)

    def of(self, column: int) -> FloatArray:
        """Return one column, (N,)."""
        return self.rows()[:, column]

    def between(self, start_s: float, end_s: float) -> Series:
        """Return the rows of a stretch of time, in the order of their times, each time once."""
        rows = self.rows()
        rows = rows[(rows[:, 0] >= start_s) & (rows[:, 0] <= end_s)]
        _, first = np.unique(rows[:, 0], return_index=True)
        cut = Series(self._width)
        rows = rows[first]
        rows[:, 0] -= start_s
        cut._values = array("d", rows.tobytes())
        return cut


class Columns:
    """What a log's records tell as numbers over time.

    Attributes
    ----------
    place : Series
        Time, longitude, latitude, height above home.
    receiver : Series
        Time, longitude, latitude, height above the sea, speed.
    error, speed, battery : Series
        Time and one figure.
    outputs : dict of int to Series
        Servo output to time and pulse, microseconds.
    photos : Series
        Time, number, longitude, latitude, height above home, heading.
    """

    def __init__(self) -> None:
        self.place = Series(4)
        self.receiver = Series(5)
        self.error, self.speed, self.battery = Series(2), Series(2), Series(2)
        self.outputs = {channel: Series(2) for channel in range(1, OUTPUTS + 1)}
        self.photos = Series(6)

    @property
    def longest(self) -> int:
        """Rows of the series that has most."""
        plain = (self.place, self.receiver, self.error, self.speed, self.battery, self.photos)
        return max(len(series) for series in (*plain, self.outputs[1]))

    def between(self, start_s: float, end_s: float) -> Columns:
        """Return a stretch of time, its times counted from its start."""
        cut = Columns()
        for name in ("place", "receiver", "error", "speed", "battery", "photos"):
            setattr(cut, name, getattr(self, name).between(start_s, end_s))
        cut.outputs = {n: series.between(start_s, end_s) for n, series in self.outputs.items()}
        return cut

    def places(self) -> FloatArray:
        """Return time, longitude, latitude and height above home, (N, 4), unusable rows left out.

        The filter's where there are any, else the receiver's, whose first height is home's.
        """
        rows = _on_earth(self.place.rows())
        if len(rows):
            return rows
        rows = _on_earth(self.receiver.rows()[:, :4])
        rows[:, 3] -= rows[:1, 3]
        return rows


def _on_earth(rows: FloatArray) -> FloatArray:
    good = np.isfinite(rows).all(axis=1) & (np.abs(rows[:, 1]) <= 180.0)
    good &= (np.abs(rows[:, 2]) <= 90.0) & ((rows[:, 1] != 0.0) | (rows[:, 2] != 0.0))
    return rows[good & (np.abs(rows[:, 3]) < 20_000.0)]


def track_of(columns: Columns, parameters: Mapping[str, float], *, channel: int) -> Track:
    """Return the track of a flight.

    Parameters
    ----------
    columns : Columns
        Of this flight.
    parameters : mapping of str to float
        When it began.
    channel : int
        The pump's servo output; 0 looks for the sprayer's function.
    """
    places = columns.places()
    pump = find_pump(lambda names: tuple(Parameter(n, parameters.get(n)) for n in names), channel)
    pulses = columns.outputs[pump.channel].rows() if pump else np.empty((0, 2))
    time_s = np.union1d(places[:, 0], pulses[:, 0])
    near = near_reports(time_s, places[:, 0])
    time_s = time_s[near]
    lon, lat, height = (between(time_s, places[:, 0], places[:, n]) for n in (1, 2, 3))
    return Track(
        time_s=time_s,
        lon_deg=lon,
        lat_deg=lat,
        height_m=height,
        speed_m_s=_speed(columns, time_s, places),
        battery_pct=_held(time_s, columns.battery.rows()),
        pump_share=_shares(time_s, pulses, pump),
    )


def near_reports(
    time_s: FloatArray, known_s: FloatArray, *, held_s: float = 0.0
) -> NDArray[np.bool_]:
    """Return which times lie on a report or between two that are near each other.

    The first report counts for `held_s` before it too, the last for as long after it.
    """
    if not len(known_s):
        return np.zeros(len(time_s), dtype=bool)
    after = np.searchsorted(known_s, time_s)
    inside = (after > 0) & (after < len(known_s))
    step = known_s[np.minimum(after, len(known_s) - 1)] - known_s[np.maximum(after - 1, 0)]
    outside = (time_s < known_s[0]) & (time_s >= known_s[0] - held_s)
    outside |= (time_s > known_s[-1]) & (time_s <= known_s[-1] + held_s)
    found: NDArray[np.bool_] = np.isin(time_s, known_s) | (inside & (step <= SILENCE_S)) | outside
    return found


def between(time_s: FloatArray, known_s: FloatArray, values: FloatArray) -> FloatArray:
    """Return straight lines between reports; before the first and behind the last these hold."""
    if not len(known_s):
        return np.full(len(time_s), math.nan)
    return np.asarray(np.interp(time_s, known_s, values))


def _speed(columns: Columns, time_s: FloatArray, places: FloatArray) -> FloatArray:
    for rows in (columns.speed.rows(), columns.receiver.rows()[:, (0, 4)]):
        told = rows[np.isfinite(rows[:, 1]) & (rows[:, 1] < 1000.0)]
        if len(told) > 1:
            return between(time_s, told[:, 0], told[:, 1])
    if len(places) < 2:
        return np.zeros(len(time_s))
    east = places[:, 1] * np.cos(np.radians(places[:, 2]))
    step_m = np.hypot(np.diff(east), np.diff(places[:, 2])) * METRES_A_DEGREE
    speeds = step_m / np.diff(places[:, 0])
    return between(time_s, (places[1:, 0] + places[:-1, 0]) / 2.0, speeds)


def _held(time_s: FloatArray, rows: FloatArray) -> FloatArray:
    """Return what was told last, NaN before anything was."""
    if not len(rows):
        return np.full(len(time_s), math.nan)
    last = np.searchsorted(rows[:, 0], time_s, side="right") - 1
    return np.where(last >= 0, rows[np.maximum(last, 0), 1], math.nan)


def _shares(time_s: FloatArray, pulses: FloatArray, pump: PumpServo | None) -> FloatArray:
    """Return the pump's output, NaN where its servo was silent for long."""
    if pump is None or not len(pulses):
        return np.full(len(time_s), math.nan)
    shares = np.array([pump.share(pulse_us) for pulse_us in pulses[:, 1]])
    near = near_reports(time_s, pulses[:, 0], held_s=SILENCE_S)
    return np.where(near, between(time_s, pulses[:, 0], shares), math.nan)


def photos_of(columns: Columns) -> tuple[Photo, ...]:
    """Return the pictures of a flight, numbered from one."""
    rows = columns.photos.rows()
    rows = rows[np.isfinite(rows[:, :4]).all(axis=1)]
    if not len(rows):
        return ()
    found = []
    for time_s, index, lon, lat, height_m, yaw_deg in rows.tolist():
        try:
            place = LonLat(lon_deg=lon, lat_deg=lat)
        except BadInput:
            continue
        found.append(Photo(index=int(index - rows[0, 1]) + 1, time_s=time_s, place=place,
                           height_m=height_m, yaw_deg=yaw_deg))  # fmt: skip
    return tuple(found)
