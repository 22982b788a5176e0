"""What stands where in the site's navigation.

A section lists its pages in the order to read them; a page of its folder that the list does not
name comes after them, so that a new page needs no entry here. A page named but not there is left
out: some are written by other work (the province, the table of the nightly suites). Titles are the
pages' own first headings.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

TUTORIALS = (
    "first-flight",
    "first-spraying",
    "photos-to-rate-map",
    "season-forecast",
    "your-own-data",
)
HOW_TO = (
    "real-aircraft", "boundaries", "papers", "sign-links", "hill", "resume", "label", "crop-card",
    "serve", "maps", "records", "qgis", "several-farms", "backups", "wrong",
)  # fmt: skip
EXPLANATION = ("safety", "watching", "models", "accuracy", "assumed", "privacy")
VIETNAMESE = ("nong-dan", "can-bo", "may-bay-that")


def tree(docs: Path, *, decisions: Sequence[str], modules: Sequence[str]) -> list[Any]:
    """Return the navigation as MkDocs wants it: lists, and one-entry dictionaries for sections.

    Parameters
    ----------
    docs : Path
        The folder of the pages.
    decisions : sequence of str
        Packages with a page of decisions.
    modules : sequence of str
        Modules with a page of reference.
    """
    return [
        "index.md",
        {"Tutorials": _folder(docs, "tutorials", TUTORIALS)},
        {"How to …": _folder(docs, "how-to", HOW_TO)},
        {
            "Reference": [
                "reference/index.md",
                "reference/commands.md",
                *_folder(docs, "reference", ("farm-folder",), but=("index",)),
                *(f"reference/{name}.md" for name in CATALOGUES),
                {"Python": [f"reference/python/{name}.md" for name in modules]},
            ]
        },
        {
            "Explanation": [
                *_folder(docs, "explanation", EXPLANATION),
                *_there(docs, "under_fire.md"),
            ]
        },
        {"Decisions": ["decisions/index.md", *(f"decisions/{name}.md" for name in decisions)]},
        {"Tiếng Việt": [*_folder(docs, "vi", VIETNAMESE), "vi/lenh.md"]},
    ]


CATALOGUES = ("cameras", "sensors", "aircraft", "sprayers", "indices", "crops", "rules", "advice")
"""Pages of catalogues, which `catalogues` writes."""


def _folder(docs: Path, name: str, order: Sequence[str], *, but: Sequence[str] = ()) -> list[str]:
    there = sorted(path.stem for path in (docs / name).glob("*.md"))
    first = [one for one in ("index", *order) if one in there]
    return [f"{name}/{one}.md" for one in dict.fromkeys((*first, *there)) if one not in but]


def _there(docs: Path, *names: str) -> list[str]:
    return [name for name in names if (docs / name).is_file()]
