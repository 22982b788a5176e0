"""The command that fetches ArduPilot's own simulator."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Option

from agri.cli.tree import app

sitl = typer.Typer(no_args_is_help=True, help="cli.help.sitl")
app.add_typer(sitl, name="sitl")


@sitl.callback()
def about() -> None:
    """Keep ``install`` a word of its own, though it is the only one."""


@sitl.command("install", help="cli.help.sitl_install")
def sitl_install(
    release: Annotated[str, Option(help="cli.help.sitl_release")] = "stable",
    sha256: Annotated[str, Option(help="cli.help.sitl_sha256", show_default=False)] = "",
) -> None:
    """Fetch ArduCopter for ArduPilot's simulator, verify it, and say what was verified."""
    import os
    from datetime import UTC, datetime

    from agri.cli.show import progress, tell
    from sitl import download, installing
    from sitl.ardupilot import VARIABLE, find_arducopter

    with progress("cli.sitl_fetching", server=installing.SERVER) as update:
        program = installing.install(
            installing.program_folder(os.environ), release=release, sha256=sha256,
            now=datetime.now(UTC), open_url=download.open_https, on_progress=update,
        )  # fmt: skip
    tell("cli.sitl_installed", version=program.version, commit=program.commit[:8],
         path=program.path)  # fmt: skip
    tell("cli.sitl_digest", sha256=program.sha256)
    tell("cli.sitl_held" if program.held_to_sha256 else "cli.sitl_unheld", server=installing.SERVER)
    used = find_arducopter()
    if used != program.path.resolve():
        tell("cli.sitl_shadowed", path=used, variable=VARIABLE)
