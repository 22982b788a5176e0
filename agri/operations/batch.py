"""The spraying of many small fields in one go: a commune's, on all cores, with progress shown.

Each field is a job of its own with the same settings. What stands near a field is looked up in a
tree of boxes instead of measuring everything against everything. Fields are planned in processes of
their own (spawned, so that nothing of GDAL or a database is inherited) or by the workers of a Dask
cluster (`agri.operations.crews`), and kept by this program alone, a chunk in each transaction, in
the order of the fields: the plans do not depend on who made them. A batch that was interrupted is
taken up where it stopped (`agri.operations.batch_journal`). A field that cannot be sprayed stands
in the table with its reason; the others go on. Pictures and pages are not drawn: a plan among
thousands is looked at when its turn comes (``agri check``, ``agri sorties``).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from agri.errors import AgriError
from agri.field import Farm, Field
from agri.files import write_text
from agri.findings import blocks
from agri.operations.batch_journal import job_of, journal
from agri.operations.crews import crew, in_order
from agri.operations.planning import Update, record_of, site_of
from agri.operations.spray import SprayRequest, plan_sorties, settings_of, zones_of
from agri.units import square_metres_to_sao
from agri.words import Language, say
from agri.workspace import PlanRecord, Workspace
from missions.airspace.pads import NEAR_M
from missions.formats.document import write_document
from missions.spray.mission import flown_settings
from missions.spray.planning import plan_route

CHUNK = 20
"""Fields planned in one go by one process."""
DEGREE_M = 100_000.0
"""Metres in a degree, on the short side up to 25° of latitude: boxes drawn with it are too large
rather than too small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldResult:
    """What became of one field.

    Parameters
    ----------
    field : str
        Its name.
    area_m2 : float
        Its size.
    sorties : int
        Plans kept, 0 when it cannot be sprayed.
    litres, time_s : float
        Of all of them.
    may_fly : bool
        Whether no finding forbids them.
    why : str
        Why it cannot be sprayed or flown, "" when it can.
    """

    field: str
    area_m2: float
    sorties: int = 0
    litres: float = 0.0
    time_s: float = 0.0
    may_fly: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What became of all fields.

    Parameters
    ----------
    results : tuple of FieldResult
        In the order of the fields.
    table : Path
        The same as a table (CSV) in the farm's reports.
    done_before : int
        Fields that an interrupted run of the same batch had done.
    """

    results: tuple[FieldResult, ...]
    table: Path
    done_before: int = 0


Planned = tuple[str, FieldResult, list[tuple[PlanRecord, str]]]
"""A field's key, what became of it, and its plans as they are kept."""


class Surroundings:
    """A farm, looked up by place."""

    def __init__(self, farm: Farm) -> None:
        self._farm = farm
        self._obstacles = _tree([o.geometry for o in farm.obstacles])
        self._sites = _tree([s.geometry for s in farm.sensitive_sites])
        self._zones = _tree([z.area for z in farm.no_fly_zones])
        self._pads = _tree([shapely.Point(p.place.lon_deg, p.place.lat_deg) for p in farm.pads])

    def of(self, field: Field) -> Farm:
        """Return the farm as far as it may matter to a field."""
        margin = NEAR_M / DEGREE_M
        west, south, east, north = field.boundary.bounds
        box = shapely.box(west - margin, south - margin, east + margin, north + margin)
        farm = self._farm
        return Farm(
            name=farm.name,
            obstacles=tuple(farm.obstacles[i] for i in _met(self._obstacles, box)),
            sensitive_sites=tuple(farm.sensitive_sites[i] for i in _met(self._sites, box)),
            pads=tuple(farm.pads[i] for i in _met(self._pads, box)),
            no_fly_zones=tuple(farm.no_fly_zones[i] for i in _met(self._zones, box)),
        )


def _met(tree: shapely.STRtree, box: BaseGeometry) -> Sequence[int]:
    found: list[int] = np.sort(tree.query(box)).tolist()
    return found


def _tree(shapes: Sequence[BaseGeometry]) -> shapely.STRtree:
    return shapely.STRtree(list(shapes))


