"""Tests that stand collected while one fork after the other meets one change.

Importing the project and collecting its tests takes longer than most tests that kill. Here that
is done once, inside a pytest session that runs no test itself: for each change it forks, exchanges
what is changed in place (`mutation_swap`) and runs, quickest first, the tests that run the changed
lines. Which those are, and how long each takes, is measured beforehand the same way: a fork for
each test file, under coverage, a shared fixture's lines counted for each test that asks for it.

A fork with a second thread alive may hang on that thread's lock (as it would with GDAL's workers):
the session starts none and says so at once if an import did.
"""

from __future__ import annotations

import ast
import gc
import json
import math
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.mutants import Mutant
from benchmarks.mutation_swap import Rooms

MEMORY = 6 << 30
"""What a child may ask for: a change may fill a list without end."""
BUSY = 2.0
"""A child may take so many times as long by the clock as by its processor's time."""
LONG_S = 3.0
"""A test that takes longer is left to the second meeting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """What a test file does to rooms that are as they should be.

    Parameters
    ----------
    seconds : mapping
        Test: how long it takes.
    runs : mapping
        (File, line): the tests that run it.
    failed : tuple of str
        Tests that fail as it is: they can judge nothing.
    """

    seconds: Mapping[str, float]
    runs: Mapping[tuple[str, int], frozenset[str]]
    failed: tuple[str, ...]


class Watch:
    """A pytest plugin: order of tests, time of each, lines each runs, which fail."""

    def __init__(
        self,
        first: Mapping[str, float] | None = None,
        *,
        measured: Any = None,
        without: Iterable[str] = (),
    ) -> None:
        self._first, self._measured, self._without = first or {}, measured, frozenset(without)
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: dict[str, None] = {}
        self.fixtures: dict[str, list[str]] = {}

    def pytest_sessionstart(self) -> None:
        """Nobody here wants a smaller example."""
        keep_from_shrinking()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the tests that run the change first, the quick ones before the slow."""
        items[:] = [item for item in items if item.nodeid not in self._without]
        best: dict[Path, float] = {}
        for item in items:
            best[item.path] = min(best.get(item.path, 1e9), self._rank(item))
        items.sort(key=lambda item: (best[item.path], str(item.path), self._rank(item)))

    def _rank(self, item: pytest.Item) -> float:
        return self._first.get(item.nodeid, 1e6)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Write down from here on for the next test, and what fixtures it asks for."""
        self.fixtures[item.nodeid] = list(getattr(item, "fixturenames", ()))
        self._write_down_for(item.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
        """What is set up for many tests is written down for the fixture."""
        shared = fixturedef.scope != "function"
        if shared:
            self._write_down_for(f"fixture {fixturedef.argname}")
        try:
            return (yield)
        finally:
            if shared:
                self._write_down_for(os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0])

    def _write_down_for(self, name: str) -> None:
        if self._measured:
            self._measured.switch_context(name)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up what a test takes, its setting up included."""
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed[report.nodeid] = None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file of tests that cannot be read has failed."""
        if report.failed:
            self.failed[report.nodeid] = None


def in_child(work: Callable[[], object], limit_s: float) -> Any:
    """What a forked child makes of some work; None if it ended before it could tell.

    Raises
    ------
    TimeoutError
        It took too long and was ended.
    RuntimeError
        The work itself broke, which says nothing of any change.
    """
    with tempfile.NamedTemporaryFile() as told:
        child = os.fork()
        if not child:
            _work_alone(work, told.name, limit_s)
        end, pause_s = time.monotonic() + limit_s, 0.002
        while not (ended := os.waitpid(child, os.WNOHANG))[0]:
            if time.monotonic() > end:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                raise TimeoutError
            time.sleep(pause_s)
            pause_s = min(0.02, pause_s * 1.5)
        if os.WIFSIGNALED(ended[1]) and os.WTERMSIG(ended[1]) == signal.SIGXCPU:
            raise TimeoutError
        text = Path(told.name).read_text(encoding="utf-8")
    made = json.loads(text) if text else None
    if made and "broken" in made:
        raise RuntimeError(made["broken"])
    return made


def _work_alone(work: Callable[[], object], told: str, limit_s: float) -> None:
    """The child: a group of its own, silent, ended without what its parent left to be done."""
    try:
        os.setpgid(0, 0)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit_s / BUSY), -1))
        sys.dont_write_bytecode = True
        try:
            found = work()
        except Exception as error:
            found = {"broken": repr(error)}
        Path(told).write_text(json.dumps(found), encoding="utf-8")
    finally:
        os._exit(0)


class Warm:
    """A pytest plugin that keeps collected tests and lets forks of itself run some of them.

    Parameters
    ----------
    root : Path
        The project.
    rooms : sequence of str
        What changes are made to.
    work : callable
        Called with this object once all stands ready.
    """

    def __init__(self, root: Path, rooms: Sequence[str], work: Callable[[Warm], None]) -> None:
        self.root, self._names, self._work = root, rooms, work
        self._items: dict[str, pytest.Item] = {}
        self._rooms: Rooms | None = None

    def pytest_sessionstart(self) -> None:
        """Nobody here wants a smaller example."""
        keep_from_shrinking()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In the place of running the tests: do the work."""
        self._items = {item.nodeid: item for item in session.items}
        if session.testsfailed or threading.active_count() > 1 or len(_threads()) > 1:
            raise pytest.UsageError("tests that cannot be collected, or a thread beside this one")
        for room in self._names:
            __import__(room)
        self._rooms = Rooms(self._names, self.root)
        gc.collect()
        gc.freeze()
        self._work(self)
        return True

    def measure(self, file: str) -> Unchanged:
        """Run a test file as it is and write down which test runs which lines of which room."""
        paths = [str(self.root / room_file(room)) for room in self._names]

        def work() -> object:
            import coverage

            measured = coverage.Coverage(data_file=None, include=paths, config_file=False)
            watch = Watch(measured=measured)
            measured.start()
            self._run([item for name, item in self._items.items() if _file(name) == file], watch)
            measured.stop()
            data = measured.get_data()
            lines = [
                [str(Path(path).relative_to(self.root)), line, [name for name in names if name]]
                for path in data.measured_files()
                for line, names in data.contexts_by_lineno(path).items()
            ]
            return {
                "failed": [*watch.failed],
                "seconds": watch.seconds,
                "lines": _for_tests(lines, watch.fixtures),
            }

        told = in_child(work, 1800.0)
        if told is None:
            raise ValueError(f"{file} cannot be run")
        return Unchanged(
            seconds=told["seconds"],
            runs={(path, line): frozenset(names) for path, line, names in told["lines"]},
            failed=tuple(told["failed"]),
        )

    def meet(self, room: str, mutant: Mutant, tests: Sequence[str], limit_s: float) -> str | None:
        """Which test kills a change; "" if none of these; None if it cannot be made in place."""

        def work() -> object:
            assert self._rooms is not None  # noqa: S101 - for the type checker
            try:
                if not self._rooms.swap(room, mutant.number):
                    return {"by": None}
            except Exception as error:
                return {"by": f"import: {type(error).__name__}"}
            watch = Watch()
            self._run([self._items[name] for name in tests], watch, until_failed=True)
            return {"by": next(iter(watch.failed), "")}

        try:
            told = in_child(work, limit_s)
        except TimeoutError:
            return "took too long"
        return told["by"] if told else "ended its program"

    def _run(
        self, items: Sequence[pytest.Item], watch: Watch, *, until_failed: bool = False
    ) -> None:
        if not items:
            return
        with tempfile.TemporaryDirectory() as alone:
            config = items[0].config
            factory: Any = config._tmp_path_factory  # type: ignore[attr-defined]
            factory._basetemp = Path(alone).resolve()
            config.pluginmanager.register(watch)
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if until_failed and watch.failed:
                    return


