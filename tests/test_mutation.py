from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.mutants import mutants_of, mutated
from benchmarks.mutation_rates import rates, weighed
from benchmarks.mutation_tests import TESTS

ROOT = Path(__file__).resolve().parents[1]

TOY = '''
"""A toy with 1 text: nothing in here is changed."""

__all__ = ["enough", "refill"]
FULL_L = 16


def enough(litres: float) -> bool:
    """Whether a tank is full enough.

    >>> enough(9)
    True
    """
    return litres >= 5


def refill(litres: int) -> int:
    while litres < FULL_L:
        litres += 4
    return litres


def half(litres: int) -> int:
    """Half a tank.

    >>> half(16)
    8
    """
    return litres // 2


def never_asked(litres: int) -> int:
    return litres - 1
'''
TOY_TESTS = """
from toyfarm.tank import enough, refill


def test_what_is_enough():
    assert enough(7)
    assert not enough(2)


def test_a_tank_is_filled():
    assert refill(0) == 16


def test_that_fails_as_it_is():
    assert refill(0) == 17
"""
EXAMINE = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from benchmarks.mutation import examine
table = {"toyfarm.tank": ["tests/test_tank.py"]}
farm = Path(sys.argv[2])
journal = farm / "journal.jsonl"


def run(sample, seconds=300.0, quick=False):
    return examine(farm, table, sample=sample, seed=1, seconds=seconds, slack_s=6.0,
                   journal=journal, quick=quick)


half = run(10, quick=True)
whole = run(99)
lines = len(journal.read_text().splitlines())
again = run(99)
same = again == whole and lines == len(journal.read_text().splitlines())
print(json.dumps({**whole, "half": half["packages"]["toyfarm"], "same": same}))
"""


def changes(source: str) -> set[tuple[str, str, str]]:
    return {(one.operator, one.before, one.after) for one in mutants_of(source)}


@pytest.mark.parametrize(
    ("source", "change"),
    [
        ("a + b", ("arithmetic", "a + b", "a - b")),
        ("a += b", ("arithmetic", "a += b", "a -= b")),
        ("-a", ("arithmetic", "-a", "a")),
        ("a < b", ("comparison", "a < b", "a <= b")),
        ("a <= b < c", ("comparison", "a <= b < c", "a <= b <= c")),
        ("a == b", ("comparison", "a == b", "a != b")),
        ("a in b", ("comparison", "a in b", "a not in b")),
        ("a and b", ("boolean", "a and b", "a or b")),
        ("not a", ("not", "not a", "a")),
        ("x = 7", ("constant", "7", "6")),
        ("x = 7", ("constant", "7", "8")),
        ("x = 0.5", ("constant", "0.5", "1.0")),
        ("x = True", ("constant", "True", "False")),
        ("if a:\n    b()", ("condition", "if a:", "if not a:")),
        ("b()", ("statement", "b()", "False and b()")),
        ("def f():\n    return a", ("return", "return a", "return None")),
    ],
)
def test_each_change_of_the_field_is_made(source: str, change: tuple[str, str, str]) -> None:
    assert change in changes(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""A text of 3 words, 1 + 1."""',
        "__all__ = ['a', 1]",
        "a: Literal[3]",
        "def f(a: Literal[3] = b) -> Literal[4]: ...",
        "@dataclass(frozen=True)\nclass A: ...",
        "logger.warning('gone', 3)",
        "if TYPE_CHECKING:\n    x = 3",
        "Either = int | str",
        "x = isinstance(a, int | str)",
        "x = 'left ' + right",
        "x = 'finding.too_far'",
        "def f():\n    return None",
    ],
)
def test_what_no_test_should_notice_is_left_alone(source: str) -> None:
    assert changes(source) == set()


def test_a_changed_module_differs_in_that_change_alone() -> None:
    as_it_is = ast.unparse(ast.parse(TOY)).splitlines()
    for mutant in mutants_of(TOY):
        changed = ast.unparse(mutated(TOY, mutant.number)).splitlines()
        differing = [pair for pair in zip(as_it_is, changed, strict=True) if pair[0] != pair[1]]
        assert len(differing) == 1
        assert mutant.before in differing[0][0]
        assert mutant.after in differing[0][1]


