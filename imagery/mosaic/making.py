"""From photos to an orthomosaic: the steps in their order, and an honest account of them.

Theory of operation
-------------------
Features of every photo, pairs by GPS, matches, a layout, the block adjusted, the ground, exposures,
and the painting; each step stands in a room of its own. What could not be used is told in
`Finding`s, photo by photo, and left out: no photo is put where only its GPS says that it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.findings import Finding
from agri.geo import LocalFrame, LonLat, transformer
from agri.grid import Grid
from imagery.mosaic.accuracy import Accuracy, CheckPoint, accuracy, accuracy_findings
from imagery.mosaic.adjustment import Adjusted, adjust
from imagery.mosaic.exposure import exposure_gains
from imagery.mosaic.features import Features, find_features
from imagery.mosaic.ground import Ground, find_ground
from imagery.mosaic.layout import lay_out
from imagery.mosaic.matching import PairMatches, match_pair, neighbours
from imagery.mosaic.overlap import overlap_of
from imagery.mosaic.painting import Sheet, View, outline_m, paint
from imagery.mosaic.shots import Shot
from imagery.mosaic.tracks import join_tracks, thin_tracks
from imagery.raster.canvas import CanvasShape, open_canvas

FloatArray = NDArray[np.float64]
Quality = Literal["quick", "full"]
T = TypeVar("T")
Progress = Callable[[float], None]

COARSER: dict[Quality, float] = {"quick": 2.0, "full": 1.0}
"""Side of the mosaic's pixel, in the photos' own on the ground."""
MIN_PHOTOS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicSettings:
    """What is asked of a mosaic.

    Parameters
    ----------
    quality : {"quick", "full"}
        Pixels twice as long as the photos' own, or the same.
    pixel_m : float or None
        Side of a pixel instead.
    even_exposure : bool
        Whether photos are made equally bright; False for calibrated reflectance.
    workers : int
        Threads that look for features and match.
    """

    quality: Quality = "quick"
    pixel_m: float | None = None
    even_exposure: bool = True
    workers: int = 2

    def __post_init__(self) -> None:
        if self.pixel_m is not None and not 0.001 <= self.pixel_m <= 10.0:
            raise BadInput("error.mosaic_pixel", value=self.pixel_m)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placement:
    """Photos placed, before anything is painted.

    Parameters
    ----------
    views : tuple of View
        Where each placed photo was.
    frame : LocalFrame
        Of the views' east and north.
    ground : Ground
        What they look at.
    accuracy : Accuracy
        How well.
    adjusted : Adjusted
        The block itself.
    findings : tuple of Finding
        Photos not placed, and what else is worth knowing.
    """

    views: tuple[View, ...]
    frame: LocalFrame
    ground: Ground
    accuracy: Accuracy
    adjusted: Adjusted
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mosaic:
    """A mosaic made.

    Parameters
    ----------
    path : Path
        The cloud-optimised GeoTIFF.
    pixel_m : float
        Side of a pixel.
    width, height : int
        Pixels.
    epsg : int
        UTM zone.
    area_m2 : float
        Painted.
    accuracy : Accuracy
        How well the photos are placed.
    overlap : Grid
        How many placed photos see each place.
    findings : tuple of Finding
        Photos left out, and what else is worth knowing.
    """

    path: Path
    pixel_m: float
    width: int
    height: int
    epsg: int
    area_m2: float
    accuracy: Accuracy
    overlap: Grid
    findings: tuple[Finding, ...]


def place_photos(
    shots: Sequence[Shot],
    *,
    terrain: Grid | None = None,
    check_points: Sequence[CheckPoint] = (),
    settings: MosaicSettings | None = None,
    progress: Progress | None = None,
) -> Placement:
    """Find out where photos were taken and how the camera looked.

    Parameters
    ----------
    shots : sequence of Shot
        At least three, overlapping, with names of their own.
    terrain : Grid, optional
        Heights of the ground or its surface, m.
    check_points : sequence of CheckPoint
        Places measured on the ground and marked in photos; they judge, they do not take part.
    settings : MosaicSettings, optional
        Otherwise a quick one.
    progress : callable, optional
        Told the share done.

    Raises
    ------
    BadInput
        When there are too few photos or none of them can be tied together.
    """
    settings = settings or MosaicSettings()
    shots, findings = _readable(shots)
    shots, features, unread = _features(shots, settings.workers, _part(progress, 0.0, 0.5))
    frame = LocalFrame(_middle([shot.place for shot in shots]))
    positions = np.array([frame.metres(shot.place) for shot in shots])
    pairs = _pairs(positions, features, settings.workers, _part(progress, 0.5, 0.9))
    focal = np.array([s.focal_px / f.reduction for s, f in zip(shots, features, strict=True)])
    layout = lay_out(positions, focal, features, pairs)
    pairs = [pair for pair, good in zip(pairs, layout.agreeing, strict=True) if good]
    tracks = thin_tracks(join_tracks(features, pairs))
    gps = np.column_stack([positions, [shot.altitude_m for shot in shots]])
    tilt = np.radians([[shot.forward_deg, shot.right_deg] for shot in shots])
    error = np.array([[shot.gps_m, shot.gps_m, shot.gps_up_m] for shot in shots])
    if not (layout.part >= 0).any():
        raise BadInput("error.mosaic_not_tied", photos=len(shots))
    block = adjust(layout, tracks, focal_px=focal, gps_m=gps, gps_error_m=error, tilt_rad=tilt)
    if block.placed.sum() < MIN_PHOTOS:
        raise BadInput("error.mosaic_not_tied", photos=len(shots))
    ground = find_ground(block.points_m, frame, terrain)
    views = _views(shots, features, block, settings.even_exposure)
    found = accuracy(block, views, ground, gps_m=gps, focal_px=focal, check_points=check_points)
    left_out = [
        Finding.warning("finding.mosaic_not_placed", where=shot.name)
        for shot, placed in zip(shots, block.placed, strict=True)
        if not placed
    ]
    if progress is not None:
        progress(1.0)
    return Placement(
        views=views,
        frame=frame,
        ground=ground,
        accuracy=replace(found, photos=len(shots) + len(unread)),
        adjusted=block,
        findings=(*findings, *unread, *left_out, *accuracy_findings(found)),
    )


def make_mosaic(
    shots: Sequence[Shot],
    path: Path,
    *,
    terrain: Grid | None = None,
    check_points: Sequence[CheckPoint] = (),
    settings: MosaicSettings | None = None,
    band_names: Sequence[str] = (),
    progress: Progress | None = None,
) -> Mosaic:
    """Make an orthomosaic of photos and write it as a cloud-optimised GeoTIFF.

    Parameters
    ----------
    shots, terrain, check_points, settings, progress
        As `place_photos`.
    path : Path
        The GeoTIFF, replaced if it is there; it appears whole or not at all.
    band_names : sequence of str
        Names of the bands, to be written into the file.

    Returns
    -------
    Mosaic

    Raises
    ------
    BadInput
        When the photos cannot be placed or read.
    StoreError
        When the disk will not take the file.
    """
    settings = settings or MosaicSettings()
    placed = place_photos(
        shots,
        terrain=terrain,
        check_points=check_points,
        settings=settings,
        progress=_part(progress, 0.0, 0.6),
    )
    sheet = sheet_of(placed, settings)
    kind = str(placed.views[0].shot.pixels(8).dtype)
    kind = kind if kind in ("uint8", "uint16") else "float32"
    shape = CanvasShape(
        width=sheet.width,
        height=sheet.height,
        bands=len(placed.views[0].gain),
        kind=kind,
        epsg=placed.frame.utm_epsg,
        affine=sheet.affine,
        band_names=tuple(band_names),
        tags=placed.accuracy.tags(),
    )
    with open_canvas(path, shape) as canvas:
        area = paint(
            canvas,
            sheet,
            placed.views,
            placed.ground,
            kind=kind,
            progress=_part(progress, 0.6, 1.0),
        )
    return Mosaic(
        path=path,
        pixel_m=sheet.pixel_m,
        width=sheet.width,
        height=sheet.height,
        epsg=shape.epsg,
        area_m2=area,
        accuracy=placed.accuracy,
        overlap=overlap_of(placed.views, placed.ground, sheet),
        findings=placed.findings,
    )


def sheet_of(placed: Placement, settings: MosaicSettings) -> Sheet:
    """Return where the mosaic of placed photos lies: everything they show, whole pixels."""
    corners = np.concatenate([outline_m(view, placed.ground) for view in placed.views])
    corners = corners[np.isfinite(corners).all(axis=1)]
    centres = np.array([view.pose[:2] for view in placed.views])
    pixel = settings.pixel_m or COARSER[settings.quality] * placed.accuracy.native_m
    # what a tilted photo shows beyond its neighbours' whole width is horizon, not field
    reach = 3.0 * float(np.median([abs(view.pose[2]) for view in placed.views]))
    corners = np.clip(corners, centres.min(axis=0) - reach, centres.max(axis=0) + reach)
    lon, lat = placed.frame.to_lonlat(corners[:, 0], corners[:, 1])
    x, y = transformer(4326, placed.frame.utm_epsg).transform(lon, lat)
    west = float(np.floor(x.min() / pixel) * pixel)
    north = float(np.ceil(y.max() / pixel) * pixel)
    return Sheet(
        frame=placed.frame,
        west_m=west,
        north_m=north,
        pixel_m=pixel,
        width=int(np.ceil((x.max() - west) / pixel)),
        height=int(np.ceil((north - y.min()) / pixel)),
    )


def _readable(shots: Sequence[Shot]) -> tuple[list[Shot], list[Finding]]:
    """Return the shots, each name once."""
    kept: dict[str, Shot] = {}
    findings = []
    for shot in shots:
        if shot.name in kept:
            findings.append(Finding.warning("finding.mosaic_twice", where=shot.name))
        else:
            kept[shot.name] = shot
    if len(kept) < MIN_PHOTOS:
        raise BadInput("error.mosaic_few", photos=len(kept), least=MIN_PHOTOS)
    return list(kept.values()), findings


def _features(
    shots: Sequence[Shot], workers: int, progress: Progress | None
) -> tuple[list[Shot], list[Features], list[Finding]]:
    """Return the photos that can be read, their features, and findings on the others."""

    def looked(shot: Shot) -> Features | BadInput:
        try:
            return find_features(shot)
        except BadInput as error:
            return error

    with ThreadPoolExecutor(max_workers=workers) as pool:
        found = _gathered(pool.map(looked, shots), len(shots), progress)
    kept, features, findings = [], [], []
    for shot, each in zip(shots, found, strict=True):
        if isinstance(each, Features):
            kept.append(shot)
            features.append(each)
        else:
            findings.append(
                Finding.warning("finding.mosaic_left_out", where=shot.name, why=each.message)
            )
    if len(kept) < MIN_PHOTOS:
        raise next(each for each in found if isinstance(each, BadInput))
    return kept, features, findings


def _pairs(
    positions: FloatArray, features: Sequence[Features], workers: int, progress: Progress | None
) -> list[PairMatches]:
    chosen = neighbours(positions)

    def matched(pair: tuple[int, int]) -> PairMatches | None:
        found = match_pair(features[pair[0]], features[pair[1]])
        if found is None:
            return None
        return PairMatches(first=pair[0], second=pair[1], features=found)

    with ThreadPoolExecutor(max_workers=workers) as pool:
        found = _gathered(pool.map(matched, chosen), len(chosen), progress)
    return [pair for pair in found if pair is not None]


def _gathered(results: Iterable[T], count: int, progress: Progress | None) -> list[T]:
    gathered: list[T] = []
    for result in results:
        gathered.append(result)
        if progress is not None:
            progress(len(gathered) / count)
    return gathered


def _views(
    shots: Sequence[Shot], features: Sequence[Features], block: Adjusted, even: bool
) -> tuple[View, ...]:
    gains = exposure_gains(features, block.tracks)
    if not even:
        gains = np.ones_like(gains)
    return tuple(
        View(shot=shots[int(k)], pose=block.poses[k], lens=block.lens, gain=gains[k])
        for k in np.flatnonzero(block.placed)
    )


def _middle(places: Sequence[LonLat]) -> LonLat:
    return LonLat(
        lon_deg=float(np.median([place.lon_deg for place in places])),
        lat_deg=float(np.median([place.lat_deg for place in places])),
    )


def _part(progress: Progress | None, low: float, high: float) -> Progress | None:
    """Return a progress that tells a part of another one."""
    if progress is None:
        return None
    return lambda share: progress(low + share * (high - low))
