"""A lost password is given anew at the farm's own computer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agri import audit
from agri.cli import main
from agri.people import Person, Role
from agri.web.passwords import Passwords
from agri.workspace import Workspace
from tests import farms


def test_the_only_owner_gets_a_new_password_at_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "farm"
    with Workspace.create(folder, farm_name="Trại") as farm:
        farm.people.add(
            Person(name="Bà Hường", role=Role.OWNER, password_hash="x", created_utc=farms.START)
        )
    where = ["--lang", "en", "people"]
    assert main([*where, "list", "--farm", str(folder)]) == 0
    assert "Bà Hường" in capsys.readouterr().out
    assert main([*where, "password", "Bà Lan", "--farm", str(folder)]) == 2
    assert "Bà Hường" in capsys.readouterr().err
    assert main([*where, "password", "bà hường", "--farm", str(folder)]) == 0
    made = re.search(r": ([a-z0-9]{4}(?:-[a-z0-9]{4}){2})", capsys.readouterr().out)
    assert made is not None
    with Workspace.open(folder) as farm:
        assert Passwords().is_right(made[1], farm.people.all()[0].password_hash)
    (entry,) = audit.verify(folder).entries
    assert (entry.kind, entry.who, entry.what.note) == ("password_given", "terminal", "Bà Hường")
