"""A finished orthomosaic is known by what it says, never by where its layers stand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from shapely import box
from shapely.geometry import MultiPolygon

from agri.field import Field
from agri.findings import Severity
from agri.words import LANGUAGES
from imagery.bands import Role, sensor
from imagery.intake import Orthomosaic, take_in, take_ortho
from imagery.raster import blocks

SHARED = Path(os.environ.get("AGRI_SHARED", Path(__file__).resolve().parents[2] / "shared"))
REAL = SHARED / "data" / "imagery"
needs_real = pytest.mark.skipif(
    not REAL.is_dir(), reason="the collection of real orthomosaics is not on this machine"
)
WEST, NORTH = 449_000.0, 2_331_100.0
"""UTM 48N, at Đông Triều."""


def ortho(
    path: Path,
    values: Any,
    names: Sequence[str] = (),
    tags: dict[str, str] | None = None,
    colours: Sequence[ColorInterp] = (),
    **more: Any,
) -> Path:
    values = np.asarray(values)
    count, height, width = values.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=count, dtype=values.dtype,
        crs="EPSG:32648", transform=rasterio.Affine(0.1, 0, WEST, 0, -0.1, NORTH), **more,
    ) as target:  # fmt: skip
        target.write(values)
        if colours:
            target.colorinterp = colours
        for number, name in enumerate(names, 1):
            target.set_band_description(number, name)
        target.update_tags(**(tags or {}))
    return path


def ground(count: int = 1, high: float = 0.6, kind: str = "float32") -> np.ndarray:
    rows = np.random.default_rng(5).uniform(0.02 * high, high, (count, 300, 200))
    return rows.astype(kind)


def taken(path: Path, **more: Any) -> tuple[Orthomosaic, set[str]]:
    found, findings = take_ortho(path, **more)
    assert found is not None
    for finding in findings:
        for language in LANGUAGES:
            assert "{" not in finding.text(language)
    return found, {finding.key.removeprefix("finding.") for finding in findings}


def roles(found: Orthomosaic) -> list[str]:
    return [band.role.value if band and band.role else "?" for band in found.ortho.bands]


def field(shift_m: float = 0.0) -> Field:
    from pyproj import Transformer

    back = Transformer.from_crs(32648, 4326, always_xy=True)
    x, y = WEST + 2.0 + shift_m, NORTH - 28.0
    corners = [back.transform(*c) for c in ((x, y), (x + 16.0, y + 26.0))]
    return Field(name="Ruộng", boundary=MultiPolygon([box(*corners[0], *corners[1])]))


def test_names_with_wavelengths_tell_the_bands_in_any_order(tmp_path: Path) -> None:
    names = ("NIR 840 nm", "Red edge 717 nm", "Blue 475 nm", "Red 668 nm", "Green 560 nm")
    found, keys = taken(ortho(tmp_path / "a.tif", ground(5), names))
    assert roles(found) == ["N", "RE1", "B", "R", "G"]
    assert keys == set()
    assert found.ortho.reflectance_at == 1.0


def test_layers_that_nobody_names_are_not_guessed_from_their_place(tmp_path: Path) -> None:
    path = ortho(tmp_path / "a.tif", ground(5))
    found, keys = taken(path)
    assert roles(found) == ["?"] * 5
    assert "ortho_layers_unknown" in keys
    found, keys = taken(path, bands=("blue", "green", "red", "nir", "717 nm"))
    assert roles(found) == ["B", "G", "R", "N", "RE1"]
    assert keys == set()


def test_red_green_blue_of_a_multispectral_file_means_nothing(tmp_path: Path) -> None:
    colours = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.undefined]
    path = ortho(tmp_path / "a.tif", ground(4, 9_000, "uint16"), colours=colours)
    assert roles(taken(path)[0]) == ["?"] * 4


@pytest.mark.parametrize(
    ("name", "tags", "maker"),
    [("map.tif", {"TIFFTAG_SOFTWARE": "pix4dmapper"}, "Pix4D"),
     ("map.tif", {"TIFFTAG_SOFTWARE": "Agisoft Metashape"}, "Metashape"),
     ("map.tif", {"TIFFTAG_SOFTWARE": "ODM 3.5.4"}, "OpenDroneMap"),
     ("odm_orthophoto.tif", {}, "OpenDroneMap"), ("result_NIR.tif", {}, "DJI Terra"),
     ("map.tif", {"TIFFTAG_SOFTWARE": "DJI Terra 4.0"}, "DJI Terra"), ("map.tif", {}, ""),
     ("map.tif", {"TIFFTAG_SOFTWARE": "wisdom"}, "")],
)  # fmt: skip
def test_the_program_that_made_it_is_known(
    tmp_path: Path, name: str, tags: dict[str, str], maker: str
) -> None:
    assert taken(ortho(tmp_path / name, ground(), tags=tags))[0].maker == maker


@pytest.mark.parametrize(
    ("name", "role"),
    [("result_Green.tif", "G"), ("result_NIR.tif", "N"),
     ("plot_transparent_reflectance_red.tif", "R"),
     ("result.tif", "?"), ("my_orange.tif", "?")],
)  # fmt: skip
def test_a_single_layer_is_named_by_the_last_word_of_its_file(
    tmp_path: Path, name: str, role: str
) -> None:
    assert roles(taken(ortho(tmp_path / name, ground()))[0]) == [role]


def test_red_edge_needs_its_camera_to_be_one_of_three(tmp_path: Path) -> None:
    path = ortho(tmp_path / "result_RedEdge.tif", ground())
    assert roles(taken(path)[0]) == ["?"]
    assert roles(taken(path, declared=sensor("M3M"))[0]) == ["RE2"]
    assert roles(taken(path, declared=sensor("RedEdge-MX"))[0]) == ["RE1"]


def leaves(count: int, full: float, kind: str) -> np.ndarray:
    """Red 0.04 and near infrared 0.45, as shares of `full`."""
    noise = np.random.default_rng(5).normal(1.0, 0.05, (count, 300, 200))
    share = np.array([0.04, 0.45])[:count, None, None]
    return (share * full * noise).astype(kind)


@pytest.mark.parametrize("full", [10_000.0, 32_768.0])
def test_a_scale_that_leaves_make_plain_is_taken_and_told(tmp_path: Path, full: float) -> None:
    path = ortho(tmp_path / "a.tif", leaves(2, full, "uint16"), ("Red 668 nm", "NIR 840 nm"))
    found, keys = taken(path)
    assert (found.ortho.reflectance_at, found.scale_known) == (full, "numbers")
    assert keys == {"scale_assumed"}


def test_a_scale_nobody_tells_stays_unknown_until_somebody_does(tmp_path: Path) -> None:
    path = ortho(tmp_path / "a.tif", ground(1, 9_000, "uint16"), ("Red 668 nm",))
    found, keys = taken(path)
    assert (found.ortho.reflectance_at, keys) == (None, {"scale_unknown"})
    found, keys = taken(path, reflectance_at=10_000.0)
    assert (found.ortho.reflectance_at, found.scale_known, keys) == (10_000.0, "declared", set())


def test_numbers_that_cannot_be_reflectance_are_told(tmp_path: Path) -> None:
    path = ortho(tmp_path / "a.tif", ground(1, 900.0), ("Red 668 nm",))
    found, keys = taken(path)
    assert "scale_contradicted" in keys
    assert found.ortho.reflectance_at != 1.0


def test_two_layers_of_one_kind_are_told_and_the_map_is_kept(tmp_path: Path) -> None:
    found, keys = taken(ortho(tmp_path / "a.tif", ground(2), ("Red 650 nm", "Red 668 nm")))
    assert roles(found) == ["R", "R"]
    assert keys == {"ortho_unsettled"}


def test_eight_bits_are_colours(tmp_path: Path) -> None:
    colours = [ColorInterp.red, ColorInterp.green, ColorInterp.blue]
    path = ortho(tmp_path / "a.tif", ground(3, 220, "uint8"), colours=colours, photometric="RGB")
    found, keys = taken(path)
    assert roles(found) == ["R", "G", "B"]
    assert keys == {"scale_eight_bits"}


def test_an_orthomosaic_without_values_is_told(tmp_path: Path) -> None:
    path = ortho(tmp_path / "a.tif", np.full((1, 60, 60), -9999.0, "float32"), ("Red 668 nm",),
                 nodata=-9999.0)  # fmt: skip
    assert taken(path)[0].ortho.reflectance_at is None


@pytest.mark.parametrize(
    ("day", "offset"), [("20220124", 0.0), ("20220125", -1000.0), ("20260301", -1000.0)]
)
def test_a_sentinel_band_is_reflectance_by_its_day(tmp_path: Path, day: str, offset: float) -> None:
    path = tmp_path / f"T48QXH_{day}T032129_B08_10m.tif"
    ortho(path, np.full((1, 40, 40), 4_000, "uint16"))
    found, keys = taken(path)
    assert (found.maker, roles(found)) == ("Sentinel-2", ["N"])
    assert keys == {"ortho_sentinel"}
    assert found.ortho.reflectance_at == 10_000.0
    _, values = next(iter(blocks(found.ortho, [Role.N])))
    assert values[0, 0, 0] == 4_000.0 + offset


def test_narrow_near_infrared_of_a_satellite_is_told_by_its_name(tmp_path: Path) -> None:
    path = ortho(tmp_path / "T48QXH_20260301T032129_B8A_20m.tif", ground(1, 5_000, "uint16"))
    band = taken(path)[0].ortho.bands[0]
    assert band is not None
    assert (band.name, band.centre_nm) == ("B8A", 865.0)


def test_an_orthomosaic_of_another_place_is_an_error_and_of_a_part_a_warning(
    tmp_path: Path,
) -> None:
    path = ortho(tmp_path / "a.tif", ground(1), ("Red 668 nm",))
    assert taken(path, field=field())[1] == set()
    assert taken(path, field=field(8.0))[1] == {"ortho_part"}
    _, findings = take_ortho(path, field=field(3_000.0))
    assert [(f.key, f.severity) for f in findings] == [("finding.ortho_elsewhere", Severity.ERROR)]


def test_a_damaged_one_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = ortho(tmp_path / "a.tif", ground(3))
    path.write_bytes(path.read_bytes()[:5_000])
    found, findings = take_ortho(path)
    assert found is None
    assert [f.key for f in findings] == ["finding.ortho_refused"]
    assert "agri" in findings[0].text("en") or "Copy" in findings[0].text("en")


def test_maps_and_photos_of_one_folder_are_told_apart(tmp_path: Path) -> None:
    from tests import photo_files as made

    made.save(tmp_path, made.colour(0))
    ortho(tmp_path / "result_NIR.tif", ground())
    intake = take_in(tmp_path, readers=1)
    assert [o.ortho.name for o in intake.orthos] == ["result_NIR.tif"]
    assert [photo.name for photo in intake.photos] == ["DSC00000.JPG"]


def test_side_files_of_a_map_change_nothing(tmp_path: Path) -> None:
    path = ortho(tmp_path / "a.tif", leaves(2, 10_000.0, "uint16"), ("Red 668 nm", "NIR 840 nm"))
    before = take_ortho(path)
    lies = (
        b"<PAMDataset><SRS>EPSG:3405</SRS><GeoTransform>1,2,3,4,5,6</GeoTransform>"
        b'<PAMRasterBand band="1"><Description>NIR</Description><NoDataValue>400</NoDataValue>'
        b"<Scale>7</Scale></PAMRasterBand></PAMDataset>"
    )
    for ending in (".aux.xml", ".ovr", ".msk"):
        path.with_name(path.name + ending).write_bytes(lies)
    path.with_suffix(".tfw").write_text("9\n0\n0\n-9\n0\n0\n", "utf-8")
    path.with_suffix(".prj").write_text("LOCAL_CS[]", "utf-8")
    assert take_ortho(path) == before


@needs_real
def test_a_real_pix4d_orthomosaic_and_a_real_plot_are_known_for_what_they_are() -> None:
    found, keys = taken(REAL / "ortho_misc" / "pix4d_alpha_nodata.tif")
    assert (found.maker, roles(found), keys) == (
        "Pix4D",
        ["R", "G", "B", "?"],
        {"scale_eight_bits"},
    )
    found, keys = taken(REAL / "ortho_plantcv_mpl2" / "615.tif")
    assert (roles(found), keys) == (["?"] * 5, {"ortho_layers_unknown", "scale_unknown"})


def test_a_map_that_kills_what_opens_it_costs_a_process_and_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagery.intake.readers import Reader
    from imagery.intake.replies import Answer

    ortho(tmp_path / "good.tif", ground(), ("Red 668 nm",))
    ortho(tmp_path / "bad.tif", ground(), ("Red 668 nm",))
    read = Reader.read

    def deadly(self: Reader, path: Path, **more: Any) -> Answer:
        if path.name == "bad.tif":
            os.kill(self.pid, 11) if self.pid else None
            return Answer(refused="crash")
        return read(self, path, **more)

    monkeypatch.setattr(Reader, "read", deadly)
    intake = take_in(tmp_path, readers=1)
    assert [o.ortho.name for o in intake.orthos] == ["good.tif"]
    assert [(f.key, f.where) for f in intake.findings] == [("finding.photo_too_heavy", "bad.tif")]


def test_a_map_is_tried_within_the_confined_process(tmp_path: Path) -> None:
    from imagery.intake.readers import Reader

    path = ortho(tmp_path / "a.tif", ground(3, 220, "uint8"), compress="deflate")
    reader = Reader(tmp_path)
    try:
        assert reader.read(path, as_map=True).refused == ""
        path.write_bytes(b"II*\0" + path.read_bytes()[4:900])
        assert reader.read(path, as_map=True).refused == ""  # wrong, but harmless: told elsewhere
    finally:
        reader.close()


def test_warnings_that_quote_bytes_which_are_no_text_print_no_traceback(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import sys
    from types import SimpleNamespace

    take_ortho(ortho(tmp_path / "a.tif", ground()))
    garbled = UnicodeDecodeError("utf-8", b"\xa7", 0, 1, "invalid start byte")
    event = SimpleNamespace(exc_type=UnicodeDecodeError, exc_value=garbled, exc_traceback=None,
                            err_msg=None, object="rasterio._env.log_error")  # fmt: skip
    sys.unraisablehook(event)  # type: ignore[arg-type]
    assert capfd.readouterr().err == ""
