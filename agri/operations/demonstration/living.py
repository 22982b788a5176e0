"""The whole season in one go, scored step by step, with its page at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agri.files import write_text
from agri.operations.demonstration.page import Told, render_season
from agri.operations.demonstration.scoring import Score
from agri.operations.demonstration.season import Season
from agri.operations.demonstration.steps import STEPS, Row
from agri.operations.demonstration.world import fields, make_world, surroundings
from agri.operations.farm import start_farm
from agri.operations.planning import Update
from agri.words import Language, say
from imagery.extras import extra

SPEEDUP = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What a season left behind.

    Parameters
    ----------
    folder : Path
        The farm.
    page : Path
        Its page.
    told : tuple of Told
        Every step, with what it showed and its scores.
    seconds : float
        How long it took.
    """

    folder: Path
    page: Path
    told: tuple[Told, ...]
    seconds: float

    @property
    def scores(self) -> tuple[Score, ...]:
        """All scores, in order."""
        return tuple(score for one in self.told for score in one.scores)


def free_folder(wanted: Path) -> Path:
    """Return `wanted`, or the first of ``wanted-2``, ``wanted-3`` … that is not there yet."""
    candidates = [wanted, *(wanted.with_name(f"{wanted.name}-{n}") for n in range(2, 1000))]
    return next((path for path in candidates if not path.exists()), wanted)


def live(
    folder: Path,
    *,
    seed: int = 1,
    language: Language,
    speedup: float = SPEEDUP,
    update: Update,
    begun: Callable[[Row], None] = lambda _: None,
) -> Lived:
    """Live through a season.

    Parameters
    ----------
    folder : Path
        Where the farm is made; when it is there already, one with the next number.
    seed : int
        Another one is another farm.
    language : {"vi", "en"}
        Of pictures and pages.
    speedup : float
        How much faster than the clock the simulator flies.
    update : callable
        Told (done, total) of the work.
    begun : callable
        Told of every step as it begins.

    Raises
    ------
    AgriError
        When a step cannot be done.
    """
    extra("cv2", extra="imagery")  # said before the first flight, not after it
    began_s = time.monotonic()
    home = free_folder(folder.resolve())  # as every command opens a farm
    whole = sum(row.weight for row in STEPS) + 2.0
    world = make_world(seed)
    with start_farm(home, name=say("demo.farm", language)) as farm:
        obstacles, sites, pads = surroundings(world)
        orchard, paddy = farm.add_fields(fields(world))
        farm.add_obstacles(obstacles)
        farm.add_sensitive_sites(sites)
        farm.add_pads(pads)
        season = Season(farm=farm, world=world, language=language, speedup=speedup,
                        orchard=orchard, paddy=paddy)  # fmt: skip
        told, done = [], 2.0
        update(done, whole)
        for row in STEPS:
            begun(row)
            start_s = time.monotonic()
            shown = row.do(season)
            scores = tuple(score for judge in row.scores for score in judge(season))
            told.append(Told(row=row, shown=shown, scores=scores,
                             seconds=time.monotonic() - start_s))  # fmt: skip
            done += row.weight
            update(done, whole)
        seconds = time.monotonic() - began_s
        page = farm.reports / "index.html"
        write_text(page, render_season(farm.farm_name, told, seed=seed, seconds=seconds,
                                       language=language, folder=farm.folder))  # fmt: skip
    return Lived(folder=home, page=page, told=tuple(told), seconds=seconds)
