"""The spraying commands at the terminal: what works, in both languages, and what is refused how."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path

import pytest

from agri.cli import main
from agri.cli.show import console
from agri.operations.mission_files import load_plan
from agri.words import LANGUAGES, say
from agri.workspace import Workspace
from missions.sprayer.job import SprayJob
from tests.spray_farm import (
    LARGE,
    MIX,
    NARROW,
    ORCHARD,
    PADDY,
    RUOI,
    SMALL,
    make_farm,
    make_files,
    state,
)

SPRAY = ("plan", "spray", PADDY, "--rate", "20", *MIX)
TREES = ("plan", "trees", ORCHARD, *MIX)
COMMANDS = (("plan", "spray"), ("plan", "trees"), ("sprayers",), ("sorties",), ("resume",),
            ("applied",), ("weather",), ("fly",), ("export",), ("flight", "import"))  # fmt: skip
NOT_FOR_PEOPLE = re.compile(r"\w+_(m|l|ha|s)\b|\d\.\d|[{}]")
"""Names of variables, English decimal points and holes that nothing was put into."""
ENGLISH = re.compile(r"\b(the|and|with|of|default|required|usage|options|arguments)\b", re.I)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_farm(tmp_path_factory.mktemp("farms"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    make_files(folder)
    return folder


@pytest.fixture(scope="module")
def flyable(farm: Path) -> Path:
    """The farm with the plans that other tests ask for."""
    assert main([*SPRAY, "--wind", "2", "--name", "Đình", "--farm", str(farm)]) == 0
    assert main(["plan", "spray", LARGE, "--rate", "20", *MIX, "--name", "Lớn",
                 "--farm", str(farm)]) == 0  # fmt: skip
    assert main([*SPRAY, "--sprayer", "T40", "--name", "Máy DJI", "--farm", str(farm)]) == 0
    assert (
        main(["plan", "survey", PADDY, "--height", "40m", "--name", "Chụp", "--farm", str(farm)])
        == 0
    )
    return farm


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, what was printed and what was complained of."""
    console.cache_clear()
    code = main(words)
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return code, said.out, said.err


def job(farm: Path, name: str) -> SprayJob:
    plan, _ = load_plan(name, farm)
    assert plan.spray is not None
    return plan.spray


# ---- what works


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sprayer_is_listed_with_what_it_can_do(
    capsys: pytest.CaptureFixture[str], language: str
) -> None:
    code, text, _ = run(capsys, "--lang", language, "sprayers")
    assert code == 0
    assert say("cli.head_tank", language) in text
    assert "16 L hexa" in text
    assert ("1,0–6,0" if language == "vi" else "1.0–6.0") in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_job_is_told_in_the_users_language_with_its_files(
    capsys: pytest.CaptureFixture[str], farm: Path, language: str
) -> None:
    name = f"Phun {language}"
    words = [*SPRAY, "--wind", "2", "--wind-from", "đông bắc", "--name", name]
    code, text, complaint = run(capsys, "--lang", language, *words, "--farm", str(farm))
    assert (code, complaint) == (0, "")
    mixture = "3,6 L" if language == "vi" else "3.6 L"
    assert f"{say('cli.head_litres', language).split(',')[0]}" in text
    assert mixture in text
    assert ("gió đông bắc" if language == "vi" else "from the north-east") in text
    for file in re.findall(r": (\S.*\.(?:png|html))$", text, re.MULTILINE):
        assert Path(file).is_file(), file
    assert job(farm, name).estimate.litres == pytest.approx(3.6, rel=0.02)


