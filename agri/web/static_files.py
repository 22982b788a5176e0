"""Style, scripts, letters and the map library: the files the wheel brings, each known by its name.

Theory of operation. All files are read once, when the app is made; a request can only name one of
them, so no path leads anywhere else. Each is kept compressed too. The folders of the map library
and of the letters carry their versions, so browsers may keep them for a year, and so do our own
where a page names them with their fingerprint (`file_at`); named without, they are asked for again
each time and answered with "not changed" (ETag), which costs nothing on a home network. The letters
(Be Vietnam Pro, regular and bold, Latin and Vietnamese) are 67 kB.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from fastapi import Request, Response

from agri.web.visit import Turned

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
VENDOR = "vendor/"
"""Folder of what others made; each has its version in its name."""
PAPER = "paper/"
"""Folder of the styles of printed sheets (`agri.operations.sheets`)."""
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """One file, plain and compressed, with its type and fingerprint."""

    plain: bytes
    packed: bytes
    kind: str
    tag: str


@cache
def static_files() -> Mapping[str, StaticFile]:
    """Return every file that may be asked for, by its name with forward slashes."""
    sheets = _found(resources.files("agri").joinpath("operations/templates"), PAPER)
    return dict(
        [
            *_found(resources.files("agri").joinpath("web/static"), ""),
            *((name, file) for name, file in sheets if name.endswith(".css")),
        ]
    )


def _found(folder: Traversable, above: str) -> list[tuple[str, StaticFile]]:
    found = []
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            found += _found(entry, f"{above}{entry.name}/")
            continue
        kind = TYPES.get("." + entry.name.rpartition(".")[2])
        if kind is None:
            continue
        data = entry.read_bytes()
        tag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
        packed = gzip.compress(data, 9, mtime=0)
        found.append(
            (above + entry.name, StaticFile(plain=data, packed=packed, kind=kind, tag=tag))
        )
    return found


def file_at(name: str) -> str:
    """Return the address of a file that changes with what is in it.

    Examples
    --------
    >>> file_at("vendor/leaflet-1.9.4/leaflet.js")
    '/static/vendor/leaflet-1.9.4/leaflet.js'
    >>> file_at("app.css").startswith("/static/app.css?v=")
    True
    """
    named = "" if name.startswith(VENDOR) else f"?v={_version(static_files()[name])}"
    return f"/static/{name}{named}"


def _version(file: StaticFile) -> str:
    return file.tag.strip('"')[:12]


def static_file(request: Request, name: str) -> Response:
    """Answer with one of the files."""
    file = static_files().get(name)
    if file is None:
        raise Turned(404, "page.web_not_found")
    named = request.query_params.get("v") == _version(file)
    kept = FOREVER if named or name.startswith(VENDOR) else "no-cache"
    headers = {"etag": file.tag, "cache-control": kept, "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == file.tag:
        return Response(status_code=304, headers=headers)
    data = file.plain
    if "gzip" in request.headers.get("accept-encoding", ""):
        data = file.packed
        headers["content-encoding"] = "gzip"
    return Response(data, media_type=file.kind, headers=headers)