def keep_from_shrinking() -> None:
    """Keep hypothesis from looking for a smaller example."""
    from hypothesis import Phase, settings

    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("killing", settings(), phases=phases)
    settings.load_profile("killing")


def _threads() -> list[str]:
    tasks = Path("/proc/self/task")
    return [task.name for task in tasks.iterdir()] if tasks.is_dir() else ["this"]


def _file(test: str) -> str:
    return test.partition("::")[0]


def _for_tests(
    lines: Iterable[Sequence[Any]], fixtures: Mapping[str, Sequence[str]]
) -> list[tuple[str, int, list[str]]]:
    """Lines that a shared fixture runs, told for each test that asks for it."""
    askers: dict[str, list[str]] = defaultdict(list)
    for test, names in fixtures.items():
        for name in names:
            askers[f"fixture {name}"].append(test)
    return [
        (path, line, sorted({test for name in names for test in askers.get(name, [name])}))
        for path, line, names in lines
    ]


def room_file(room: str) -> str:
    """Where a room is written.

    >>> room_file("missions.wire.pump")
    'missions/wire/pump.py'
    """
    return room.replace(".", "/") + ".py"


def lines_that_matter(source: str, mutant: Mutant) -> Sequence[int]:
    r"""The lines whose tests may notice a change.

    In a function these are the changed lines; outside, the lines that use the names its statement
    gives a value.

    Examples
    --------
    >>> from benchmarks.mutants import mutants_of
    >>> source = "LEAST = 3\n\n\ndef enough(litres):\n    return litres >= LEAST\n"
    >>> first, *_, last = mutants_of(source)
    >>> lines_that_matter(source, first), lines_that_matter(source, last)
    ([5], [5])
    """
    tree = ast.parse(source)
    functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    if any(n.body[0].lineno <= mutant.line <= (n.end_lineno or 0) for n in functions):
        return list(range(mutant.line, mutant.last_line + 1))
    names = {
        name.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and node.lineno <= mutant.line <= (node.end_lineno or 0)
        for name in ast.walk(node)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    }
    using = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return sorted(using) or list(range(1, source.count("\n") + 2))
