"""Are these photos good enough? Asked at the field's edge, while flying again is still easy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shapely.geometry import LineString, MultiPoint

from agri.errors import BadInput
from agri.field import Field
from agri.findings import Finding
from agri.geo import LonLat
from agri.operations.layers import BLACK, BLUE, GREEN, GREY, ORANGE, Layer
from agri.operations.maps.overlap import keep_overlap
from agri.operations.maps.shelf import Shelf
from agri.operations.picture import draw_picture
from agri.operations.report import Facts, fact
from agri.units import INDOCHINA_TIME
from agri.words import Language, say
from imagery.bands import Sensor, sensor
from imagery.intake import Capture, GroundTold, Intake, take_in
from imagery.intake.intake import Progress
from imagery.raster import read_grid

LEAST_PATH = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoCheck:
    """What a folder or card of photos holds, and whether it will do.

    Parameters
    ----------
    intake : Intake
        Captures, panels, orthomosaics and what is wrong with them.
    facts : sequence of (str, str)
        Label and value.
    picture : Path or None
        Where the photos were taken; None when no photo knows.
    overlap : Path or None
        How many photos see each place; None when they do not tell enough for it.
    """

    intake: Intake
    facts: Facts
    picture: Path | None
    overlap: Path | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong, missing or worth knowing."""
        return self.intake.findings


def unusable(findings: Sequence[Finding]) -> BadInput:
    """Return the refusal of photos or a map: the sentence of the gravest finding."""
    worst = max(findings, key=lambda finding: finding.severity)
    return BadInput("error.photos_unusable", why=worst.message)


def declared_sensor(name: str) -> Sensor | None:
    """Return the camera that a user names, None for none."""
    return sensor(name) if name else None


def check_photos(
    path: Path,
    shelf: Shelf,
    *,
    field: Field | None = None,
    camera: str = "",
    terrain: Path | None = None,
    ground_m: float | None = None,
    progress: Progress | None = None,
) -> PhotoCheck:
    """Look at photos and tell what they are good for.

    Parameters
    ----------
    path : Path
        A folder, a card, a zip archive or one file; nothing in it is changed.
    shelf : Shelf
        Where the picture goes.
    field : Field, optional
        What the photos should show.
    camera : str
        Name of the camera in the catalogue, when the photos do not tell it.
    terrain : Path, optional
        Heights of the ground, a GeoTIFF, for photos that do not tell their height above it.
    ground_m : float, optional
        Altitude of the field above the sea, for the same.
    progress : callable, optional
        Told the share done, 0 to 1.

    Raises
    ------
    AgriError
        As `imagery.intake.take_in`.
    """
    ground = GroundTold(terrain=read_grid(terrain, unit="m") if terrain else None,
                        altitude_m=ground_m)  # fmt: skip
    intake = take_in(path, field=field, sensor=declared_sensor(camera), ground=ground,
                     progress=progress)  # fmt: skip
    layers = tuple(photo_layers(intake, field))
    facts = photo_facts(intake, shelf.language)
    picture = None
    if any(layer.key != "page.layer.field" for layer in layers):
        title = say("page.photos_title", shelf.language, name=path.resolve().name)
        png = draw_picture(layers, title=title, facts=facts, language=shelf.language)
        picture = shelf.keep_picture(path.resolve().name, "photos", png)
    overlap = None
    if intake.overlap is not None:
        overlap = keep_overlap(intake.overlap, shelf, path.resolve().name, field, facts=facts)
    return PhotoCheck(intake=intake, facts=facts, picture=picture, overlap=overlap)


def photo_facts(intake: Intake, language: Language) -> Facts:
    """Return label and value of what there is to know about photos at a glance."""
    facts: Facts = []
    name = intake.sensor.name if intake.sensor else intake.camera
    if name:
        facts.append((say("page.fact_camera", language), name))
    fact(facts, language, "page.fact_captures", count=len(intake.captures),
         files=len(intake.photos))  # fmt: skip
    if intake.panel_captures:
        fact(facts, language, "page.fact_panels", count=len(intake.panel_captures))
    if intake.set_aside:
        fact(facts, language, "page.fact_set_aside", count=len(intake.set_aside))
    taken = sorted(p.taken_utc for p in intake.photos if p.taken_utc is not None)
    if taken:
        first, last = (moment.astimezone(INDOCHINA_TIME) for moment in (taken[0], taken[-1]))
        fact(facts, language, "page.fact_taken", day=first.date(), first=f"{first:%H:%M}",
             last=f"{last:%H:%M}")  # fmt: skip
    heights = sorted(
        photo.height_home.metres for photo in intake.photos if photo.height_home is not None
    )
    if heights:
        fact(facts, language, "page.fact_photo_height", low_m=heights[0], high_m=heights[-1])
    for one in intake.orthos:
        facts.append((say("page.fact_ortho", language), one.ortho.path.name))
    return facts


def photo_layers(intake: Intake, field: Field | None) -> Iterator[Layer]:
    """Yield the field, the way of the photos, and the photos by what they are."""
    if field is not None:
        yield Layer(key="page.layer.field", geometry=field.boundary, colour=GREEN, fill=0.1,
                    label=field.name)  # fmt: skip
    path = list(_places(intake.captures))
    if len(path) >= LEAST_PATH:
        yield Layer(key="page.layer.photo_path", geometry=LineString(path), colour=GREY, width=1.0)
    kinds = (
        ("page.layer.photos", path, BLUE, 2.5),
        ("page.layer.photos_panel", list(_places(intake.panel_captures)), BLACK, 6.0),
        (
            "page.layer.photos_aside",
            [_xy(photo.place) for photo in intake.set_aside if photo.place is not None],
            ORANGE,
            4.0,
        ),
    )
    for key, places, colour, radius in kinds:
        if places:
            yield Layer(key=key, geometry=MultiPoint(places), colour=colour, fill=1.0,
                        radius=radius)  # fmt: skip


def _places(captures: Iterable[Capture]) -> Iterator[tuple[float, float]]:
    for capture in captures:
        if capture.place is not None:
            yield _xy(capture.place)


def _xy(place: LonLat) -> tuple[float, float]:
    return place.lon_deg, place.lat_deg
