"""Pickers' logs and yield monitors: what is changed is told, what was planted is found again."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agri.errors import BadInput
from agri.field_records import Count, Harvest
from agri.geo import LocalFrame, LonLat
from agri.operations.picked import read_log
from agri.operations.yield_map import read_monitor
from agri.words import LANGUAGES
from agri.workspace import Workspace
from models.harvest_logs.monitor import MonitorLog, Reason, clean_monitor
from models.harvest_logs.passes import harvested_before
from models.harvest_logs.pickers import LogFacts, LogLine, clean_log
from tests import farms
from tests.terminal import run

FACTS = LogFacts(name="hai.csv", field="Vườn", last_day=date(2027, 6, 1), crate_kg=20.0,
                 trees=tuple(str(n) for n in range(1, 41)))  # fmt: skip
DAY = "21/05/2027"


def line(number: int = 2, **cells: str) -> LogLine:
    return LogLine(number=number, cells={"day": DAY, "mass": "46,5", **cells})


def cleaned(*lines: LogLine, **changes: Any) -> tuple[list[Harvest], list[str]]:
    found = clean_log(lines, replace(FACTS, **changes))
    for finding in found.findings:
        for language in LANGUAGES:
            assert not re.search(r"[{}]|finding\.|error\.", finding.text(language))
    return list(found.harvests), [finding.key.removeprefix("finding.log_") for finding in
                                  found.findings]  # fmt: skip


# ---------------------------------------------------------------- pickers


@pytest.mark.parametrize(
    ("cells", "told", "keys"),
    [
        ({}, {"mass_kg": 46.5, "day": date(2027, 5, 21), "source": "hai.csv:2"}, []),
        ({"day": "1/6/27 07:30"}, {"day": date(2027, 6, 1)}, []),
        ({"day": "2027-05-02"}, {"day": date(2027, 5, 2)}, []),
        ({"mass": "1 tạ 2,5 kg"}, {"mass_kg": 102.5}, []),
        ({"mass": "2,5", "mass_unit": "ta"}, {"mass_kg": 250.0}, []),
        ({"mass": "1.250,5"}, {"mass_kg": 1250.5}, []),
        ({"mass": "", "crates": "2,5"}, {"mass_kg": 50.0, "crates": 2.5}, ["by_crates"]),
        ({"crates": "4"}, {"mass_kg": 46.5, "crates": 4.0}, ["crates_differ"]),
        ({"crates": "2"}, {"mass_kg": 46.5, "crates": 2.0}, []),
        ({"tree": "cây số 007"}, {"tree": "7"}, []),
        ({"tree": "12.0"}, {"tree": "12"}, []),
        ({"tree": "99"}, {"tree": "", "mass_kg": 46.5}, ["tree"]),
        ({"mass": "0"}, {"mass_kg": 0.0}, []),
        ({"mass": "1.250"}, None, ["number"]),
        ({"mass": "bốn mươi"}, None, ["number"]),
        ({"mass": "-3"}, None, ["number"]),
        ({"mass": ""}, None, ["no_mass"]),
        ({"day": "31/02/2027"}, None, ["no_day"]),
        ({"day": ""}, None, ["no_day"]),
        ({"day": "2/6/2027"}, None, ["day_later"]),
        ({"day": "Tổng cộng:"}, None, ["sum"]),
        ({"lot": "x" * 300}, None, ["cannot_be"]),
    ],
)
def test_each_rule_does_what_it_says(
    cells: dict[str, str], told: dict[str, Any] | None, keys: list[str]
) -> None:
    harvests, found = cleaned(line(**cells))
    assert found == keys
    assert [{name: getattr(one, name) for name in told or ()} for one in harvests] == (
        [] if told is None else [told]
    )


def test_a_points_meaning_is_that_of_the_rest_of_the_file() -> None:
    vietnamese, _ = cleaned(line(2), line(3, mass="1.250"))
    english, _ = cleaned(line(2, mass="46.5"), line(3, mass="1.250"))
    assert (vietnamese[1].mass_kg, english[1].mass_kg) == (1250.0, 1.25)
    both, keys = cleaned(line(2), line(3, mass="46.5"), line(4, mass="1.250"))
    assert ([one.mass_kg for one in both], keys) == ([46.5, 46.5], ["number"])


def test_a_notebooks_lines_take_the_day_above_and_the_pickers_usual_name() -> None:
    harvests, keys = cleaned(
        line(2, by="Lan"), line(3, day="", by="lan", mass="30"), line(4, by="Lan", mass="31,5")
    )
    assert {(one.by, one.day) for one in harvests} == {("Lan", date(2027, 5, 21))}
    assert keys == ["day_above", "name"]


def test_a_line_written_twice_counts_once_and_crates_noted_one_by_one_all_count() -> None:
    twice = [*(line(n, mass=f"{n},5") for n in range(2, 22)), line(22, mass="5,5")]
    harvests, keys = cleaned(*twice)
    assert (len(harvests), keys) == (20, ["repeat"])
    assert len(cleaned(*twice, keep_repeats=True)[0]) == 21
    crates = [line(n, mass="20,5") for n in range(2, 12)]
    harvests, keys = cleaned(*crates)
    assert (len(harvests), keys) == (10, ["repeats_kept"])
    assert len(cleaned(*crates, keep_repeats=False)[0]) == 1


def test_a_lost_comma_stays_and_is_named() -> None:
    lines = [line(n, mass=f"{30 + n},5") for n in range(2, 14)]
    harvests, keys = cleaned(*lines, line(14, mass="465"))
    assert (len(harvests), keys) == (13, ["far_out"])


DIRT = st.sampled_from(["", DAY, "21/5/27", "46,5", "1.250", "0", "x", "-1", "cây 3", "99", "Tổng",
                        "5/5/2028", "2 tạ", "\x00", "１２", "=1+1", "1e9", "9" * 30])  # fmt: skip
COLUMNS = ("day", "mass", "crates", "crate_kg", "tree", "row", "by", "lot", "grade", "mass_unit")
LOGS = st.lists(st.dictionaries(st.sampled_from(COLUMNS), DIRT | st.text(max_size=6)), max_size=12)


@given(log=LOGS, trees=st.booleans())
@settings(max_examples=40, deadline=None)
def test_of_any_log_each_line_is_taken_or_told_and_no_kilogram_appears(
    log: list[dict[str, str]], trees: bool
) -> None:
    lines = [LogLine(number=n + 2, cells=cells) for n, cells in enumerate(log)]
    found = clean_log(lines, FACTS if trees else replace(FACTS, trees=None))
    assert sorted([*found.taken, *found.left_out]) == [one.number for one in lines]
    assert len(found.harvests) == len(found.taken)
    told = {finding.where for finding in found.findings}
    assert {f"hai.csv:{number}" for number in found.left_out} <= told
    assert {one.source for one in found.harvests} == {f"hai.csv:{n}" for n in found.taken}


def test_a_sheet_is_found_below_its_title_in_any_old_letters() -> None:
    text = 'Sổ hái;;\n;;\nNgày;Hàng;Hạng;Cây;Kg;Ghi chú\n21/5/2027;3;loại 1;7;46,5;"a;b"\n'
    for encoding in ("utf-8-sig", "utf-16"):
        (one,) = read_log(text.encode(encoding), "hai.csv")
        assert (one.number, one.cell("row"), one.cell("grade")) == (4, "3", "loại 1")
        assert one.cell("remark") == "a;b"
    for junk in (b"", b"a,b,c\n1,2,3", b"\xff\xfe", b"\0" * 50, text.encode()[:40]):
        with pytest.raises(BadInput):
            read_log(junk, "x.csv")


# ---------------------------------------------------------------- yield monitors

SWATH_M, SPEED, DELAY = 2.0, 1.2, 6


def truth(x_m: np.ndarray, y_m: np.ndarray) -> np.ndarray:
    """Tonnes by the hectare: a weak corner and soft waves."""
    weak = 2.0 * np.exp(-((x_m - 15.0) ** 2 + (y_m - 15.0) ** 2) / 150.0)
    return 5.0 + 0.8 * np.sin(x_m / 9.0) - weak


def combine(
    delay: int = DELAY, lanes: int = 14, noise: float = 0.02, slowing: float = 0.0
) -> MonitorLog:
    """A paddy cut up and down, its grain measured late, its header up in the turns."""
    rng = np.random.default_rng(7)
    xs, ys, down = [], [], []
    for lane in range(lanes):
        along = np.arange(0.0, 100.0, SPEED)
        along = along if lane % 2 == 0 else along[::-1]
        xs += [along, np.full(6, along[-1])]
        ys += [np.full(len(along), lane * SWATH_M), lane * SWATH_M + np.linspace(0.2, 1.8, 6)]
        down += [np.ones(len(along), bool), np.zeros(6, bool)]
    x_m, y_m, header = np.concatenate(xs), np.concatenate(ys), np.concatenate(down)
    driven = SPEED * (1.0 + slowing * np.sin(np.arange(len(x_m)) / 11.0))
    cut = truth(x_m, y_m) / 10.0 * driven * SWATH_M * header
    flow = np.roll(cut, delay)  # what is rolled round falls where the header is up
    flow *= 1.0 + noise * rng.standard_normal(len(flow))
    count = len(x_m)
    return MonitorLog(
        x_m=x_m, y_m=y_m, time_s=np.arange(float(count)), flow_kg_s=np.maximum(flow, 0.0),
        interval_s=np.ones(count), distance_m=driven,
        swath_m=np.full(count, SWATH_M), moisture_pct=np.full(count, 14.0), down=header,
    )  # fmt: skip


@pytest.fixture(scope="module")
def log() -> MonitorLog:
    return combine()


def skill(found: np.ndarray, true: np.ndarray) -> float:
    return 1.0 - float(((found - true) ** 2).sum() / ((true - true.mean()) ** 2).sum())


@pytest.mark.parametrize("delay", [0, 3, DELAY, 12])
def test_the_planted_delay_is_found_to_the_second(delay: int) -> None:
    assert clean_monitor(combine(delay)).delay_s == delay


@pytest.mark.parametrize("delay", [-4, 0, DELAY])
def test_the_delay_is_found_at_a_changing_speed_and_where_the_log_put_grain_too_far(
    delay: int,
) -> None:
    found = clean_monitor(combine(delay, slowing=0.15))
    assert found.delay_s == delay
    keys = [one.key for one in found.findings]
    assert ("finding.monitor_delay_back" in keys) == (delay < 0)
    points = combine(delay)
    said, true = found.yield_t_ha, truth(points.x_m, points.y_m)[found.kept]
    assert skill(said, true) > 0.9


def test_a_cleaned_log_tells_the_planted_yields(log: MonitorLog) -> None:
    spoiled = log.flow_kg_s.copy()
    odd = np.flatnonzero(log.down)[40::97]
    spoiled[odd] *= 4.0
    found = clean_monitor(replace(log, flow_kg_s=spoiled))
    true = truth(log.x_m, log.y_m)
    works = log.down & (spoiled > 0.0)
    raw = 10.0 * spoiled[works] / (SPEED * SWATH_M)
    assert skill(raw, true[works]) < 0.0
    assert skill(found.yield_t_ha, true[found.kept]) > 0.9
    assert not set(found.kept) & set(odd - DELAY)
    assert len(found.kept) > 0.6 * log.down.sum()
    weak = np.hypot(log.x_m - 15.0, log.y_m - 15.0) < 6.0
    assert weak[found.kept].sum() > 0.6 * (weak & log.down).sum(), "a weak corner is no error"
    assert found.records == len(found.kept) + sum(found.reasons.values())
    assert found.total_kg == pytest.approx(spoiled[works].sum())
    assert found.area_m2 == pytest.approx(SPEED * SWATH_M * works.sum(), rel=0.02)


def test_ground_cut_again_is_left_out_and_counted_once(log: MonitorLog) -> None:
    again = np.arange(500, 580)
    x_m, y_m = np.append(log.x_m, log.x_m[again]), np.append(log.y_m, log.y_m[again])
    names = ("interval_s", "distance_m", "swath_m", "moisture_pct", "down")
    many = {name: np.append(getattr(log, name), getattr(log, name)[again]) for name in names}
    flow = np.append(log.flow_kg_s, np.full(80, 0.02))
    time_s = np.append(log.time_s, log.time_s[-1] + 60.0 + np.arange(80.0))
    twice = clean_monitor(MonitorLog(x_m=x_m, y_m=y_m, time_s=time_s, flow_kg_s=flow, **many))
    once = clean_monitor(log)
    assert twice.reasons[Reason.OVERLAP] > 40
    assert not (twice.kept >= len(log.x_m)).any()
    assert twice.area_m2 == pytest.approx(once.area_m2, rel=0.03)


def test_passes_side_by_side_do_not_overlap_and_half_a_swath_does_by_half() -> None:
    x = np.tile(np.arange(0.0, 50.0), 2)
    track = np.repeat([0, 1], 50)
    ones = np.ones(100)
    beside = harvested_before(x, track * 2.0, 2.0 * ones, ones, track)
    assert beside.max() < 0.15
    half = harvested_before(x, track * 1.0, 2.0 * ones, ones, track)
    assert half[:50].max() == 0.0
    assert half[60:90].mean() == pytest.approx(0.5, abs=0.13)


def test_a_log_without_neighbours_or_grain_is_said_to_be_so(log: MonitorLog) -> None:
    lone = combine(lanes=1)
    found = clean_monitor(replace(lone, moisture_pct=np.full(len(lone.x_m), np.nan)))
    assert {one.key for one in found.findings} >= {
        "finding.monitor_no_delay", "finding.monitor_no_moisture",
    }  # fmt: skip
    with pytest.raises(BadInput, match="header down"):
        clean_monitor(replace(log, down=np.zeros(len(log.x_m), bool)))


def test_a_real_log_keeps_most_of_its_records_and_loses_spread() -> None:
    shared = Path(os.environ.get("AGRI_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    file = shared / "data/models/yieldmonitor/yieldcleanr_sample1_soy.txt"
    if not file.is_file():
        pytest.skip("the yield monitor log is not here")
    told = read_monitor(file.read_bytes(), file.name)
    middle = LonLat(lon_deg=float(told["lon"].mean()), lat_deg=float(told["lat"].mean()))
    x_m, y_m = LocalFrame(middle).to_local(told["lon"], told["lat"])
    found = clean_monitor(MonitorLog(
        x_m=x_m, y_m=y_m, time_s=told["time"], flow_kg_s=told["flow"],
        interval_s=told["interval"], distance_m=told["distance"], swath_m=told["swath"],
        moisture_pct=told["moisture"], down=told["header"] == 1.0,
    ))  # fmt: skip
    assert 0.85 < len(found.kept) / found.records < 0.95
    assert found.deviation_t_ha[1] < found.deviation_t_ha[0]
    assert 3.0 <= found.delay_s <= 15.0
    assert 3.0 < np.median(found.yield_t_ha) < 5.0


# ---------------------------------------------------------------- at the terminal


@pytest.fixture
def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGRI_LANG", "en")
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as workspace:
        workspace.add_fields(farms.FIELDS)
        monkeypatch.chdir(workspace.folder)
        yield workspace


def test_a_log_is_looked_at_then_brought_in_once_and_what_changed_since_is_told(
    farm: Workspace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "hai.csv"
    file.write_text("Ngày;Cây;Kg\n21/05/2026;1;46,5\n21/05/2026;2;40\nTổng;;86,5\n", "utf-8")
    words = ("records", "import", str(file), "--field", "vuon", "--trees", "9", "--lot", "VL-1")
    code, text = run(capsys, *words, "--look")
    assert (code, farm.records.read(), "86.5 kg" in text) == (0, (), True)
    code, _ = run(capsys, *words)
    assert [(one.tree, one.mass_kg) for one in farm.records.read(Harvest, lot="VL-1")] == [
        ("1", 46.5), ("2", 40.0),
    ]  # fmt: skip
    with file.open("a", encoding="utf-8") as grown:
        grown.write("22/05/2026;3;50\n")
    code, text = run(capsys, *words)
    assert (code, "Lines entered: 1; in the book already: 2" in text) == (0, True)
    file.write_text(file.read_text("utf-8").replace("46,5", "64,5"), "utf-8")
    code, text = run(capsys, *words)
    assert (code, "had other figures" in text) == (0, True)
    assert len(farm.records.read(Harvest)) == 3
    for wrong in ((*words, "--repeats", "x"), (*words[:2], "no.csv", *words[3:])):
        code, text = run(capsys, *wrong)
        assert (code in (1, 2), len(text.strip().splitlines())) == (True, 1), text


def test_a_list_of_counted_trees_is_brought_in_and_the_trees_still_to_count_are_told(
    farm: Workspace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text("walk,tree,weight,count\n1,07-12,0.5,120\n2,07-13,0.5,\n3,08-1,0.5,1.250\n",
                    "utf-8")  # fmt: skip
    words = ("records", "import", str(file), "--field", "vuon", "--counts", "quả", "--share", "50%")
    code, text = run(capsys, *words, "--day", "2/4/2026")
    assert (code, "Lines entered: 1;" in text, "Trees with no count yet: 1;" in text) == (
        0,
        True,
        True,
    )
    assert "list.csv:4" in text
    (counted,) = farm.records.read(Count)
    assert (counted.tree, counted.total, counted.day) == ("07-12", 240.0, date(2026, 4, 2))
    code, text = run(capsys, *words, "--day", "2/4/2026")
    assert (code, len(farm.records.read(Count))) == (0, 1)
    file.write_text("a,b\n1,2\n", "utf-8")
    code, text = run(capsys, *words)
    assert (code, len(text.strip().splitlines())) == (2, 1)


def test_a_combines_log_becomes_a_table_a_picture_and_the_fields_harvest(
    farm: Workspace, capsys: pytest.CaptureFixture[str], tmp_path: Path, log: MonitorLog
) -> None:
    lon, lat = LocalFrame(LonLat(lon_deg=106.51, lat_deg=21.08)).to_lonlat(log.x_m, log.y_m)
    file = tmp_path / "gat.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        sheet = csv.writer(out)
        sheet.writerow(["Longitude", "Latitude", "Flow (kg/s)", "Time (s)", "Interval (s)",
                        "Distance (m)", "Swath (m)", "Moisture (%)", "Header"])  # fmt: skip
        columns = (lon, lat, log.flow_kg_s, log.time_s, log.interval_s, log.distance_m,
                   log.swath_m, log.moisture_pct, log.down.astype(int))  # fmt: skip
        sheet.writerows(zip(*columns, strict=True))
    words = ("records", "yields", str(file), "--day", "10/6/2026", "--keep", "ruong dong")
    code, text = run(capsys, *words)
    assert (code, "6 s after it was cut" in text) == (0, True), text
    (kept,) = farm.records.read(Harvest)
    assert kept.area_m2 is not None
    assert kept.mass_kg / kept.area_m2 * 10.0 == pytest.approx(4.9, abs=0.3)
    rows = list(csv.DictReader((farm.folder / "maps/gat-yields.csv").open(encoding="utf-8")))
    assert float(rows[0]["yield_t_ha"]) > 2.0
    assert (farm.folder / "maps/gat-yields.png").stat().st_size > 10_000
    file.write_text("a,b\n1,2\n", "utf-8")
    code, text = run(capsys, *words)
    assert (code, len(text.strip().splitlines())) == (2, 1)
