"""The command that lives through a season: on a made farm, scored, and then open in the app."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from agri.cli.speech import language
from agri.cli.tree import app


@app.command(help="cli.help.demo")
def demo(
    one: Annotated[str, Argument(help="cli.help.demo_one", show_default=False)] = "",
    step: Annotated[bool, Option("--step", help="cli.help.demo_step")] = False,
    folder: Annotated[Path, Option("--folder", help="cli.help.demo_folder")] = Path("demo-farm"),
    seed: Annotated[int, Option("--seed", help="cli.help.demo_seed", min=1, max=10_000)] = 1,
    speedup: Annotated[str, Option(help="cli.help.speedup", show_default=False)] = "40",
    closed: Annotated[bool, Option("--closed", help="cli.help.demo_closed")] = False,
) -> int:
    """Live through a season, or explain its steps."""
    from agri.cli.read import read_number
    from agri.cli.show import progress, show_season, tell

    if step or one:
        return _explained(one, folder)
    from agri.operations.demonstration.living import live

    tell("cli.demo_begins")
    with progress("cli.demo_bar") as update:
        lived = live(folder, seed=seed, language=language.get(), update=update,
                     speedup=read_number(speedup, name="--speedup"))  # fmt: skip
    code = show_season(lived)
    if closed or not (sys.stdin.isatty() and sys.stdout.isatty()):
        tell("cli.demo_app", command=f'agri serve --farm "{lived.folder}"')
        return code
    _opened(lived.folder)
    return code


def _explained(one: str, folder: Path) -> int:
    """Print what the steps are for; nothing is run."""
    from agri.cli.show import tell
    from agri.operations.demonstration.steps import STEPS, step_named
    from agri.words import say

    page = folder / "reports" / "index.html"
    for row in (step_named(one),) if one else STEPS:
        name = say(f"demo.step_{row.key}", language.get())
        tell("cli.demo_step", number=STEPS.index(row) + 1, name=name, key=row.key)
        for key in (f"demo.why_{row.key}", f"demo.look_{row.key}"):
            tell("cli.demo_why", text=say(key, language.get()))
        for command in row.commands:
            tell("cli.demo_command", command=command)
        if page.is_file():
            tell("cli.demo_look", page=f"{page}#{row.key}")
    return 0


def _opened(folder: Path) -> None:
    """Open the app on the farm; without its extra, say what to install."""
    from agri.cli.serving import serve
    from agri.cli.show import complain
    from agri.errors import AgriError

    try:
        serve(farm=folder)
    except AgriError as error:
        complain("cli.demo_not_open", why=error.message)
