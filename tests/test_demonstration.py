"""The season of ``agri demo``: its world, its steps, how it is scored; and, in full, all of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shapely.geometry import Point

from agri.cli import main
from agri.errors import NotFound
from agri.operations.demonstration.living import free_folder, live
from agri.operations.demonstration.page import Told, render_season, score_told
from agri.operations.demonstration.scoring import Score, kappa, matched
from agri.operations.demonstration.season import Done
from agri.operations.demonstration.steps import STEPS, step_named
from agri.operations.demonstration.world import World, fields, make_world, surroundings
from agri.words import LANGUAGES, say
from agri.workspace import Workspace
from sitl.scene.land import Tree


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(3)


# ---- the world


def test_a_seed_gives_one_farm_and_another_seed_another(world: World) -> None:
    again, other = make_world(3), make_world(4)
    assert np.array_equal(again.kg, world.kg)
    assert np.array_equal(again.later.reflectance, world.later.reflectance)
    assert not np.array_equal(other.paddy.zone, world.paddy.zone)
    assert other.orchard.trees != world.orchard.trees


def test_trees_stand_within_the_field_and_some_fall_sick_before_the_second_flight(
    world: World,
) -> None:
    border = world.orchard.frame.geometry_to_local(fields(world)[0].boundary)
    assert all(border.contains(Point(t.east_m, t.north_m)) for t in world.orchard.trees)
    assert all(tree.sick == 0.0 for tree in world.orchard.trees)
    fallen = [tree for tree in world.later.trees if tree.sick > 0.0]
    assert 2 <= len(fallen) < 0.3 * len(world.later.trees)
    nir = [world.orchard.reflectance[..., 4], world.later.reflectance[..., 4]]
    changed = nir[1] < nir[0] - 0.05
    assert changed.any()
    row, column = np.nonzero(changed)
    east, north = world.orchard.places()
    spots = np.column_stack([east[column], north[row]])
    near = [np.hypot(*(spots - (t.east_m, t.north_m)).T) <= t.radius_m for t in fallen]
    assert np.any(near, axis=0).all(), "only crowns of trees that fell sick"
    assert world.kg.sum() < world.borne.kg[-1].sum()


def test_the_worm_paddy_lies_beside_the_rice_and_no_field_reaches_it(world: World) -> None:
    obstacles, sites, pads = surroundings(world)
    _, paddy = fields(world)
    assert [site.kind for site in sites] == ["ruoi"]
    assert all(not site.geometry.intersects(paddy.boundary) for site in sites)
    assert len(pads) == 2
    assert [one.kind for one in obstacles] == ["house"]


# ---- the scores


def tree(east_m: float, north_m: float) -> Tree:
    return Tree(number=1, row=0, column=0, east_m=east_m, north_m=north_m, radius_m=2.0,
                height_m=3.0, sick=0.0)  # fmt: skip


def test_a_crown_counts_for_one_tree_alone() -> None:
    stand = [tree(0.0, 0.0), tree(3.0, 0.0)]
    assert matched(stand, [(0.2, 0.0), (3.1, 0.3)]) == 2
    assert matched(stand, [(1.5, 0.0)]) == 1, "between two trees it is one of them"
    assert matched(stand, [(0.0, 2.5)]) == 0
    assert matched(stand, []) == 0


def test_kappa_is_nought_for_guesses_and_one_for_the_truth() -> None:
    chance = np.random.default_rng(1)
    truth = chance.integers(1, 4, 20_000)
    assert kappa(truth, truth) == 1.0
    assert abs(kappa(truth, chance.permutation(truth))) < 0.02
    half = np.where(chance.random(truth.size) < 0.5, truth, chance.integers(1, 4, truth.size))
    assert kappa(truth, half) == pytest.approx(0.5, abs=0.03)


def test_a_score_without_a_figure_is_told_as_yes_or_no_and_bounds_as_the_language_writes_them() -> (
    None
):
    held, not_held = (Score(key="yield_within", value=value, least=1.0) for value in (1.0, 0.0))
    assert score_told(held, "vi")[2:] == ("có", "cần: có")
    assert score_told(not_held, "en")[0] == "✕"
    assert "0,8" in score_told(Score(key="zones_kappa", value=0.9, least=0.8), "vi")[3]


def test_a_score_is_met_within_its_bounds() -> None:
    assert Score(key="trees_found", value=97.0, least=97.0).met
    assert not Score(key="trees_found", value=96.9, least=97.0).met
    assert not Score(key="sensitive_m2", value=0.1, most=0.0).met


# ---- the steps and the page


def test_every_step_has_its_words_in_both_languages() -> None:
    for language in LANGUAGES:
        for row in STEPS:
            for part in ("step", "why", "look"):
                assert say(f"demo.{part}_{row.key}", language)
    assert len({row.key for row in STEPS}) == len(STEPS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_steps_are_explained_and_nothing_is_run(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["--lang", language, "demo", "--step"]) == 0
    told = capsys.readouterr().out
    assert all(f"({row.key})" in told for row in STEPS)
    assert main(["--lang", language, "demo", "--step", "zones"]) == 0
    told = capsys.readouterr().out
    assert "agri zones" in told
    assert "(trees)" not in told
    assert main(["--lang", language, "demo", "--step", "moon"]) != 0
    assert "zones" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_step_is_known_by_name_and_number() -> None:
    assert step_named("1") is STEPS[0]
    assert step_named("Forecast").key == "forecast"
    with pytest.raises(NotFound):
        step_named("99")


def test_a_second_demonstration_takes_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo-2").mkdir()
    assert free_folder(tmp_path / "demo") == tmp_path / "demo-3"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_tells_what_was_right_and_what_was_not(language: str, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    Image.new("RGB", (2000, 900), (10, 120, 40)).save(picture)
    right = Score(key="trees_found", value=99.0, least=97.0)
    wrong = Score(key="zones_kappa", value=0.61, least=0.8)
    told = [
        Told(row=step_named("trees"), scores=(right,), seconds=2.0,
             shown=Done(facts=[("<b>", "1 & 2")], pictures=(picture,))),
        Told(row=step_named("zones"), scores=(wrong,), seconds=1.0, shown=Done()),
    ]  # fmt: skip
    page = render_season("Trại <Lan>", told, seed=7, seconds=90.0, language=language,  # type: ignore[arg-type]
                         folder=tmp_path / "farm")  # fmt: skip
    assert "Trại &lt;Lan&gt;" in page
    assert "1 &amp; 2" in page
    assert page.count("✓") == 2
    assert page.count("✕") == 2
    assert say("demo.scores", language, met=1, whole=2) in page  # type: ignore[arg-type]
    assert not re.search(r"(src|href)=[\"']?https?:", page)
    assert len(page) < 200_000
    assert not re.search(r"\bdemo\.[a-z_]+", page)


# ---- all of it


@pytest.mark.slow
def test_a_whole_season_is_lived_through_and_every_figure_is_as_it_should_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lived = live(Path("farm"), seed=1, language="vi", update=lambda *_: None)
    scores = {score.key: score for score in lived.scores}
    assert {key: score.value for key, score in scores.items() if not score.met} == {}
    assert [one.row.key for one in lived.told] == [row.key for row in STEPS]
    with Workspace.open(tmp_path / "farm") as farm:
        assert farm.check() == []
        outcomes = [flight.outcome for flight in farm.flights()]
        assert sorted(set(outcomes)) == ["aborted", "landed"]
        assert outcomes.count("aborted") == 1
    catalogue = list((tmp_path / "farm" / "imagery").glob("*/*.json"))
    assert len(catalogue) > 8
    assert all(json.loads(path.read_text("utf-8"))["type"] == "Feature" for path in catalogue)
