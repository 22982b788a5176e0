"""The process that does one job: what was asked comes in by a pipe, how it goes comes out.

Theory of operation. Started as ``python -P -m agri.operations.background.child`` by spawning, never
by forking: GDAL's threads do not survive that. It reads one line of JSON, does the job, and writes
lines of JSON: ``{"share": 0.3}`` while it works, and at the end ``{"result": …}``, ``{"why": …}``
with the sentence of a refusal, or ``{"fault": …}`` with what only agri's makers can read. What
libraries print goes nowhere.

It dies with who started it: its input ends then (a thread waits for that), and Linux kills it
besides. Its memory has an end, so that a job that wants too much fails alone.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

PAUSE_S = 0.25
"""At least so long between two tellings of the share done."""
LATER = 10
"""How much later than the server, which may have an aircraft in the air, it gets a processor."""
_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def main() -> None:
    """Do the job that the first line of the input asks for."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    _die_with_parent()
    if sys.platform != "win32":
        os.nice(LATER)
    asked = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    limit_memory(asked["memory_bytes"])
    _say(answers, _done(asked, answers))
    answers.close()
    os._exit(0)


def _done(asked: dict[str, Any], answers: IO[bytes]) -> dict[str, Any]:
    """Return how the job ended."""
    from agri.errors import AgriError
    from agri.words import Message
    from agri.workspace.flightlog import plain

    try:
        return {"result": _do(asked, answers)}
    except AgriError as error:
        return {"why": plain(error.message)}
    except MemoryError:
        return {"why": plain(Message.of("error.job_memory"))}
    except Exception as error:
        return {"fault": "".join(traceback.format_exception(error))[-20_000:]}


def _do(asked: dict[str, Any], answers: IO[bytes]) -> str:
    from agri.jobs import Asked, Kind
    from agri.operations.background.doing import do_job
    from agri.workspace import Workspace
    from agri.workspace.job_tables import result_text

    job = Asked(kind=Kind(asked["kind"]), field_uid=asked["field"], source=asked["source"],
                options=tuple(asked["options"].items()))  # fmt: skip
    last = [0.0]

    def progress(share: float) -> None:
        if time.monotonic() - last[0] >= PAUSE_S:
            last[0] = time.monotonic()
            _say(answers, {"share": float(share)})

    with Workspace.open(Path(asked["folder"]), database=asked["database"]) as farm:
        result = do_job(farm, job, language=asked["language"], now=datetime.now(UTC),
                        progress=progress)  # fmt: skip
    return result_text(result)


def _say(answers: IO[bytes], line: dict[str, Any]) -> None:
    answers.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


def _end_with_input() -> None:
    with suppress(OSError, ValueError):
        while sys.stdin.buffer.read(1 << 16):
            pass
    os._exit(1)


def _die_with_parent() -> None:
    """Ask Linux to end this process with the one that started it."""
    if sys.platform.startswith("linux"):
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)


def limit_memory(most_bytes: int) -> None:
    """Bind this process's memory by the operating system, where it can."""
    if sys.platform == "win32":
        return
    import resource

    with suppress(ValueError, OSError):  # a stricter limit holds already
        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
