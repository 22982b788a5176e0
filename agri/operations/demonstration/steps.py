"""The steps of the season, in their order: what each is for, and how it is done by hand.

Theory of operation. A row of this table is all that there is to a step: its function, its scores
and the commands that do the same by hand. Its words stand in the dictionary under its key
(``demo.step_<key>``: its name; ``demo.why_<key>``: what it is for; ``demo.look_<key>``: what to
look at), so that terminal and page say the same. The order is the table's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agri.errors import NotFound
from agri.names import fold
from agri.operations.demonstration import growing, scoring, spraying, surveying
from agri.operations.demonstration.scoring import Score
from agri.operations.demonstration.season import Season, Step

Scored = Callable[[Season], tuple[Score, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A step.

    Parameters
    ----------
    key : str
        What a user calls it.
    do : callable
        Does it.
    scores : tuple of callable
        Hold what it found against the truth.
    weight : float
        Its part of the whole time, about.
    commands : tuple of str
        The same by hand.
    """

    key: str
    do: Step
    scores: tuple[Scored, ...] = ()
    weight: float = 1.0
    commands: tuple[str, ...] = ()


STEPS = (
    Row(key="survey", do=surveying.survey, weight=8.0, commands=(
        'agri plan survey "vườn vải ph40" --camera "MicaSense RedEdge 3" --height 30m',
        'agri fly "Vườn vải PH40 2026-03-14" --connect sim --speedup 20')),
    Row(key="photos", do=surveying.photos, weight=15.0, commands=(
        'agri photos check cards/orchard --field "vườn vải ph40"',)),
    Row(key="mosaic", do=surveying.mosaic, weight=25.0, commands=(
        'agri mosaic cards/orchard --field "vườn vải ph40" --quality full',)),
    Row(key="index", do=surveying.index, weight=3.0, commands=(
        'agri index maps/orchard-mosaic.tif --indices ndvi,ndre --field "vườn vải ph40"',)),
    Row(key="trees", do=growing.trees, scores=(scoring.trees,), weight=3.0, commands=(
        'agri trees maps/orchard-mosaic.tif --threshold 0.74 --field "vườn vải ph40"',)),
    Row(key="zones", do=growing.zones, scores=(scoring.zones,), commands=(
        'agri zones maps/paddy-mosaic-ndvi-ndre.tif --classes 3 --field "ruộng cửa đình"',)),
    Row(key="rates", do=growing.rates, commands=(
        ('agri rate-map maps/paddy-mosaic-ndvi-ndre.tif --rule "0.45:28,0.85:14"'
        ' --field "ruộng cửa đình"'),)),
    Row(key="spray", do=spraying.spray, weight=15.0, commands=(
        ('agri plan spray "ruộng cửa đình" --rate 20 --product "Phân bón lá" --dose 500ml --phi 0'
        ' --rate-map maps/ruong-cua-dinh-rates.tif --wind 2 --wind-from nam'),
        ('agri plan trees "vườn vải ph40" --trees maps/vuon-vai-ph40-trees.gpkg'
        ' --product "Phân bón lá" --dose 500ml --phi 0'
        ' --rate-map maps/vuon-vai-ph40-rates.tif --wind 2 --wind-from nam'),
        'agri fly "Ruộng Cửa Đình phun" --connect sim --speedup 20')),
    Row(key="rest", do=spraying.rest, weight=4.0, commands=(
        "agri resume", 'agri fly "Ruộng Cửa Đình phun phần còn lại" --connect sim --speedup 20')),
    Row(key="applied", do=spraying.applied, weight=1.0, commands=("agri applied",), scores=(
        scoring.doses, scoring.paddy, scoring.sensitive)),
    Row(key="again", do=surveying.survey_again, weight=20.0, commands=(
        'agri plan survey "vườn vải ph40" --camera "MicaSense RedEdge 3" --height 30m',)),
    Row(key="change", do=growing.change, scores=(scoring.change,), commands=(
        ("agri change maps/orchard-mosaic-ndvi-ndre.tif maps/later-mosaic-ndvi-ndre.tif"
        ' --field "vườn vải ph40"'),)),
    Row(key="count", do=growing.counts, weight=2.0, commands=(
        "agri sample-trees maps/vuon-vai-ph40-trees.json --trees 18",
        'agri records add count "vườn vải ph40" quả 620 --tree 03-04')),
    Row(key="forecast", do=growing.forecast, weight=2.0, commands=(
        'agri forecast "vườn vải ph40" --keep',)),
    Row(key="harvest", do=growing.harvest, scores=(scoring.harvest,), commands=(
        'agri records add harvest "vườn vải ph40" 46,5kg --tree 03-04',)),
    Row(key="next", do=growing.following, commands=('agri forecast "vườn vải ph40"',)),
)  # fmt: skip


def step_named(name: str) -> Row:
    """Return a step by its name.

    Parameters
    ----------
    name : str
        Its key, or a number from 1.

    Raises
    ------
    NotFound
        When there is none; the sentence lists them.
    """
    if name.isascii() and name.isdigit() and 1 <= int(name) <= len(STEPS):
        return STEPS[int(name) - 1]
    for row in STEPS:
        if fold(name) == row.key:
            return row
    raise NotFound("error.demo_no_step", name=name[:40], known=", ".join(r.key for r in STEPS))
