"""How many small wrong changes to the rooms that keep a flight safe the tests notice.

``python benchmarks/mutation.py [--rooms missions.checks missions.wire.pump] [--sample 10]
[--seed 1] [--seconds 600] [--report FILE]`` prints JSON.

One change at a time (`benchmarks.mutants`) is made to one room, in memory: a forked child takes
the changed room in through the import system and runs the room's tests (`mutation_tests`) with
pytest until the first fails. The child ends; no file is ever rewritten. A change is killed by a
test that fails, by an import that fails, or by running far longer than the room's tests do
unchanged (`SLACK` times as long). What survives is listed with file, line and change, for a person
to judge: a hole in the tests, or a change that makes no difference.

First each test file runs unchanged; what fails then is told (``"left_out"``) and judges no change.
So it is known which tests run which lines, and how long they take. Every change meets all its
room's tests: those that run the changed line first, the quick ones before the slow, so that a kill
costs little. A survivor whose line no test runs is told apart (``"run_by": 0``); a line that runs
only at import is told as such. Tests that start programs of their own test these unchanged.

Of each package as many changes are taken as ``--sample`` says, drawn by ``--seed``; what
``--seconds`` left no time for is counted as not run. `mutation_report.json` is a small first run;
what a person judged of its survivors stands beside them, and which tests were added for them.
Libraries considered: mutmut 3 copies the sources and wants its own layout of imports; cosmic-ray
rewrites files in place; mutatest is not kept up. None leaves the working tree alone, and each would
be one more dependency.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.machinery
import importlib.util
import json
import math
import os
import platform
import random
import resource
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import CodeType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if Path(sys.path[0]).resolve() == ROOT / "benchmarks":
    sys.path[0] = str(ROOT)  # a benchmark's name must not hide a library's

import pytest  # noqa: E402

from benchmarks.mutants import Mutant, mutants_of, mutated  # noqa: E402
from benchmarks.mutation_tests import TESTS  # noqa: E402

WARM = ("numpy", "shapely", "hypothesis", "coverage")
"""Libraries taken in before the children fork. None starts a thread, and none is of the project."""
SLACK = 4.0
SLACK_S = 30.0
"""A change is killed that takes this many times as long as the tests unchanged, and this more."""
MEMORY = 12 << 30
"""What a child may ask for: a change may fill a list without end."""

Table = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """What a test file does to a package that is as it should be.

    Parameters
    ----------
    seconds : mapping
        Test: how long it takes.
    runs : mapping
        (File, line): the tests that run it.
    failed : tuple of str
        Tests that fail as it is: they can judge nothing.
    whole_s : float
        The file, from start to end.
    """

    seconds: Mapping[str, float]
    runs: Mapping[tuple[str, int], frozenset[str]]
    failed: tuple[str, ...]
    whole_s: float


class Rewriting(importlib.machinery.SourceFileLoader):
    """Takes one module in with one change."""

    def __init__(self, name: str, path: str, number: int) -> None:
        super().__init__(name, path)
        self._number = number

    def get_code(self, fullname: str) -> CodeType:
        """Compile the changed tree."""
        path = Path(self.get_filename(fullname))
        tree = mutated(path.read_text(encoding="utf-8"), self._number)
        return compile(tree, str(path), "exec", dont_inherit=True)


class OneChange:
    """A finder of modules that knows one, changed."""

    def __init__(self, name: str, path: Path, number: int) -> None:
        self._name, self._path, self._number = name, str(path), number

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> Any:
        """Find the changed room; leave all others to those who come after."""
        if name != self._name:
            return None
        loader = Rewriting(name, self._path, self._number)
        return importlib.util.spec_from_file_location(name, self._path, loader=loader)


class Watch:
    """A pytest plugin: order of tests, time of each, lines each runs, which fail."""

    def __init__(
        self, first: Mapping[str, float], *, measured: Any = None, without: Iterable[str] = ()
    ) -> None:
        self._first, self._measured, self._without = first, measured, frozenset(without)
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: dict[str, None] = {}

    def pytest_sessionstart(self) -> None:
        """Keep hypothesis from looking for a smaller example."""
        from hypothesis import Phase, settings

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("killing", settings(), phases=phases)
        settings.load_profile("killing")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the tests that run the change first, the quick ones before the slow."""
        items[:] = [item for item in items if item.nodeid not in self._without]
        best: dict[Path, float] = {}
        for item in items:
            best[item.path] = min(best.get(item.path, math.inf), self._rank(item))
        items.sort(key=lambda item: (best[item.path], str(item.path), self._rank(item)))

    def _rank(self, item: pytest.Item) -> float:
        return self._first.get(item.nodeid, 1e6)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Write down from here on for the next test."""
        if self._measured:
            self._measured.switch_context(nodeid)

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
            _work_alone(work, told.name)
        end = time.monotonic() + limit_s
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > end:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                raise TimeoutError
            time.sleep(0.02)
        text = Path(told.name).read_text(encoding="utf-8")
    made = json.loads(text) if text else None
    if made and "broken" in made:
        raise RuntimeError(made["broken"])
    return made


def _work_alone(work: Callable[[], object], told: str) -> None:
    """The child: a group of its own, silent, ended without what its parent left to be done."""
    try:
        os.setpgid(0, 0)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        sys.dont_write_bytecode = True
        try:
            found = work()
        except Exception as error:
            found = {"broken": repr(error)}
        Path(told).write_text(json.dumps(found), encoding="utf-8")
    finally:
        os._exit(0)


def run_tests(root: Path, files: Iterable[str], watch: Watch, *more: str) -> int:
    """What pytest says in the end of the files' tests, run in this very program."""
    os.chdir(root)
    sys.path.insert(0, str(root))
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:cov", f"--rootdir={root}", *more]
    return int(pytest.main([*options, *files], plugins=[watch]))


