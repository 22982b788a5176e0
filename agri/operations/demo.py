"""The demonstration: the whole way on a farm of five fields, with nothing but this machine.

The fields lie at plausible places in Đông Triều and were drawn by the authors; they are not real
parcels. Everything else is what a user's own farm goes through: the boundary file is imported, the
surveys are planned, checked and exported, and each is flown on the embedded simulator over MAVLink
and recorded. The one thing left out is the question before arming, since nobody stands under this
aircraft.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

from agri.errors import Refused
from agri.files import make_folder, write_text
from agri.findings import blocks
from agri.operations.compare import off_plan_p95_m, planned_photos
from agri.operations.farm import import_boundaries, start_farm
from agri.operations.fly import Flown, Pilot, fly_plan
from agri.operations.layers import GREEN, Layer
from agri.operations.mission_files import write_export
from agri.operations.page import Shown, Table, render_page
from agri.operations.planning import PlannedFlight
from agri.operations.survey import SurveyRequest, plan_field
from agri.units import square_metres_to_hectares, square_metres_to_sao
from agri.words import Language, say
from agri.workspace import Workspace
from missions.catalogue import aircraft, camera

CAMERA = "MicaSense RedEdge-P multispectral"
GSD_M = 0.03
FORMATS = ("plan", "waypoints", "kml", "geojson")
Update = Callable[[float, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """What the demonstration left behind.

    Parameters
    ----------
    folder : Path
        The farm.
    flights : tuple of Flown
        One for each field.
    page : Path
        The page that shows them all.
    """

    folder: Path
    flights: tuple[Flown, ...]
    page: Path

    def rows(self) -> Iterator[tuple[Flown, float, int, float]]:
        """Yield each flight, its field's area (m²), pictures planned and metres off the plan."""
        for flown in self.flights:
            area_m2 = flown.plan.site.field.area_m2 if flown.plan.site else 0.0
            off_m = off_plan_p95_m(flown.plan, flown.record)
            yield flown, area_m2, planned_photos(flown.plan), off_m


def free_folder(wanted: Path) -> Path:
    """Return `wanted`, or the first of ``wanted-2``, ``wanted-3`` … that is not there yet."""
    candidates = [wanted, *(wanted.with_name(f"{wanted.name}-{n}") for n in range(2, 1000))]
    return next((path for path in candidates if not path.exists()), wanted)


def run_demo(
    folder: Path, *, language: Language, now: datetime, speedup: float, update: Update
) -> Demonstration:
    """Live through a survey of five fields.

    Parameters
    ----------
    folder : Path
        Where the farm is made; when it is there already, one with the next number.
    language : {"vi", "en"}
        Language of pictures and pages.
    now : datetime
        Wall clock, UTC.
    speedup : float
        How much faster than the clock the simulator flies.
    update : callable
        Told (done, total) steps.

    Returns
    -------
    Demonstration
        The farm, its flights and the page of all.
    """
    home = free_folder(folder)
    with start_farm(home, name=say("demo.farm", language)) as farm:
        source = resources.files("agri.operations").joinpath("demo_farm.geojson")
        with resources.as_file(source) as file:
            fields = import_boundaries(farm, [file]).fields
        total = 1.0 + 3.0 * len(fields)
        update(1.0, total)
        flights = []
        for number, field in enumerate(fields):
            planned = _plan(farm, field.name, language, now)
            update(2.0 + 3.0 * number, total)
            flights.append(_fly(farm, planned, language, now, speedup))
            update(4.0 + 3.0 * number, total)
        page = farm.reports / "index.html"
        write_text(page, _overview(farm.farm_name, flights, language))
    return Demonstration(folder=home.resolve(), flights=tuple(flights), page=page)


def _plan(farm: Workspace, field: str, language: Language, now: datetime) -> PlannedFlight:
    request = SurveyRequest(
        field=field, camera=camera(CAMERA), aircraft=aircraft(), gsd_m=GSD_M, name=field
    )
    planned = plan_field(farm, request, language=language, now=now)
    if blocks(planned.findings):
        worst = next(f for f in planned.findings if blocks([f]))
        raise Refused("error.fly_blocked", plan=field, finding=worst.message)
    exports = make_folder(farm.folder / "exports")
    for form in FORMATS:
        write_export(planned.plan, form, exports)
    return planned


def _fly(
    farm: Workspace, planned: PlannedFlight, language: Language, now: datetime, speedup: float
) -> Flown:
    pilot = Pilot(
        may_set=lambda _: True,
        may_arm=lambda _: True,
        on_link=lambda _: None,
        on_progress=lambda _: None,
    )
    return fly_plan(
        farm,
        planned.plan,
        planned.record,
        connect="sim",
        pilot=pilot,
        language=language,
        now=now,
        speedup=speedup,
    )


def _overview(farm_name: str, flights: list[Flown], language: Language) -> str:
    fields = [f.plan.site.field for f in flights if f.plan.site]
    layers = [
        Layer(
            key="page.layer.field",
            geometry=f.boundary.centroid,
            colour=GREEN,
            label=f.name,
            fill=1.0,
            radius=8.0,
        )
        for f in fields
    ]
    area_m2 = sum(f.plan.site.field.area_m2 for f in flights if f.plan.site)
    landed = sum(f.record.outcome == "landed" for f in flights)
    photos = sum(len(f.record.photos) for f in flights)
    sizes = {"ha": square_metres_to_hectares(area_m2), "sao": square_metres_to_sao(area_m2)}
    rows = [
        (
            f.plan.name,
            say("page.fact_area_value", language,
                ha=square_metres_to_hectares(f.plan.site.field.area_m2),
                sao=square_metres_to_sao(f.plan.site.field.area_m2)),
            say("page.fact_photos_of", language, taken=len(f.record.photos),
                planned=planned_photos(f.plan)),
            say("page.fact_cross_track_value", language,
                off_m=off_plan_p95_m(f.plan, f.record)),
            say(f"page.flight_{f.record.outcome}", language),
        )
        for f in flights if f.plan.site
    ]  # fmt: skip
    heads = ("page.layer.field", "page.fact_area", "page.fact_photos", "page.fact_cross_track",
             "cli.head_outcome")  # fmt: skip
    table = Table(title=say("demo.table", language), rows=tuple(rows), open=True,
                  heads=tuple(say(head, language) for head in heads))  # fmt: skip
    return render_page(
        layers,
        kind=say("demo.kind", language),
        title=farm_name,
        state="ok" if landed == len(flights) else "look",
        state_text=say("demo.state", language, landed=landed, total=len(flights)),
        facts=[
            (say("page.fact_area", language), say("page.fact_area_value", language, **sizes)),
            (say("page.fact_photos", language), str(photos)),
        ],
        findings=[],
        tables=[table],
        pictures=[
            Shown(name=f.plan.name, png=f.picture.read_bytes(), link=f.page.name) for f in flights
        ],
        language=language,
    )
