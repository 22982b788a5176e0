"""Sheets of paper: templates that are printed, kept as one file, or shown inside the app.

Theory of operation. A sheet's content stands in a part (``…_parts.html.j2``) that takes values and
knows nothing of what is around it. Two things are put around the same part: a whole page that is
one file, with its style inside and a content policy that forbids it to load anything, and a page of
the app, whose style is a file of the app's (`agri.web`). So both tell the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from agri.words import Language, say

FOLDER = "operations/templates"
SUFFIX = ".html.j2"
PREFIX = "paper/"
"""What the name of a sheet begins with in a template that includes it."""


@cache
def sheet_templates() -> Mapping[str, str]:
    """Return the text of every sheet and part, by the name under which it is included."""
    folder = resources.files("agri").joinpath(FOLDER)
    return {
        PREFIX + one.name: one.read_text("utf-8")
        for one in folder.iterdir()
        if one.name.endswith(SUFFIX)
    }


@cache
def _environment() -> Any:
    from jinja2 import DictLoader, Environment, StrictUndefined

    return Environment(
        loader=DictLoader(dict(sheet_templates())), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def style_of(name: str) -> str:
    """Return the style of a sheet, CSS."""
    return resources.files("agri").joinpath(f"{FOLDER}/{name}.css").read_text("utf-8")


def sheet(template: str, language: Language, /, *, style: str, **values: Any) -> str:
    """Return a sheet as one file: HTML with its style inside, nothing loaded.

    Parameters
    ----------
    template : str
        Its name, without its ending.
    language : {"vi", "en"}
        Of its words.
    style : str
        Name of its style.
    **values
        What it shows.
    """
    from markupsafe import Markup

    return str(
        _environment().get_template(PREFIX + template + SUFFIX).render(
            say=lambda key, **told: say(key, language, **told), language=language,
            # our own file: not text from strangers
            css=Markup(style_of(style)),  # noqa: S704
            **values,
        )
    )  # fmt: skip
