"""The photos handed to OpenDroneMap: for surveys, where minutes do not count and centimetres do.

Theory of operation
-------------------
The quick mosaic lays photos on a plane or a given terrain. OpenDroneMap rebuilds the surface
itself; where somebody runs its server (NodeODM), the same photos go there through pyodm and its
orthophoto comes back as a GeoTIFF. Nothing is sent anywhere unless a server is named. What comes
back is a stranger's file: of a size with a limit, kept only when it begins as a TIFF, put in its
place whole or not at all; `imagery.raster` opens it as guarded as any other. Whatever goes wrong,
on the way or in the server, is one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agri.errors import BadInput, LinkError
from agri.files import temporary_beside, told
from imagery.extras import extra
from imagery.raster.tiff import MAGIC

OPTIONS: Mapping[str, Any] = {"orthophoto-cutline": False, "skip-3dmodel": True, "cog": True}
"""What is asked of OpenDroneMap besides its own defaults."""
MAX_BYTES = 60_000_000_000
_RETRIES = {"max_retries": 2, "retry_timeout": 1}


def survey_grade_mosaic(
    photos: Sequence[Path],
    path: Path,
    node: str,
    *,
    options: Mapping[str, Any] | None = None,
    check_every_s: float = 5.0,
    progress: Callable[[float], None] | None = None,
) -> Path:
    """Have an orthomosaic made by an OpenDroneMap server.

    Parameters
    ----------
    photos : sequence of Path
        Photos, and a ``gcp_list.txt`` where there is one.
    path : Path
        The GeoTIFF, replaced if it is there.
    node : str
        NodeODM's address, ``http://192.168.1.5:3000``, with ``?token=…`` where it wants one.
    options : mapping, optional
        Options of OpenDroneMap besides `OPTIONS`.
    check_every_s : float
        How often the server is asked how far it is.
    progress : callable, optional
        Told the share done: a fifth for sending, the rest for the work.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    BadInput
        When the address is none, or the extra ``odm`` is not installed.
    LinkError
        When the server cannot be reached, refuses, fails, or sends no GeoTIFF.
    """
    parts = urlsplit(node)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput("error.odm_address", address=node[:80])
    place = parts.hostname
    pyodm = extra("pyodm", extra="odm")
    errors = extra("pyodm.exceptions", extra="odm")
    tell = progress or _untold
    try:
        server = pyodm.Node.from_url(node)
        task = server.create_task(
            [str(photo) for photo in photos],
            {**OPTIONS, **(options or {})},
            name=path.stem[:60],
            progress_callback=lambda percent: tell(0.2 * percent / 100.0),
            **_RETRIES,
        )
        task.wait_for_completion(
            status_callback=lambda info: tell(0.2 + 0.8 * float(info.progress) / 100.0),
            interval=check_every_s,
            **_RETRIES,
        )
        _fetch(task, path, place)
    except errors.TaskFailedError as error:
        raise LinkError("error.odm_failed", server=place) from error
    except errors.NodeConnectionError as error:
        raise LinkError("error.odm_unreached", server=place) from error
    except errors.OdmError as error:
        raise LinkError("error.odm_refused", server=place, answer=_plain(str(error))) from error
    tell(1.0)
    return path


def _untold(share: float) -> None:
    """Tell nobody."""
    del share


def _fetch(task: Any, path: Path, place: str) -> None:
    """Fetch the orthophoto; it stands at `path` when it is whole and a TIFF."""
    answer = task.get(f"/task/{task.uuid}/download/orthophoto.tif", stream=True)
    chunks = getattr(answer, "iter_content", None)
    if chunks is None:
        raise LinkError("error.odm_refused", server=place, answer=_plain(str(answer)))
    rough = temporary_beside(path)
    size, first = 0, b""
    try:
        with told(path), rough.open("xb") as file:
            for chunk in chunks(1 << 20):
                first = first or bytes(chunk[:4])
                size += file.write(chunk)
                if first not in MAGIC or size > MAX_BYTES:
                    raise LinkError("error.odm_no_raster", server=place)
        if not size:
            raise LinkError("error.odm_no_raster", server=place)
        with told(path):
            rough.replace(path)
    finally:
        rough.unlink(missing_ok=True)


def _plain(answer: str) -> str:
    """Return what a server said, short and printable."""
    return "".join(c if c.isprintable() else " " for c in answer[:120]).strip()