def test_the_table_names_every_room_and_tests_that_exist() -> None:
    rooms = {
        f"missions.{package}.{file.stem}"
        for package in ("checks", "wire", "spray", "flight")
        for file in (ROOT / "missions" / package).glob("*.py")
        if file.stem != "__init__"
    }
    assert set(TESTS) == rooms
    missing = {file for files in TESTS.values() for file in files if not (ROOT / file).is_file()}
    assert missing == set()


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What becomes of every change of a toy; its files, before and after."""
    farm = tmp_path_factory.mktemp("toy")
    (farm / "toyfarm").mkdir()
    (farm / "tests").mkdir()
    (farm / "toyfarm" / "__init__.py").touch()
    (farm / "toyfarm" / "tank.py").write_text(TOY)
    (farm / "tests" / "test_tank.py").write_text(TOY_TESTS)
    (farm / "pytest.ini").write_text(
        "[pytest]\naddopts = --doctest-modules --import-mode=importlib\npythonpath = .\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", EXAMINE, str(ROOT), str(farm)],
        capture_output=True, text=True, check=True, cwd=farm,
    )  # fmt: skip
    assert (farm / "toyfarm" / "tank.py").read_text() == TOY
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["left_out"] == ["tests/test_tank.py::test_that_fails_as_it_is"]
    found: dict[str, Any] = told["packages"]["toyfarm"]
    return found | {"half": told["half"], "same": told["same"], "whole": told["whole"]}


def fates(toy: dict[str, Any], which: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["before"], one["after"]): one for one in toy[which]}


def test_every_change_of_the_toy_meets_its_tests(toy: dict[str, Any]) -> None:
    assert toy["drawn"] == len(mutants_of(TOY)) == toy["killed"] + toy["survived"]
    assert toy["not_run"] == 0


def test_a_test_kills_what_it_asserts(toy: dict[str, Any]) -> None:
    killed = fates(toy, "kills")
    by = killed["return litres >= 5", "return None"]["killed_by"]
    assert by in {"tests/test_tank.py::test_what_is_enough", "toyfarm/tank.py::toyfarm.tank.enough"}
    for after in ("litres <= FULL_L", "litres >= FULL_L"):
        by = killed["litres < FULL_L", after]["killed_by"]
        assert by == "tests/test_tank.py::test_a_tank_is_filled"


def test_a_doctest_of_the_changed_room_kills_too(toy: dict[str, Any]) -> None:
    by = fates(toy, "kills")["litres // 2", "litres * 2"]["killed_by"]
    assert by == "toyfarm/tank.py::toyfarm.tank.half"


def test_a_change_that_never_ends_is_killed_by_its_time(toy: dict[str, Any]) -> None:
    assert "too long" in fates(toy, "kills")["litres += 4", "litres -= 4"]["killed_by"]


def test_what_no_test_notices_survives_and_is_told(toy: dict[str, Any]) -> None:
    survived = fates(toy, "survivors")
    boundary = survived["litres >= 5", "litres > 5"]
    assert (boundary["file"], boundary["line"]) == ("toyfarm/tank.py", 14)
    assert boundary["source"] == "return litres >= 5"
    assert boundary["column"] == len("    return ") + 1
    assert boundary["run_by"] == 2  # the test and the doctest
    unasked = survived["litres - 1", "litres + 1"]
    assert unasked["run_by"] == 0


def test_a_run_begun_again_goes_on_where_it_was_stopped(toy: dict[str, Any]) -> None:
    assert toy["half"]["drawn"] == 10
    assert toy["same"]


def test_what_met_the_quick_tests_alone_is_told_as_survived(toy: dict[str, Any]) -> None:
    half = toy["half"]
    assert half["killed"] + half["survived"] == 10
    assert {one.get("met") for one in half["survivors"]} <= {"quick tests"}
    assert not any("met" in one for one in toy["survivors"])


def test_a_constant_is_exchanged_wherever_it_went(toy: dict[str, Any]) -> None:
    assert fates(toy, "survivors").keys() >= {("16", "15")}  # the fourth step reaches 16 as well
    assert ("16", "17") in fates(toy, "kills")


@pytest.mark.parametrize(
    ("killed", "of", "interval"),
    [(0, 10, [0.0, 27.8]), (10, 10, [72.2, 100.0]), (81, 263, [25.5, 36.6]), (0, 0, None)],
)
def test_the_interval_is_wilsons(killed: int, of: int, interval: list[float] | None) -> None:
    """Figures of Newcombe 1998, table I, method 3, and of plain arithmetic."""
    assert rates(killed, of, "share")["share_95"] == interval


def test_packages_weigh_as_many_changes_as_they_have() -> None:
    def package(changes: int, killed: int, survived: int, same: int = 0) -> dict[str, int]:
        return {
            "changes": changes, "drawn": killed + survived, "not_run": 0, "killed": killed,
            "survived": survived, "no_difference": same,
        }  # fmt: skip

    whole = weighed([package(3000, 30, 10, 4), package(1000, 10, 30)])
    assert whole["killed_percent"] == 62.5
    assert whole["killed_percent_of_real"] == round(75.0 * 30 / 36 + 25.0 * 0.25, 1)
    assert (whole["changes"], whole["killed"], whole["survived"]) == (4000, 40, 40)
    low, high = whole["killed_percent_95"]
    assert low < 62.5 < high
    alike = weighed([package(100, 60, 40), package(100, 60, 40)])
    assert alike["killed_percent_95"] == rates(120, 200, "killed_percent")["killed_percent_95"]
    assert weighed([package(100, 0, 0)])["killed_percent"] is None
