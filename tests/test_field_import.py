"""Boundary files brought into a farm that has fields, and what is odd about where fields lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agri.errors import BadInput
from agri.field import Field
from agri.geo import LocalFrame, LonLat
from agri.operations.farm import Imported, import_boundaries, start_farm
from agri.operations.field_doubts import field_doubts, overlaps
from agri.workspace import Workspace
from tests.boundary_files import NAMES, area, feature, geojson, geojson_truth, read


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    with start_farm(tmp_path / "farm", name="Trại") as made:
        yield made


def taken_in(farm: Workspace, data: bytes, *, unattended: bool = True) -> Imported:
    file = farm.folder.parent / "ranh.geojson"
    file.write_bytes(data)
    return import_boundaries(farm, [file], unattended=unattended)


def test_a_file_with_one_name_that_is_taken_is_taken_in_whole(farm: Workspace) -> None:
    """In the app nobody can change the file, and the farmer does not know which name it was."""
    other = geojson(feature(area(900.0), ten=NAMES[1]), feature(area(1200.0), ten="Ruộng Chợ"))
    taken_in(farm, other)
    made = taken_in(farm, geojson_truth())
    assert [one.name for one in made.fields] == [NAMES[0], f"{NAMES[1]} (2)", NAMES[2]]
    assert [one.key for one in made.findings if one.key == "finding.name_doubled"] != []
    again = taken_in(farm, geojson_truth())
    assert again.fields == (), "what was cut off half-way is not added twice, under any name"
    assert len(farm.fields()) == 5
    with pytest.raises(BadInput, match=NAMES[0]):
        taken_in(farm, geojson_truth(), unattended=False)


def test_names_that_differ_in_case_or_space_alone_are_two_of_one_file(farm: Workspace) -> None:
    named = ("Ruộng Chợ", "ruộng  chợ", "Ruộng chợ")
    many = geojson(*(feature(area(300.0 * at), ten=name) for at, name in enumerate(named)))
    made = taken_in(farm, many, unattended=False)
    assert len({one.name.casefold() for one in made.fields}) == 3


def test_a_name_that_is_cut_shows_it(tmp_path: Path) -> None:
    whole, long = "Ruộng " + "a" * 74, "Ruộng " + "b" * 90
    found = read(tmp_path, geojson(feature(area(), ten=whole), feature(area(300.0), ten=long)))
    kept, cut = (one.name for one in found.fields)
    assert kept == whole
    assert len(cut) == 80
    assert cut.endswith("b…")


def test_fields_on_the_same_ground_are_told_and_neighbours_are_not(farm: Workspace) -> None:
    first = taken_in(farm, geojson(feature(area(), ten="Ruộng Đình")))
    assert first.findings == ()
    more = geojson(feature(area(97.0), ten="Bên cạnh"), feature(area(0.0, 60.0), ten="Vẽ lại"))
    second = taken_in(farm, more)
    (told,) = (one for one in second.findings if one.key == "finding.fields_overlap")
    assert told.text("vi").startswith("Vẽ lại: trùng 11,1 sào đất với Ruộng Đình")
    fields = farm.fields()
    drawn = next(one for one in fields if one.name == "Vẽ lại")
    assert [one.key for one in field_doubts(drawn, fields)] == ["finding.fields_overlap"]
    assert len(overlaps(fields, fields)) == 1, "each pair once"


def test_a_field_in_another_country_is_told() -> None:
    frame = LocalFrame(LonLat(lon_deg=2.35, lat_deg=48.85))
    here = Field(name="Ruộng", boundary=area())
    moved = frame.geometry_to_lonlat(here.frame.geometry_to_local(here.boundary))
    (told,) = field_doubts(replace(here, boundary=moved), [])
    assert told.key == "finding.far_away"
    assert not field_doubts(here, [here])
