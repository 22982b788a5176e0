"""The page of the season: every step with its picture, its figures and how right it was.

Theory of operation. One file that loads nothing, to be read from top to bottom on a phone. First
how right all of it was, a line for each score with a symbol as well as a colour; then the steps,
each with what it is for, its pictures made small, its figures, its scores, and the command that
does the same by hand.
"""

from __future__ import annotations

import io
import math
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agri.operations.demonstration.scoring import Score
from agri.operations.demonstration.season import Done
from agri.operations.demonstration.steps import Row
from agri.operations.sheets import sheet
from agri.words import Language, say

YES_OR_NO = ("yield_within",)
"""Scores that have no figure."""
MOST_PICTURES = 4
WIDTH_PX = 760
COLOURS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A step that was done.

    Parameters
    ----------
    row : Row
        Which.
    shown : Done
        What it shows.
    scores : tuple of Score
        How right it was.
    seconds : float
        How long it took.
    """

    row: Row
    shown: Done
    scores: tuple[Score, ...]
    seconds: float


def score_told(score: Score, language: Language) -> tuple[str, str, str, str]:
    """Return a score's symbol, name, figure and what was asked, in words."""
    symbol = "✓" if score.met else "✕"
    name = say(f"demo.score_{score.key}", language)
    if score.key in YES_OR_NO:
        told = say("demo.score_yes" if score.value else "demo.score_no", language)
        return symbol, name, told, say("demo.asked_yes", language)
    value = say(f"demo.score_{score.key}_value", language, value=score.value)
    if math.isfinite(score.least):
        asked = say("demo.at_least", language, value=score.least)
    elif math.isfinite(score.most):
        asked = say("demo.at_most", language, value=score.most)
    else:
        asked = ""
    return symbol, name, value, asked


def render_season(
    farm_name: str,
    told: Sequence[Told],
    *,
    seed: int,
    seconds: float,
    language: Language,
    folder: Path,
) -> str:
    """Return the page.

    Parameters
    ----------
    farm_name : str
        Heading.
    told : sequence of Told
        The steps that were done.
    seed : int
        Of the farm.
    seconds : float
        How long it took.
    language : {"vi", "en"}
        Of the page.
    folder : Path
        The farm's, for the commands.
    """
    scores = [score for one in told for score in one.scores]
    return sheet(
        "season", language, style="season", name=farm_name, seed=seed,
        minutes=say("demo.minutes", language, minutes=seconds / 60.0),
        met=sum(score.met for score in scores), whole=len(scores),
        scores=[score_told(score, language) for score in scores],
        steps=[_step(number, one, language) for number, one in enumerate(told, 1)],
        serve=f'agri serve --farm "{folder.name}"',
    )  # fmt: skip


def _step(number: int, one: Told, language: Language) -> dict[str, Any]:
    key = one.row.key
    return {
        "number": number,
        "key": key,
        "name": say(f"demo.step_{key}", language),
        "why": say(f"demo.why_{key}", language),
        "look": say(f"demo.look_{key}", language),
        "facts": one.shown.facts,
        "scores": [score_told(score, language) for score in one.scores],
        "pictures": [_small(path) for path in one.shown.pictures[:MOST_PICTURES]],
        "commands": one.row.commands,
        "seconds": round(one.seconds),
    }


def _small(path: Path) -> str:
    """Return a picture of few colours and as wide as a phone can show, as a data address."""
    from PIL import Image

    with Image.open(path) as picture:
        small = picture.convert("RGB")
        if small.width > WIDTH_PX:
            small = small.resize((WIDTH_PX, round(small.height * WIDTH_PX / small.width)))
        out = io.BytesIO()
        small.quantize(COLOURS).save(out, "PNG", optimize=True)
    return "data:image/png;base64," + b64encode(out.getvalue()).decode()