@pytest.mark.parametrize(
    ("more", "litres"),
    [
        (("--rate-map", "rates.geojson"), 3.6),
        (("--rate-map", "rates.tif"), 3.6),
        (("--dem", "dem.tif"), 3.6),
        (("--edge", "1=5m", "--clearance", "1m"), 2.5),
        (("--crosshatch", "--objective", "energy", "--wind-from", "north-west"), 3.6),
        (("--sprayer", "servo"), 3.6),
        (("--no-edge-pass", "--angle", "30", "--swath", "4m", "--speed", "5"), 3.2),
        (("--crop-height", "1m", "--height", "2m", "--ceiling", "10m", "--overlap", "2m"), 3.6),
    ],
)
def test_every_option_of_a_field_gives_a_plan_that_may_fly(
    capsys: pytest.CaptureFixture[str], farm: Path, files: Path, more: tuple[str, ...],
    litres: float,
) -> None:  # fmt: skip
    asked = [str(files / word) if (files / word).is_file() else word for word in more]
    code, _, complaint = run(capsys, *SPRAY, *asked, "--name", " ".join(more[:2]),
                             "--farm", str(farm))  # fmt: skip
    assert (code, complaint) == (0, "")
    assert job(farm, " ".join(more[:2])).estimate.litres == pytest.approx(litres, rel=0.05)


def test_fields_of_different_widths_get_the_same_rate_in_one_flight(
    capsys: pytest.CaptureFixture[str], farm: Path
) -> None:
    """A pump that follows the speed would give the narrower swaths too much."""
    words = ("plan", "spray", PADDY, SMALL, "--rate", "20", *MIX, "--name", "Hai thửa")
    code, _, complaint = run(capsys, *words, "--farm", str(farm))
    assert (code, complaint) == (0, "")
    found = job(farm, "Hai thửa")
    needs = {round(p.width_m * p.speed_m_s, 2) for p in found.passes}
    assert len({round(p.width_m, 2) for p in found.passes}) > 1
    assert max(needs) == pytest.approx(min(needs), rel=0.005)
    assert found.estimate.litres == pytest.approx(6.4, rel=0.02)


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        (("--per-m3", "0.05"), "trees"),
        (("--per-tree", "0.8"), "trees"),
        (("--rate", "100"), "trees"),
        (("--rows",), "rows"),
    ],
)
def test_trees_are_planned_by_crown_by_tree_by_ground_and_by_row(
    capsys: pytest.CaptureFixture[str], farm: Path, files: Path, more: tuple[str, ...], kind: str
) -> None:
    name = f"Vải {more[0]}"
    code, _, complaint = run(capsys, *TREES, "--trees", str(files / "trees.geojson"), *more,
                             "--name", name, "--farm", str(farm))  # fmt: skip
    assert (code, complaint) == (0, "")
    with Workspace.open(farm) as workspace:
        names = [p.name for p in workspace.plans() if p.name.split(" 1/")[0].startswith(name)]
    assert all(job(farm, one).kind == kind for one in names)
    if more[0] == "--per-tree":
        litres = sum(job(farm, one).estimate.litres for one in names)
        assert litres == pytest.approx(15 * 0.8, rel=0.05)


def test_sizes_that_a_file_of_trees_does_not_tell_can_be_given(
    capsys: pytest.CaptureFixture[str], farm: Path, files: Path
) -> None:
    code, _, complaint = run(capsys, *TREES, "--trees", str(files / "trees-sizeless.geojson"),
                             "--radius", "2m", "--tree-height", "3m", "--name", "Vải cỡ cho sẵn",
                             "--farm", str(farm))  # fmt: skip
    assert (code, complaint) == (0, "")


def test_sorties_are_found_by_the_jobs_name_and_by_each_ones_own(
    capsys: pytest.CaptureFixture[str], flyable: Path
) -> None:
    by_job = run(capsys, "--lang", "en", "sorties", "Lớn", "--farm", str(flyable))
    by_one = run(capsys, "--lang", "en", "sorties", "Lớn 2/3", "--farm", str(flyable))
    assert by_job == by_one
    assert by_job[0] == 0
    assert all(f"Lớn {n}/3" in by_job[1] for n in (1, 2, 3))
    litres = sum(job(flyable, f"Lớn {n}/3").estimate.litres for n in (1, 2, 3))
    assert f"{litres:.1f} L" in by_job[1]


