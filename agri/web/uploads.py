"""Files that come piece by piece: the form that begins it, the page that sends, what it is told.

Theory of operation. A page's script sends each file in pieces (`agri.operations.uploads`) and is
answered in JSON: how much of the file is kept, and, when a piece was not taken, a sentence in the
visitor's language. What is kept is asked before anything is sent, so that a page that was closed, a
phone that lost the Wi-Fi or a server that was killed go on at the last kept byte. The answer brings
a form's token too: after a new signing in, in another tab, the page that still holds the files goes
on with it.
"""

from __future__ import annotations

import re
import uuid
from urllib.parse import unquote

from fastapi import Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from agri.amounts import read_day
from agri.errors import AgriError, BadInput, NotFound
from agri.jobs import Asked, Kind
from agri.operations.uploads import keeping
from agri.operations.uploads.journal import Purpose, Told, Upload, read_upload
from agri.operations.uploads.keeping import MOST_PIECE, OutOfStep, Piece
from agri.units import INDOCHINA_TIME
from agri.web.jobs import asked
from agri.web.looking import field_of
from agri.web.pages import page, when
from agri.web.visit import Routes, Visit, visit_of
from agri.words import say

ACCEPT = {
    Purpose.PHOTOS: ".jpg,.jpeg,.tif,.tiff,.zip,image/jpeg,image/tiff",
    Purpose.ORTHO: ".tif,.tiff,image/tiff",
    Purpose.BOUNDARIES: ".geojson,.json,.kml,.kmz,.zip,.gpkg,.wkt,.csv,.txt",
}
REASONS = {Purpose.PHOTOS: "page.upload_no_photo", Purpose.ORTHO: "page.upload_no_map"}
"""Why a file is not taken, whose bytes begin as nothing that is wanted."""
KINDS = {Purpose.PHOTOS: Kind.PHOTOS, Purpose.ORTHO: Kind.ORTHO,
         Purpose.BOUNDARIES: Kind.BOUNDARIES}  # fmt: skip
