"""The pages that write themselves: commands, catalogues, decisions and the Python reference.

A page copied by hand from the code is wrong after the next change. So whatever the code already
says is read from it while the site is built: the tree of commands from typer, in both languages;
the catalogues of cameras, sprayers, indices, crops and rules from their TOML files, sources and
confidence included; the decisions from the heads of the modules; the reference from docstrings.

The reference of every module takes a minute or two, mostly in rendering. It is made where
AGRI_WHOLE_REFERENCE is set (``make docs``); else only the packages in `FOR_USE`, those that a
notebook imports, so that a build in the tests takes seconds and still fails at a docstring that
cannot be rendered.

MkDocs finds the functions ``on_config`` and ``on_files`` by their names. Pages that come from
elsewhere (`OPTIONAL`) enter the navigation when they are there.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

import catalogues  # noqa: E402
import commands  # noqa: E402
import navigation  # noqa: E402

PACKAGES = ("agri", "missions", "imagery", "models", "sitl")

FOR_USE = (
    "agri.geo",
    "agri.field",
    "agri.zone",
    "agri.weather",
    "missions.survey",
    "missions.coverage",
    "missions.spray",
    "imagery.indices",
    "imagery.zonal",
    "models.validation",
    "models.intervals",
)
"""Packages and modules whose reference is always made: what notebooks import."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give the site its navigation."""
    config.nav = navigation.tree(ROOT / "docs", decisions=PACKAGES, modules=_documented())
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are read from the code."""
    pages = {
        "reference/commands.md": commands.page("en"),
        "vi/lenh.md": commands.page("vi"),
        **catalogues.pages(ROOT),
        **decision_pages(),
        **reference_pages(),
    }
    for path, content in pages.items():
        files.append(File.generated(config, path, content=content))
    return files


def decision_pages() -> dict[str, str]:
    """Return one page a package: each module's head that says more than its first sentence."""
    pages, index = {}, ["# Decisions", "", DECISIONS, "", "| package | heads |", "|---|---|"]
    for package in PACKAGES:
        heads = [(name, told) for name, told in _heads(package) if "\n\n" in told]
        pages[f"decisions/{package}.md"] = "\n\n".join(
            [f"# Decisions in `{package}`", *(_head(name, told) for name, told in heads)]
        )
        index.append(f"| [`{package}`]({package}.md) | {len(heads)} |")
    index += ["", *(_listed(package) for package in PACKAGES)]
    return {"decisions/index.md": "\n".join(index), **pages}


DECISIONS = """\
Why a thing is done the way it is stands where the next reader of the code will look for it: in the
head of the module that does it. These pages are those heads, gathered when the site was built: how
each room works, why it was decided so, and what was tried and given up."""


def _listed(package: str) -> str:
    lines = [f"## {package}", ""]
    for name, told in _heads(package):
        if "\n\n" in told:
            first = " ".join(told.split("\n\n")[0].split())
            lines.append(f"- [`{name}`]({package}.md#{_anchor(name)}): {_plain(first)}")
    return "\n".join([*lines, ""])


def _head(name: str, told: str) -> str:
    return f"## `{name}` {{ #{_anchor(name)} }}\n\n{_plain(told)}"


def _anchor(name: str) -> str:
    return name.replace(".", "-").replace("_", "-")


def _plain(text: str) -> str:
    """Return a docstring as Markdown: no tag, link or heading of the page is meant by it."""
    text = re.sub(r"^(.+)\n[-=]{3,}$", r"**\1**\n", text, flags=re.MULTILINE)
    for written, safe in (("``", "`"), ("<", "&lt;"), ("[", "&#91;")):
        text = text.replace(written, safe)
    parts = text.split("`")
    parts[1::2] = [p.replace("&lt;", "<").replace("&#91;", "[") for p in parts[1::2]]
    return "`".join(parts)


def reference_pages() -> dict[str, str]:
    """Return a page for each documented module; mkdocstrings fills it in."""
    return {f"reference/python/{name}.md": f"# {name}\n\n::: {name}\n" for name in _documented()}


def _documented() -> tuple[str, ...]:
    whole = bool(os.environ.get("AGRI_WHOLE_REFERENCE"))
    names = (name for package in PACKAGES for name, _ in _heads(package))
    return tuple(
        name
        for name in names
        if whole or any(name == used or name.startswith(f"{used}.") for used in FOR_USE)
    )


def _heads(package: str) -> Iterator[tuple[str, str]]:
    """Yield each module's dotted name with its docstring."""
    for path in sorted((ROOT / package).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield name, ast.get_docstring(_parsed(path)) or ""


_SEEN: dict[Path, Any] = {}


def _parsed(path: Path) -> Any:
    if path not in _SEEN:
        _SEEN[path] = _head_only(path.read_text(encoding="utf-8"))
    return _SEEN[path]


def _head_only(text: str) -> ast.Module:
    """Parse no more of a module than its docstring."""
    end = text.find('"""', text.find('"""') + 3) + 3
    return ast.parse(text[:end] if text.startswith('"""') else "")
