"""The catalogue of imagery: every product traces to its photos, and no half one is ever listed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapely.geometry import box

from agri.errors import BadInput, NotFound, StoreError
from agri.grid import Grid
from imagery.bands import Band, Role
from imagery.catalogue import (
    add,
    check,
    file_facts,
    ortho_product,
    product,
    products,
    remove,
    trace,
)
from imagery.raster import open_ortho, write_grid
from imagery.stac import Layer, Product, item_of, product_from

WHEN = datetime(2026, 2, 11, 3, 30, tzinfo=UTC)
FIELD = box(106.51, 21.08, 106.512, 21.082)


def photos(farm: Path, name: str = "photos-1", count: int = 3) -> Product:
    folder = farm / "photos" / name
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(count):
        (folder / f"IMG_{k}.jpg").write_bytes(bytes([k]) * (100 + k))
    files = file_facts(farm, sorted(folder.iterdir()))
    return Product(name=name, kind="photos", footprint=FIELD, start=WHEN, flight="chuyến 7",
                   end=WHEN + timedelta(minutes=12), files=files, panel="RP04-2")  # fmt: skip


def made(farm: Path, name: str, sources: tuple[str, ...] = ("photos-1",)) -> Product:
    path = farm / "products" / f"{name}.tif"
    path.parent.mkdir(exist_ok=True)
    values = np.random.default_rng(len(name)).random((64, 80))
    write_grid(path, Grid(values=values, affine=(0.1, 0, 650_000.0, 0, -0.1, 2_330_000.0),
                          epsg=32648, name=path.name))  # fmt: skip
    return ortho_product(farm, open_ortho(path), name=name, kind="index", start=WHEN,
                         sources=sources, formula="(N-R)/(N+R)", software="agri 0.1.0",
                         facts={"residual_m": 0.12})  # fmt: skip


@pytest.fixture
def farm(tmp_path: Path) -> Path:
    add(tmp_path, photos(tmp_path))
    add(tmp_path, made(tmp_path, "ortho-1"))
    add(tmp_path, made(tmp_path, "ndvi-1", ("ortho-1",)))
    return tmp_path


def test_every_product_traces_to_its_photos_flight_panel_and_version(farm: Path) -> None:
    chain = trace(farm, "ndvi-1")
    assert [one.name for one in chain] == ["ndvi-1", "ortho-1", "photos-1"]
    assert (chain[-1].flight, chain[-1].panel, chain[0].software) == (
        "chuyến 7", "RP04-2", "agri 0.1.0",
    )  # fmt: skip
    assert len(chain[-1].files) == 3
    assert [len(file.sha256) for file in chain[-1].files] == [64] * 3
    assert check(farm) == ()


def test_a_product_is_read_back_as_it_was_added(farm: Path) -> None:
    again = made(farm, "gndvi-1", ("ortho-1",))
    add(farm, again)
    assert product(farm, "gndvi-1").files == again.files
    assert product(farm, "gndvi-1").place == again.place
    assert product(farm, "gndvi-1").gsd_m == pytest.approx(0.1)
    body = item_of(again, up="../..")
    assert item_of(product_from(body, up="../.."), up="../..") == body


def test_bands_keep_wavelength_scale_and_nodata(tmp_path: Path) -> None:
    layers = (
        Layer(band=Band.at("NIR", 840.0, 40.0), dtype="int16", scale=1e-4, nodata=-32768.0),
        Layer(band=Band(name="NDVI"), dtype="float32", nodata=float("nan"), unit="1"),
    )
    source = photos(tmp_path)
    told = Product(name="x", kind="index", footprint=FIELD, start=WHEN, end=WHEN,
                   files=source.files, layers=layers)  # fmt: skip
    body = item_of(told, up="../..")
    bands = body["assets"]["data"]["bands"]
    assert bands[0]["eo:common_name"] == "nir"
    assert bands[0]["eo:center_wavelength"] == 0.84
    assert bands[0]["raster:scale"] == 1e-4
    back = product_from(json.loads(json.dumps(body)), up="../..").layers
    assert (back[0].band.centre_nm, back[0].band.role) == (840.0, layers[0].band.role)
    assert np.isnan(back[1].nodata or 0.0)


def test_other_programs_open_it_offline_and_wherever_it_is_copied(
    farm: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    pystac = pytest.importorskip("pystac")

    def nobody(*_: object, **__: object) -> None:
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket.socket, "connect", nobody)
    other = tmp_path_factory.mktemp("stick") / "farm"
    shutil.copytree(farm, other)
    assert check(other) == ()
    catalog = pystac.Catalog.from_file(str(other / "imagery" / "catalog.json"))
    items = {item.id: item for item in catalog.get_items()}
    assert list(items) == ["photos-1", "ortho-1", "ndvi-1"]
    for item in items.values():
        for asset in item.get_assets().values():
            assert Path(asset.get_absolute_href()).is_file()
    link = items["ndvi-1"].get_single_link("derived_from")
    assert link.resolve_stac_object().target.id == "ortho-1"
    for path in (other / "imagery").rglob("*.json"):
        assert str(farm) not in path.read_text("utf-8")
        assert all(not link["href"].startswith(("/", "http"))
                   for link in json.loads(path.read_text("utf-8"))["links"])  # fmt: skip


def test_items_satisfy_the_schemas_of_stac(farm: Path) -> None:
    pytest.importorskip("pystac")
    jsonschema = pytest.importorskip("jsonschema")
    referencing = pytest.importorskip("referencing")
    from pystac.validation.local_validator import get_local_schema_cache

    schemas = get_local_schema_cache()
    registry = referencing.Registry().with_resources(
        [(at, referencing.Resource.from_contents(one)) for at, one in schemas.items()]
    )
    item = next(one for at, one in schemas.items() if at.endswith("/item.json"))
    listing = next(one for at, one in schemas.items() if at.endswith("/catalog.json"))
    for path in (farm / "imagery").glob("*/*.json"):
        body = json.loads(path.read_text("utf-8"))
        jsonschema.Draft7Validator(item, registry=registry).validate(body)
    body = json.loads((farm / "imagery" / "catalog.json").read_text("utf-8"))
    jsonschema.Draft7Validator(listing, registry=registry).validate(body)


NUMBER = {"type": "number"}
FIELDS: dict[str, dict[str, Any]] = {
    "proj:code": {"type": ["string", "null"], "pattern": "^[A-Z]+:[0-9]+$"},
    "proj:transform": {"type": "array", "items": NUMBER,
                       "anyOf": [{"minItems": 6, "maxItems": 6}, {"minItems": 9, "maxItems": 9}]},
    "proj:shape": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
    "eo:common_name": {"enum": [
        "pan", "coastal", "blue", "green", "green05", "yellow", "red", "rededge", "rededge071",
        "rededge075", "rededge078", "nir", "nir08", "nir09", "cirrus", "swir16", "swir22", "lwir",
        "lwir11", "lwir12"]},
    "eo:center_wavelength": {"type": "number", "exclusiveMinimum": 0},
    "eo:full_width_half_max": {"type": "number", "exclusiveMinimum": 0},
    "raster:scale": NUMBER, "raster:offset": NUMBER,
    "file:size": {"type": "integer", "minimum": 0},
    "file:checksum": {"type": "string", "pattern": "^[a-f0-9]+$"},
    "processing:software": {"type": "object", "additionalProperties": {"type": "string"}},
}  # fmt: skip
"""Fields of the extensions at the versions declared, as their published tables have them."""


def fields_within(body: Any) -> Iterator[tuple[str, Any]]:
    """Every name with its value, at any depth."""
    if isinstance(body, dict):
        yield from body.items()
    for part in body.values() if isinstance(body, dict) else body if isinstance(body, list) else ():
        yield from fields_within(part)


def test_items_satisfy_the_fields_of_the_extensions_they_declare(farm: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    lychee = Band(name="NIR", role=Role.N, centre_nm=842.0, fwhm_nm=57.0)
    ndvi = replace(made(farm, "nir-1", ("ortho-1",)), layers=(Layer(band=lychee, dtype="int16",
                   scale=1e-4, nodata=-32768.0),))  # fmt: skip
    add(farm, ndvi)
    met: set[str] = set()
    for path in (farm / "imagery").glob("*/*.json"):
        body = json.loads(path.read_text("utf-8"))
        declared = {url.split("/")[3] for url in body["stac_extensions"]}
        used = set()
        for name, value in fields_within(body):
            prefix, colon, _ = name.partition(":")
            if not colon or prefix == "agri" or name.startswith("http"):
                continue
            jsonschema.validate(value, FIELDS[name])
            used.add({"proj": "projection"}.get(prefix, prefix))
            met.add(name)
        assert used <= declared <= used | {"eo", "raster"}
        for asset in body["assets"].values():
            assert {"file:size", "file:checksum"} <= asset.keys()
    assert met == FIELDS.keys()


def test_only_whole_files_within_the_farm_are_taken(farm: Path, tmp_path: Path) -> None:
    half = farm / "products" / "half.tif"
    half.write_bytes(b"II*\0")
    (farm / "products" / ".half.tif.work").mkdir()
    empty = farm / "products" / "empty.tif"
    empty.touch()
    for path in (half, empty):
        with pytest.raises(BadInput, match="not finished"):
            file_facts(farm, [path])
    with pytest.raises(BadInput, match="outside"):
        file_facts(farm, [Path("/etc/hostname")])
    with pytest.raises(NotFound):
        file_facts(farm, [farm / "products" / "nothing.tif"])
    later = photos(farm, "photos-2")
    (farm / later.files[0].name).write_bytes(b"shorter")
    with pytest.raises(BadInput, match="not finished"):
        add(farm, later)
    assert "photos-2" not in [one.name for one in products(farm)]


def test_names_sources_and_those_still_needed_are_judged(farm: Path) -> None:
    with pytest.raises(BadInput, match="already"):
        add(farm, photos(farm))
    with pytest.raises(BadInput, match="list nothing first"):
        add(farm, made(farm, "evi-1", ("nothing",)))
    with pytest.raises(BadInput, match="Remove ortho-1 first"):
        remove(farm, "photos-1")
    with pytest.raises(NotFound):
        remove(farm, "nothing")
    with pytest.raises(BadInput, match="name, time"):
        Product(name="Ảnh 1", kind="photos", footprint=FIELD, start=datetime(2026, 1, 1),  # noqa: DTZ001
                end=WHEN, files=photos(farm, "p").files)  # fmt: skip
    remove(farm, "ndvi-1")
    assert [one.name for one in products(farm)] == ["photos-1", "ortho-1"]
    assert not (farm / "imagery" / "ndvi-1").exists()
    assert (farm / "products" / "ndvi-1.tif").is_file()
    assert check(farm) == ()


def test_what_was_changed_behind_the_catalogue_is_told(farm: Path) -> None:
    target = farm / "products" / "ortho-1.tif"
    bytes_before = bytearray(target.read_bytes())
    bytes_before[-1] ^= 1
    target.write_bytes(bytes(bytes_before))
    (farm / "photos" / "photos-1" / "IMG_1.jpg").unlink()
    (farm / "imagery" / "ndvi-1" / "ndvi-1.json").write_text("{}", "utf-8")
    assert [(f.where, f.key) for f in check(farm)] == [
        ("photos-1", "finding.catalogue_no_file"),
        ("ortho-1", "finding.catalogue_changed"),
        ("ndvi-1", "finding.catalogue_item"),
    ]
    assert "finding.catalogue_changed" not in [f.key for f in check(farm, files=False)]
    (farm / "imagery" / "catalog.json").write_text("[]", "utf-8")
    with pytest.raises(BadInput, match="backup"):
        products(farm)


@pytest.mark.parametrize("failing", [1, 2])
def test_a_write_that_fails_leaves_the_catalogue_as_it_was(
    farm: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    new = made(farm, "evi-1")
    real, count = os.replace, 0

    def replace(source: str, target: str) -> None:
        nonlocal count
        count += 1
        if count == failing:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(StoreError):
        add(farm, new)
    monkeypatch.undo()
    assert "evi-1" not in [one.name for one in products(farm)]
    assert check(farm) == ()
    add(farm, new)
    assert check(farm) == ()


CHILD = """
import sys
from pathlib import Path
from imagery.catalogue import add, products, remove
from tests.test_imagery_catalogue import photos
farm = Path(sys.argv[1])
print("ready", flush=True)
for turn in range(10_000):
    name = f"photos-{turn}"
    if name not in [one.name for one in products(farm)]:
        add(farm, photos(farm, name, 2))
    if turn % 3 == 2:
        remove(farm, name)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a thing of Unix")
@pytest.mark.parametrize("after_s", [0.05, 0.13])
def test_a_killed_program_leaves_nothing_half_listed(tmp_path: Path, after_s: float) -> None:
    root = Path(__file__).resolve().parents[1]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        cwd=root,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(after_s)  # the moment of the kill is the point
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert check(tmp_path) == ()
    add(tmp_path, photos(tmp_path, "after"))
    assert products(tmp_path)[-1].name == "after"