def test_a_job_is_shared_out_among_two_aircraft(
    capsys: pytest.CaptureFixture[str], flyable: Path
) -> None:
    whole = sum(job(flyable, f"Lớn {n}/3").estimate.litres for n in (1, 2, 3))
    code, _, complaint = run(capsys, "--lang", "vi", "sorties", "Lớn", "--aircraft", "2",
                             "--farm", str(flyable))  # fmt: skip
    assert (code, complaint) == (0, "")
    with Workspace.open(flyable) as workspace:
        shares = [job(flyable, p.name) for p in workspace.plans() if p.name.startswith("Lớn,")]
    assert len({share.job for share in shares}) == 2
    assert sum(share.estimate.litres for share in shares) == pytest.approx(whole, rel=0.01)


@pytest.mark.parametrize("form", ["param", "wpml", "litchi", "plan", "kml", "geojson"])
def test_a_spray_plan_is_exported_in_every_format(
    capsys: pytest.CaptureFixture[str], flyable: Path, tmp_path: Path, form: str
) -> None:
    code, _, complaint = run(capsys, "export", "Đình", "--to", form, "--out", str(tmp_path),
                             "--farm", str(flyable))  # fmt: skip
    assert (code, complaint) == (0, "")
    (file,) = (one for one in tmp_path.iterdir())
    content = file.read_bytes()
    if form in ("plan", "geojson"):
        assert json.loads(content)
    elif form == "wpml":
        assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    elif form == "litchi":
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8"))))
        assert float(rows[0]["altitude(m)"]) == pytest.approx(2.5)
    elif form == "param":
        assert "SPRAY_PUMP_RATE" in content.decode("utf-8")
    else:
        assert b"<kml" in content


# ---- what is refused


