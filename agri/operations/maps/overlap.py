"""How many photos see each place, as a picture: where flying again would mend the mosaic.

Brown is too few, green enough; the two are told apart by everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from agri.field import Field
from agri.grid import Grid
from agri.operations.maps.quicklook import Look, draw_quicklook
from agri.operations.maps.shelf import Shelf
from agri.operations.maps.sights import field_layers
from agri.operations.report import Facts, fact
from agri.words import say
from imagery.overlap import ENOUGH, shares_of

STEPS = (1.0, 3.0, 5.0, 9.0)
"""Least photos of each class."""
NAMES = ("page.overlap_few", "page.overlap_just", "page.overlap_good", "page.overlap_many")
COLOURS = ("#A6611A", "#DFC27D", "#80CDC1", "#018571")


def keep_overlap(
    counts: Grid,
    shelf: Shelf,
    source: str,
    field: Field | None,
    *,
    facts: Sequence[tuple[str, str]] = (),
) -> Path:
    """Draw how many photos see each place, keep the picture and return its path.

    Parameters
    ----------
    counts : Grid
        Photos that see each cell, NaN for none.
    shelf : Shelf
        Where the picture goes.
    source : str
        Name of the photos' folder.
    field : Field, optional
        Drawn over it, and the share of it that too few photos see told.
    facts : sequence of (str, str)
        Told below the picture.
    """
    shown: Facts = list(facts)
    if field is not None:
        _, thin = shares_of(counts, field)
        fact(shown, shelf.language, "page.fact_thin", enough=ENOUGH, percent=100.0 * thin)
    classes = np.where(np.isnan(counts.values), np.nan, np.digitize(counts.values, STEPS))
    look = Look(
        title=say("page.overlap_title", shelf.language, name=source),
        legend=say("page.overlap_legend", shelf.language),
        classes={n: say(name, shelf.language) for n, name in enumerate(NAMES, 1)},
        colours=COLOURS,
        facts=shown,
    )
    layers = field_layers([field]) if field is not None else ()
    png = draw_quicklook(replace(counts, values=classes), look, layers=layers,
                         language=shelf.language)  # fmt: skip
    return shelf.keep_picture(source, "overlap", png)
