"""All commands, in the order help shows them."""

from __future__ import annotations

from typing import Any

import typer

from agri.cli import (
    advising,
    agronomy,
    basemap,
    demo,
    farms,
    flight,
    forecasting,
    guard,
    link,
    logs,
    maps,
    papers,
    people,
    planning,
    record_book,
    records,
    reporting,
    serving,
    simulator,
    spraying,
    weather,
    zones,
)
from agri.cli.speech import language, translate
from agri.cli.tree import app
from agri.words import say

__all__ = [
    "advising",
    "agronomy",
    "basemap",
    "command_tree",
    "demo",
    "farms",
    "flight",
    "forecasting",
    "guard",
    "link",
    "logs",
    "maps",
    "papers",
    "people",
    "planning",
    "record_book",
    "records",
    "reporting",
    "serving",
    "simulator",
    "spraying",
    "weather",
    "zones",
]


def command_tree() -> Any:
    """Return the whole tree of commands, speaking the current language."""
    tree = typer.main.get_command(app)
    translate(tree)
    return tree


def name_panels() -> None:
    """Let the panels of a help page speak the current language; loads rich, so only for help."""
    from typer import rich_utils

    spoken = language.get()
    rich_utils.OPTIONS_PANEL_TITLE = say("cli.panel_options", spoken)
    rich_utils.ARGUMENTS_PANEL_TITLE = say("cli.panel_arguments", spoken)
    rich_utils.COMMANDS_PANEL_TITLE = say("cli.panel_commands", spoken)
    rich_utils.DEFAULT_STRING = say("cli.default_is", spoken)
    rich_utils.REQUIRED_LONG_STRING = say("cli.required", spoken)
