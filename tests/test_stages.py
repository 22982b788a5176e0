"""The stages of a season, told from a station's table: what is known on a day and no more."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agri.cli import main
from agri.crop_cards import crop_card
from agri.errors import BadInput
from agri.operations.picture import days_below
from agri.operations.stages import draw_stages, season_year, stages_of
from agri.weather.series import Days
from models.phenology.season import FloweringIndex, Seen, season_outlook
from models.phenology.temperatures import Temperatures
from tests.test_phenology import weather

PH40 = crop_card("vai_ph40")
FIRST = date(2018, 1, 1)
MARCH = date(2026, 3, 1)


def days(count: int = 3200, **changes: float) -> Days:
    """Nearly nine years like those of Hải Phòng."""
    made = weather(FIRST, count, seed=4)
    low, high = made.low_c.copy(), made.high_c.copy()
    for start, warmer in changes.items():
        at = (date.fromisoformat(start[1:].replace("_", "-")) - FIRST).days
        low[at:] += warmer
        high[at:] += warmer
    return Days(first=FIRST, low_c=low, high_c=high, rain_mm=np.ones(count))


def test_the_table_is_the_models_own_season() -> None:
    series = days()
    told = stages_of(PH40, series, day=MARCH)
    measured = Temperatures.from_days(series.between(None, MARCH))
    outlook = season_outlook(PH40, 2026, [measured], so_far=measured)
    assert [row.window for row in told.rows] == [outlook.when(row.bbch) for row in told.rows]
    assert [row.bbch for row in told.rows] == list(outlook.stages)
    assert told.not_begun + sum(row.chance for row in told.rows) == pytest.approx(1.0)
    assert told.induction is not None
    assert 0.0 <= told.induction.p10 <= told.induction.p50 <= told.induction.p90 <= 1.0


def test_weather_after_the_day_is_not_looked_at() -> None:
    """A heat wave from the next day on changes nothing of what was told today."""
    now = stages_of(PH40, days(), day=MARCH)
    later = stages_of(PH40, days(_2026_03_02=6.0), day=MARCH)
    assert [row.window for row in later.rows] == [row.window for row in now.rows]
    assert later.findings == now.findings
    before = stages_of(PH40, days(_2026_02_01=6.0), day=MARCH)
    assert before.outlook.harvest.p50 < now.outlook.harvest.p50


def test_what_was_seen_moves_the_dates_and_narrows_them() -> None:
    plain = stages_of(PH40, days(), day=MARCH)
    bloom = plain.outlook.when(65).p50
    late = stages_of(PH40, days(), day=MARCH, seen=[Seen(bbch=65, day=bloom + timedelta(days=6))])
    assert late.outlook.harvest.p50 > plain.outlook.harvest.p50
    assert late.outlook.harvest.days <= plain.outlook.harvest.days
    drone = FloweringIndex(day=bloom - timedelta(days=8), in_bloom=0.9)
    early = stages_of(PH40, days(), day=MARCH, seen=[drone])
    assert early.outlook.harvest.p50 < plain.outlook.harvest.p50


def test_a_gap_is_closed_or_told_and_never_taken_for_a_cold_day() -> None:
    series = days()
    low = np.array(series.low_c)
    low[-160:-155] = np.nan
    whole, patchy = (
        stages_of(PH40, one, day=FIRST + timedelta(days=3100))
        for one in (series, Days(first=FIRST, low_c=low, high_c=series.high_c))
    )
    moved = patchy.outlook.harvest.p50 - whole.outlook.harvest.p50
    assert abs(moved.days) <= 2
    assert {"finding.weather_by_line", "finding.weather_by_climate"} & {
        finding.key for finding in patchy.findings
    }


def test_a_broken_wind_gauge_is_no_news_for_stages() -> None:
    series = days()
    wind = np.full(3200, 2.0)
    wind[3000:] = 90.0
    windy = Days(first=FIRST, low_c=series.low_c, high_c=series.high_c, wind_m_s=wind)
    told = stages_of(PH40, windy, day=MARCH)
    assert [row.window for row in told.rows] == [
        row.window for row in stages_of(PH40, series, day=MARCH).rows
    ]
    assert "finding.weather_impossible" not in {finding.key for finding in told.findings}
    assert not any("wind" in finding.text("en") for finding in told.findings)


@pytest.mark.parametrize(
    ("day", "year"),
    [(date(2026, 1, 1), 2026), (date(2026, 5, 20), 2026), (date(2026, 11, 22), 2027)],
)
def test_a_day_belongs_to_the_season_whose_harvest_is_still_to_come(day: date, year: int) -> None:
    assert season_year(PH40, day) == year


def test_rice_counts_from_its_planting_and_needs_no_winter() -> None:
    card, planted = crop_card("lua_xuan"), date(2026, 2, 10)
    told = stages_of(card, days(), day=MARCH, began=planted)
    assert told.induction is None
    assert abs((told.outlook.when(told.rows[0].bbch).p50 - planted).days) <= 2
    later = stages_of(card, days(), day=MARCH, began=planted + timedelta(days=10))
    assert later.outlook.harvest.p50 > told.outlook.harvest.p50


def test_weather_that_begins_later_or_says_nothing_is_refused() -> None:
    with pytest.raises(BadInput) as told:
        stages_of(PH40, days(), day=FIRST - timedelta(days=1))
    assert told.value.message.key == "error.stage_weather_later"
    nothing = np.full(400, np.nan)
    with pytest.raises(BadInput) as told:
        stages_of(PH40, Days(first=FIRST, low_c=nothing, high_c=nothing, rain_mm=np.ones(400)),
                  day=MARCH)  # fmt: skip
    assert told.value.message.key == "error.stage_no_weather"


# ---- the command


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weather") / "trạm.csv"
    series = days()
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["date", "temp_min", "temp_max"])
        rows.writerows(
            (day.isoformat(), f"{low:.1f}", f"{high:.1f}")
            for day, low, high in zip(series.dates, series.low_c, series.high_c, strict=True)
        )
    return path


@pytest.mark.parametrize(("language", "stage"), [("vi", "Nở hoa rộ"), ("en", "Full bloom")])
def test_the_command_tells_stages_and_draws_them(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str, stage: str
) -> None:
    words = ["stage", "vai_ph40", "--weather", str(table), "--day", "1/3/2026"]
    assert main(["--lang", language, *words, "--blooming", "2026-02-15=40%",
                 "--out", str(tmp_path)]) == 0  # fmt: skip
    assert stage in capsys.readouterr().out
    (picture,) = tmp_path.glob("*.png")
    with Image.open(picture) as image:
        assert image.size[0] > 600


def test_the_picture_is_the_same_for_the_same_season() -> None:
    told = stages_of(PH40, days(), day=MARCH)
    assert draw_stages(told, language="vi") == draw_stages(told, language="vi")
    assert draw_stages(told, language="vi") != draw_stages(told, language="en")


@pytest.mark.parametrize("span", [20, 60, 200, 300, 500, 900])
def test_days_below_a_narrow_picture_stand_apart(span: int) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 3.0), dpi=110, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot([MARCH, MARCH + timedelta(days=span)], [0.0, 1.0])
    days_below(axes, "%d/%m/%y")
    canvas.draw()
    boxes = [one.get_window_extent() for one in axes.get_xticklabels() if one.get_text()]
    assert len(boxes) > 1
    assert all(one.x1 + 4.0 < other.x0 for one, other in pairwise(boxes))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--seen", "nở=2026-02-20"], "65=2027-02-20"),
        (["--seen", "66=2026-02-20"], "66"),
        (["--blooming", "2026-02-15"], "2027-02-15=40%"),
        (["--blooming", "2026-02-15=140%"], "1"),
        (["--began", "mai"], "mai"),
        (["--flush", "nhiều"], "nhiều"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    words = ["stage", "vai_ph40", "--weather", str(table), "--day", "2026-03-01"]
    assert main(["--lang", "en", *words, *more, "--out", str(tmp_path)]) == 2
    told = capsys.readouterr().err.strip()
    assert said in told
    assert "Traceback" not in told
    assert not list(tmp_path.iterdir())


def test_a_crop_must_be_named_and_known(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lang", "en", "stage", "--weather", str(table)]) == 2
    assert "vai_ph40" in capsys.readouterr().err
    assert main(["--lang", "en", "stage", "sầu riêng", "--weather", str(table)]) == 2
    assert "sầu riêng" in capsys.readouterr().err
