"""Every notebook runs from top to bottom, offline, and shows its pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import rasterio

from agri.operations.farm import start_farm
from agri.operations.maps.practice import make_practice
from agri.weather.series import VIETNAM
from sitl.scene import bear, orchard, paddy
from sitl.scene.spectra import BANDS, WAVELENGTHS_NM

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))

HELD = {
    "03_photos_to_zones": (
        (r"Photos placed: (\d+) of 25", 25, 25),
        (r"without the burnt patch: (\d+)%", 80, 100),
        (r"by zone: ([\d.]+) L/ha off", 0, 3),
        (r"evenly: ([\d.]+) L/ha off", 4, 10),
    ),
    "04_your_own_index": (
        (r"95 of 100 cells within ([\d.]+)", 0, 0.04),
        (r"rightly judged: ([\d.]+)%", 90, 100),
        (r"of the planted patch found: (\d+)%", 90, 100),
        (r"of what was found planted: (\d+)%", 85, 100),
    ),
    "05_a_season_of_ph40": (
        (r"field off by ([\d.]+) %", 0, 15),
        (r"trees inside their range: (\d+) %", 82, 100),
        (r"strongest trees (\d) are in the top fifth", 4, 5),
    ),
    "06_validate_a_yield_model": (
        (r"shuffled R²: (-?[\d.]+)", -1, 0.05),
        (r"inside their 90 % range: (\d+) %", 82, 99),
    ),
    "07_write_a_crop_card": (
        (r"vai_ph40: ripe from .* hours to spray in: (\d+)", 6, 100),
        (r"vai_thung_lung: ripe from .* hours to spray in: (\d+)", 0, 0),
    ),
    "08_a_commune_on_dask": (
        (r"(\d+) of 24 fields may be sprayed", 22, 24),
        (r"plans that differ: (\d+)", 0, 0),
        (r"workers killed: (\d+)", 1, 1),
        (r"pieces that differ: (\d+)", 0, 0),
        (r"figures that differ: (\d+)", 0, 0),
        (r"worst field off by ([\d.]+) NDVI", 0, 0.01),
    ),
}
"""Figures against the planted truth that a notebook prints: least and most."""


def executed(path: Path, folder: Path, *, allow_errors: bool = False) -> Any:
    """A notebook run from top to bottom in a folder."""
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        allow_errors=allow_errors,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    return notebook


def printed(notebook: Any) -> str:
    """What its cells printed."""
    return "".join(
        output.get("text", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )


LONG = ("08_a_commune_on_dask",)
"""What these show is held by quicker tests too: `test_scale`, `test_zonal_shares`, `test_batch`."""


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[pytest.mark.slow] if path.stem in LONG else [])
        for path in NOTEBOOKS
    ],
    ids=lambda p: p.stem,
)
def test_a_notebook_runs_and_shows_its_pictures_and_maps(path: Path, tmp_path: Path) -> None:
    notebook = executed(path, tmp_path)
    shown = [
        output.get("data", {})
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    assert any("image/png" in data for data in shown)
    maps = [data["text/html"] for data in shown if "srcdoc" in data.get("text/html", "")]
    assert bool(maps) == any("report_plan(" in cell.source for cell in notebook.cells)
    told = printed(notebook)
    for pattern, least, most in HELD.get(path.stem, ()):
        figures = [float(figure) for figure in re.findall(pattern, told)]
        assert figures, pattern
        assert least <= figures[0] <= most, (pattern, figures)
    for page in maps:
        assert "default-src &#x27;none&#x27;" in page


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_kept_without_outputs_and_tells_what_it_is_for(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)
    assert notebook.cells[0].cell_type == "markdown"
    assert "you can" in notebook.cells[0].source


BAD_TABLES = {
    "missing column": ("tree,year_of_harvest,kg\n1,2024,38.5\n", "has no column like vu, season"),
    "text for a number": ("tree,season,kg\n1,2024,many\n", "line 2: “many” cannot be used"),
    "text for a year": ("tree,season,kg\n1,spring,3\n", "line 2: “spring” cannot be used"),
    "empty": ("", "is empty; give a table"),
    "no trees": ("season,kg\n2024,900\n2025,800\n2026,870\n", "no harvest weighed tree by tree"),
    "few seasons": ("tree,season,kg\n1,2024,3\n1,2025,4\n", "holds 2 seasons, and 4 are needed"),
    "absent": (None, "bad.csv"),
    "another encoding": ("cây,vụ,kg\n1,2024,3\n".encode("utf-16"), "UTF-8"),
}
"""Tables of one's own that cannot be used, and what the sentence says of each."""


