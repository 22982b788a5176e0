"""The command that hands out the spray guard, the script that runs on the aircraft."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from agri.cli.tree import app

guard = typer.Typer(no_args_is_help=True, help="cli.help.guard")
app.add_typer(guard, name="guard")


@guard.callback()
def about() -> None:
    """Keep ``script`` a word of its own, though it is the only one."""


@guard.command("script", help="cli.help.guard_script")
def guard_script(
    out: Annotated[Path, Option("--out", help="cli.help.guard_out", show_default=False)],
) -> None:
    """Write the spray guard and say how it gets onto the aircraft."""
    from agri.cli.show import tell
    from agri.files import make_folder, write_text
    from missions import onboard

    path = make_folder(out) / onboard.FILE_NAME
    write_text(path, onboard.script())
    tell("cli.guard_written", path=path, version=onboard.VERSION)
    tell("cli.guard_step_card", file=onboard.FILE_NAME, folder=onboard.CARD_FOLDER)
    tell("cli.guard_step_enable", heap=onboard.LEAST_HEAP_BYTES)
    tell("cli.guard_step_restart", text=onboard.EXPECTED_TEXT)
