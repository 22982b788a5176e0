"""What the commands of maps and seasons share: where products go, which field, whose weather."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from agri.cli.speech import language

if TYPE_CHECKING:
    from agri.field import Field
    from agri.findings import Finding
    from agri.operations.maps.shelf import Shelf
    from agri.weather.series import Days, Hours

OutOption = Annotated[Path | None, Option("--out", help="cli.help.out", show_default=False)]
FieldOption = Annotated[str, Option("--field", help="cli.help.map_field", show_default=False)]


@contextmanager
def open_shelf(out: Path | None, farm: Path | None) -> Iterator[Shelf]:
    """Open the farm, if there is one, and give the shelf where products go."""
    from agri.cli.tree import open_farm
    from agri.errors import NotFound
    from agri.operations.maps.shelf import Shelf

    try:
        workspace = open_farm(farm)
    except NotFound:
        if farm is not None:
            raise
        yield Shelf.of(out, None, language.get())
        return
    with workspace:
        yield Shelf.of(out, workspace, language.get())


def field_asked(shelf: Shelf, name: str) -> Field | None:
    """Return the farm's field of that name, None when none is asked for."""
    from agri.errors import BadInput

    if not name:
        return None
    if shelf.farm is None:
        raise BadInput("error.field_without_farm", name=name)
    return shelf.farm.field(name)


def field_needed(shelf: Shelf, name: str) -> Field:
    """Return the field asked for; the farm's only one when none is named."""
    from agri.errors import BadInput

    found = field_asked(shelf, name)
    if found is not None:
        return found
    fields = shelf.farm.fields() if shelf.farm is not None else ()
    if len(fields) != 1:
        raise BadInput("error.field_needed", count=len(fields))
    return fields[0]


def weather_known(
    file: Path | None, shelf: Shelf, *, station: str = "", service: str = ""
) -> tuple[Hours | Days, tuple[Finding, ...]]:
    """Return the weather of a station's table, without one what the farm keeps of a service."""
    from agri.errors import BadInput
    from agri.operations.season import read_station
    from agri.operations.weather import kept

    if file is not None:
        return read_station(file, station=station)
    if shelf.farm is None:
        raise BadInput("error.weather_what_needed")
    return kept(shelf.farm.folder, service).weather, ()


def words_in(text: str) -> list[str]:
    """Return the words between commas."""
    return [word.strip() for word in text.split(",") if word.strip()]
