"""A suite run in a process of its own, what it found, and the journal that keeps it.

Tests tell figures with pytest's ``record_property``; they come out of its JUnit file, with which
test passed, failed or was skipped. Of a benchmark the JSON on standard output is kept whole. At the
end of its time a suite gets an interrupt first, so that pytest still writes what it knows, and
`GRACE_S` later it is killed with everything it started.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from benchmarks.under_fire_promises import Suite

GRACE_S = 60.0
LIMIT_LEAST_S = 120.0
WHOLE = "whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What became of one suite."""

    suite: str
    share: float
    commit: str
    began_utc: str
    command: str
    ended: str
    """``whole``, or why not: stopped after its time, killed, broken, or not begun."""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    load: tuple[float, float] = (0.0, 0.0)
    """The machine's load over a minute, before and after."""
    tests: dict[str, str] = field(default_factory=dict)
    """Each test and how it ended: passed, failed or skipped."""
    figures: list[tuple[str, str, float]] = field(default_factory=list)
    """Test ("" for a benchmark), name, value."""
    last_words: str = ""

    @property
    def failed(self) -> list[str]:
        """The tests that failed."""
        return [name for name, how in self.tests.items() if how == "failed"]


class Journal:
    """What was run, one line of JSON each, in the order it was run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def runs(self) -> list[Run]:
        """Return all runs; a line cut short by a death is left out."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for line in self.path.read_text("utf-8").splitlines():
                with contextlib.suppress(json.JSONDecodeError):
                    told = json.loads(line)
                    told["load"] = tuple(told["load"])
                    told["figures"] = [tuple(one) for one in told["figures"]]
                    found.append(Run(**told))
        return found

    def has(self, suite: str, share: float, commit: str) -> bool:
        """Whether it was run to its end at that size for that commit."""
        return any(
            (run.suite, run.share, run.commit, run.ended) == (suite, share, commit, WHOLE)
            for run in self.runs()
        )

    def add(self, run: Run) -> None:
        """Write a run down; on a line of its own whatever the last one ended with."""
        with self.path.open("a+b") as kept:
            if kept.tell():
                kept.seek(-1, os.SEEK_END)
                if kept.read(1) != b"\n":
                    kept.write(b"\n")
            kept.write(json.dumps(asdict(run), ensure_ascii=False).encode() + b"\n")
            kept.flush()
            os.fsync(kept.fileno())


