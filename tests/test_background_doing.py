"""Each kind of job does what its command does, and says what came out by name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agri.errors import AgriError, BadInput, NotFound
from agri.files import write_bytes
from agri.jobs import Asked, Kind, Result
from agri.operations.background.doing import WAYS, do_job
from agri.operations.farm import import_boundaries
from agri.operations.maps import indices
from agri.operations.maps.practice import make_practice
from agri.operations.maps.register import list_raster
from agri.operations.maps.shelf import Shelf
from agri.workspace import Workspace
from imagery import catalogue
from tests import test_uploads
from tests.ortho_files import reflectances, write_ortho

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as made:
        yield made


def done(farm: Workspace, kind: Kind, **values: str) -> Result:
    """What comes of a job, whose share of work done only grows."""
    source, field = values.pop("source", ""), values.pop("field", "")
    asked = Asked(kind=kind, source=source, field_uid=field, options=tuple(values.items()))
    shares: list[float] = []
    result = do_job(farm, asked, language="vi", now=NOW, progress=shares.append)
    assert shares == sorted(shares)
    assert all(0.0 <= share <= 1.0 for share in shares)
    assert all((farm.folder / name).is_file() for name in result.files)
    listed = {product.name for product in catalogue.products(farm.folder)}
    assert set(result.products) <= listed
    return result


def test_every_kind_of_job_is_done_somehow() -> None:
    assert set(WAYS) == set(Kind)


def test_maps_come_of_a_map_and_a_job_done_again_is_the_same_product(
    farm: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indices, "draw_quicklook", lambda *_, **__: b"\x89PNG")
    path = farm.folder / "maps" / "ruong-mosaic.tif"
    path.parent.mkdir()
    write_bytes(path, write_ortho(tmp_path / "a.tif", reflectances(60, 50)).read_bytes())
    list_raster(Shelf.of(None, farm, "vi"), path, "orthomosaic")
    for _ in range(2):
        (name,) = done(farm, Kind.INDEX, source="ruong-mosaic", indices="NDVI").products
    assert name == "ruong-mosaic-ndvi"
    assert len(catalogue.products(farm.folder)) == 2
    for wrong in ({"source": "khong-co"}, {"source": "ruong-mosaic", "indices": "nope"},
                  {"source": "../farm", "indices": "NDVI"}):  # fmt: skip
        with pytest.raises(AgriError):
            done(farm, Kind.INDEX, **wrong)
    with pytest.raises(NotFound) as gone:
        done(farm, Kind.ZONAL, source=name, field="none")
    assert gone.value.message.key == "error.job_field_gone"
    with pytest.raises(BadInput):
        done(farm, Kind.ZONES, source=name)


@pytest.mark.slow
def test_photos_become_a_map_and_the_map_trees_zones_and_figures(
    farm: Workspace, tmp_path: Path
) -> None:
    """The whole way of a flight's photos over a made orchard, job by job."""
    practice = make_practice(tmp_path / "practice", colour=True)
    (field,) = import_boundaries(farm, [practice.field]).fields
    uid = test_uploads.begun(farm.folder)
    for photo in sorted(practice.photos.glob("*.JPG")):
        test_uploads.send(farm.folder, uid, photo.read_bytes(), photo.name)
    test_uploads.finish(farm.folder, uid)
    looked = done(farm, Kind.PHOTOS, source=uid, field=field.uid)
    assert len(looked.files) == 2
    (mosaic,) = done(farm, Kind.MOSAIC, source=uid, field=field.uid).products
    trees = done(farm, Kind.TREES, source=mosaic, field=field.uid)
    assert {Path(name).suffix for name in trees.files} == {".gpkg", ".csv", ".png"}
    (index,) = done(farm, Kind.INDEX, source=mosaic, field=field.uid, indices="VARI").products
    figures = done(farm, Kind.ZONAL, source=index, field=field.uid, sao="yes")
    assert figures.facts
    zones = done(farm, Kind.ZONES, source=index, field=field.uid, classes="3")
    assert zones.products
    with pytest.raises(AgriError) as grounds:
        done(farm, Kind.FORECAST, field=field.uid, crop="vai_ph40")
    assert grounds.value.message.key.startswith("error.")
    assert catalogue.check(farm.folder) == ()
