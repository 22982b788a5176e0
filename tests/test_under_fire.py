"""The nightly table: what fails, hangs or dies is told as such, and takes nobody with it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import under_fire, under_fire_running
from benchmarks.under_fire_promises import Promise, Promises, Suite, read_promises
from benchmarks.under_fire_running import WHOLE, Journal, Run, read_json, run_suite
from benchmarks.under_fire_table import chosen, crowded, judged, read_page, rows, table_of

ROOT = Path(__file__).resolve().parents[1]
OURS = read_promises(ROOT / "benchmarks" / "under_fire.toml")
TOY = """
import os, pytest, time

def test_a_thing_holds(record_property):
    record_property("tried", 200 * float(os.environ["AGRI_SUITE_SHARE"]))
    record_property("late_s", 1.25)

def test_another_thing():
    assert os.environ.get("TOY") != "breaks"

@pytest.mark.skip
def test_not_here(): ...

def test_that_takes_its_time():
    time.sleep(60 if os.environ.get("TOY") == "hangs" else 0)
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (tmp_path / "test_toy.py").write_text(TOY)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def suite(*words: str, **more: object) -> Suite:
    given = {"name": "toy", "run": words or ("pytest", "test_toy.py"), "limit_min": 1.0} | more
    return Suite(**given)  # type: ignore[arg-type]


HOLDS = Promise(area="A", says="it holds", source="ours", suite="toy", tests="thing")
LATE = replace(HOLDS, says="not late", figure="late_s", at_most=1.5, unit="s", of="tried")


def ran(**values: object) -> Run:
    given = {"suite": "toy", "share": 1.0, "commit": "c", "began_utc": "2026-01-01T00:00:00+00:00",
             "command": "x", "ended": WHOLE, "tests": {"a::thing": "passed"},
             "figures": [("a::thing", "late_s", 1.0)]} | values  # fmt: skip
    return Run(**given)  # type: ignore[arg-type]


# ------------------------------------------------------------------ suites


def test_tests_tell_how_they_ended_and_their_figures(toy: Path) -> None:
    run = run_suite(toy, suite(), 0.5, "c")
    assert run.ended == WHOLE
    assert sorted(run.tests.values()) == ["passed", "passed", "passed", "skipped"]
    assert {(name, value) for _, name, value in run.figures} == {("tried", 100.0), ("late_s", 1.25)}
    assert run.cpu_s > 0.0
    met = judged(LATE, run)
    assert (met.state, met.measured, met.size) == ("met", "1.25 s", "n = 100")
    assert judged(replace(LATE, at_most=1.0), run).state == "NOT MET"


