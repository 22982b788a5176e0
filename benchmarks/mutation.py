"""How many small wrong changes to the rooms that keep a flight safe the tests notice.

``python benchmarks/mutation.py [--rooms missions.checks missions.wire.pump] [--sample 60]
[--seed 1] [--seconds 3600] [--journal FILE] [--report FILE] [--quick]`` prints JSON. All changes
of all rooms, an evening and a night of one core: ``--sample 100000 --seconds 100000 --journal
all.jsonl``; begun again it goes on where it was stopped.

One change at a time (`benchmarks.mutants`) is made to one room, in memory; no file is rewritten.
A change meets the tests twice at most. First (`mutation_warm`) a fork of a session whose tests
stand collected exchanges it in place and runs the quick tests that run its lines, up to ``QUICK_S``
of them: nine kills of ten come from here, in a fraction of a second. What survives that, or cannot
be exchanged in place, meets all tests of its room in a child that takes everything in anew, those
that run the changed line first. A kill there must happen twice: these tests hold sockets and
clocks, and a busy machine is no proof. A change is killed by a test that fails, by an import that
fails, or by running far longer than the tests do unchanged (`SLACK` times as long). With
``--quick`` the second meeting is left out; what it would settle, or what the time did not reach,
is told as survived (``"met": "quick tests"``).

What fails unchanged is told (``"left_out"``) and judges no change. A survivor whose line no test
runs is told apart (``"run_by": 0``). Tests that start programs of their own test these unchanged.

Of each package as many changes are taken as ``--sample`` says, drawn by ``--seed``; what
``--seconds`` left no time for at all is counted as not run. A package's rate has Wilson's 95 %
interval; the whole is the packages' rates weighted by how many changes each has, as a stratified
sample wants it. Whether a survivor makes any difference is for a person to say, one by one, with
the reason (`mutation_judged.json`); ``"killed_percent"`` does not know of it, and
``"killed_percent_of_real"`` leaves out those judged to make none.
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
import os
import platform
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import CodeType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if Path(sys.path[0]).resolve() == ROOT / "benchmarks":
    sys.path[0] = str(ROOT)  # a benchmark's name must not hide a library's
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no thread may live where a fork is made

import pytest  # noqa: E402

from benchmarks.mutants import Mutant, mutants_of, mutated  # noqa: E402
from benchmarks.mutation_journal import Bench, Journal, Table  # noqa: E402
from benchmarks.mutation_rates import summed_up, told, weighed  # noqa: E402
from benchmarks.mutation_tests import TESTS  # noqa: E402
from benchmarks.mutation_warm import (  # noqa: E402
    LONG_S,
    Unchanged,
    Warm,
    Watch,
    in_child,
    lines_that_matter,
    room_file,
)

WARM = ("numpy", "shapely", "hypothesis", "coverage")
"""Libraries taken in before the children fork. None starts a thread, and none is of the project."""
SLACK = 8.0
SLACK_S = 20.0
"""A change is killed that takes this many times as long as the tests unchanged, and this more."""
QUICK_S = 6.0
"""So much of the quick tests a change meets first."""
JUDGED = Path(__file__).with_name("mutation_judged.json")

Change = tuple[str, Mutant]


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


def run_tests(root: Path, files: Iterable[str], plugin: object, more: Sequence[str] = ()) -> int:
    """What pytest says in the end of the files' tests, run in this very program."""
    os.chdir(root)
    sys.path.insert(0, str(root))
    options = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:cov", f"--rootdir={root}"]
    return int(pytest.main([*options, *more, *files], plugins=[plugin]))


def measured(warm: Warm, bench: Bench, files: Iterable[str], kept: Path) -> dict[str, Unchanged]:
    """What each test file runs as it is; what was measured before and still holds is not again."""
    rooms = {room_file(room) for room in bench.table}
    known = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    seen: dict[str, Unchanged] = {}
    for file in files:
        old = known.get(file)
        if (
            old is None
            or not rooms <= {*old["measured"]}
            or old["stamp"] != bench.stamp({file, *old["rooms"]})
        ):
            one = warm.measure(file)
            touched = sorted({path for path, _ in one.runs})
            old = known[file] = {
                "stamp": bench.stamp({file, *touched}),
                "rooms": touched,
                "measured": sorted(rooms),
                "seconds": one.seconds,
                "failed": one.failed,
                "runs": [[path, line, sorted(tests)] for (path, line), tests in one.runs.items()],
            }
            kept.write_text(json.dumps(known), encoding="utf-8")
        seen[file] = Unchanged(
            seconds=old["seconds"],
            runs={(path, line): frozenset(tests) for path, line, tests in old["runs"]},
            failed=tuple(old["failed"]),
        )
    return seen


