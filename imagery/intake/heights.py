"""How high above the ground each capture was taken, and who says so.

Theory of operation
-------------------
A photo of a DJI tells its height above take-off. A RedEdge, an Altum or a plain camera tells its
altitude above sea alone, and what a picture shows follows from neither without the ground. In this
order it is believed:

* **the terrain**, where heights are given for most captures (`agri.grid.Grid`): altitude less the
  ground below;
* **the ground's altitude**, where the user tells it: altitude less that;
* **take-off**, where most photos tell their height above it: taken as it is, as if the land were
  level with the pad;
* **the panel**, photographed where the aircraft stands, from about `PANEL_M` above it: altitude
  less the panel pictures' middle altitude; by the same receiver on the same day, so that an
  altimeter's shift falls out;
* **the ground run**: one of the first or last pictures, lower than the flight by more than
  `CLIMB_M`, where all pictures between are nearly as high as the flight.

Otherwise nothing is said. All but the terrain know the land at one place only; that is told with
the height, for on a slope what a photo shows is another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

import numpy as np

from agri.findings import Finding
from agri.grid import Grid
from imagery.intake.captures import Capture

HeightFrom = Literal["terrain", "told", "home", "panel", "start"]
PANEL_M = 1.0
"""From where a panel is photographed."""
CLIMB_M = 10.0
LEVEL = 0.8
"""Share of the climb that all captures but the first and last few have done."""
ENDS = 3
"""Captures at the beginning and at the end that may still stand on the ground."""
LOWEST_M = 2.0
"""A capture nearer to the ground shows nothing of a field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundTold:
    """What a user tells of the ground.

    Parameters
    ----------
    terrain : Grid, optional
        Heights above sea.
    altitude_m : float, optional
        Of level ground above sea, as the photos' receiver would tell it.
    """

    terrain: Grid | None = None
    altitude_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heights:
    """Heights above the ground.

    Parameters
    ----------
    metres : tuple of float or None
        Of each capture, in order; None where nobody knows or it stands on the ground.
    by : {"terrain", "told", "home", "panel", "start"} or None
        What they stand on; None when nothing is known.
    """

    metres: tuple[float | None, ...]
    by: HeightFrom | None = None

    @property
    def middle_m(self) -> float:
        """Their median; NaN when none is known."""
        known = [value for value in self.metres if value is not None]
        return float(median(known)) if known else float("nan")


def heights_above(
    captures: Sequence[Capture],
    *,
    panels: Sequence[Capture] = (),
    ground: GroundTold | None = None,
) -> Heights:
    """Return how high above the ground captures were taken.

    Parameters
    ----------
    captures : sequence of Capture
        In the order taken, without those of the panel.
    panels : sequence of Capture
        Those of the panel.
    ground : GroundTold, optional
        What the user tells of the ground.
    """
    sea, home = [_sea(capture) for capture in captures], [_home(capture) for capture in captures]
    if ground is not None and ground.terrain is not None:
        below = [_below(capture, ground.terrain) for capture in captures]
        over = [s - b if s is not None and b is not None else None
                for s, b in zip(sea, below, strict=True)]  # fmt: skip
        if _most(over):
            return _flown(over, "terrain")
    if ground is not None and ground.altitude_m is not None and _most(sea):
        return _flown(_less(sea, ground.altitude_m), "told")
    if _most(home):
        return _flown(home, "home")
    on_ground = [value for capture in panels if (value := _sea(capture)) is not None]
    if on_ground and _most(sea):
        return _flown(_less(sea, median(on_ground) - PANEL_M), "panel")
    start = _start(sea)
    if start is not None:
        return _flown(_less(sea, start), "start")
    return Heights(metres=(None,) * len(captures))


def height_findings(heights: Heights, captures: Sequence[Capture]) -> list[Finding]:
    """Return what a reader should know of where heights come from; nothing of take-off's own."""
    if heights.by is None:
        placed = any(capture.place is not None for capture in captures)
        return [Finding.info("finding.photos_height_unknown")] if placed else []
    if heights.by == "home":
        return []
    return [Finding.info(f"finding.photos_height_{heights.by}", height_m=heights.middle_m)]


def _most(values: Sequence[float | None]) -> bool:
    known = sum(value is not None for value in values)
    return known > 0 and 2 * known >= len(values)


def _less(values: Sequence[float | None], zero: float) -> list[float | None]:
    return [None if value is None else value - zero for value in values]


def _flown(values: Sequence[float | None], by: HeightFrom) -> Heights:
    """Return heights, unless none of them is one at which anybody flies."""
    flown = tuple(v if v is not None and v >= LOWEST_M else None for v in values)
    return Heights(metres=flown, by=by if any(v is not None for v in flown) else None)


def _sea(capture: Capture) -> float | None:
    return next((p.height_sea.metres for p in capture.photos if p.height_sea is not None), None)


def _home(capture: Capture) -> float | None:
    return next((p.height_home.metres for p in capture.photos if p.height_home is not None), None)


def _below(capture: Capture, terrain: Grid) -> float | None:
    if capture.place is None:
        return None
    found = float(terrain.sample(capture.place.lon_deg, capture.place.lat_deg))
    return found if np.isfinite(found) else None


def _start(sea: Sequence[float | None]) -> float | None:
    """Return the altitude of pictures taken on the ground before or after the flight."""
    known = [value for value in sea if value is not None]
    if len(known) <= 2 * ENDS or not _most(sea):
        return None
    lowest = min(*known[:ENDS], *known[-ENDS:])
    flight = median(known)
    climb = flight - lowest
    return lowest if climb > CLIMB_M and min(known[ENDS:-ENDS]) > lowest + LEVEL * climb else None
