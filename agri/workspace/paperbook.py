"""The farm's papers, kept: entered, read, found again and taken out.

Theory of operation. A paper goes in whole or not at all, with a stable key. A permit's and a
licence's number, an aircraft's name and its registration are each there once, so that a paper
meant is a paper found; a paper that was renewed is entered anew after the old one is removed, or
under its new number beside it. Looks at the map are only ever added. What an aircraft's autopilot
told of itself is kept with its registration once, and then never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from agri.errors import BadInput, NotFound, Refused
from agri.findings import Finding
from agri.names import same
from agri.papers import Licence, MapCheck, Papers, Permit, Registration
from agri.workspace import sitebook
from agri.workspace.database import Database
from agri.workspace.layers import Layer
from agri.workspace.paper_layers import (
    LICENCES,
    MAP_CHECKS,
    PAPER_LAYERS,
    PERMITS,
    REGISTRATIONS,
)

P = TypeVar("P", bound=Permit | Licence | Registration | MapCheck)
_ONCE = {"permits": ("number",), "licences": ("number",), "registrations": ("aircraft", "number")}
_LAYERS: dict[type[Any], Layer[Any]] = {
    Permit: PERMITS,
    Licence: LICENCES,
    Registration: REGISTRATIONS,
    MapCheck: MAP_CHECKS,
}
SHORTEST_KEY = 4
"""Fewest characters of a key that stand for it."""


class PaperBook:
    """The papers of one farm; get it by `agri.workspace.Workspace.papers`.

    Parameters
    ----------
    database : Database
        The farm's.
    new_uid : callable
        Where stable keys come from.
    """

    def __init__(self, database: Database, new_uid: Callable[[], str]) -> None:
        self._database = database
        self._new_uid = new_uid

    def add(self, paper: P) -> P:
        """Enter a paper and return it with its key.

        Raises
        ------
        BadInput
            When its number or its aircraft is entered already.
        StoreError
            When the disk cannot take it.
        """
        layer = _LAYERS[type(paper)]
        stored = replace(paper, uid=self._new_uid())
        with self._database.writing() as connection:
            for other in layer.read(connection)[0]:
                for name in _ONCE.get(layer.name, ()):
                    if same(getattr(other, name)) == same(getattr(paper, name)):
                        raise BadInput("error.paper_taken", name=getattr(paper, name))
            layer.insert(connection, [stored])
        return stored

    def read(self) -> tuple[Papers, list[Finding]]:
        """Return all papers at one moment, and what was wrong with rows edited elsewhere.

        An ERROR finding stands for a look at the map that could not be read; do not fly then.
        """
        findings: list[Finding] = []
        values: dict[str, tuple[Any, ...]] = {}
        with self._database.reading() as connection:
            for layer in PAPER_LAYERS:
                values[layer.name], found = layer.read(connection)
                findings += found
        return Papers(**values), findings

    def find(self, wanted: str) -> Permit | Licence | Registration | MapCheck:
        """Return the paper meant by a key, its beginning, a number or a name.

        Raises
        ------
        NotFound
            When there is none.
        BadInput
            When several are meant equally.
        """
        papers, _ = self.read()
        every: list[Any] = [
            *papers.permits, *papers.licences, *papers.registrations, *papers.map_checks,
        ]  # fmt: skip
        found = _meant(wanted.strip(), every)
        if not found:
            raise NotFound("error.no_paper", wanted=wanted)
        if len(found) > 1:
            names = ", ".join(f"{paper.title} ({paper.uid[:8]})" for paper in found)
            raise BadInput("error.ambiguous", wanted=wanted, names=names)
        paper: Permit | Licence | Registration | MapCheck = found[0]
        return paper

    def keep_autopilot(self, uid: str, *, system: int, board: str) -> Registration:
        """Keep with a registration what its aircraft's autopilot tells of itself.

        Parameters
        ----------
        uid : str
            The registration's key.
        system : int
            The autopilot's number on the link.
        board : str
            Its serial number, "" when it tells none.

        Raises
        ------
        NotFound
            When there is no such registration.
        Refused
            When another number or board is kept already; it stays.
        StoreError
            When the disk cannot take it.
        """
        with self._database.writing() as connection:
            found = [one for one in REGISTRATIONS.read(connection)[0] if one.uid == uid]
            if not found:
                raise NotFound("error.no_paper", wanted=uid)
            if found[0].system not in (0, system) or found[0].board not in ("", board):
                raise Refused("error.autopilot_kept", aircraft=found[0].aircraft)
            kept = replace(found[0], system=system, board=board)
            REGISTRATIONS.put(connection, kept)
        return kept

    def remove(self, uid: str) -> None:
        """Take a paper out by its key.

        Raises
        ------
        NotFound
            When there is none with this key.
        """
        sitebook.remove(self._database, PAPER_LAYERS, uid)


def _meant(wanted: str, papers: Sequence[Any]) -> list[Any]:
    if len(wanted) >= SHORTEST_KEY:
        keyed = [paper for paper in papers if paper.uid.startswith(wanted.lower())]
        if keyed:
            return keyed
    return [
        paper for paper in papers
        if wanted and same(wanted) in (same(paper.title), same(getattr(paper, "number", "")))
    ]  # fmt: skip
