"""Which files belong to one moment, and which moments show the panel.

Theory of operation
-------------------
A multispectral camera writes one file a band. Files that carry the same capture id (CaptureId,
CaptureUUID) are one capture. Files without one are joined by time and place: within `SAME_S` on
the camera's own clock and `SAME_M` on the ground, and never two files of one band. The colour
picture that a multispectral camera takes besides joins the capture it lies nearest to in time. A
colour camera's photos are a capture each. A second copy of a file (same capture, same band, same
size) is left out and told of.

A card often holds more than one flight: between two captures that lie more than `FLIGHT_S` apart
on the camera's clock, the aircraft had landed.

A capture shows the panel when its camera says so ("marked"). Older firmware says nothing: then a
capture taken at least `GROUND_M` below the flight's middle height is "likely" one, held above
the panel on the ground; whether a panel is in it, calibration finds out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median
from typing import Literal

from agri.findings import Finding
from agri.geo import LonLat, distance_m
from imagery.intake.photos import Seen
from imagery.photo import Photo

SAME_S = 0.6
SAME_M = 10.0
GROUND_M = 12.0
FLIGHT_S = 1_200.0
FEWEST_FOR_GROUND = 5
"""Captures from which a middle height means something."""
NEVER = datetime(1, 1, 1)  # noqa: DTZ001 - a camera's own clock has no zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One moment: the files that a camera wrote at once.

    Parameters
    ----------
    id : str
        The camera's own, else the first file's name.
    photos : tuple of Photo
        In the camera's own order of bands, the colour picture last.
    panel : {"", "marked", "likely"}
        Whether it shows the reflectance panel, and who says so.
    clock : datetime or None
        The camera's own clock, without a zone; the order of captures.
    """

    id: str
    photos: tuple[Photo, ...]
    panel: Literal["", "marked", "likely"] = ""
    clock: datetime | None = None

    @property
    def place(self) -> LonLat | None:
        """Where it was taken, as the first photo that knows tells."""
        return next((photo.place for photo in self.photos if photo.place is not None), None)

    @property
    def height_m(self) -> float | None:
        """Height above take-off, else above sea; metres, good for comparing captures."""
        for photo in self.photos:
            height = photo.height_home or photo.height_sea
            if height is not None:
                return height.metres
        return None

    @property
    def bands(self) -> tuple[Photo, ...]:
        """The files of single bands."""
        return tuple(photo for photo in self.photos if photo.channels == 1)

    @property
    def colour(self) -> Photo | None:
        """The colour picture, if there is one."""
        return next((photo for photo in self.photos if photo.channels >= 3), None)

    @property
    def name(self) -> str:
        """The first file's name, for sentences."""
        return self.photos[0].name


def grouped(photos: Sequence[Seen]) -> tuple[tuple[Capture, ...], tuple[Finding, ...]]:
    """Return the captures that photos make up, in the order they were taken.

    Parameters
    ----------
    photos : sequence of Seen
        Of one camera.

    Returns
    -------
    captures : tuple of Capture
        `Capture.panel` not yet judged beyond what the camera marks.
    findings : tuple of Finding
        Copies left out.
    """
    single = [seen for seen in photos if seen.photo.channels == 1]
    colour = [seen for seen in photos if seen.photo.channels != 1]
    groups, twice = _by_id([seen for seen in single if seen.photo.capture_id])
    groups += _by_time([seen for seen in single if not seen.photo.capture_id])
    for seen in colour:
        home = _nearest(seen, groups) if single else None
        (groups.append([seen]) if home is None else home.append(seen))
    captures = sorted((_capture(group) for group in groups), key=_order)
    findings = (Finding.info("finding.photos_twice", count=twice),) if twice else ()
    return tuple(captures), findings


def with_panels(captures: Sequence[Capture]) -> tuple[Capture, ...]:
    """Return the captures, those likely to show the panel said to be so."""
    if any(capture.panel for capture in captures):
        return tuple(captures)
    heights = [capture.height_m for capture in captures if capture.height_m is not None]
    if len(heights) < FEWEST_FOR_GROUND or not any(capture.bands for capture in captures):
        return tuple(captures)
    ground = median(heights) - GROUND_M
    return tuple(
        replace(capture, panel="likely")
        if capture.height_m is not None and capture.height_m < ground
        else capture
        for capture in captures
    )