def test_a_test_that_fails_is_not_met_whatever_its_figure_says(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY", "breaks")
    run = run_suite(toy, suite(), 1.0, "c")
    assert run.ended == WHOLE
    assert [judged(one, run).state for one in (HOLDS, LATE)] == ["NOT MET", "NOT MET"]
    assert judged(HOLDS, run).measured == "1 of 2 tests failed"
    assert judged(replace(HOLDS, tests="a_thing"), run).state == "met"
    assert judged(replace(HOLDS, tests="not_here"), run).state == "not measured"


def test_a_suite_whose_time_is_over_tells_what_it_knows_and_is_never_called_met(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY", "hangs")
    monkeypatch.setattr(under_fire_running, "LIMIT_LEAST_S", 0.0)
    run = run_suite(toy, suite(limit_min=0.05), 1.0, "c")
    assert run.ended == "stopped after 0 min"
    assert run.wall_s < 30.0
    told = judged(LATE, run)
    assert (told.state, told.measured) == ("not measured", "stopped after 0 min; so far 1.25 s")
    assert judged(replace(LATE, at_most=1.0), run).state == "NOT MET", "what is known to fail is"


@pytest.mark.parametrize(
    ("does", "ended"),
    [
        ("os.kill(os.getpid(), 9)", "killed by SIGKILL"),
        ("sys.exit(3)", "broke with 3"),
        ("sys.exit(0)", "told nothing"),
    ],
)
def test_a_benchmark_that_dies_or_tells_nothing_is_not_measured(
    tmp_path: Path, does: str, ended: str
) -> None:
    (tmp_path / "a.py").write_text(f"import os, sys\n{does}\n")
    run = run_suite(tmp_path, suite("a.py"), 1.0, "c")
    assert run.ended == ended
    assert judged(replace(LATE, tests=""), run).measured == ended


def test_a_benchmark_gets_its_size_and_its_numbers_are_read(tmp_path: Path) -> None:
    said = "import json, sys; print('so'); print(json.dumps({'a': {'late_s': int(sys.argv[1])}}))"
    (tmp_path / "a.py").write_text(said)
    run = run_suite(tmp_path, suite("a.py", "{200*share}"), 0.01, "c")
    assert run.figures == [("", "a.late_s", 2.0)]
    assert judged(replace(LATE, figure="a.late_s", tests=""), run).state == "NOT MET"
    assert (
        judged(replace(LATE, figure="b", tests=""), run).measured
        == "there was no time for a figure"
    )
    assert read_json("no json at all") == []
    assert read_json('{"broken') == []


def test_what_a_suite_needs_and_is_not_here_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGRI_ARDUCOPTER", str(tmp_path / "none"))
    run = run_suite(tmp_path, suite(needs="arducopter"), 1.0, "c")
    assert (run.ended, run.wall_s) == ("no arducopter on this machine", 0.0)
    assert judged(HOLDS, run).measured == run.ended


# ------------------------------------------------------------------ a night


NIGHT = """
[[suite]]
name = "one"
run = ["one.py"]
limit_min = 1

[[suite]]
name = "two"
run = ["two.py"]
limit_min = 1

[[promise]]
area = "A"
says = "one"
suite = "one"
figure = "value"
at_most = 5
source = "ours"

[[promise]]
area = "A"
says = "two"
suite = "two"
figure = "value"
at_most = 5
source = "ours"

[[promise]]
area = "B"
says = "three"
why = "nobody tries it"
source = "ours"
"""


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command on two toy benchmarks; each counts how often it ran."""
    (tmp_path / "promises.toml").write_text(NIGHT)
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(
            f"open('{name}.ran', 'a').write('x')\nprint(open('{name}.says').read())\n"
        )
        (tmp_path / f"{name}.says").write_text('{"value": 3}')
    monkeypatch.setattr(under_fire, "ROOT", tmp_path)
    words = ["--promises", "promises.toml", "--journal", "journal.jsonl", "--out", "table.md"]
    monkeypatch.chdir(tmp_path)
    return lambda *more: under_fire.main([*words, *more])


def test_a_night_broken_off_goes_on_where_it_stopped(
    night: Callable[..., int], tmp_path: Path
) -> None:
    assert night("--only", "one") == 0
    with (tmp_path / "journal.jsonl").open("a") as kept:
        kept.write('{"suite": "two", "sha')  # killed while it wrote
    assert night() == 0
    assert night() == 0
    assert [(tmp_path / f"{name}.ran").read_text() for name in ("one", "two")] == ["x", "x"]
    page = (tmp_path / "table.md").read_text("utf-8")
    assert "**2 met, 0 not met, 1 not measured.**" in page
    assert "nobody tries it" in page
    assert night("--again") == 0
    assert (tmp_path / "one.ran").read_text() == "xx"


def test_what_is_not_met_is_told_and_ends_with_one(
    night: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "two.says").write_text('{"value": 6}')
    assert night("--quick") == 1
    assert "1 met, 1 not met, 1 not measured" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="There is no suite “three”"):
        night("--only", "three")
    before = (tmp_path / "one.ran").read_text()
    assert night("--table") == 1
    assert (tmp_path / "one.ran").read_text() == before


def test_a_machine_with_no_journal_adds_its_rows_to_the_page(
    night: Callable[..., int], tmp_path: Path
) -> None:
    page, journal = tmp_path / "table.md", tmp_path / "journal.jsonl"
    assert night() == 0
    before = page.read_text("utf-8")
    journal.unlink()
    assert night("--table") == 0
    assert page.read_text("utf-8") == before
    (tmp_path / "two.says").write_text('{"value": 4}')
    assert night("--only", "two") == 0
    assert [line for line in page.read_text("utf-8").splitlines() if line.startswith("| one")] == [
        line for line in before.splitlines() if line.startswith("| one")
    ]
    assert "| two | ≤ 5 | 4 | full | met | ours |" in page.read_text("utf-8")
    assert "**2 met, 0 not met, 1 not measured.**" in page.read_text("utf-8")


def test_a_page_tells_nothing_of_a_bound_that_was_changed_or_a_suite_run_since() -> None:
    suites = (suite(),)
    page = read_page(table_of(Promises(suites=suites, promises=(LATE,)), [ran()]))
    kept, tighter = (rows(Promises(suites=suites, promises=(one,)), (), page)[0]
                     for one in (LATE, replace(LATE, at_most=1.2)))  # fmt: skip
    assert (kept.state, kept.measured, kept.size) == ("met", "1 s", "full")
    assert (tighter.state, tighter.measured) == ("not measured", "its suite was not run")
    ours = Promises(suites=suites, promises=(LATE,))
    not_begun = ran(ended="no arducopter on this machine", tests={}, figures=[])
    assert rows(ours, [not_begun], page) == [kept]
    assert rows(ours, [ran(tests={"a::thing": "failed"})], page)[0].state == "NOT MET"


EARLY = """
class Early(subprocess.Popen):
    def __init__(self, *words, **more):
        super().__init__(*words, **more)
        while not os.path.exists('pid') or not open('pid').read():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)

subprocess.Popen = Early
"""
"""Ctrl-C while a suite is being started."""


@pytest.mark.parametrize("early", [EARLY, ""], ids=["at its start", "in it"])
def test_a_night_that_is_interrupted_leaves_nothing_running(tmp_path: Path, early: str) -> None:
    """Ctrl-C at a terminal, or a time limit round all of it."""
    (tmp_path / "one.py").write_text(
        "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
    )
    (tmp_path / "one.says").write_text("")
    code = (
        "import os, signal, subprocess, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from benchmarks.under_fire_promises import Suite\n"
        "from benchmarks.under_fire_running import run_suite; from pathlib import Path\n" + early +
        "run_suite(Path('.'), Suite(name='x', run=('one.py',), limit_min=1.0), 1.0, '')\n"
    )  # fmt: skip
    program = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path,
                               env={"PYTHONPATH": str(ROOT), "PATH": ""},
                               stderr=subprocess.PIPE)  # fmt: skip
    while not early and not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()):
        assert program.poll() is None, program.stderr
    if not early:
        program.send_signal(signal.SIGINT)
    program.communicate(timeout=30)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_the_largest_run_counts_unless_a_later_one_failed() -> None:
    large, small = ran(share=1.0, commit="old"), ran(share=0.1, commit="new")
    broken = ran(share=0.1, tests={"a::thing": "failed"})
    stopped = ran(ended="stopped after 5 min")
    for order, best in (
        ([large, small], large),
        ([small, large], large),
        ([large, broken], broken),
        ([broken, small], small),
        ([large, stopped], large),
        ([stopped, small], small),
        ([small, ran(share=0.1, commit="newer")], ran(share=0.1, commit="newer")),
    ):
        assert chosen(order)["toy"] == best


def test_a_time_taken_on_a_crowded_machine_says_so() -> None:
    cores = os.cpu_count() or 1
    assert crowded(ran(load=(0.5, cores + 3.0)), LATE) == f"load {cores + 3}"
    assert crowded(ran(load=(0.5, 0.9)), LATE) == ""
    assert crowded(ran(load=(0.5, cores + 3.0)), HOLDS) == ""


def test_the_journal_keeps_every_run_as_it_was(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    runs = [ran(share=0.1, load=(1.5, 2.0)), ran(ended="killed by SIGKILL", last_words="đứt")]
    for run in runs:
        journal.add(run)
    assert journal.runs() == runs
    assert journal.has("toy", 0.1, "c")
    assert not journal.has("toy", 1.0, "c"), "it did not come to its end"


# ------------------------------------------------------------------ the promises


def test_every_promise_is_measured_by_tests_that_exist() -> None:
    assert len(OURS.promises) > 60
    found = {(one.area, one.says, one.target) for one in OURS.promises}
    assert len(found) == len(OURS.promises), "the page is read again by them"
    for one in OURS.suites:
        files = [word for word in one.run if word.endswith(".py")]
        assert files
        assert all((ROOT / name).is_file() for name in files), one.name
    used = {promise.suite for promise in OURS.promises}
    assert used - {""} == {one.name for one in OURS.suites}


def test_every_pattern_and_property_of_a_promise_is_in_its_suites_files() -> None:
    by_name = {one.name: one for one in OURS.suites}
    for promise in OURS.promises:
        if not promise.suite:
            continue
        names = [word for word in by_name[promise.suite].run if word.endswith(".py")]
        texts = {name: (ROOT / name).read_text("utf-8") for name in names}
        if by_name[promise.suite].tests:
            tests = [f"tests.{Path(name).stem}::{test}" for name, text in texts.items()
                     for test in re.findall(r"def (test_\w+)", text)]  # fmt: skip
            assert any(re.search(promise.tests, test) for test in tests), promise.says
            for told in {promise.figure, *promise.of.split()} - {"failed"}:
                assert any(f'record_property("{told}"' in text for text in texts.values()), told


@pytest.mark.parametrize(
    "wrong",
    [
        {"figure": "late_s", "at_most": None},
        {"suite": ""},
        {"suite": "toy", "why": "as well"},
    ],
)
def test_a_promise_without_bound_or_suite_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="it holds"):
        replace(HOLDS, **wrong)  # type: ignore[arg-type]


def test_the_page_in_the_documents_is_one_of_these_promises() -> None:
    page = (ROOT / "docs" / "under_fire.md").read_text("utf-8")
    for row in rows(OURS, ()):
        assert f"| {row.promise.says} |" in page, row.promise.says
    empty = table_of(Promises(suites=(), promises=()), ())
    assert empty.startswith("# Under fire")
