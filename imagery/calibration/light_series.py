"""Light over a whole flight: the curve, and the captures that clouds fell on.

Theory of operation
-------------------
One band's light against time (`imagery.calibration.light`) is what a reflectance map's stripes are
explained by. The sun's own course through a flight is smooth: it is followed by a line through the
moments that agree with it (Theil and Sen's: the median of all slopes), and a capture whose light
lies more than a tenth off that line was taken under another sky. With a light sensor in use such
captures are still calibrated, less surely; with a panel alone they are wrong by as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agri.findings import Finding
from imagery.calibration.light import Downwelling, downwelling
from imagery.photo import Photo

OFF = 0.10
"""Light farther than this from the flight's line was another sky's."""
CLOUDY_SHARE = 0.05
"""More captures under another sky than this share are told of."""
MOST_SLOPES = 400
"""Moments that slopes are taken between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LightSeries:
    """One band's light over a flight.

    Parameters
    ----------
    band : str
        Its label.
    absolute : bool
        Whether `light` is W m⁻² nm⁻¹.
    photos : tuple of Photo
        Those whose light and time are known, in order of time.
    light : tuple of float
        On a level plane.
    expected : tuple of float
        By the flight's line.
    missing : int
        Photos whose light or time is not known.
    findings : tuple of Finding
    """

    band: str
    absolute: bool
    photos: tuple[Photo, ...]
    light: tuple[float, ...]
    expected: tuple[float, ...]
    missing: int
    findings: tuple[Finding, ...] = ()

    @property
    def cloudy(self) -> tuple[bool, ...]:
        """Which photos were taken under another sky."""
        return tuple(
            abs(light / expected - 1.0) > OFF
            for light, expected in zip(self.light, self.expected, strict=True)
        )


def light_series(photos: Sequence[Photo]) -> tuple[LightSeries, ...]:
    """Return each band's light over a flight.

    Parameters
    ----------
    photos : sequence of Photo
        Of one flight, single bands.

    Returns
    -------
    tuple of LightSeries
        One for each band that has any reading, in the order they first appear.
    """
    by_band: dict[str, list[Photo]] = {}
    for photo in photos:
        if photo.band is not None:
            by_band.setdefault(photo.band.label, []).append(photo)
    found = (_series(band, members) for band, members in by_band.items())
    return tuple(series for series in found if series is not None)


def _series(band: str, photos: list[Photo]) -> LightSeries | None:
    known: list[tuple[datetime, Photo, Downwelling]] = []
    for photo in photos:
        light = downwelling(photo)
        if isinstance(light, Downwelling) and photo.taken_utc is not None:
            known.append((photo.taken_utc, photo, light))
    if not known:
        return None
    known.sort(key=lambda row: (row[0], row[1].path))
    seconds = np.array([(taken - known[0][0]).total_seconds() for taken, _, _ in known])
    values = np.array([light.value for _, _, light in known])
    series = LightSeries(
        band=band,
        absolute=all(light.absolute for _, _, light in known),
        photos=tuple(photo for _, photo, _ in known),
        light=tuple(values.tolist()),
        expected=tuple(_line(seconds, values).tolist()),
        missing=len(photos) - len(known),
    )
    share = float(np.mean(series.cloudy))
    if share <= CLOUDY_SHARE:
        return series
    told = Finding.warning("finding.flight_cloudy", where=band, share_pct=100.0 * share)
    fields = {name: getattr(series, name) for name in LightSeries.__dataclass_fields__}
    return LightSeries(**{**fields, "findings": (told,)})


def _line(seconds: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Theil and Sen's line at each moment; the median where it would not stay above zero."""
    middle = float(np.median(values))
    some = np.unique(np.linspace(0, len(values) - 1, min(len(values), MOST_SLOPES)).astype(int))
    first, second = np.triu_indices(len(some), 1)
    apart = seconds[some[second]] - seconds[some[first]]
    rise = values[some[second]] - values[some[first]]
    slopes = rise[apart > 0.0] / apart[apart > 0.0]
    slope = float(np.median(slopes)) if slopes.size else 0.0
    line = values - slope * seconds
    expected = np.median(line) + slope * seconds
    return expected if float(expected.min()) > 0.0 else np.full_like(values, middle)