def known_of(seen: Mapping[str, Unchanged], files: Sequence[str]) -> Unchanged:
    """What several test files do, as one."""
    runs: dict[tuple[str, int], set[str]] = defaultdict(set)
    for file in files:
        for place, tests in seen[file].runs.items():
            runs[place] |= tests
    return Unchanged(
        seconds={test: s for file in files for test, s in seen[file].seconds.items()},
        runs={place: frozenset(tests) for place, tests in runs.items()},
        failed=tuple(test for file in files for test in seen[file].failed),
    )


def judges_of(bench: Bench, room: str, mutant: Mutant, known: Unchanged) -> list[str]:
    """The tests that run what a change changes, the quickest first."""
    lines = lines_that_matter(bench.source(room), mutant)
    tests = {test for line in lines for test in known.runs.get((room_file(room), line), ())}
    return sorted(tests - {*known.failed}, key=lambda test: (known.seconds.get(test, 0.0), test))


def first_meeting(
    warm: Warm, bench: Bench, changes: Sequence[Change], journal: Journal, kept: Path
) -> None:
    """Let the quick tests meet each change that is not settled yet."""
    files = sorted({file for room, _ in changes for file in bench.files(room)})
    seen = measured(warm, bench, files, kept)
    for room, mutant in changes:
        if journal.find(room, mutant) or bench.over():
            continue
        begin = time.monotonic()
        known = known_of(seen, bench.files(room))
        tests = judges_of(bench, room, mutant, known)
        quick: list[str] = []
        total_s = 0.0
        for test in tests:
            if known.seconds.get(test, 0.0) < LONG_S and total_s < QUICK_S:
                quick.append(test)
                total_s += known.seconds.get(test, 0.0)
        by = warm.meet(room, mutant, quick, SLACK * total_s + bench.slack_s)
        journal.write(room, mutant, by=by or "", run_by=len(tests), begin=begin, settled=bool(by))


def second_meeting(
    bench: Bench, change: Change, journal: Journal, seen: Mapping[str, Unchanged]
) -> None:
    """Let all tests of its room meet one change, everything taken in anew."""
    room, mutant = change
    files = bench.files(room)
    known = known_of(seen, files)
    tests = judges_of(bench, room, mutant, known)
    first = {test: s if test in tests else 1e3 + s for test, s in known.seconds.items()}

    def work() -> object:
        sys.meta_path.insert(0, OneChange(room, bench.root / room_file(room), mutant.number))
        sys.path.insert(0, str(bench.root))
        try:
            importlib.import_module(room)
        except Exception as error:
            return {"by": f"import: {type(error).__name__}"}
        watch = Watch(first, without=known.failed)
        if run_tests(bench.root, files, watch, more=["-x"]) and not watch.failed:
            raise RuntimeError("pytest ended without a test that failed")
        return {"by": next(iter(watch.failed), "")}

    begin = time.monotonic()
    by = "twice"
    for _ in range(2):
        try:
            told = in_child(work, SLACK * sum(known.seconds.values()) + bench.slack_s)
            by = by and (told["by"] if told else "ended its program")
        except TimeoutError:
            by = "took too long"
            break
        if not by or not by.startswith("tests/"):
            break
    journal.write(room, mutant, by=by, run_by=len(tests), begin=begin, settled=True)


def drawn(root: Path, table: Table, sample: int, seed: int) -> dict[str, list[Change]]:
    """Package: some changes of its rooms, by the same seed the same, more when more are asked."""
    return {package: all_[:sample] for package, all_ in shuffled(root, table, seed).items()}