def commit_of(root: Path) -> str:
    """Return the commit in short, with a + when something is changed; "" outside a checkout."""
    try:
        words = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--exclude", "*"]
        return subprocess.run(words, text=True, capture_output=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def missing(need: str) -> str:
    """Return what a suite cannot run without and is not here, "" when nothing is."""
    if need == "arducopter":
        from agri.errors import NotFound
        from sitl.ardupilot import find_arducopter

        try:
            find_arducopter()
        except NotFound:
            return "no arducopter on this machine"
    if need == "chromium" and not shutil.which("chromium"):
        return "no Chromium on this machine"
    return ""


def run_suite(root: Path, suite: Suite, share: float, commit: str) -> Run:
    """Run a suite at a share of its size and return what it found, whatever becomes of it."""
    words = suite.words(share)
    shown = " ".join(words)
    began = datetime.now(UTC).isoformat(timespec="seconds")
    lacking = missing(suite.needs)
    if lacking:
        return Run(suite=suite.name, share=share, commit=commit, began_utc=began, command=shown,
                   ended=lacking)  # fmt: skip
    limit_s = max(LIMIT_LEAST_S, 60.0 * suite.limit_min * min(1.0, 4.0 * share))
    with tempfile.TemporaryDirectory(prefix="under-fire-") as name:
        junit = Path(name) / "junit.xml"
        if suite.tests:
            words = ["-m", *words, "-q", "-p", "no:cacheprovider", f"--junitxml={junit}"]
        load, before, at = os.getloadavg()[0], _children_s(), time.monotonic()
        ended, out, err = _watched([sys.executable, *words], root, share, limit_s)
        wall_s, cpu_s = time.monotonic() - at, _children_s() - before
        tests, figures = read_junit(junit) if suite.tests else ({}, read_json(out))
        if ended == WHOLE and not tests and not figures:
            ended = "told nothing"
    return Run(
        suite=suite.name, share=share, commit=commit, began_utc=began, command=shown, ended=ended,
        wall_s=round(wall_s, 1), cpu_s=round(cpu_s, 1),
        load=(round(load, 1), round(os.getloadavg()[0], 1)), tests=tests, figures=figures,
        last_words="" if ended == WHOLE else (out + err).strip()[-600:],
    )  # fmt: skip


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watched(words: list[str], root: Path, share: float, limit_s: float) -> tuple[str, str, str]:
    """Run a program until it ends or its time is over; return how it ended and what it said."""
    env = os.environ | {
        "AGRI_SUITE_SHARE": f"{share:g}",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")])),
    }
    _hear_interrupts()
    # one that comes while the program is being started waits until we know whom to kill
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    hear = partial(signal.pthread_sigmask, signal.SIG_SETMASK, heard)
    try:
        program = subprocess.Popen(
            words, cwd=root, env=env, text=True, errors="replace", start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=hear,  # noqa: PLW1509
        )  # fmt: skip
    except BaseException:
        hear()
        raise
    with program:
        ended = ""
        try:
            hear()
            out, err = program.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            ended = f"stopped after {limit_s / 60.0:.0f} min"
            program.send_signal(signal.SIGINT)
            try:
                out, err = program.communicate(timeout=GRACE_S)
            except subprocess.TimeoutExpired:
                _kill_all(program)
                out, err = program.communicate()
        except BaseException:
            _kill_all(program)
            raise
        _kill_all(program)
    if ended:
        return ended, out, err
    code = program.returncode
    if code < 0:
        return f"killed by {signal.Signals(-code).name}", out, err
    # 1 is pytest's word for failed tests, and a benchmark's for a bound not kept
    return (WHOLE if code in (0, 1) else f"broke with {code}"), out, err


def _hear_interrupts() -> None:
    """Be interruptible, and so what is started here: a shell's background is deaf to Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        with contextlib.suppress(ValueError):  # only a main thread may say so
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _kill_all(program: subprocess.Popen[str]) -> None:
    """Kill what the suite left behind in its own group of processes, and nothing else."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, signal.SIGKILL)


def read_junit(path: Path) -> tuple[dict[str, str], list[tuple[str, str, float]]]:
    """Return how each test ended, and the numbers that tests told."""
    tests: dict[str, str] = {}
    figures: list[tuple[str, str, float]] = []
    with contextlib.suppress(FileNotFoundError, ElementTree.ParseError):
        for case in ElementTree.parse(path).getroot().iter("testcase"):  # noqa: S314
            name = f"{case.get('classname', '')}::{case.get('name', '')}"
            kinds = {child.tag for child in case}
            how = "failed" if kinds & {"failure", "error"} else "passed"
            tests[name] = "skipped" if "skipped" in kinds else how
            for one in case.iter("property"):
                with contextlib.suppress(ValueError):
                    figures.append((name, one.get("name", ""), float(one.get("value", ""))))
    return tests, figures


def read_json(said: str) -> list[tuple[str, str, float]]:
    """Return every number of the JSON object that a program printed, by its path.

    Examples
    --------
    >>> read_json('warming up {"a": {"b": 2}, "ok": true, "name": "x"}')
    [('', 'a.b', 2.0), ('', 'ok', 1.0)]
    """
    start = said.find("{")
    try:
        found = json.JSONDecoder().raw_decode(said[start:])[0] if start >= 0 else {}
    except json.JSONDecodeError:
        return []
    return [("", name, value) for name, value in _numbers(found)]


def _numbers(told: Any, path: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(told, dict):
        for key, value in told.items():
            yield from _numbers(value, f"{path}.{key}" if path else key)
    elif isinstance(told, list):
        for at, value in enumerate(told[:50]):
            yield from _numbers(value, f"{path}.{at}")
    elif isinstance(told, int | float):
        yield path, float(told)