_NUMBER = re.compile(r"[0-9]{1,15}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
LONGEST_NAME = 3_000
"""As it comes: a name of 255 letters, each of up to nine characters."""


# ------------------------------------------------------------------ beginning


def _purpose(told: str) -> Purpose:
    try:
        return Purpose(told)
    except ValueError:
        raise BadInput("error.upload_purpose") from None


def new_page(request: Request) -> Response:
    """Show the form that begins an upload."""
    told = request.query_params
    return _new(request, told.get("purpose", "photos"), told.get("field", ""))


def _new(
    request: Request, purpose: str, field: str, *, wrong: str = "", status: int = 200
) -> Response:
    visit = visit_of(request)
    fields = visit.desk.farm.farm_with_findings()[0].fields
    return page(request, visit, "upload_new", status=status, wrong=wrong, chosen=field,
                purpose=_purpose(purpose).value,
                title=say(f"page.upload_title_{_purpose(purpose)}", visit.language),
                about=say(f"page.upload_about_{_purpose(purpose)}", visit.language),
                fields=[(one.uid, one.name) for one in fields])  # fmt: skip


def begin(request: Request) -> Response:
    """Begin an upload."""
    visit = visit_of(request)
    field = visit.form.get("field", "")
    purpose = _purpose(visit.form.get("purpose", ""))
    name = field_of(visit.desk.farm, field).name if field else ""
    upload = keeping.begin(visit.desk.farm.folder, purpose, by=visit.who.name, field_uid=field,
                           now=visit.desk.now(), new_uid=lambda: str(uuid.uuid4()),
                           name=name)  # fmt: skip
    return RedirectResponse(f"/uploads/{upload.uid}", status_code=303)


# ------------------------------------------------------------------ sending


def upload_page(request: Request, uid: str) -> Response:
    """Show the page that sends files."""
    return _upload(request, uid)


def _upload(request: Request, uid: str, *, wrong: str = "", status: int = 200) -> Response:
    visit = visit_of(request)
    upload = read_upload(visit.desk.farm.folder, uid)
    names = {one.uid: one.name for one in visit.desk.farm.farm_with_findings()[0].fields}
    return page(
        request,
        visit,
        "upload",
        status=status,
        uid=uid,
        wrong=wrong,
        purpose=upload.purpose.value,
        title=say(f"page.upload_title_{upload.purpose}", visit.language),
        go_on=say(f"page.upload_do_{upload.purpose}", visit.language),
        reason=say(REASONS[upload.purpose], visit.language) if upload.purpose in REASONS else "",
        accept=ACCEPT[upload.purpose],
        several=upload.purpose is not Purpose.ORTHO,
        field=names.get(upload.field_uid, ""),
        finished=upload.finished,
        some=upload.whole,
        kept=_kept(visit, upload),
        begun=say("page.web_by", visit.language, who=upload.by,
                  when=when(upload.begun_utc, visit.language)),
        most_piece=MOST_PIECE,
        today=visit.desk.now().astimezone(INDOCHINA_TIME).date().isoformat(),
    )  # fmt: skip


def _kept(visit: Visit, upload: Upload) -> str:
    whole = [file for file in upload.wanted if file.whole]
    megabytes = sum(file.kept for file in upload.files) / 1e6
    return say("page.upload_kept", visit.language, files=len(whole), mb=megabytes)


def upload_state(request: Request, uid: str) -> Response:
    """Tell what is kept of every file."""
    visit = visit_of(request)
    folder = visit.desk.farm.folder
    upload = read_upload(folder, uid)
    return JSONResponse({
        "token": visit.token,
        "finished": upload.finished,
        "room": keeping.room(folder),
        "files": [{"name": one.told.label, "size": one.told.size, "modified": one.told.modified,
                   "kept": one.kept, "passed": one.passed} for one in upload.files],
    })  # fmt: skip


def piece(request: Request, uid: str) -> Response:
    """Keep a piece of a file and tell how far it is."""
    visit = visit_of(request)
    try:
        file = keeping.take(visit.desk.farm.folder, uid, _piece(request, visit.piece))
    except OutOfStep as error:
        told = {"kept": error.kept, "text": error.text(visit.language)}
        return JSONResponse(told, status_code=409)
    except AgriError as error:
        status = 404 if isinstance(error, NotFound) else 400
        return JSONResponse({"text": error.text(visit.language)}, status_code=status)
    return JSONResponse({"kept": file.kept, "passed": file.passed, "whole": file.whole})


def _piece(request: Request, data: bytes) -> Piece:
    def told(name: str) -> str:
        return request.headers.get(f"x-file-{name}", "")

    numbers = [told(name) for name in ("size", "modified", "offset")]
    digest, name = told("sha256").lower(), told("name")
    if not all(map(_NUMBER.fullmatch, numbers)) or not _SHA256.fullmatch(digest):
        raise BadInput("error.upload_headers")
    if not name or len(name) > LONGEST_NAME:
        raise BadInput("error.upload_headers")
    size, modified, offset = map(int, numbers)
    of = Told(label=unquote(name), size=size, modified=modified)
    return Piece(of=of, offset=offset, sha256=digest, data=data)


# ------------------------------------------------------------------ the end


def done(request: Request, uid: str) -> Response:
    """Finish an upload and begin what it is for."""
    visit = visit_of(request)
    try:
        flown = _flown(visit)
        upload = keeping.finish(visit.desk.farm.folder, uid)
    except BadInput as error:
        return _upload(request, uid, wrong=error.text(visit.language), status=400)
    options = (("flown", flown),) if flown and upload.purpose is Purpose.ORTHO else ()
    first = asked(visit, Asked(kind=KINDS[upload.purpose], source=uid, options=options,
                               field_uid=upload.field_uid))  # fmt: skip
    if upload.purpose is Purpose.PHOTOS and visit.form.get("mosaic"):
        asked(visit, Asked(kind=Kind.MOSAIC, source=uid, field_uid=upload.field_uid))
        return RedirectResponse("/jobs", status_code=303)
    return RedirectResponse(f"/jobs/{first.uid}", status_code=303)


def throw_away(request: Request, uid: str) -> Response:
    """Throw away what was sent and not finished."""
    keeping.throw_away(visit_of(request).desk.farm.folder, uid)
    return RedirectResponse("/jobs", status_code=303)


def _flown(visit: Visit) -> str:
    """Return the day that a form says a map was photographed, "" when it says none."""
    text = visit.form.get("flown", "")
    if not text.strip():
        return ""
    day = read_day(text, name=say("page.upload_flown", visit.language))
    if day > visit.desk.now().astimezone(INDOCHINA_TIME).date():
        raise BadInput("error.flown_later", day=day)
    return day.isoformat()


ROUTES: Routes = [
    ("GET", "/uploads/new", new_page),
    ("POST", "/uploads", begin),
    ("GET", "/uploads/{uid}.json", upload_state),
    ("GET", "/uploads/{uid}", upload_page),
    ("POST", "/uploads/{uid}/piece", piece),
    ("POST", "/uploads/{uid}/done", done),
    ("POST", "/uploads/{uid}/discard", throw_away),
]
