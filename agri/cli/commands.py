"""All commands, in the order help shows them."""

from __future__ import annotations

from typing import Any

import typer

from agri.cli import flight, planning
from agri.cli.speech import translate
from agri.cli.tree import app

__all__ = ["command_tree", "flight", "planning"]


def command_tree() -> Any:
    """Return the whole tree of commands, speaking the current language."""
    tree = typer.main.get_command(app)
    translate(tree)
    return tree
