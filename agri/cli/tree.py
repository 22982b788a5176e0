"""The tree of commands, and what several of them share. The commands hang themselves on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from agri import __version__

if TYPE_CHECKING:
    from agri.workspace import Workspace

app = typer.Typer(add_completion=False, no_args_is_help=True, help="cli.help.agri")
fields = typer.Typer(no_args_is_help=True, help="cli.help.fields")
plan = typer.Typer(no_args_is_help=True, help="cli.help.plan")
papers = typer.Typer(no_args_is_help=True, help="cli.help.papers")
flown = typer.Typer(no_args_is_help=True, help="cli.help.flight_group")
app.add_typer(fields, name="fields")
app.add_typer(plan, name="plan")
app.add_typer(papers, name="papers")
app.add_typer(flown, name="flight")

FarmOption = Annotated[Path | None, Option("--farm", help="cli.help.farm", show_default=False)]
PlanArgument = Annotated[str, Argument(help="cli.help.plan_name", show_default=False)]
FenceOption = Annotated[int, Option("--fence-points", help="cli.help.fence_points", min=12)]
ItemsOption = Annotated[int, Option("--mission-items", help="cli.help.mission_items", min=12)]


def tell_version(asked: bool) -> None:
    """Print which version this is, and end."""
    if asked:
        typer.echo(f"agri {__version__}")
        raise typer.Exit


@app.callback()
def everywhere(
    lang: Annotated[str, Option("--lang", help="cli.help.lang", show_default=False)] = "",
    version: Annotated[
        bool,
        Option("--version", help="cli.help.version_told", is_eager=True, callback=tell_version),
    ] = False,
) -> None:
    """Take ``--lang``, which `agri.cli.main` has read before, and ``--version``."""


def open_farm(folder: Path | None) -> Workspace:
    """Open the farm named, or the one the current folder stands in."""
    from agri.workspace import Workspace

    return Workspace.open(folder) if folder else Workspace.find(Path.cwd())
