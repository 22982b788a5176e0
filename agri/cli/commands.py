"""All commands, in the order help shows them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
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


def command_tree(words: Sequence[str] = ()) -> Any:
    """Return the tree of commands, speaking the current language.

    Parameters
    ----------
    words : sequence of str, optional
        What follows ``agri``: commands beside the ones named are left out, for each takes time to
        build. Where the words name none, none is left out.
    """
    tree = typer.main.get_command(_named(app, words))
    translate(tree)
    return tree


def _named(tree: typer.Typer, words: Sequence[str]) -> typer.Typer:
    """Return a tree with no other commands than the words name, or all where they name none."""
    if not words:
        return tree
    pruned, rest = copy.copy(tree), words[1:]
    pruned.registered_commands = [
        command
        for command in tree.registered_commands
        if words[0] == (command.name or typer.main.get_command_name(_function(command)))
    ]
    pruned.registered_groups = []
    for group in tree.registered_groups:
        if group.name == words[0] and group.typer_instance is not None:
            pruned.registered_groups.append(copy.copy(group))
            pruned.registered_groups[-1].typer_instance = _named(group.typer_instance, rest)
    return pruned if pruned.registered_commands or pruned.registered_groups else tree


def _function(command: Any) -> str:
    name: str = command.callback.__name__
    return name


def name_panels() -> None:
    """Let the panels of a help page speak the current language; loads rich, so only for help."""
    from typer import rich_utils

    spoken = language.get()
    rich_utils.OPTIONS_PANEL_TITLE = say("cli.panel_options", spoken)
    rich_utils.ARGUMENTS_PANEL_TITLE = say("cli.panel_arguments", spoken)
    rich_utils.COMMANDS_PANEL_TITLE = say("cli.panel_commands", spoken)
    rich_utils.DEFAULT_STRING = say("cli.default_is", spoken)
    rich_utils.REQUIRED_LONG_STRING = say("cli.required", spoken)
