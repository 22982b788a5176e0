"""The page of a whole demonstration: where the fields lie, what was flown, what was sprayed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agri.operations.compare import off_plan_p95_m, planned_photos
from agri.operations.fly import Flown
from agri.operations.layers import GREEN, Layer
from agri.operations.page import Shown, Table, render_page
from agri.units import square_metres_to_hectares, square_metres_to_sao
from agri.words import Language, say


def _size(area_m2: float, language: Language) -> str:
    return say("page.fact_area_value", language, ha=square_metres_to_hectares(area_m2),
               sao=square_metres_to_sao(area_m2))  # fmt: skip


def _surveys(flights: Sequence[Flown], language: Language) -> Table:
    rows = tuple(
        (
            f.plan.name,
            _size(f.plan.site.field.area_m2, language),
            say("page.fact_photos_of", language, taken=len(f.record.photos),
                planned=planned_photos(f.plan)),
            say("page.fact_cross_track_value", language, off_m=off_plan_p95_m(f.plan, f.record)),
            say(f"page.flight_{f.record.outcome}", language),
        )
        for f in flights if f.plan.site
    )  # fmt: skip
    heads = ("page.layer.field", "page.fact_area", "page.fact_photos", "page.fact_cross_track",
             "cli.head_outcome")  # fmt: skip
    return Table(title=say("demo.table", language), rows=rows, open=True,
                 heads=tuple(say(head, language) for head in heads))  # fmt: skip


def _sprayings(flights: Sequence[Flown], language: Language) -> Table:
    rows = tuple(
        (
            f.plan.name,
            say("page.fact_sprayed_litres_value", language, litres=f.applied.applied.litres,
                planned=f.plan.spray.estimate.litres),
            say("page.fact_missed_value", language, area_m2=f.applied.applied.missed_m2,
                sao=square_metres_to_sao(f.applied.applied.missed_m2)),
            say("page.fact_stray_value", language, litres=f.applied.applied.off_swath_l),
            say("page.fact_evenness_value", language, cv=f.applied.applied.cv_pct)
            if math.isfinite(f.applied.applied.cv_pct) else "–",
            say(f"page.flight_{f.record.outcome}", language),
        )
        for f in flights if f.applied and f.plan.spray
    )  # fmt: skip
    heads = ("cli.head_sortie", "page.fact_sprayed_litres", "page.fact_missed", "page.fact_stray",
             "page.fact_evenness", "cli.head_outcome")  # fmt: skip
    return Table(title=say("demo.sprayings", language), rows=rows, open=True,
                 heads=tuple(say(head, language) for head in heads))  # fmt: skip


def render_overview(
    farm_name: str, flights: Sequence[Flown], sprayings: Sequence[Flown], language: Language
) -> str:
    """Return the page of a demonstration.

    Parameters
    ----------
    farm_name : str
        Heading.
    flights, sprayings : sequence of Flown
        Surveys, and spray sorties.
    language : {"vi", "en"}
        Language of the page.
    """
    fields = [f.plan.site.field for f in flights if f.plan.site]
    layers = [
        Layer(
            key="page.layer.field",
            geometry=field.boundary.centroid,
            colour=GREEN,
            label=field.name,
            fill=1.0,
            radius=8.0,
        )
        for field in fields
    ]
    all_flights = (*flights, *sprayings)
    landed = sum(f.record.outcome == "landed" for f in all_flights)
    photos = sum(len(f.record.photos) for f in flights)
    litres = sum(f.applied.applied.litres for f in sprayings if f.applied)
    shown = [Shown(name=say("demo.sprayed", language, plan=f.plan.name), link=f.applied.page.name,
                   png=f.applied.picture.read_bytes()) for f in sprayings if f.applied]  # fmt: skip
    shown += [
        Shown(name=f.plan.name, png=f.picture.read_bytes(), link=f.page.name) for f in flights
    ]
    return render_page(
        layers,
        kind=say("demo.kind", language),
        title=farm_name,
        state="ok" if landed == len(all_flights) else "look",
        state_text=say("demo.state", language, landed=landed, total=len(all_flights)),
        facts=[
            (say("page.fact_area", language),
             _size(sum(field.area_m2 for field in fields), language)),
            (say("page.fact_photos", language), str(photos)),
            (say("cli.head_litres", language), say("page.fact_litres_value", language,
                                                   litres=litres)),
        ],
        findings=[],
        tables=[_surveys(flights, language), _sprayings(sprayings, language)],
        pictures=shown,
        language=language,
    )  # fmt: skip
