"""An orthomosaic from a folder of photos: made here in minutes, or by OpenDroneMap where one is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.field import Field
from agri.findings import Finding, blocks
from agri.grid import Grid
from agri.operations.maps.photos import declared_sensor
from agri.operations.maps.quicklook import Look, draw_photo_map
from agri.operations.maps.register import free_place, list_photos, list_raster
from agri.operations.maps.shelf import Shelf
from agri.operations.maps.sights import field_layers
from agri.operations.report import Facts, fact
from agri.units import square_metres_to_hectares, square_metres_to_sao
from agri.words import Language, say
from imagery.intake import Intake, take_in
from imagery.intake.intake import Progress
from imagery.mosaic import Mosaic, MosaicSettings, make_mosaic
from imagery.mosaic.from_photos import shots_from_photos
from imagery.mosaic.ground_control import read_check_points
from imagery.mosaic.making import Quality
from imagery.mosaic.survey_grade import survey_grade_mosaic
from imagery.photo import Photo
from imagery.raster import Ortho, open_ortho, read_grid
from imagery.raster.overview import glance

COLOURS = ("Red", "Green", "Blue")
BRIGHT_PCT = (1.0, 99.0)
"""What of a picture becomes black and white."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeMosaic:
    """A mosaic and the files that show it.

    Parameters
    ----------
    path : Path
        The GeoTIFF.
    picture : Path
        Its quick look.
    facts : sequence of (str, str)
        Label and value.
    findings : tuple of Finding
        Photos left out, accuracy, and what intake found.
    mosaic : Mosaic or None
        None where OpenDroneMap made it.
    """

    path: Path
    picture: Path
    facts: Facts
    findings: tuple[Finding, ...]
    mosaic: Mosaic | None = None


def mosaic_photos(
    path: Path,
    shelf: Shelf,
    *,
    field: Field | None = None,
    camera: str = "",
    quality: Quality = "quick",
    pixel_m: float | None = None,
    terrain: Path | None = None,
    check_points: Path | None = None,
    node: str = "",
    progress: Progress | None = None,
) -> MadeMosaic:
    """Make an orthomosaic of photos.

    Parameters
    ----------
    path : Path
        A folder, card or zip of photos.
    shelf : Shelf
        Where GeoTIFF and picture go.
    field : Field, optional
        What the photos show; others are set aside.
    camera : str
        Name of the camera in the catalogue, when the photos do not tell it.
    quality : {"quick", "full"}
        Pixels twice as long as the photos' own, or the same.
    pixel_m : float, optional
        Side of a pixel instead.
    terrain : Path, optional
        Heights of the ground, a GeoTIFF.
    check_points : Path, optional
        Measured places, as OpenDroneMap's ``gcp_list.txt`` has them; they judge the mosaic.
    node : str
        Address of an OpenDroneMap server that is to make it instead.
    progress : callable, optional
        Told the share done, 0 to 1.

    Raises
    ------
    AgriError
        When the photos cannot be used, placed or sent.
    """
    tell = progress or (lambda _: None)
    intake = take_in(path, field=field, sensor=declared_sensor(camera),
                     progress=lambda share: tell(0.15 * share))  # fmt: skip
    photos = mosaic_members(intake)
    source = path.resolve().name
    target = free_place(shelf, shelf.place(source, "mosaic", ".tif"))
    if node:
        files = [photo.path for photo in photos]
        survey_grade_mosaic([*files, *([check_points] if check_points else [])], target, node,
                            progress=lambda share: tell(0.15 + 0.85 * share))  # fmt: skip
        sheet = list_photos(shelf, intake, source)
        list_raster(shelf, target, "orthomosaic", made_of=[sheet] if sheet else [])
        return MadeMosaic(path=target, picture=_picture(target, source, shelf, field, []),
                          facts=[], findings=intake.findings)  # fmt: skip
    shots, left_out = shots_from_photos(photos)
    points = read_check_points(check_points) if check_points else ()
    ground = read_grid(terrain, unit="m") if terrain else None
    made = make_mosaic(
        shots, target, terrain=ground, check_points=points,
        settings=MosaicSettings(quality=quality, pixel_m=pixel_m), band_names=_names(photos),
        progress=lambda share: tell(0.15 + 0.85 * share),
    )  # fmt: skip
    facts = mosaic_facts(made, shelf.language)
    sheet = list_photos(shelf, intake, source)
    list_raster(shelf, target, "orthomosaic", made_of=[sheet] if sheet else [],
                facts=made.accuracy.tags())  # fmt: skip
    findings = (*intake.findings, *left_out, *made.findings)
    picture = _picture(target, source, shelf, field, facts)
    return MadeMosaic(path=target, picture=picture, facts=facts, findings=findings, mosaic=made)


