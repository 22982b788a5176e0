"""Work in the background, as pages: the list, one job, what came out of it; stopped, done again.

Theory of operation. The pages read the farm's table of jobs and work nothing out. They stay true
without a script, by loading them again; a small one asks every two seconds how far things are. What
a job made is shown from its own row: pictures and files of the farm's folder of maps, and of no
other.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse

from agri.errors import AgriError
from agri.files import inside
from agri.findings import blocks
from agri.jobs import OPEN, Asked, Job, Kind, State
from agri.operations.maps.shelf import FOLDER as MAPS
from agri.operations.maps.tiles import drawable
from agri.operations.uploads.keeping import all_uploads
from agri.people import Power
from agri.web.pages import findings_shown, page, when
from agri.web.visit import Routes, Turned, Visit, visit_of
from agri.words import say
from imagery import catalogue

SYMBOLS = {
    State.QUEUED: "…",
    State.RUNNING: "▶",
    State.DONE: "✓",
    State.FAILED: "✕",
    State.CANCELLED: "■",
    State.INTERRUPTED: "↻",
}
CLASSES = {State.DONE: "ok", State.FAILED: "stop"}
MOST_SHOWN, MOST_UNFINISHED = 60, 6


def state_of(visit: Visit, job: Job) -> State:
    """Return how a job stands; one whose runner is silent has been interrupted."""
    return State.INTERRUPTED if job.lost(visit.desk.now()) else job.state


def _row(visit: Visit, job: Job, names: dict[str, str]) -> dict[str, object]:
    state, language = state_of(visit, job), visit.language
    share = job.share if state is State.RUNNING else float(state is State.DONE)
    subject = names.get(job.asked.field_uid, "")
    source = job.asked.source if job.asked.kind not in _OF_UPLOADS else ""
    return {
        "uid": job.uid,
        "title": say(f"page.job_kind_{job.asked.kind.value}", language),
        "subject": " · ".join(part for part in (subject, source) if part),
        "state": state.value,
        "symbol": SYMBOLS[state],
        "class": CLASSES.get(state, "look"),
        "text": _said(visit, state, job, share),
        "percent": round(100.0 * share),
        "open": state in OPEN,
        "running": state is State.RUNNING,
        "by": say("page.web_by", language, who=job.by, when=when(job.created_utc, language)),
        "why": job.why.text(language) if job.why and state is State.FAILED else "",
    }


_OF_UPLOADS = (Kind.PHOTOS, Kind.MOSAIC, Kind.ORTHO, Kind.BOUNDARIES)
_OTHER_FILE = {Kind.PHOTOS: "photos", Kind.ORTHO: "ortho", Kind.BOUNDARIES: "boundaries"}
"""For what another file is sent when the one that was sent cannot be used."""


def _said(visit: Visit, state: State, job: Job, share: float) -> str:
    if state is State.RUNNING:
        key = "page.job_again" if job.tries > 1 else "page.job_running"
        return say(key, visit.language, percent=100.0 * share)
    return say(f"page.job_state_{state.value}", visit.language)


def _field_names(visit: Visit) -> dict[str, str]:
    return {one.uid: one.name for one in visit.desk.farm.farm_with_findings()[0].fields}


def jobs_page(request: Request) -> Response:
    """Show what is being done, what waits, and what is over."""
    visit = visit_of(request)
    names = _field_names(visit)
    rows = [_row(visit, job, names) for job in visit.desk.farm.jobs.all(most=MOST_SHOWN)]
    return page(request, visit, "jobs", jobs=rows, busy=any(row["open"] for row in rows),
                unfinished=_unfinished(visit, names))  # fmt: skip


def _unfinished(visit: Visit, names: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return key, what for, and since when, of uploads that can be gone on with."""
    if Power.PLAN not in visit.who.role.powers:
        return []
    return [
        (
            one.uid,
            " · ".join(
                part
                for part in (
                    say(f"page.upload_title_{one.purpose}", visit.language),
                    names.get(one.field_uid, ""),
                )
                if part
            ),
            say("page.web_by", visit.language, who=one.by,
                when=when(one.begun_utc, visit.language)),
        )
        for one in all_uploads(visit.desk.farm.folder)
        if one.files and not one.finished
    ][:MOST_UNFINISHED]  # fmt: skip