def test_a_table_that_cannot_be_used_is_answered_by_one_sentence(
    tmp_path: Path,
) -> None:
    (path,) = (one for one in NOTEBOOKS if one.stem.startswith("06"))
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    new = nbformat.v4.new_code_cell
    cells = []
    for number, (table, _) in enumerate(BAD_TABLES.values()):
        file = tmp_path / str(number) / "bad.csv"
        file.parent.mkdir()
        if table is not None:
            file.write_bytes(table if isinstance(table, bytes) else table.encode())
        cells += [new(f'import os\nos.environ["AGRI_HARVESTS"] = {str(file)!r}'), new(first.source)]
    asked = nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)
    nbformat.write(asked, tmp_path / "asked.ipynb")
    told = executed(tmp_path / "asked.ipynb", tmp_path, allow_errors=True)
    for cell, (kind, (_, words)) in zip(told.cells[1::2], BAD_TABLES.items(), strict=True):
        (shown,) = cell.outputs
        assert shown.output_type == "error", kind
        (sentence,) = shown.traceback
        assert words in sentence, (kind, sentence)
        assert "\n" not in sentence, kind
        assert "Traceback" not in sentence, kind


@pytest.mark.slow
def test_the_notebook_of_yield_models_takes_a_table_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    borne = bear(orchard(seed=9, cell_m=1.0, size_m=(60.0, 50.0)), seasons=5, first=2020, seed=9)
    lines = [
        f"C{tree:03d};{2020 + season};{str(kg).replace('.', ',')}"
        for season, given in enumerate(borne.kg.round(2))
        for tree, kg in enumerate(given)
    ]
    table = tmp_path / "thu.csv"
    table.write_text("\n".join(["Cây;Vụ;Sản lượng kg", *lines]), encoding="utf-8")
    monkeypatch.setenv("AGRI_HARVESTS", str(table))
    (path,) = (one for one in NOTEBOOKS if one.stem.startswith("06"))
    told = printed(executed(path, tmp_path))
    assert f"{borne.kg.shape[1]} trees, 5 seasons" in told
    assert "the same to the bit: True" in told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stem", "names", "line"),
    [
        ("01", {"AGRI_FIELDS": "practice/field.geojson"}, r"to be surveyed: Vườn tập"),
        ("02", {"AGRI_FARM": "."}, r"0 sprayings in Trại thử"),
        ("03", {"AGRI_PHOTOS": "practice/photos", "AGRI_FIELDS": "practice/field.geojson"},
         r"kept in .*results-"),
        ("04", {"AGRI_ORTHO": "ortho.tif", "AGRI_FIELDS": "practice/field.geojson",
                "AGRI_FORMULA": "(N-R)/(N+R)"}, r"your file allows: .*NDVI"),
        ("05", {"AGRI_HARVESTS": "thu.csv"}, r"30 trees, 4 seasons weighed\n2025: "),
        ("07", {"AGRI_WEATHER": "tram.csv"}, r"told on .*: ripe from \d\d \w+ to"),
    ],
)  # fmt: skip
def test_a_notebook_takes_what_a_reader_names(
    stem: str,
    names: dict[str, str],
    line: str,
    own: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, file in names.items():
        monkeypatch.setenv(name, file if name == "AGRI_FORMULA" else str(own / file))
    (path,) = (one for one in NOTEBOOKS if one.stem.startswith(stem))
    assert re.search(line, printed(executed(path, tmp_path)))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader's folder: a farm, photos, an orthomosaic, tables of harvests and of days."""
    folder = tmp_path_factory.mktemp("own")
    start_farm(folder, name="Trại thử").close()
    make_practice(folder / "practice")
    land = paddy(seed=5, size_m=(80.0, 60.0), cell_m=0.25)
    bands = np.moveaxis(land.reflectance, -1, 0).astype("float32")
    with rasterio.open(folder / "ortho.tif", "w", driver="GTiff", count=len(bands),
                       height=bands.shape[1], width=bands.shape[2], dtype="float32",
                       crs=land.epsg,
                       transform=rasterio.Affine(*land.affine)) as target:  # fmt: skip
        target.write(bands)
        target.descriptions = [
            f"{band} {nm:g} nm" for band, nm in zip(BANDS, WAVELENGTHS_NM, strict=True)
        ]
    chance = np.random.default_rng(1)
    picked = [f"{tree};{year};{chance.gamma(4.0, 8.0):.1f}"
              for year in range(2021, 2025) for tree in range(30)]  # fmt: skip
    (folder / "thu.csv").write_text("\n".join(["Cây;Vụ;Sản lượng kg", *picked]), encoding="utf-8")
    (folder / "tram.csv").write_text("\n".join(_station()), encoding="utf-8")
    return folder


def _station() -> Iterator[str]:
    """Yield the lines of a station's table: five years to today, warm in summer."""
    yield "Ngày;Nhiệt độ thấp nhất (°C);Nhiệt độ cao nhất (°C);Lượng mưa (mm)"
    today = datetime.now(VIETNAM).date()
    for before in range(5 * 366, -1, -1):
        day = today - timedelta(days=before)
        mean = 24.4 - 6.5 * math.cos(2 * math.pi * (day.timetuple().tm_yday - 20) / 365)
        yield f"{day:%d/%m/%Y};{mean - 3.5:.1f};{mean + 4:.1f};{16 if before % 7 == 0 else 0}"