def shuffled(root: Path, table: Table, seed: int) -> dict[str, list[Change]]:
    """Package: all changes of its rooms in the order in which they are drawn."""
    changes: dict[str, list[Change]] = defaultdict(list)
    for room in sorted(table):
        source = (root / room_file(room)).read_text(encoding="utf-8")
        changes[room.rpartition(".")[0]] += [(room, mutant) for mutant in mutants_of(source)]
    for package, all_ in changes.items():
        random.Random(f"{seed}:{package}").shuffle(all_)
    return changes


def examine(
    root: Path,
    table: Table,
    *,
    sample: int,
    seed: int,
    seconds: float,
    slack_s: float = SLACK_S,
    journal: Path | None = None,
    quick: bool = False,
) -> dict[str, object]:
    """Draw changes, let the tests meet each, and sum up by package."""
    for library in WARM:
        importlib.import_module(library)
    bench = Bench(root=root, table=table, slack_s=slack_s, end_s=time.monotonic() + seconds)
    everything = shuffled(root, table, seed)
    chosen = {package: changes[:sample] for package, changes in everything.items()}
    turns = [one for row in zip_longest_of(chosen.values()) for one in row]
    with tempfile.TemporaryDirectory() as away:
        path = journal or Path(away) / "journal.jsonl"
        kept = path.with_suffix(".unchanged.json")
        meet_first(bench, turns, path, kept)
        book = Journal(path, bench)
        seen = unchanged_kept(kept)
        for room, mutant in [] if quick else turns:
            fate = book.find(room, mutant)
            if fate and not fate["settled"] and not bench.over():
                second_meeting(bench, (room, mutant), book, seen)
    judged = json.loads(JUDGED.read_text(encoding="utf-8")) if JUDGED.is_file() else []
    packages = {}
    for package, changes in chosen.items():
        fates = [fate for room, mutant in changes if (fate := book.find(room, mutant))]
        shown = [told(fate, judged) for fate in fates]
        packages[package] = summed_up(shown, drawn_=len(changes), all_=len(everything[package]))
    left_out = sorted(test for one in seen.values() for test in one.failed)
    return {"left_out": left_out, "whole": weighed([*packages.values()]), "packages": packages}


def zip_longest_of(rows: Iterable[Sequence[Change]]) -> list[list[Change]]:
    """One of each package by turns, so that a run that is stopped has seen something of all."""
    lists = list(rows)
    longest = max(map(len, lists), default=0)
    return [[row[at] for row in lists if at < len(row)] for at in range(longest)]


def meet_first(bench: Bench, turns: Sequence[Change], path: Path, kept: Path) -> None:
    """Fork the session that keeps the tests collected; this program itself stays clean of them."""
    files = sorted({file for room, _ in turns for file in bench.files(room)})
    rooms = sorted({room for room, _ in turns})
    journal = Journal(path, bench)

    def work(warm: Warm) -> None:
        first_meeting(warm, bench, turns, journal, kept)

    sys.stdout.flush()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.dup2(2, 1)
            code = run_tests(bench.root, files, Warm(bench.root, rooms, work))
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("the session of collected tests broke; see what it said")


def unchanged_kept(kept: Path) -> dict[str, Unchanged]:
    """What was measured of the tests as they are."""
    return {
        file: Unchanged(
            seconds=one["seconds"],
            runs={(path, line): frozenset(tests) for path, line, tests in one["runs"]},
            failed=tuple(one["failed"]),
        )
        for file, one in json.loads(kept.read_text(encoding="utf-8")).items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rooms", nargs="*", default=[""], help="rooms or packages; all")
    parser.add_argument("--sample", type=int, default=60, help="changes of each package")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3600.0, help="time for all of it")
    parser.add_argument("--journal", type=Path, help="what a run that is begun again goes on from")
    parser.add_argument("--report", type=Path, help="where the JSON is kept as well")
    parser.add_argument("--quick", action="store_true", help="the quick tests alone")
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
        **examine(
            ROOT,
            rooms,
            sample=asked.sample,
            seed=asked.seed,
            seconds=asked.seconds,
            journal=asked.journal.resolve() if asked.journal else None,
            quick=asked.quick,
        ),
    }
    text = json.dumps(report, indent=2, ensure_ascii=False)
    if asked.report:
        asked.report.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