def mosaic_members(intake: Intake) -> list[Photo]:
    """Return the photos of which one mosaic can be made: the colour pictures.

    Raises
    ------
    BadInput
        When there are none, or intake found what blocks.
    """
    if blocks(intake.findings):
        worst = max(intake.findings, key=lambda finding: finding.severity)
        raise BadInput("error.photos_unusable", why=worst.message)
    photos = [capture.colour for capture in intake.captures if capture.colour is not None]
    if not photos:
        raise BadInput("error.mosaic_no_colour", count=len(intake.captures))
    return photos


def _names(photos: Sequence[Photo]) -> tuple[str, ...]:
    """Return the names of the bands: the camera's own, where it is not a plain colour camera."""
    names = tuple(band.name for band in photos[0].bands)
    return names if len(names) == len(COLOURS) else COLOURS


def mosaic_facts(made: Mosaic, language: Language) -> Facts:
    """Return label and value of what there is to know about a mosaic at a glance."""
    facts: Facts = []
    found = made.accuracy
    fact(facts, language, "page.fact_placed", placed=found.placed, photos=found.photos)
    fact(facts, language, "page.fact_gsd", gsd_cm=100.0 * made.pixel_m)
    fact(facts, language, "page.fact_area", ha=square_metres_to_hectares(made.area_m2),
         sao=square_metres_to_sao(made.area_m2))  # fmt: skip
    fact(facts, language, "page.fact_map_error", error_m=found.error_m)
    fact(facts, language, "page.fact_seam", seam_m=found.seam_m, px=found.reprojection_px)
    return facts


def _picture(path: Path, source: str, shelf: Shelf, field: Field | None, facts: Facts) -> Path:
    look = Look(title=say("page.mosaic_title", shelf.language, name=source), legend="", facts=facts)
    picture, grid = as_picture(open_ortho(path))
    layers = field_layers([field]) if field is not None else ()
    png = draw_photo_map(picture, grid, look, layers=layers, language=shelf.language)
    return shelf.keep_picture(source, "mosaic", png)


def as_picture(ortho: Ortho) -> tuple[NDArray[np.uint8], Grid]:
    """Return an orthomosaic at a glance as a picture, and where it lies.

    Its first three layers are taken for red, green and blue, one for grey; each is stretched
    between its 1st and its 99th percentile unless it is a picture of bytes already.

    Returns
    -------
    picture : (H, W, 4) uint8
        Red, green, blue, opacity.
    grid : Grid
        Where it lies.
    """
    layers = [n for n in range(1, len(ortho.bands) + 1) if n != ortho.alpha]
    chosen = (layers if len(layers) >= 3 else layers[:1] * 3)[:3]
    values, affine = glance(ortho, chosen)
    known = np.isfinite(values).any(axis=0)
    shown = np.zeros((*known.shape, 4), np.uint8)
    for index, plane in enumerate(values):
        low, high = 0.0, 255.0
        if ortho.dtypes[0] != "uint8" and known.any():
            low, high = np.nanpercentile(plane, BRIGHT_PCT)
        share = np.nan_to_num((plane - low) / max(float(high - low), 1e-9))
        shown[..., index] = np.clip(255.0 * share, 0.0, 255.0).astype(np.uint8)
    shown[..., 3] = np.where(known, 255, 0)
    grid = Grid(values=np.where(known, 0.0, np.nan), affine=affine, epsg=ortho.epsg)
    return shown, grid
