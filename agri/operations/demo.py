"""The demonstration: the whole way on a farm of five fields, with nothing but this machine.

The fields and trees lie at plausible places in Đông Triều and were drawn by the authors; they are
not real parcels. Everything else is what a user's own farm goes through: the boundary file is
imported, surveys and sprayings are planned, checked and exported, and each is flown on the embedded
simulator over MAVLink and recorded. A paddy is sprayed by swaths, lychee trees one by one; what
fell where is worked out of the record. The one thing left out is the question before arming, since
nobody stands under this aircraft.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

from agri.errors import Refused
from agri.files import make_folder, write_text
from agri.findings import Finding, blocks
from agri.operations.compare import off_plan_p95_m, planned_photos
from agri.operations.demo_page import render_overview
from agri.operations.farm import import_boundaries, start_farm
from agri.operations.fly import Flown, Pilot, fly_plan
from agri.operations.mission_files import write_export
from agri.operations.planning import PlannedFlight, Update
from agri.operations.spray import PlannedJob, SprayRequest, plan_job
from agri.operations.survey import SurveyRequest, plan_field
from agri.operations.trees import TreesRequest, plan_orchard
from agri.weather import Wind
from agri.words import Language, say
from agri.workspace import Workspace
from missions.catalogue import aircraft, camera, sprayer
from missions.orchard.crowns import LITRES_PER_M3
from missions.sprayer.job import Product

CAMERA = "MicaSense RedEdge-P multispectral"
GSD_M = 0.03
FORMATS = ("plan", "waypoints", "kml", "geojson")
SPRAY_FORMATS = (*FORMATS, "param", "wpml", "litchi")
PADDY, PADDY_L_HA = "Ruộng Cửa Đình", 20.0
"""Rice takes about 20 L/ha from the air in Vietnam."""
ORCHARD, LITRES_HA = "Vườn vải Bình Khê", 125.0
WIND = Wind(speed_m_s=2.0, from_deg=180.0)
"""A southerly breeze."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """What the demonstration left behind.

    Parameters
    ----------
    folder : Path
        The farm.
    flights : tuple of Flown
        Surveys, one for each field.
    sprayings : tuple of Flown
        The paddy's sorties, then the trees'.
    page : Path
        The page that shows them all.
    """

    folder: Path
    flights: tuple[Flown, ...]
    sprayings: tuple[Flown, ...]
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
        total = 1.0 + 3.0 * len(fields) + 6.0
        update(1.0, total)
        flights = []
        for number, field in enumerate(fields):
            planned = _plan(farm, field.name, language, now)
            update(2.0 + 3.0 * number, total)
            flights.append(_fly(farm, planned, language, now, speedup))
            update(4.0 + 3.0 * number, total)
        sprayings: list[Flown] = []
        for job in (_plan_paddy, _plan_trees):
            for planned in _checked(job(farm, language, now)).sorties:
                _export(farm, planned, SPRAY_FORMATS)
                sprayings.append(_fly(farm, planned, language, now, speedup))
            update(total - (3.0 if job is _plan_paddy else 0.0), total)
        page = farm.reports / "index.html"
        write_text(page, render_overview(farm.farm_name, flights, sprayings, language))
    return Demonstration(
        folder=home.resolve(), flights=tuple(flights), sprayings=tuple(sprayings), page=page
    )


def _plan(farm: Workspace, field: str, language: Language, now: datetime) -> PlannedFlight:
    request = SurveyRequest(
        field=field, camera=camera(CAMERA), aircraft=aircraft(), gsd_m=GSD_M, name=field
    )
    planned = plan_field(farm, request, language=language, now=now)
    if blocks(planned.findings):
        raise _blocked(field, planned.findings)
    _export(farm, planned, FORMATS)
    return planned


def _blocked(name: str, findings: Sequence[Finding]) -> Refused:
    worst = next(f for f in findings if blocks([f]))
    return Refused("error.fly_blocked", plan=name, finding=worst.message)


def _export(farm: Workspace, planned: PlannedFlight, formats: Sequence[str]) -> None:
    exports = make_folder(farm.folder / "exports")
    for form in formats:
        write_export(planned.plan, form, exports)


def _request(field: str, language: Language, **more: Any) -> SprayRequest:
    product = Product(name=say("demo.product", language), dose_per_ha=500.0, phi_days=14)
    return SprayRequest(fields=(field,), sprayer=sprayer(), product=product, wind=WIND, **more)


def _plan_paddy(farm: Workspace, language: Language, now: datetime) -> PlannedJob:
    request = _request(PADDY, language, rate_l_ha=PADDY_L_HA)
    return plan_job(farm, request, language=language, now=now)


def _plan_trees(farm: Workspace, language: Language, now: datetime) -> PlannedJob:
    source = resources.files("agri.operations").joinpath("demo_trees.geojson")
    with resources.as_file(source) as file:
        request = TreesRequest(
            job=_request(ORCHARD, language, rate_l_ha=LITRES_HA),
            trees=file,
            litres_per_m3=LITRES_PER_M3,
        )
        return plan_orchard(farm, request, language=language, now=now)


def _checked(job: PlannedJob) -> PlannedJob:
    if blocks(job.findings):
        raise _blocked(job.name, job.findings)
    return job


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
