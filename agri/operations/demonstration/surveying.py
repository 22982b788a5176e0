"""Flights that photograph, and the maps made of their photos.

Theory of operation. The survey is planned for a five-band camera and flown in the simulator; where
and which way its camera was triggered is what the flight's record tells, and from there the land is
photographed (`sitl.camera`), in pictures of a quarter of that camera's pixels so that a laptop is
quick. The receiver errs by decimetres. From the card on, everything is what a farmer's own photos
go through.
"""

from __future__ import annotations

from datetime import date, timedelta

from agri.errors import Refused
from agri.field import Field
from agri.operations.compare import off_plan_p95_m, planned_photos
from agri.operations.demonstration.season import AGAIN, SURVEYED, Done, Season, morning
from agri.operations.fly import Flown
from agri.operations.maps.indices import make_indices
from agri.operations.maps.mosaic import mosaic_photos
from agri.operations.maps.photos import check_photos
from agri.operations.report import Facts, fact
from agri.operations.survey import SurveyRequest, plan_field
from agri.words import Language, say
from agri.workspace import Outcome
from missions.catalogue import aircraft, camera
from sitl.camera import MULTISPECTRAL, photograph, photograph_panel, stations_taken
from sitl.scene import Scene

CAMERA = "MicaSense RedEdge 3"
HEIGHT_M = 30.0
WIDTH_PX = 320
TRIES = 3
"""How often a flight that breaks off is begun again."""
OVERLAPS = (0.74, 0.66)
GPS_M = (0.25, 0.08)
"""Standard errors of a photo's place: of the whole flight, and of each."""
INDICES = ("NDVI", "NDRE")
ORCHARD, PADDY, LATER = "orchard", "paddy", "later"
"""What flights are called in `Season.cards`, `mosaics`, `indices`."""


def survey(season: Season) -> Done:
    """Fly over both fields."""
    flights = [_flown(season, name, SURVEYED) for name in (ORCHARD, PADDY)]
    return _told(flights, season.language)


def survey_again(season: Season) -> Done:
    """Fly over the orchard three weeks later, and make its maps."""
    flight = _flown(season, LATER, AGAIN)
    _photographed(season, LATER, season.world.later, seed=2)
    done = _told([flight], season.language)
    made = _mosaic(season, LATER)
    index = _indexed(season, LATER)
    return Done(facts=done.facts, pictures=(*made.pictures, *index.pictures[:1]),
                findings=made.findings)  # fmt: skip


def photos(season: Season) -> Done:
    """Photograph the land from where the flights were, and look whether the photos will do."""
    _photographed(season, ORCHARD, season.world.orchard, seed=season.world.seed)
    _photographed(season, PADDY, season.world.paddy, seed=season.world.seed + 100)
    checks = [check_photos(season.cards[name], season.shelf, field=_field(season, name))
              for name in (ORCHARD, PADDY)]  # fmt: skip
    facts: Facts = [pair for check in checks for pair in check.facts]
    pictures = tuple(check.picture for check in checks if check.picture is not None)
    return Done(facts=facts, pictures=pictures,
                findings=tuple(one for check in checks for one in check.findings))  # fmt: skip


def mosaic(season: Season) -> Done:
    """Lay each flight's calibrated photos together."""
    return _together([_mosaic(season, name) for name in (ORCHARD, PADDY)])


def index(season: Season) -> Done:
    """Reckon the indices."""
    return _together([_indexed(season, name) for name in (ORCHARD, PADDY)])


def _flown(season: Season, name: str, day: date) -> Flown:
    """Plan a survey and fly it; one that breaks off, as on a busy computer, is flown again."""
    field = _field(season, name)
    request = SurveyRequest(
        field=field.name, camera=camera(CAMERA), aircraft=aircraft(), height_m=HEIGHT_M,
        front_overlap=OVERLAPS[0], side_overlap=OVERLAPS[1], name=f"{field.name} {day}",
    )  # fmt: skip
    planned = plan_field(season.farm, request, language=season.language, now=morning(day))
    for _ in range(TRIES):
        flight = season.fly(planned, day)
        if flight.record.outcome == Outcome.LANDED:
            season.surveys[name] = flight
            return flight
    raise Refused("error.demo_broken_off", plan=planned.plan.name, count=TRIES)


def _photographed(season: Season, name: str, land: Scene, *, seed: int) -> None:
    """Write the card that a flight brings home."""
    flight = season.surveys[name]
    lens = MULTISPECTRAL.of_width(WIDTH_PX)
    level_m = float(land.ground_m.mean())
    stations = stations_taken(flight.record.photos, land.frame, home_height_m=level_m)
    card = season.farm.folder / "cards" / name
    began = flight.record.started_utc
    taken = photograph(land, lens, stations, card, gps_error_m=GPS_M, fine=1,
                       started_utc=began, interval_s=2.0, seed=seed)  # fmt: skip
    photograph_panel(lens, card, place=taken[0].told, taken_utc=began - timedelta(minutes=2))
    season.cards[name] = card


def _mosaic(season: Season, name: str) -> Done:
    made = mosaic_photos(season.cards[name], season.shelf, field=_field(season, name),
                         quality="full")  # fmt: skip
    season.mosaics[name] = made.path
    return Done(facts=made.facts, pictures=(made.picture,), files=(made.path,),
                findings=made.findings)  # fmt: skip


def _indexed(season: Season, name: str) -> Done:
    made = make_indices(season.mosaics[name], season.shelf, INDICES, field=_field(season, name))
    season.indices[name] = made
    return Done(facts=made.facts, pictures=made.pictures, files=(made.map.product.path,),
                findings=made.findings)  # fmt: skip


def _field(season: Season, name: str) -> Field:
    return season.paddy if name == PADDY else season.orchard


def _together(parts: list[Done]) -> Done:
    return Done(
        facts=[pair for part in parts for pair in part.facts],
        pictures=tuple(path for part in parts for path in part.pictures),
        files=tuple(path for part in parts for path in part.files),
        findings=tuple(one for part in parts for one in part.findings),
    )


def _told(flights: list[Flown], language: Language) -> Done:
    facts: Facts = []
    for flight in flights:
        facts.append((flight.plan.name, say("page.fact_photos_of", language,
                                            taken=len(flight.record.photos),
                                            planned=planned_photos(flight.plan))))  # fmt: skip
        fact(facts, language, "page.fact_cross_track",
             off_m=off_plan_p95_m(flight.plan, flight.record))  # fmt: skip
    return Done(facts=facts, pictures=tuple(flight.picture for flight in flights),
                files=tuple(flight.page for flight in flights))  # fmt: skip
