"""The spraying of many small fields in one go: a commune's, on all cores, with progress shown.

Each field is a job of its own with the same settings. What stands near a field is looked up in a
tree of boxes instead of measuring everything against everything. Fields are planned in processes of
their own (spawned, so that nothing of GDAL or a database is inherited) and kept by this one, a
chunk in each transaction. A field that cannot be sprayed stands in the table with its reason; the
others go on. Pictures and pages are not drawn: a plan among thousands is looked at when its turn
comes (``agri check``, ``agri sorties``).
"""

from __future__ import annotations

import csv
import io
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from agri.errors import AgriError
from agri.field import Farm, Field
from agri.files import write_text
from agri.findings import blocks
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
AHEAD = 3
"""Chunks waiting for each process: no more is held in memory."""
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
    """

    results: tuple[FieldResult, ...]
    table: Path


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

    Returns
    -------
    Batch
        Every field is in it, planned or with its reason.

    Raises
    ------
    BadInput, Refused
        When the request itself is not possible for any field.
    StoreError
        When the farm cannot be written; what was kept before stays.
    """
    settings_of(request)
    everything = farm.farm()
    wanted = {farm.field(name).uid for name in request.fields}
    fields = [field for field in everything.fields if not wanted or field.uid in wanted]
    results: dict[str, FieldResult] = {}
    update(0.0, float(len(fields)))
    work = _chunks(Surroundings(everything), fields)
    for planned in _planned(work, request, language, now, workers or os.cpu_count() or 1):
        farm.save_plans([plan for _, _, plans in planned for plan in plans])
        results |= {uid: result for uid, result, _ in planned}
        update(float(len(results)), float(len(fields)))
    ordered = tuple(results[field.uid] for field in fields)
    table = farm.reports / f"{say('page.file_batch', language)}-{now:%Y%m%d-%H%M%S}.csv"
    write_text(table, _csv(ordered, language))
    return Batch(results=ordered, table=table)


Chunk = list[tuple[Field, Farm]]


def _chunks(around: Surroundings, fields: Sequence[Field]) -> Iterator[Chunk]:
    """Yield fields with what stands near them, a chunk at a time."""
    for start in range(0, len(fields), CHUNK):
        yield [(field, around.of(field)) for field in fields[start : start + CHUNK]]


def _planned(
    work: Iterator[Chunk], request: SprayRequest, language: Language, now: datetime, workers: int
) -> Iterator[list[Planned]]:
    """Yield the chunks planned, as they come; a few more wait than can be worked on."""
    if workers == 1:
        yield from (plan_chunk(chunk, request, language, now) for chunk in work)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn) as pool:
        waiting: set[Future[list[Planned]]] = set()
        try:
            for chunk in work:
                waiting.add(pool.submit(plan_chunk, chunk, request, language, now))
                if len(waiting) >= workers * AHEAD:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            yield from (future.result() for future in waiting)
        finally:
            pool.shutdown(cancel_futures=True)


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
