"""Launch tokens: one launch happens once, whoever asks for it again, and whatever happened between.

Theory of operation. A launch has a token, and ``launches/`` one file for each token that was used.
A token is claimed at the yes, before anything that arms: the system makes the file for the first
who asks and for nobody else. It is never taken away, so a launch that a crash cut short is not
repeated either: nobody knows how far it came, and a person has to ask for a new one.

Who asks for a launch without a token of their own means "the next launch of this plan": its token
is the plan's and one more than were claimed when they began. Of two who began at the same time, in
two windows or by a click too many, one can claim it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from agri import files
from agri.errors import BadInput, NotFound, Refused, StoreError
from agri.units import INDOCHINA_TIME

FOLDER = "launches"
_PLAIN = re.compile(r"[A-Za-z0-9-]{1,80}")


def next_token(root: Path, series: str) -> str:
    """Return the token of the next launch of a series, such as a plan's digest.

    Parameters
    ----------
    root : Path
        The farm folder.
    series : str
        Letters, digits and hyphens.
    """
    pattern = re.compile(re.escape(series) + r"-(\d{1,9})\.json")
    with files.told(root / FOLDER):
        there = (root / FOLDER).iterdir() if (root / FOLDER).is_dir() else ()
        used = [int(found[1]) for path in there if (found := pattern.fullmatch(path.name))]
    return f"{series}-{max(used, default=0) + 1}"


def claim(root: Path, token: str, *, who: str, plan_name: str, at_utc: datetime) -> None:
    """Use a token up; when this returns it is on the disk.

    Parameters
    ----------
    root : Path
        The farm folder.
    token : str
        Any text.
    who : str
        The person who said yes.
    plan_name : str
        What is launched.
    at_utc : datetime
        When, with its time zone.

    Raises
    ------
    Refused
        When it was used before: then nothing may be armed for it.
    StoreError
        When it cannot be written: then nothing may be armed either.
    """
    path = files.make_folder(root / FOLDER) / f"{_plain(token)}.json"
    told = {"token": token, "who": who, "plan": plan_name, "at_utc": at_utc.isoformat()}
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with files.told(path), os.fdopen(os.open(path, flags, 0o666), "wb") as file:
            file.write(json.dumps(told, ensure_ascii=False).encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
    except StoreError as error:
        if isinstance(error.__cause__, FileExistsError):
            raise _done(path) from None
        raise
    with files.told(path):
        files.sync_folder(path.parent)


def _plain(token: str) -> str:
    if _PLAIN.fullmatch(token):
        return token
    return "token-" + hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()[:32]


def _done(path: Path) -> Refused:
    """Return the sentence for a launch that was done before."""
    who, at = "?", "?"
    with suppress(BadInput, NotFound, ValueError, TypeError, LookupError):
        told = json.loads(files.read_text_limited(path))
        moment = datetime.fromisoformat(told["at_utc"]).astimezone(INDOCHINA_TIME)
        who, at = str(told["who"]), f"{moment:%H:%M:%S %d/%m/%Y}"
    return Refused("error.launch_done", who=who, at=at)
