"""Which trees to count: spread over the orchard, as many as the error asks for, a short walk."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agri.cli import main
from agri.errors import BadInput
from agri.operations.counting import ASSUMED_SPREAD, Sample, ToCount, sample_trees, spread_of
from agri.operations.maps.shelf import Shelf
from imagery.trees.passport import Passport, Register, Visit, register_text
from models.yields.sampling import trees_needed

ROWS, PLACES = 12, 20
EAST, NORTH = 657_000.0, 2_331_000.0


def passport(row: int, place: int, *, seen: bool = True) -> Passport:
    spot = (EAST + 6.0 * place, NORTH - 7.0 * row)
    seen_so = Visit(flight="2026-11-01", seen=seen, middle=spot, area_m2=10.0 + row + 0.1 * place)
    name = f"{row:02d}-{place:02d}"
    return Passport(name=name, row=row, place=place, spot=spot, visits=(seen_so,))


@pytest.fixture
def register(tmp_path: Path) -> Path:
    """Twelve rows of twenty trees; one tree in each row is missing."""
    every = tuple(
        passport(row, place, seen=place != row)
        for row in range(1, ROWS + 1)
        for place in range(1, PLACES + 1)
    )
    path = tmp_path / "vườn-trees.json"
    path.write_text(register_text(Register(passports=every, epsg=32648, spacing_m=(6.0, 7.0))))
    return path


def sampled(register: Path, **asked: object) -> Sample:
    shelf = Shelf(folder=register.parent / "maps", language="vi")
    counted = spread_of(None, 0.6)
    return sample_trees(register, shelf, counted=counted, **asked)  # type: ignore[arg-type]


def test_as_many_trees_are_drawn_as_the_error_asks_for(register: Path) -> None:
    standing = ROWS * PLACES - ROWS
    for target in (0.10, 0.15, 0.25):
        found = sampled(register, target=target)
        assert len(found.trees) == trees_needed(0.6, target, standing)
        assert found.error <= target
        assert found.orchard == standing
    assert len(sampled(register, trees=18).trees) == 18


def row_and_place(tree: ToCount) -> tuple[int, int]:
    row, place = tree.name.split("-")
    return int(row), int(place)


def test_missing_trees_are_never_sent_for_and_weights_are_the_whole_orchard(register: Path) -> None:
    found = sampled(register, trees=60)
    assert all(row != place for row, place in map(row_and_place, found.trees))
    assert len({tree.name for tree in found.trees}) == 60
    assert math.fsum(tree.weight for tree in found.trees) == pytest.approx(1.0)


def test_the_trees_lie_all_over_the_orchard_and_the_walk_is_short(register: Path) -> None:
    found = sampled(register, trees=36)
    at = np.array([row_and_place(tree) for tree in found.trees]) * [7.0, 6.0]
    quarter = {(row > 7.0 * ROWS / 2, place > 6.0 * PLACES / 2) for row, place in at.tolist()}
    assert len(quarter) == 4
    walked_m = np.hypot(*np.diff(at, axis=0).T).sum()
    by_rows = at[np.lexsort((at[:, 1], at[:, 0]))]
    assert walked_m < 0.6 * np.hypot(*np.diff(by_rows, axis=0).T).sum()


def test_the_counted_mean_is_the_orchards(register: Path) -> None:
    """Yields that follow the rows: 36 trees out of 228 find the mean far better than by chance."""
    off = []
    for seed in range(20):
        found = sampled(register, trees=36, seed=seed)
        truth = np.mean([10.0 + r for r in range(1, ROWS + 1)])
        got = sum(tree.weight * (10.0 + row_and_place(tree)[0]) for tree in found.trees)
        off.append(abs(got / truth - 1.0))
    assert np.median(off) < 0.01


def test_the_same_seed_draws_the_same_trees_and_another_others(register: Path) -> None:
    assert sampled(register, trees=18).trees == sampled(register, trees=18).trees
    assert sampled(register, trees=18).trees != sampled(register, trees=18, seed=1).trees


def test_the_list_has_a_place_for_every_count(register: Path) -> None:
    found = sampled(register, trees=18)
    table, picture = found.files
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["cây"] for row in rows] == [tree.name for tree in found.trees]
    assert all(row["số đếm"] == "" for row in rows)
    assert all(21.0 < float(row["vĩ độ"]) < 21.2 for row in rows)
    with Image.open(picture) as image:
        assert min(image.size) > 500


def test_how_unlike_trees_are_is_measured_told_or_assumed(tmp_path: Path) -> None:
    counts = tmp_path / "đếm.csv"
    counts.write_text("cây,kg\n01-01,10\n01-02,30\n02-01,20\n02-02,40\n03-01,\n03-02,50\n")
    measured = spread_of(counts, 0.3)
    assert measured.spread == pytest.approx(np.std([10, 30, 20, 40, 50], ddof=1) / 30.0)
    assert measured.findings == ()
    assert spread_of(None, 0.3).spread == 0.3
    assumed = spread_of(None, None)
    assert assumed.spread == ASSUMED_SPREAD
    assert [finding.key for finding in assumed.findings] == ["finding.sample_spread_assumed"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("cây,kg\n1,10\n2,20\n", "error.sample_counts"),
        ("cây,kg\n1,0\n2,0\n3,0\n4,0\n5,0\n", "error.sample_counts"),
        ("cây,kg\n1,10\n2,-4\n", "error.sample_count"),
        ("cây,kg\n1,nhiều\n", "error.sample_count"),
        ("cây,kg\n1,inf\n", "error.sample_count"),
        ("", "error.sample_counts"),
    ],
)
def test_counts_that_cannot_be_are_refused(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "đếm.csv"
    path.write_text(text)
    with pytest.raises(BadInput) as told:
        spread_of(path, None)
    assert told.value.message.key == key


def test_an_orchard_without_trees_or_with_too_few_is_refused(tmp_path: Path) -> None:
    gone = Register(passports=(passport(1, 1, seen=False),), epsg=32648, spacing_m=(6.0, 7.0))
    path = tmp_path / "trống-trees.json"
    path.write_text(register_text(gone))
    with pytest.raises(BadInput) as told:
        sampled(path)
    assert told.value.message.key == "error.sample_no_trees"


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_command_lists_trees_and_says_what_it_assumed(
    register: Path, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    words = ["sample-trees", str(register), "--out", str(register.parent / "out")]
    assert main(["--lang", language, *words]) == 0
    told = capsys.readouterr().out
    assert "75 %" in told
    assert main(["--lang", language, *words, "--spread", "40%", "--error", "10%"]) == 0
    assert "75 %" not in capsys.readouterr().out
    assert main(["--lang", language, *words, "--trees", "4000"]) == 2
    assert "228" in capsys.readouterr().err
    assert main(["--lang", language, *words, "--spread", "-1"]) == 2