BAD = [
    ("rate over the pump's reach", (*SPRAY[:4], "4000", *MIX), "gives 6.00"),
    ("rate under the nozzles' reach", (*SPRAY[:4], "1", *MIX), "drip"),
    ("rate of nothing", (*SPRAY[:4], "0", *MIX), "positive number"),
    ("rate in words", (*SPRAY[:4], "nhiều", *MIX), "not a number"),
    ("no product", (*SPRAY[:5], "--product", "", *MIX[2:]), "no name"),
    ("no rate", (*SPRAY[:3], *MIX), "missing: --rate"),
    ("no waiting time", (*SPRAY[:5], *MIX[:4]), "missing: --phi"),
    ("dose without unit", (*SPRAY[:5], *MIX[:2], "--dose", "500", *MIX[4:]), "not a dose"),
    ("waiting time in words", (*SPRAY[:5], *MIX[:4], "--phi", "lâu"), "--phi"),
    ("unknown field", ("plan", "spray", "Đồng Mây", "--rate", "20", *MIX), "no field 'Đồng Mây'"),
    ("no field", ("plan", "spray", "--rate", "20", *MIX), "missing"),
    ("field named twice", ("plan", "spray", PADDY, PADDY, "--rate", "20", *MIX), "twice"),
    ("rươi beside", ("plan", "spray", NARROW, "--rate", "20", *MIX), "nothing to spray"),
    ("rươi itself", ("plan", "spray", RUOI, "--rate", "20", *MIX), "rươi paddy"),
    ("rươi among others", ("plan", "spray", PADDY, RUOI, "--rate", "20", *MIX), "rươi paddy"),
    ("unknown sprayer", (*SPRAY, "--sprayer", "Zeppelin"), "'Zeppelin'"),
    ("too high", (*SPRAY, "--height", "20m"), "The height above the crop cannot be 20 m"),
    ("too fast", (*SPRAY, "--speed", "30"), "The speed cannot be 30 m/s"),
    ("swath wider than the field", (*SPRAY, "--swath", "30m"), "30.0 m"),
    ("clearance over all of it", (*SPRAY, "--clearance", "20m"), "keeping 20.0 m"),
    ("edge that is none", (*SPRAY, "--edge", "9=5m"), "edges 1 to 4"),
    ("edge without distance", (*SPRAY, "--edge", "1"), "not an edge"),
    ("edge told twice", (*SPRAY, "--edge", "1=5m", "--edge", "1=6m"), "told twice"),
    ("edges of two fields", ("plan", "spray", PADDY, SMALL, "--rate", "20", *MIX, "--edge",
                             "1=5m"), "one field"),
    ("wind by a letter", (*SPRAY, "--wind-from", "N"), "not a direction"),
    ("wind of a storm", (*SPRAY, "--wind", "60"), "wind speed"),
    ("objective of money", (*SPRAY, "--objective", "money"), "time or energy"),
    ("pad far away", (*SPRAY, "--pad", "22.5,106.5"), "out of reach"),
    ("permitted height below the crop", (*SPRAY, "--ceiling", "1m"), "permitted 1 m"),
    ("overlap of a whole field", (*SPRAY, "--overlap", "500m"), "overlap after a stop"),
    ("no such ground file", (*SPRAY, "--dem", "nope.tif"), "no file nope.tif"),
    ("ground file that is none", (*SPRAY, "--dem", "note.txt"), "not a GeoTIFF"),
    ("ground elsewhere", (*SPRAY, "--dem", "dem-far.tif"), "does not reach"),
    ("ground in another grid", (*SPRAY, "--dem", "dem-vn2000.tif"), "does not reach"),
    ("a board that stores too much", (*SPRAY, "--fence-points", "9000"), "9000 fence corners"),
    ("ground above a zero of elsewhere", (*SPRAY, "--dem", "dem-navd.tif"), "NAVD88"),
    ("ground without a grid", (*SPRAY, "--dem", "dem-no-crs.tif"), "coordinate system"),
    ("ground of half the field", (*SPRAY, "--dem", "dem-half.tif"), "misses"),
    ("ground with a hole", (*SPRAY, "--dem", "dem-hole.tif"), "holes"),
    ("ground without the pad", (*SPRAY, "--dem", "dem-no-pad.tif"), "take-off place"),
    ("crowns without ground", (*SPRAY, "--dsm", "dem.tif"), "--dem"),
    ("crowns under the ground", (*SPRAY, "--dem", "dem.tif", "--dsm", "dsm-below.tif"), "beneath"),
    ("ground told two ways", (*SPRAY, "--dem", "dem.tif", "--terrain-frame"), "not both"),
    ("rates with a gap", (*SPRAY, "--rate-map", "rates-gap.geojson"), "no rate on 9"),
    ("grid of rates with a gap", (*SPRAY, "--rate-map", "rates-gap.tif"), "no rate on 9"),
    ("negative rates", (*SPRAY, "--rate-map", "rates-negative.geojson"), "-15 L/ha"),
    ("grid of negative rates", (*SPRAY, "--rate-map", "rates-negative.tif"), "-15 L/ha"),
    ("overlapping rates", (*SPRAY, "--rate-map", "rates-twice.geojson"), "overlap"),
    ("areas without rates", (*SPRAY, "--rate-map", "rates-untold.geojson"), "has no rate"),
    ("a rate beyond the pump", (*SPRAY, "--rate-map", "rates-strong.geojson"), "400 L/ha"),
    ("rates of one field of two", ("plan", "spray", PADDY, SMALL, "--rate", "20", *MIX,
                                   "--rate-map", "rates.geojson"), "no rate on"),
    ("an empty rate map", (*SPRAY, "--rate-map", "nothing.geojson"), "no point, line or area"),
    ("trees outside", (*TREES, "--trees", "trees-outside.geojson"), "outside"),
    ("trees without crown", (*TREES, "--trees", "trees-sizeless.geojson"), "no crown size"),
    ("trees without height", (*TREES, "--trees", "trees-flat.geojson"), "no height"),
    ("trees of sixty metres", (*TREES, "--trees", "trees-tall.geojson"), "the height is 60 m"),
    ("a line for a tree", (*TREES, "--trees", "trees-line.geojson"), "no crown size"),
    ("no trees", (*TREES, "--trees", "nothing.geojson"), "no point, line or area"),
    ("no file of trees", (*TREES, "--trees", "nope.geojson"), "no file"),
    ("a tree beyond the tank", (*TREES, "--trees", "trees.geojson", "--per-tree", "20"), "15.60"),
    ("a tree of nothing", (*TREES, "--trees", "trees.geojson", "--per-tree", "0"), "above 0"),
    ("two doses of trees", (*TREES, "--trees", "trees.geojson", "--per-tree", "1", "--per-m3",
                            "0.05"), "not both"),
    ("rows by the tree", (*TREES, "--trees", "trees.geojson", "--rows", "--per-tree", "1"),
     "leave --rows out"),
    ("ground beside the orchard", (*TREES, "--trees", "trees.geojson", "--dem", "dem.tif"),
     "does not reach"),
    ("unknown job", ("sorties", "Không có"), "no plan 'Không có'"),
    ("sorties of a survey", ("sorties", "Chụp"), "Chụp"),
    ("nine aircraft", ("sorties", "Lớn", "--aircraft", "9"), "--aircraft"),
    ("two aircraft on a small paddy", ("sorties", "Đình", "--aircraft", "2"), "fewer aircraft"),
    ("no flight yet", ("applied",), "No spray flight"),
    ("nothing to go on with", ("resume",), "No spray flight"),
    ("unknown flight", ("applied", "Không có"), "No spray flight"),
    ("overlap in words", ("resume", "--overlap", "dài"), "not a number"),
    ("settings of another maker", ("export", "Máy DJI", "--to", "param"), "own controller"),
    ("another maker's aircraft", ("fly", "Máy DJI", "--connect", "sim", "--yes"),
     "own controller"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "part"), [case[1:] for case in BAD], ids=[c[0] for c in BAD])