def plan_batch(
    farm: Workspace,
    request: SprayRequest,
    *,
    language: Language,
    now: datetime,
    update: Update,
    workers: int = 0,
    cluster: str = "",
) -> Batch:
    """Plan the spraying of many fields, each a job of its own.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    request : SprayRequest
        What is asked of every field; those it names, or all of the farm when it names none.
    language : {"vi", "en"}
        Language of names and table.
    now : datetime
        Wall clock, UTC.
    update : callable
        Told (fields done, all fields).
    workers : int
        Processes; 0 takes one for each core.
    cluster : str
        Address of a Dask scheduler, ``tcp://…``, whose workers do it instead.

    Returns
    -------
    Batch
        Every field is in it, planned or with its reason.

    Raises
    ------
    BadInput, Refused
        When the request itself is not possible for any field, or another program plans a batch.
    StoreError
        When the farm cannot be written; what was kept before stays.
    """
    settings_of(request)
    everything = farm.farm()
    wanted = {farm.field(name).uid for name in request.fields}
    fields = [field for field in everything.fields if not wanted or field.uid in wanted]
    job = job_of(request, language, fields, everything)
    with (
        crew(workers, cluster) as hands,
        journal(farm, FieldResult, job, now) as known,
    ):
        before = len(known.done)
        update(float(before), float(len(fields)))
        left = [field for field in fields if field.uid not in known.done]
        plan = partial(plan_chunk, request=request, language=language, now=known.started)
        for planned in in_order(_chunks(Surroundings(everything), left), plan, hands):
            made = [one for _, _, plans in planned for one in plans]
            farm.save_plans(known.new_plans(farm, made))
            known.add({uid: result for uid, result, _ in planned})
            update(float(len(known.done)), float(len(fields)))
        ordered = tuple(known.done[field.uid] for field in fields)
        table = farm.reports / f"{say('page.file_batch', language)}-{now:%Y%m%d-%H%M%S}.csv"
        write_text(table, _csv(ordered, language))
    return Batch(results=ordered, table=table, done_before=before)


Chunk = list[tuple[Field, Farm]]


def _chunks(around: Surroundings, fields: Sequence[Field]) -> Iterator[Chunk]:
    """Yield fields with what stands near them, a chunk at a time."""
    for start in range(0, len(fields), CHUNK):
        yield [(field, around.of(field)) for field in fields[start : start + CHUNK]]


def plan_chunk(
    chunk: Chunk, request: SprayRequest, language: Language, now: datetime
) -> list[Planned]:
    """Plan some fields, in whatever process this runs.

    Parameters
    ----------
    chunk : list of (Field, Farm)
        Each field with the farm as far as it may matter to it.
    request, language, now
        As in `plan_batch`.
    """
    return [_plan(field, around, request, language, now) for field, around in chunk]


def _plan(
    field: Field, around: Farm, request: SprayRequest, language: Language, now: datetime
) -> Planned:
    result = FieldResult(field=field.name, area_m2=field.area_m2)
    try:
        site, _ = site_of(around, field, request.pad)
        settings = settings_of(request)
        route = plan_route(site, settings, buffers=zones_of(site, settings),
                           limits=request.limits)  # fmt: skip
        settings = flown_settings(route, settings)
        name = say("page.job_spray", language, fields=field.name)
        made = list(
            plan_sorties(
                site,
                settings,
                route,
                name=name,
                kind="field",
                ceiling_m=request.ceiling_m,
                limits=request.limits,
            )
        )
    except AgriError as error:
        return field.uid, replace(result, why=error.text(language)), []
    worst = next((f for _, found in made for f in found if blocks([f])), None)
    estimates = [plan.spray.estimate for plan, _ in made if plan.spray]
    result = replace(
        result,
        sorties=len(made),
        litres=sum(estimate.litres for estimate in estimates),
        time_s=sum(estimate.time_s for estimate in estimates),
        may_fly=worst is None,
        why=worst.text(language) if worst else "",
    )
    return field.uid, result, [(record_of(plan, now), write_document(plan)) for plan, _ in made]


def _csv(results: Sequence[FieldResult], language: Language) -> str:
    """Return the table; a name that a spreadsheet would take for a formula gets a quote mark."""
    heads = ("page.layer.field", "cli.head_area", "cli.head_sorties", "cli.head_litres",
             "cli.head_minutes", "cli.head_why")  # fmt: skip
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([say(head, language) for head in heads])
    for one in results:
        writer.writerow(
            [
                _plain(one.field),
                f"{square_metres_to_sao(one.area_m2):.2f}",
                one.sorties,
                f"{one.litres:.2f}",
                f"{one.time_s / 60.0:.1f}",
                _plain(one.why),
            ]
        )
    return "\ufeff" + text.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\0") else text
