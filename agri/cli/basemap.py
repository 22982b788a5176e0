"""The command that prepares the map below all maps of the app."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from agri.cli.tree import FarmOption, app, open_farm


@app.command(help="cli.help.basemap")
def basemap(
    file: Annotated[Path, Argument(help="cli.help.basemap_file", show_default=False)],
    source: Annotated[
        str, Option("--source", help="cli.help.basemap_source", show_default=False)
    ] = "",
    farm: FarmOption = None,
) -> None:
    """Keep the part of a map around the fields."""
    from datetime import UTC, datetime

    from agri.cli.show import complain, progress, tell
    from agri.operations.fieldmap.basemap import prepare

    with open_farm(farm) as workspace, progress("cli.cutting_basemap") as update:
        made = prepare(workspace, file, source=source, now=datetime.now(UTC),
                       progress=lambda share: update(share, 1.0))  # fmt: skip
    tell("cli.basemap_made", path=made.path, tiles=made.tiles, mb=made.size_bytes / 1e6,
         least=made.least, most=made.most)  # fmt: skip
    if made.source:
        tell("cli.basemap_source", source=made.source)
    else:
        complain("cli.basemap_unsigned")
