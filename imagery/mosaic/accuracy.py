"""How well the photos are placed: what the block itself tells, and what it cannot know.

Theory of operation
-------------------
Four figures, each for what it is:

* **reprojection**: how far sightings lie from where the adjusted block shows them; the fit alone;
* **seams**: how far apart on the mosaic the photos show one tie point, each laid on the ground as
  it is painted: relief and crowns that the ground does not know are in it;
* **GPS**: how far the adjusted places lie from the told ones; an offset that all photos share
  cannot be seen in it;
* **check points**, when there are any: how far the mosaic shows them from where they were measured.

The accuracy told for the mosaic is that of the check points; without any it is no better than the
told error of GPS, because a receiver's error hardly changes within a flight, and the seams'.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agri.findings import Finding
from agri.geo import LonLat
from imagery.mosaic.adjustment import Adjusted
from imagery.mosaic.ground import Ground, laid_on
from imagery.mosaic.painting import View

FloatArray = NDArray[np.float64]

GOOD_PX = 0.5
"""Reprojection above it is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPoint:
    """A place measured on the ground and marked in photos.

    Parameters
    ----------
    name : str
        For sentences.
    place : LonLat
        Where it was measured.
    sightings : tuple of (str, float, float)
        Photo's name, full-size column and row (0, 0 is the centre of the upper left pixel).
    """

    name: str
    place: LonLat
    sightings: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How well photos are placed.

    Parameters
    ----------
    photos, placed : int
        Photos given and placed.
    ties : int
        Tie points kept.
    reprojection_px : float
        Root mean square, feature pixels.
    seam_m : float
        Root mean square distance of a tie point's images on the mosaic from their middle.
    gps_m, gps_up_m : float
        Root mean square distance of adjusted places from GPS, level and up.
    told_gps_m : float
        Standard error that GPS was taken to have, the median.
    native_m : float
        A photo's own pixel on the ground, the median.
    height_m : float
        Of the lens above the ground, the median.
    focal_change : float
        By what the focal length told was multiplied.
    check_points : int
        Check points seen on the mosaic.
    check_m : float
        Their root mean square distance, level; NaN without any.
    check_worst_m : float
        The largest; NaN without any.
    """

    photos: int
    placed: int
    ties: int
    reprojection_px: float
    seam_m: float
    gps_m: float
    gps_up_m: float
    told_gps_m: float
    native_m: float
    height_m: float
    focal_change: float
    check_points: int = 0
    check_m: float = math.nan
    check_worst_m: float = math.nan

    @property
    def placed_share(self) -> float:
        """Share of the photos that is placed."""
        return self.placed / self.photos

    @property
    def error_m(self) -> float:
        """What may be said of the mosaic: level root mean square error against the true place."""
        if self.check_points:
            return self.check_m
        return math.hypot(self.told_gps_m, self.seam_m)

    def tags(self) -> dict[str, str]:
        """Return the figures as a file's tags."""
        return {
            "PHOTOS": f"{self.placed} of {self.photos}",
            "REPROJECTION_PX": f"{self.reprojection_px:.3f}",
            "SEAM_M": f"{self.seam_m:.3f}",
            "GPS_RESIDUAL_M": f"{self.gps_m:.3f}",
            "ERROR_M": f"{self.error_m:.3f}",
            "ERROR_FROM": f"{self.check_points} check points" if self.check_points else "GPS",
        }


def accuracy(
    block: Adjusted,
    views: Sequence[View],
    ground: Ground,
    *,
    gps_m: FloatArray,
    focal_px: FloatArray,
    check_points: Sequence[CheckPoint] = (),
) -> Accuracy:
    """Return how well a block is placed.

    Parameters
    ----------
    block : Adjusted
        The block.
    views : sequence of View
        Its placed photos, in order.
    ground : Ground
        What they look at.
    gps_m : (N, 3) float64
        East, north, altitude as told, of every photo.
    focal_px : (N,) float64
        Focal length told, feature pixels.
    check_points : sequence of CheckPoint
        Measured places.
    """
    off = block.poses[block.placed, :3] - gps_m[block.placed]
    off[:, 2] -= np.median(off[:, 2])
    photo, track = block.tracks.photo, block.tracks.track
    laid = laid_on(ground, block.poses[photo], focal_px[photo], block.lens, block.tracks.points_px)
    heights = np.array([view.pose[2] for view in views]) - ground.plane[0]
    change = float(np.exp(block.lens[0]))
    missed = [miss for point in check_points if (miss := _missed(point, views, ground)) is not None]
    return Accuracy(
        photos=len(block.placed),
        placed=int(block.placed.sum()),
        ties=block.tracks.count,
        reprojection_px=block.rms_px,
        seam_m=_spread(laid, track, block.tracks.count),
        gps_m=float(np.sqrt((off[:, :2] ** 2).sum(axis=1).mean())),
        gps_up_m=float(np.sqrt((off[:, 2] ** 2).mean())),
        told_gps_m=float(np.median([view.shot.gps_m for view in views])),
        native_m=float(
            np.median([h / (v.shot.focal_px * change) for h, v in zip(heights, views, strict=True)])
        ),
        height_m=float(np.median(heights)),
        focal_change=change,
        check_points=len(missed),
        check_m=float(np.sqrt(np.mean(np.square(missed)))) if missed else math.nan,
        check_worst_m=max(missed, default=math.nan),
    )


def _spread(laid_m: FloatArray, track: NDArray[np.intp], count: int) -> float:
    """Return how far a tie point's images lie from their middle, root mean square."""
    good = np.isfinite(laid_m).all(axis=1)
    laid_m, track = laid_m[good], track[good]
    seen = np.maximum(np.bincount(track, minlength=count), 1)
    middle = np.stack([np.bincount(track, each, count) / seen for each in laid_m.T], axis=1)
    squares = ((laid_m - middle[track]) ** 2).sum(axis=1)
    return float(np.sqrt(squares.mean())) if len(squares) else math.nan


def _missed(point: CheckPoint, views: Sequence[View], ground: Ground) -> float | None:
    """Return how far the mosaic shows a check point from its place; None when no photo does."""
    by_name = {view.shot.name: view for view in views}
    shown = []
    for name, column, row in point.sightings:
        view = by_name.get(name)
        if view is None:
            continue
        seen = np.array([[column, row]]) - view.shot.middle_px
        focal = np.array([view.shot.focal_px])
        shown.append(laid_on(ground, view.pose[None], focal, view.lens, seen)[0])
    if not shown or not np.isfinite(shown).all():
        return None
    true = np.array(ground.frame.metres(point.place))
    return float(np.hypot(*(np.mean(shown, axis=0) - true)))


def accuracy_findings(found: Accuracy) -> tuple[Finding, ...]:
    """Return what is worth knowing of the figures."""
    findings = []
    if found.reprojection_px > GOOD_PX:
        findings.append(
            Finding.warning("finding.mosaic_loose", px=found.reprojection_px, most=GOOD_PX)
        )
    if found.check_points:
        findings.append(
            Finding.info(
                "finding.mosaic_checked",
                count=found.check_points,
                error_m=found.check_m,
                worst_m=found.check_worst_m,
            )
        )
    else:
        findings.append(Finding.info("finding.mosaic_unchecked", error_m=found.error_m))
    return tuple(findings)
