"""Under which licences the packages stand that agri needs, and whether that goes together.

``python .ci/release/licences.py`` prints a table of them for the installed environment.

What counts is what a user installs: the dependencies and the extras of `pyproject.toml` that are
not for working on agri, with all that they need in turn. A package's licence is what its metadata
say: the SPDX expression where there is one, else the classifiers, else the field ``License``. agri
is Apache-2.0 and ships none of them: they are installed beside it. Permissive licences need no more
than their notice; a copyleft one is listed by name in `licences.toml`, with the reason why it may
stand there. Anything else, and anything unknown, is refused.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
FOR_WORK = {"dev", "release", "bench", "docs"}
"""Extras that only those install who change agri."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """What a package may be used under, and how that was judged."""

    package: str
    version: str
    told: str
    verdict: str
    """``permissive``, ``copyleft`` (named, with a reason) or ``not known``."""
    why: str = ""


def asked_for() -> list[Requirement]:
    """Return what agri and its extras for users ask for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra, more in project["optional-dependencies"].items():
        lines += more if extra not in FOR_WORK else []
    return [Requirement(line) for line in lines]


def needed(wanted: Iterable[Requirement]) -> dict[str, Distribution]:
    """Return the installed packages that are asked for, and all that those need, by name."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    open_ends = [(one, extra) for one in wanted for extra in ("", *one.extras)]
    while open_ends:
        one, extra = open_ends.pop()
        name = canonicalize_name(one.name)
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # an extra that this environment was made without
        for line in found[name].requires or ():
            more = Requirement(line)
            if more.marker is None or more.marker.evaluate({"extra": extra}):
                open_ends += [(more, deeper) for deeper in ("", *more.extras)]
    return dict(sorted(found.items()))


def told_by(package: Distribution) -> str:
    """Return what a package's metadata say of its licence, in short."""
    told = package.metadata
    expression = told.get("License-Expression")
    if expression:
        return str(expression)
    classes = [
        str(line).rsplit("::", 1)[-1].strip()
        for line in told.get_all("Classifier", [])
        if str(line).startswith("License ::") and not str(line).endswith("OSI Approved")
    ]
    if classes:
        return "; ".join(classes)
    return " ".join((told.get("License") or "").split())[:60]


def judged(packages: Iterable[Distribution]) -> list[Licence]:
    """Judge the licence of each package by `licences.toml`."""
    table = tomllib.loads((ROOT / ".ci" / "release" / "licences.toml").read_text("utf-8"))
    named = {canonicalize_name(one["package"]): one for one in table["copyleft"]}
    read = {canonicalize_name(one["package"]): one for one in table["read"]}
    found = []
    for package in packages:
        name, told = canonicalize_name(package.metadata["Name"]), told_by(package)
        if name in named:
            verdict, why = "copyleft", named[name]["why"]
            told = told or named[name]["licence"]
        elif name in read:
            verdict, why, told = "permissive", read[name]["where"], read[name]["licence"]
        else:
            parts = {part.strip() for part in re.split(r";| AND | OR ", told)}
            verdict, why = "permissive" if parts <= set(table["permissive"]) else "not known", ""
        found.append(Licence(package=name, version=package.version, told=told, verdict=verdict,
                             why=why))  # fmt: skip
    return found


def bundled() -> str:
    """Return a Markdown table of the libraries that packages bring along under other licences."""
    table = tomllib.loads((ROOT / ".ci" / "release" / "licences.toml").read_text("utf-8"))
    rows = [
        f"| {one['package']} | {one['library']} | {one['licence']} |" for one in table["bundled"]
    ]
    return "\n".join(["| package | brings along | licence |", "|---|---|---|", *rows])


def table_of(licences: Iterable[Licence]) -> str:
    """Return a Markdown table of licences."""
    rows = [
        f"| {one.package} | {one.version} | {one.told} | {one.verdict} | {one.why} |"
        for one in licences
    ]
    return "\n".join(
        ["| package | version | licence | verdict | why |", "|---|---|---|---|---|", *rows]
    )


if __name__ == "__main__":
    all_of_them = judged(needed(asked_for()).values())
    print(table_of(all_of_them), bundled(), sep="\n\n")
    sys.exit(any(one.verdict == "not known" for one in all_of_them))