def jobs_state(request: Request) -> Response:
    """Tell how far the jobs are, for the page's script."""
    visit = visit_of(request)
    names: dict[str, str] = {}
    rows = [_row(visit, job, names) for job in visit.desk.farm.jobs.all(most=MOST_SHOWN)]
    told = ("uid", "state", "text", "percent")
    return JSONResponse([{name: row[name] for name in told} for row in rows])


def job_page(request: Request, uid: str) -> Response:
    """Show one job: how it stands, what came out, what may follow."""
    visit = visit_of(request)
    job = visit.desk.farm.jobs.one(uid)
    names = _field_names(visit)
    worries, notes, passed = findings_shown(job.result.findings, visit.language)
    files = [Path(name) for name in job.result.files]
    return page(
        request,
        visit,
        "job",
        job=_row(visit, job, names),
        done=job.state is State.DONE,
        facts=job.result.facts,
        worries=worries,
        also=[*notes, *passed],
        maps=_maps(visit, job),
        fields=[(one, names[one]) for one in job.result.fields if one in names],
        pictures=[(at, one.stem) for at, one in enumerate(files) if one.suffix == ".png"],
        files=[(at, one.name) for at, one in enumerate(files) if one.suffix != ".png"],
        next=_next(job),
        forecast=job.asked.field_uid if job.asked.kind is Kind.FORECAST else "",
        other_file=_OTHER_FILE.get(job.asked.kind, "") if job.state is State.FAILED else "",
    )


def _maps(visit: Visit, job: Job) -> list[tuple[str, str]]:
    """Return name and kind of the maps that a job made and that are still there."""
    found = []
    for name in job.result.products:
        try:
            product = catalogue.product(visit.desk.farm.folder, name)
        except AgriError:
            continue
        if drawable(product):
            found.append((name, say(f"page.web_kind_{product.kind}", visit.language)))
    return found


def _next(job: Job) -> Asked | None:
    """Return what may be begun with what came out: of photos that will do, a map."""
    good = job.state is State.DONE and not blocks(job.result.findings)
    if job.asked.kind is not Kind.PHOTOS or not good:
        return None
    return Asked(kind=Kind.MOSAIC, source=job.asked.source, field_uid=job.asked.field_uid)


def job_file(request: Request, uid: str, number: str) -> Response:
    """Give a file that a job made."""
    visit = visit_of(request)
    files = visit.desk.farm.jobs.one(uid).result.files
    at = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else len(files)
    if at >= len(files) or not files[at].startswith(f"{MAPS}/"):
        raise Turned(404, "page.web_not_found")
    path = inside(visit.desk.farm.folder, files[at])
    if not path.is_file():
        raise Turned(404, "page.web_not_found")
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    shown = "inline" if kind == "image/png" else "attachment"
    return FileResponse(path, media_type=kind, filename=path.name, content_disposition_type=shown)


def cancel(request: Request, uid: str) -> Response:
    """Stop a job."""
    visit = visit_of(request)
    visit.desk.farm.jobs.cancel(uid, now=visit.desk.now())
    visit.desk.wake()
    return RedirectResponse("/jobs", status_code=303)


def again(request: Request, uid: str) -> Response:
    """Do a job once more."""
    visit = visit_of(request)
    visit.desk.farm.jobs.again(uid, by=visit.who.name, now=visit.desk.now())
    visit.desk.wake()
    return RedirectResponse("/jobs", status_code=303)


def asked(visit: Visit, what: Asked) -> Job:
    """Put a job into the queue and tell the worker."""
    job = visit.desk.farm.jobs.ask(what, by=visit.who.name, language=visit.language,
                                   now=visit.desk.now())  # fmt: skip
    visit.desk.wake()
    return job


ROUTES: Routes = [
    ("GET", "/jobs", jobs_page),
    ("GET", "/jobs.json", jobs_state),
    ("GET", "/jobs/{uid}", job_page),
    ("GET", "/jobs/{uid}/files/{number}", job_file),
    ("POST", "/jobs/{uid}/cancel", cancel),
    ("POST", "/jobs/{uid}/again", again),
]
