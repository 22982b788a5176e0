"""Sorties: a route as it is flown in pieces, by one aircraft or several, in one go or not.

What most callers need is named here. The rooms behind this door, each with its own theory of
operation:

* `reach`: how far one tank and one pack reach;
* `cutting`: cut by tank, pack and mission storage (``split_sorties``);
* `sharing`: several aircraft on one route (``share_out``);
* `resume`: the rest of a sortie that was broken off (``remainder``), made from its plan
  (``route_of``) and from what was sprayed (``Done``, ``done_until``);
* `progress`: what a flight's record shows as sprayed (``progress_on``);
* `along`: where along its pass each of that began and ended;
* `unphotographed`: the rest of a survey that was broken off (``survey_rest``).
"""

from __future__ import annotations

from missions.sortie.cutting import items_of, split_sorties
from missions.sortie.progress import progress_on
from missions.sortie.resume import Done, done_until, remainder, route_of
from missions.sortie.sharing import share_out

__all__ = [
    "Done",
    "done_until",
    "items_of",
    "progress_on",
    "remainder",
    "route_of",
    "share_out",
    "split_sorties",
]
