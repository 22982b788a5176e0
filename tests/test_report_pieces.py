"""A report seen a second time is there at once, and what it shows is never older than the farm."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import Point

from agri.field import Field, Obstacle, ObstacleKind
from agri.operations import field_report
from agri.people import Role
from agri.workspace import Workspace
from tests.test_field_report import WEAK, ground, listed_index
from tests.web_farm import Browser, Served

MADE = ("draw_picture", "draw_quicklook", "zonal_statistics")


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as made:
        made.add_fields([Field(name="Vườn", boundary=ground(), crop="Vải PH40")])
        listed_index(made, "ndvi-1", 30, 0.7)
        yield made


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was made, each time."""
    found: list[str] = []

    def counted(name: str) -> Any:
        whole = getattr(field_report, name)

        def making(*given: Any, **named: Any) -> Any:
            found.append(name)
            return whole(*given, **named)

        return making

    for name in MADE:
        monkeypatch.setattr(field_report, name, counted(name))
    return found


def seen(browser: Browser, farm: Workspace) -> tuple[str, list[str]]:
    """The report's text, and its pictures by their fingerprints."""
    text = browser.get(f"/fields/{farm.fields()[0].uid}/report").text
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    plain = re.sub(r'src="data:[^"]+"', "", text)
    plain = re.sub(r'name="form_token" value="[0-9a-f]+"', "", plain)
    return plain, [hashlib.sha256(one.encode()).hexdigest() for one in pictures]


def test_the_second_view_makes_nothing_anew_and_shows_the_same(
    farm: Workspace, made: list[str]
) -> None:
    agent = Served(farm).signed_in(Role.AGENT)
    first = seen(agent, farm)
    assert sorted(set(made)) == sorted(MADE)
    made.clear()
    assert seen(agent, farm) == first
    assert made == []
    assert len(first[1]) == 2


def test_whatever_a_piece_is_made_of_makes_it_another_one(farm: Workspace, made: list[str]) -> None:
    served = Served(farm)
    agent = served.signed_in(Role.AGENT)
    text, pictures = seen(agent, farm)
    made.clear()
    (field,) = farm.fields()
    tree = Obstacle(kind=ObstacleKind.TREE, height_m=9.0,
                    geometry=Point(field.boundary.bounds[0], field.boundary.bounds[1]))  # fmt: skip
    farm.add_obstacles([tree])
    _, with_tree = seen(agent, farm)
    assert (with_tree[0] != pictures[0], with_tree[1] == pictures[1]) == (True, True)
    assert made == ["draw_picture"], "only the field's map has the tree in it"
    listed_index(farm, "ndvi-2", 2, WEAK)
    later, newer = seen(agent, farm)
    assert newer[1] != with_tree[1], "a newer map"
    assert later != text
    made.clear()
    file = next(farm.folder.rglob("ndvi-2.tif"))
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    broken, fewer = seen(agent, farm)
    assert broken != later, "another content of the same file is told, not what was kept of it"
    assert newer[1] not in fewer
    file.write_bytes(data)
    assert seen(agent, farm) == (later, newer)
    agent.get("/language/en?back=/")
    english, drawn = seen(agent, farm)
    assert english != later
    assert drawn[0] != newer[0], "words in pictures are of the reader's language"


def test_what_people_write_is_there_at_once(farm: Workspace, made: list[str]) -> None:
    agent, (field,) = Served(farm).signed_in(Role.AGENT), farm.fields()
    seen(agent, farm)
    made.clear()
    agent.post(f"/fields/{field.uid}/report", {"remark": "Góc này yếu"})
    assert "Góc này yếu" in seen(agent, farm)[0]
    assert made == []