def unchanged(root: Path, file: str, rooms: Sequence[str]) -> Unchanged:
    """Run a test file against the rooms as they are; raises ValueError if it cannot be run."""

    def work() -> object:
        import coverage

        paths = [str(root / room_file(room)) for room in rooms]
        measured = coverage.Coverage(data_file=None, include=paths, config_file=False)
        watch = Watch({}, measured=measured)
        measured.start()
        code = run_tests(root, [file], watch)
        measured.stop()
        data = measured.get_data()
        lines = [
            [str(Path(path).relative_to(root)), line, [name for name in names if name]]
            for path in data.measured_files()
            for line, names in data.contexts_by_lineno(path).items()
        ]
        return {"code": code, "failed": [*watch.failed], "seconds": watch.seconds, "lines": lines}

    begin = time.monotonic()
    told = in_child(work, 1800.0)
    if told is None or told["code"] not in {0, 1, 5}:
        raise ValueError(f"{file} cannot be run: {told}")
    runs = {(path, line): frozenset(names) for path, line, names in told["lines"]}
    return Unchanged(
        seconds=told["seconds"],
        runs=runs,
        failed=tuple(told["failed"]),
        whole_s=time.monotonic() - begin,
    )


def room_file(room: str) -> str:
    return room.replace(".", "/") + ".py"


def judge(
    root: Path, room: str, mutant: Mutant, before: Mapping[str, Unchanged], slack_s: float = SLACK_S
) -> dict[str, object]:
    """Let a room's tests meet one change; tell what became of it."""
    lines = range(mutant.line, mutant.last_line + 1)
    name = room_file(room)
    known = [one.runs.get((name, line)) for one in before.values() for line in lines]
    runs = frozenset().union(*(tests for tests in known if tests))
    seconds = {test: s for one in before.values() for test, s in one.seconds.items()}
    first = {test: s if test in runs else 1e3 + s for test, s in seconds.items()}

    def work() -> object:
        sys.meta_path.insert(0, OneChange(room, root / name, mutant.number))
        sys.path.insert(0, str(root))
        try:
            importlib.import_module(room)
        except Exception as error:
            return {"by": f"import: {type(error).__name__}"}
        watch = Watch(first, without=[test for one in before.values() for test in one.failed])
        if run_tests(root, before, watch, "-x") and not watch.failed:
            raise RuntimeError("pytest ended without a test that failed")
        return {"by": next(iter(watch.failed), "")}

    begin = time.monotonic()
    try:
        told = in_child(work, SLACK * sum(one.whole_s for one in before.values()) + slack_s)
        by = told["by"] if told else "ended its program"
    except TimeoutError:
        by = "took too long"
    return {
        "file": name,
        **asdict(mutant),
        "source": (root / name).read_text(encoding="utf-8").splitlines()[mutant.line - 1].strip(),
        "fate": "killed" if by else "survived",
        "killed_by": by,
        "run_by": len(runs),
        "only_at_import": not runs and any(tests is not None for tests in known),
        "seconds": round(time.monotonic() - begin, 1),
    }


