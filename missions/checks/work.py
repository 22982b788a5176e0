"""What a flight sprays along which pass: the ground of every wet stretch and spot.

Each wet piece (`missions.checks.trace`) belongs to the pass of the plan it runs along, whose width
and rate are the plan's word; a piece that runs along none is sprayed where nothing was meant to be,
on a turn or a transit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import shapely
import shapely.ops
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from agri.findings import Finding
from missions.checks.path import Path
from missions.checks.trace import Spot, Stretch, WetPiece
from missions.sprayer.job import SprayJob, SprayPass

ALONG_PASS_M = 0.5
"""A wet piece no further from a pass than this runs along it."""
ALONG_PASS_DEG = 5.0
"""And turned from it by no more than this."""
NARROWEST = 0.6
"""A pass told narrower than this share of the job's swath is taken to be as wide as the swath."""
ROUNDING = 1e-6
"""Lengths and widths closer than this are equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """A wet piece and the pass it runs along.

    Parameters
    ----------
    stretch : int
        Number of the stretch it is of, from 0.
    piece : WetPiece
        What is wet.
    given : SprayPass
        The pass, whose rate and width it is judged by.
    width_m : float
        Width believed.
    """

    stretch: int
    piece: WetPiece
    given: SprayPass
    width_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """All that a flight sprays.

    Parameters
    ----------
    pieces : tuple of Worked
        Wet pieces along passes.
    spots : tuple of (Spot, SprayPass)
        Waits over spots of the plan.
    off_passes : tuple of Finding
        What is sprayed along no pass.
    """

    pieces: tuple[Worked, ...]
    spots: tuple[tuple[Spot, SprayPass], ...]
    off_passes: tuple[Finding, ...]

    def strips(self, side_m: float = 0.0, along_m: float = 0.0) -> list[tuple[int, BaseGeometry]]:
        """Return the ground of every stretch and spot, with its item's number.

        Parameters
        ----------
        side_m, along_m : float
            How much is taken off each side, and off both ends of a stretch.
        """
        found: list[tuple[int, BaseGeometry]] = []
        for number in sorted({work.stretch for work in self.pieces}):
            mine = [work for work in self.pieces if work.stretch == number]
            found.append((mine[0].piece.seq, _strip(mine, side_m, along_m)))
        for spot, given in self.spots:
            round_m = given.width_m / 2.0 - side_m
            found.append((spot.seq, Point(spot.east_m, spot.north_m).buffer(round_m)))
        return found


def _strip(mine: Sequence[Worked], side_m: float, along_m: float) -> BaseGeometry:
    strips = []
    for place, work in enumerate(mine):
        line = work.piece.line
        first = along_m if place == 0 else 0.0
        last = along_m if place == len(mine) - 1 else 0.0
        if line.length > first + last + ROUNDING:
            cut = shapely.ops.substring(line, first, line.length - last)
            strips.append(cut.buffer(work.width_m / 2.0 - side_m, cap_style="flat"))
    strip: BaseGeometry = shapely.union_all(strips)
    return strip


def work_of(job: SprayJob, path: Path, runs: Sequence[Stretch], waits: Sequence[Spot]) -> Work:
    """Return what is sprayed along which pass.

    Parameters
    ----------
    job : SprayJob
        The plan's passes.
    path : Path
        The flight.
    runs, waits
        Its stretches and spots.
    """
    ways = [(_local(path, p), p) for p in job.passes if len(p.places) > 1]
    trees = [(_local(path, p), p) for p in job.passes if len(p.places) == 1]
    pieces: list[Worked] = []
    lost: list[tuple[int, float]] = []
    for number, run in enumerate(runs):
        for piece in run.wet:
            given = _pass_along(piece.line, ways)
            if given is None:
                lost.append((piece.seq, piece.line.length))
            else:
                width_m = believed_width_m(job, given)
                pieces.append(Worked(stretch=number, piece=piece, given=given, width_m=width_m))
    spots = []
    for spot in waits:
        place = Point(spot.east_m, spot.north_m)
        near = [entry for entry in trees if entry[0].distance(place) <= ALONG_PASS_M]
        if near:
            spots.append((spot, min(near, key=lambda entry: entry[0].distance(place))[1]))
        else:
            lost.append((spot.seq, 0.0))
    return Work(pieces=tuple(pieces), spots=tuple(spots), off_passes=tuple(_off(lost)))


def _off(lost: Sequence[tuple[int, float]]) -> Iterator[Finding]:
    if lost:
        yield Finding.error(
            "finding.spray_off_pass",
            item=lost[0][0],
            count=len({seq for seq, _ in lost}),
            length_m=sum(length for _, length in lost),
        )


def _local(path: Path, given: SprayPass) -> BaseGeometry:
    places = [path.frame.metres(place) for place in given.places]
    return LineString(places) if len(places) > 1 else Point(places[0])


def believed_width_m(job: SprayJob, given: SprayPass) -> float:
    """Return the width of a pass, the job's swath where the pass tells one too narrow for it."""
    if (
        job.kind in ("field", "part")
        and given.width_m < NARROWEST * job.settings.swath_m - ROUNDING
    ):
        return job.settings.swath_m
    return given.width_m


def _pass_along(
    line: LineString, ways: Sequence[tuple[BaseGeometry, SprayPass]]
) -> SprayPass | None:
    """Return the pass that a wet piece runs along, None when it runs along none."""
    middle = line.interpolate(0.5, normalized=True)
    near = []
    for way, given in ways:
        if way.distance(middle) <= ALONG_PASS_M:
            turned = _turned_deg(line, way, middle)
            if turned <= ALONG_PASS_DEG:
                near.append((turned, given))
    return min(near, key=lambda entry: entry[0])[1] if near else None


def _turned_deg(line: LineString, way: BaseGeometry, middle: Point) -> float:
    """Return the angle between a line and a way's sides about it, the least, 0 to 90 degrees."""
    start, end = shapely.get_coordinates(line)[[0, -1]]
    flown = math.atan2(end[0] - start[0], end[1] - start[1])
    found = []
    for here, there in pairwise(shapely.get_coordinates(way)):
        if LineString([here, there]).distance(middle) <= ALONG_PASS_M:
            bearing = math.atan2(there[0] - here[0], there[1] - here[1])
            found.append(abs(math.remainder(math.degrees(flown - bearing), 180.0)))
    return min(found)