def test_what_cannot_be_done_gets_one_clear_sentence_and_changes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, flyable: Path,
    files: Path, words: tuple[str, ...], part: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(files)
    before = state(flyable, sound=False)
    code, out, english = run(capsys, "--lang", "en", *words, "--farm", str(flyable))
    assert code in (1, 2)
    assert part in english
    assert len((out + english).strip().splitlines()) == 1
    code, out, vietnamese = run(capsys, "--lang", "vi", *words, "--farm", str(flyable))
    assert code in (1, 2)
    assert len((out + vietnamese).strip().splitlines()) == 1
    assert not ENGLISH.search(vietnamese)
    assert not NOT_FOR_PEOPLE.search(vietnamese.replace("rate_l_ha", ""))
    assert state(flyable) == before


def test_a_wind_too_strong_is_kept_as_a_plan_that_must_not_fly(
    capsys: pytest.CaptureFixture[str], farm: Path, tmp_path: Path
) -> None:
    code, text, complaint = run(capsys, "--lang", "en", *SPRAY, "--wind", "15", "--name", "Gió",
                                "--farm", str(farm))  # fmt: skip
    assert code == 1
    assert "✕" in text
    assert "must not be exported or flown" in complaint
    assert complaint.count("No mix card was written") == 1
    assert "Mix card:" not in text
    code, text, complaint = run(capsys, "--lang", "vi", "sorties", "Gió", "--farm", str(farm))
    assert code == 1
    assert "Chưa viết phiếu pha thuốc" in complaint
    assert not list((farm / "reports").glob("gio-*phieu*"))
    assert main(["export", "Gió", "--to", "plan", "--out", str(tmp_path),
                 "--farm", str(farm)]) == 1  # fmt: skip
    assert main(["fly", "Gió", "--connect", "sim", "--yes", "--farm", str(farm)]) == 1
    assert not list(tmp_path.iterdir())


# ---- help


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_is_all_vietnamese(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    code, text, _ = run(capsys, "--lang", "vi", *words, "--help")
    assert code == 0
    assert "cli." not in text
    assert not ENGLISH.findall(text)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_tells_every_option_in_english(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    code, text, _ = run(capsys, "--lang", "en", *words, "--help")
    assert code == 0
    assert "cli." not in text
    assert "--help" in text