def flights_of(captures: Sequence[Capture]) -> tuple[tuple[Capture, ...], ...]:
    """Return captures by the flight they are of, in the order flown.

    Parameters
    ----------
    captures : sequence of Capture
        In the order taken. One without clock belongs to the flight before it.
    """
    flights: list[list[Capture]] = []
    last: datetime | None = None
    for capture in captures:
        begins = not flights
        if last is not None and capture.clock is not None:
            begins = (capture.clock - last).total_seconds() > FLIGHT_S
        if begins:
            flights.append([])
        flights[-1].append(capture)
        last = capture.clock or last
    return tuple(tuple(flight) for flight in flights)


def judge_flights(captures: Sequence[Capture]) -> tuple[Finding, ...]:
    """Return that there are several flights, and whether of several days."""
    flights = flights_of(captures)
    if len(flights) < 2:
        return ()
    days = sorted({f"{c.clock:%Y-%m-%d}" for flight in flights for c in flight if c.clock})
    if len(days) > 1:
        told = ", ".join(days[:4]) + (" …" if len(days) > 4 else "")
        return (Finding.warning("finding.photos_several_days", count=len(flights), days=told),)
    return (Finding.info("finding.photos_several_flights", count=len(flights)),)


def band_name(photo: Photo) -> str:
    """Return what one file's band is called, for comparing captures."""
    if photo.band is not None:
        return photo.band.name
    return "RGB" if photo.channels >= 3 else f"#{photo.band_index}"


def usual_bands(captures: Iterable[Capture]) -> tuple[str, ...]:
    """Return the bands that at least half of the captures have."""
    captures = list(captures)
    count = Counter(band_name(photo) for capture in captures for photo in capture.photos)
    return tuple(name for name, number in count.items() if 2 * number >= len(captures))


def _by_id(photos: Sequence[Seen]) -> tuple[list[list[Seen]], int]:
    groups: dict[str, dict[str, Seen]] = {}
    twice = 0
    for seen in photos:
        group = groups.setdefault(seen.photo.capture_id, {})
        name = band_name(seen.photo)
        twice += name in group
        group.setdefault(name, seen)
    return [list(group.values()) for group in groups.values()], twice


def _by_time(photos: Sequence[Seen]) -> list[list[Seen]]:
    groups: list[list[Seen]] = []
    for seen in sorted(photos, key=lambda one: (one.clock or NEVER, one.photo.path)):
        known = {band_name(other.photo) for other in groups[-1]} if groups else set()
        if groups and band_name(seen.photo) not in known and _together(groups[-1][0], seen):
            groups[-1].append(seen)
        else:
            groups.append([seen])
    return groups


def _together(first: Seen, second: Seen) -> bool:
    """Return whether two files may be of one moment."""
    if first.clock is None or second.clock is None:
        return False
    if abs((first.clock - second.clock).total_seconds()) > SAME_S:
        return False
    here, there = first.photo.place, second.photo.place
    return here is None or there is None or distance_m(here, there) <= SAME_M


def _nearest(seen: Seen, groups: Sequence[list[Seen]]) -> list[Seen] | None:
    """Return the capture that a colour picture belongs to, None for none."""
    if seen.photo.capture_id:
        for group in groups:
            if group[0].photo.capture_id == seen.photo.capture_id:
                return group
    if seen.clock is None:
        return None
    free = [
        (abs((group[0].clock - seen.clock).total_seconds()), index)
        for index, group in enumerate(groups)
        if group[0].clock is not None
        and _together(group[0], seen)
        and all(other.photo.channels == 1 for other in group)
    ]
    return groups[min(free)[1]] if free else None


def _capture(group: Sequence[Seen]) -> Capture:
    def order(seen: Seen) -> tuple[bool, int, str]:
        index = seen.photo.band_index
        return seen.photo.channels != 1, 99 if index is None else index, seen.photo.path.name

    ordered = sorted(group, key=order)
    photos = tuple(seen.photo for seen in ordered)
    marked = any(photo.calibration_picture for photo in photos)
    return Capture(
        id=photos[0].capture_id or photos[0].path.name,
        photos=photos,
        panel="marked" if marked else "",
        clock=next((seen.clock for seen in ordered if seen.clock is not None), None),
    )


def _order(capture: Capture) -> tuple[datetime, str]:
    return capture.clock or NEVER, str(capture.photos[0].path)