def drawn(root: Path, table: Table, sample: int, seed: int) -> dict[str, list[tuple[str, Mutant]]]:
    """Package: some changes of its rooms, by the same seed the same, more when more are asked."""
    changes: dict[str, list[tuple[str, Mutant]]] = defaultdict(list)
    for room in sorted(table):
        source = (root / room_file(room)).read_text(encoding="utf-8")
        changes[room.rpartition(".")[0]] += [(room, mutant) for mutant in mutants_of(source)]
    for package, all_ in changes.items():
        random.Random(f"{seed}:{package}").shuffle(all_)
    return {package: all_[:sample] for package, all_ in changes.items()}


def examine(
    root: Path,
    table: Table,
    *,
    sample: int,
    seed: int,
    seconds: float,
    slack_s: float = SLACK_S,
) -> dict[str, object]:
    """Draw changes, let the tests meet each, and sum up by package, each with its share of time."""
    for library in WARM:
        importlib.import_module(library)
    over = time.monotonic() + seconds
    seen: dict[str, Unchanged] = {}
    packages: dict[str, object] = {}
    chosen = drawn(root, table, sample, seed)
    for at, (package, changes) in enumerate(chosen.items()):
        end = time.monotonic() + (over - time.monotonic()) / (len(chosen) - at)
        fates = []
        for room, mutant in changes:
            files = [*table[room], room_file(room)]
            for file in files:
                if file not in seen and time.monotonic() < end:
                    rooms = [other for other in table if file in {*table[other], room_file(other)}]
                    seen[file] = unchanged(root, file, rooms)
            if time.monotonic() < end:
                before = {file: seen[file] for file in files}
                fates.append(judge(root, room, mutant, before, slack_s))
                print(json.dumps(fates[-1], ensure_ascii=False), file=sys.stderr, flush=True)
        packages[package] = summed_up(fates, drawn_=len(changes))
    left_out = sorted(test for one in seen.values() for test in one.failed)
    return {"left_out": left_out, "packages": packages}


def summed_up(fates: Sequence[Mapping[str, Any]], *, drawn_: int) -> dict[str, object]:
    killed = [fate for fate in fates if fate["fate"] == "killed"]
    return {
        "drawn": drawn_,
        "not_run": drawn_ - len(fates),
        "killed": len(killed),
        "survived": len(fates) - len(killed),
        "killed_percent": round(100.0 * len(killed) / len(fates), 1) if fates else None,
        "survivors": [fate for fate in fates if fate["fate"] == "survived"],
        "kills": killed,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rooms", nargs="*", default=[""], help="rooms or packages; all")
    parser.add_argument("--sample", type=int, default=10, help="changes of each package")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3600.0, help="time for all of it")
    parser.add_argument("--report", type=Path, help="where the JSON is kept as well")
    asked = parser.parse_args(arguments)
    rooms = {
        room: tests
        for room, tests in TESTS.items()
        if any(f"{room}.".startswith(f"{one}.".lstrip(".")) for one in asked.rooms)
    }
    if not rooms:
        parser.error(f"no such room: {' '.join(asked.rooms)}")
    report = {
        "benchmark": "mutation",
        "python": platform.python_version(),
        "sample": asked.sample,
        "seed": asked.seed,
        **examine(ROOT, rooms, sample=asked.sample, seed=asked.seed, seconds=asked.seconds),
    }
    text = json.dumps(report, indent=2, ensure_ascii=False)
    if asked.report:
        asked.report.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
