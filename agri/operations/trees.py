"""Plan the spraying of an orchard: trees from a file, tree by tree or along their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from agri.boundaries.shapes import Shape, read_shapes
from agri.errors import BadInput
from agri.field import Field
from agri.findings import Finding
from agri.operations.heights import heights_over
from agri.operations.planning import Update, nothing, site_of
from agri.operations.spray import (
    PlannedJob,
    SprayRequest,
    keep_job,
    settings_of,
    zones_of,
)
from agri.operations.tank import last_flow_findings
from agri.words import Language, say
from agri.workspace import Workspace
from agri.zone import RateMap
from missions.orchard.crowns import (
    BASE_KEYS,
    DIAMETER_KEYS,
    HEIGHT_KEYS,
    RADIUS_KEYS,
    Tree,
    TreeNote,
    canopy_heights,
    trees_from,
)
from missions.orchard.rows import find_rows, plan_rows
from missions.orchard.trees import plan_trees

MISSING = "missing"
"""What a place without a tree carries in the files of `agri trees`: how many are missing there."""
OF_BORDERS = frozenset({"finding.corners_straight"})
"""Repairs that matter on a field's border and not on a crown's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreesRequest:
    """What a user asks for.

    Parameters
    ----------
    job : SprayRequest
        Field, sprayer, product, rate, heights; one field only.
    trees : Path
        File of tree points or crowns.
    litres_per_m3, litres_per_tree : float or None
        Dose by crown volume, or the same for every tree; with neither the rate of `job`, or of its
        rate map at the trunk, on the ground beneath the crown.
    radius_m, height_m : float or None
        Taken for trees whose crown or height the file does not tell.
    by_rows : bool
        Fly along the rows instead of from tree to tree.

    Raises
    ------
    BadInput
        When rows are asked with a dose of single trees.
    """

    job: SprayRequest
    trees: Path
    litres_per_m3: float | None = None
    litres_per_tree: float | None = None
    radius_m: float | None = None
    height_m: float | None = None
    by_rows: bool = False

    def __post_init__(self) -> None:
        single = self.litres_per_m3 is not None or self.litres_per_tree is not None
        if self.by_rows and single:
            raise BadInput("error.rows_by_rate")
        if self.job.rate_map is not None and (single or self.by_rows):
            raise BadInput("error.trees_map_alone")


def read_trees(
    path: Path, field: Field, *, radius_m: float | None = None, height_m: float | None = None
) -> tuple[tuple[Tree, ...], tuple[Finding, ...]]:
    """Read the trees of a field from a file.

    Parameters
    ----------
    path : Path
        Any format of boundary files, with points or crown areas, or a table (CSV) with a tree a
        row; crown radius or diameter and height as properties or columns.
    field : Field
        They stand in.
    radius_m, height_m : float, optional
        Taken where the file does not tell.

    Returns
    -------
    trees : tuple of Tree
        Local metres of the field's frame.
    findings : tuple of Finding
        What was assumed, repaired or dropped.

    Raises
    ------
    NotFound, BadInput
        When the file or the trees in it cannot be used.
    """
    everything, told = read_shapes(path, points=True)
    shapes = [shape for shape in everything if not shape.properties.get(MISSING, "").strip()]
    if not shapes:
        raise BadInput("error.trees_only_gaps", file=path.name)
    read = [one for one in told if one.key not in OF_BORDERS]
    if len(shapes) < len(everything):
        gaps = len(everything) - len(shapes)
        read.append(Finding.info("finding.trees_gaps_passed", count=gaps))
    notes = [_note(shape) for shape in shapes]
    trees, found = trees_from(
        [shape.geometry for shape in shapes], notes, field, radius_m=radius_m, height_m=height_m
    )
    return trees, (*read, *found)


def by_map(
    trees: Sequence[Tree], rate_map: RateMap | None, field: Field
) -> tuple[float, ...] | None:
    """Return the litres of each tree by a rate map: the rate at its trunk, beneath its crown."""
    if rate_map is None:
        return None
    lon, lat = field.frame.to_lonlat(*np.array([tree.place for tree in trees]).T)
    rates = [rate_map.rate_at(x, y) for x, y in zip(lon.tolist(), lat.tolist(), strict=True)]
    bare = [tree.name for tree, rate in zip(trees, rates, strict=True) if not rate > 0.0]
    if bare:
        raise BadInput("error.trees_off_map", count=len(bare), name=bare[0])
    return tuple(rate * tree.ground_m2 / 10_000.0 for tree, rate in zip(trees, rates, strict=True))


def _note(shape: Shape) -> TreeNote:
    diameter_m = _length_m(shape, DIAMETER_KEYS)
    radius_m = _length_m(shape, RADIUS_KEYS)
    return TreeNote(
        name=shape.name,
        radius_m=diameter_m / 2.0 if radius_m is None and diameter_m else radius_m,
        height_m=_length_m(shape, HEIGHT_KEYS),
        base_m=_length_m(shape, BASE_KEYS),
    )


def _length_m(shape: Shape, keys: Sequence[str]) -> float | None:
    return shape.number([name for key in keys for name in (f"{key} m", key)], unit="m")


def plan_orchard(
    farm: Workspace,
    request: TreesRequest,
    *,
    language: Language,
    now: datetime,
    update: Update = nothing,
) -> PlannedJob:
    """Plan the spraying of trees and keep every sortie in the farm, with the mix card.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    request : TreesRequest
        What is asked for.
    language : {"vi", "en"}
        Language of pictures, pages and card.
    now : datetime
        Wall clock, UTC.
    update : callable
        Told (done, total) steps.

    Returns
    -------
    PlannedJob
        Sorties may carry ERROR findings: they are kept, but neither exported nor flown.

    Raises
    ------
    BadInput, Refused
        When the request cannot be planned.
    NotFound
        When there is no such field or file.
    """
    asked = request.job
    everything, stored = farm.farm_with_findings()
    field = farm.field(asked.fields[0])
    site, findings = site_of(everything, field, asked.pad)
    trees, read = read_trees(
        request.trees, field, radius_m=request.radius_m, height_m=request.height_m
    )
    tallest_m = max(tree.height_m for tree in trees)
    tall = replace(asked, crop_height_m=max(asked.crop_height_m, tallest_m))
    settings = settings_of(tall, by_ground=request.by_rows)
    zones = zones_of(site, settings)
    if request.by_rows:
        rows = find_rows(trees)
        route = plan_rows(site, settings, rows.rows, alone=rows.alone, buffers=zones,
                          limits=asked.limits)  # fmt: skip
    else:
        route = plan_trees(
            site,
            settings,
            trees,
            litres_per_m3=request.litres_per_m3,
            litres_per_tree=request.litres_per_tree,
            litres_each=by_map(trees, asked.rate_map, field),
            buffers=zones,
            limits=asked.limits,
        )
    heights, over = heights_over(
        asked.ground,
        site,
        settings,
        ceiling_m=asked.ceiling_m,
        canopy=canopy_heights(trees),
    )
    return keep_job(
        farm,
        site,
        settings,
        route,
        name=asked.name or say("page.job_spray", language, fields=field.name),
        kind="rows" if request.by_rows else "trees",
        heights=heights,
        ceiling_m=asked.ceiling_m,
        limits=asked.limits,
        findings=(
            *stored,
            *findings,
            *read,
            *over,
            *route.findings,
            *last_flow_findings(farm, settings.sprayer),
        ),
        language=language,
        now=now,
        update=update,
    )
