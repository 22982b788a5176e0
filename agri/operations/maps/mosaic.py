"""An orthomosaic from a folder of photos: made here in minutes, or by OpenDroneMap where one is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agri.field import Field
from agri.findings import Finding, blocks
from agri.operations.maps.calibrate import (
    KeptPixels,
    calibrated,
    in_order,
    usable,
    working_folder,
)
from agri.operations.maps.overlap import keep_overlap
from agri.operations.maps.photos import declared_sensor, unusable
from agri.operations.maps.quicklook import Look, draw_photo_map
from agri.operations.maps.register import free_place, list_photos, list_raster
from agri.operations.maps.shelf import Shelf
from agri.operations.maps.sights import as_picture, field_layers
from agri.operations.report import Facts, fact
from agri.units import square_metres_to_hectares, square_metres_to_sao
from agri.words import Language, say
from imagery.intake import Intake, pictures_of, take_in
from imagery.intake.intake import Progress
from imagery.mosaic import Mosaic, MosaicSettings, make_mosaic
from imagery.mosaic.from_photos import shots_from_photos, straightened
from imagery.mosaic.ground_control import read_check_points
from imagery.mosaic.making import Quality
from imagery.mosaic.survey_grade import survey_grade_mosaic
from imagery.overlap import judge_overlap
from imagery.photo import Photo
from imagery.raster import open_ortho, read_grid

COLOURS = ("Red", "Green", "Blue")


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
    overlap : Path or None
        How many photos see each place; None where OpenDroneMap made it.
    """

    path: Path
    picture: Path
    facts: Facts
    findings: tuple[Finding, ...]
    mosaic: Mosaic | None = None
    overlap: Path | None = None


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
    photos = colour_photos(intake)
    source = path.resolve().name
    target = free_place(shelf, shelf.place(source, "mosaic", ".tif"))
    if node:
        files = [photo.path for photo in photos or intake.photos]
        survey_grade_mosaic([*files, *([check_points] if check_points else [])], target, node,
                            progress=lambda share: tell(0.15 + 0.85 * share))  # fmt: skip
        sheet = list_photos(shelf, intake, source)
        list_raster(shelf, target, "orthomosaic", made_of=[sheet] if sheet else [])
        return MadeMosaic(path=target, picture=_picture(target, source, shelf, field, []),
                          facts=[], findings=intake.findings)  # fmt: skip
    points = read_check_points(check_points) if check_points else ()
    ground = read_grid(terrain, unit="m") if terrain else None
    settings = MosaicSettings(quality=quality, pixel_m=pixel_m, even_exposure=bool(photos))
    make = partial(make_mosaic, path=target, terrain=ground, check_points=points,
                   settings=settings, progress=lambda share: tell(0.15 + 0.85 * share))  # fmt: skip
    if photos:
        with pictures_of(intake.source) as decode:
            shots, left_out = shots_from_photos(photos, pixels=straightened(decode))
            made = make(shots, band_names=_names(photos))
    else:
        made, left_out = _of_bands(intake, target, make)
    facts = mosaic_facts(made, shelf.language)
    sheet = list_photos(shelf, intake, source)
    list_raster(shelf, target, "orthomosaic", made_of=[sheet] if sheet else [],
                facts=made.accuracy.tags())  # fmt: skip
    seen = judge_overlap(made.overlap, field) if field is not None else []
    findings = (*_known_later(intake.findings), *left_out, *made.findings, *seen)
    overlap = keep_overlap(made.overlap, shelf, source, field)
    picture = _picture(target, source, shelf, field, facts)
    return MadeMosaic(path=target, picture=picture, facts=facts, findings=findings, mosaic=made,
                      overlap=overlap)  # fmt: skip


def _known_later(supposed: Sequence[Finding]) -> list[Finding]:
    """Return what intake found, without what is known better once photos are placed."""
    better = ("finding.field_not_seen", "finding.field_thinly_seen", "finding.photos_height_")
    return [finding for finding in supposed if not finding.key.startswith(better)]


def colour_photos(intake: Intake) -> list[Photo]:
    """Return the colour pictures of a flight, [] where there are single bands alone.

    Raises
    ------
    BadInput
        When intake found what blocks.
    """
    if blocks(intake.findings):
        raise unusable(intake.findings)
    return [capture.colour for capture in intake.captures if capture.colour is not None]


def _of_bands(
    intake: Intake, target: Path, make: Callable[..., Mosaic]
) -> tuple[Mosaic, tuple[Finding, ...]]:
    """Make a mosaic of reflectance from captures of single bands."""
    members = in_order(usable(intake))
    with working_folder(target) as folder, calibrated(intake) as (pixels, _):
        kept = KeptPixels(pixels, folder)
        kept.prepare(members.values())
        first = next(iter(members.values()))[1]
        names = [band.label for band in pixels.picture(first.bands).bands]
        shots, left_out = shots_from_photos(
            [capture.bands[0] for _, capture in members.values()],
            pixels=lambda photo: kept.source(*members[photo.path]),
        )
        made = make(shots, band_names=names)
        return made, (*left_out, *pixels.findings)


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
