"""A strangers' file read into outlines that lie where they belong: WGS 84 degrees, named.

The common first half of every import: limits, format by content, coordinate system, swapped axes,
heights dropped. What the outlines mean (`agri.boundaries`: a farm; `agri.boundaries.shapes`: things
with properties) is for those who ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agri.boundaries.crs import Box, Reference, axes_swapped, choose_reference
from agri.boundaries.formats.content import read_layers
from agri.boundaries.outlines import Outline, check_count, tidy_name
from agri.boundaries.rings import Ring
from agri.errors import BadInput
from agri.files import read_bytes_limited
from agri.findings import Finding

MAX_BYTES = 50_000_000
"""Larger files are refused."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One outline in degrees, its name, and whether its format fixes which way rings turn."""

    outline: Outline
    label: str
    rings_turn: bool


def read_placed(
    path: Path, *, province: str, crs_epsg: int | None, points: bool = False
) -> tuple[list[Placed], list[Finding]]:
    """Read a file's outlines, longitude first; those without a geometry are told and left out.

    Parameters
    ----------
    path : Path
        The file; only read.
    province : str
        Whose VN-2000 zone holds where the file names no coordinate system.
    crs_epsg : int or None
        EPSG code of the coordinates, when the user knows better than the file.
    points : bool
        Whether a table of coordinates is one of points, not of corners.

    Raises
    ------
    NotFound
        When there is no such file.
    BadInput
        When it cannot be read.
    """
    file = tidy_name(path.name)
    layers = read_layers(read_bytes_limited(path, limit_bytes=MAX_BYTES), file=file, points=points)
    features = sum(len(layer.outlines) for layer in layers)
    check_count(features, file)
    found: list[Placed] = []
    findings: list[Finding] = []
    position = 0
    for layer in layers:
        findings += layer.findings
        reference = choose_reference(
            layer.crs,
            _bounds(layer.outlines),
            file=file,
            province=province,
            crs_epsg=crs_epsg,
            certificate=layer.from_certificate,
        )
        findings += reference.findings
        for outline in layer.outlines:
            position += 1
            stem = tidy_name(path.stem) or file
            label = outline.name or (stem if features == 1 else f"{stem} {position}")
            placed = _in_degrees(outline, reference, label, findings)
            if placed is not None:
                found.append(Placed(placed, label, layer.rings_turn))
    return found, findings


def _bounds(outlines: Sequence[Outline]) -> Box:
    arrays = [array for outline in outlines for array in outline.arrays if len(array)]
    if not arrays:
        return (0.0, 0.0, 0.0, 0.0)
    corners = np.concatenate(arrays)
    west, south = corners.min(axis=0)
    east, north = corners.max(axis=0)
    return float(west), float(south), float(east), float(north)


def _in_degrees(
    outline: Outline, reference: Reference, label: str, findings: list[Finding]
) -> Outline | None:
    """Return the outline in WGS 84 degrees, longitude first; None when it has no geometry."""
    arrays = [array for array in outline.arrays if len(array)]
    if not arrays:
        findings.append(Finding.warning("finding.feature_empty", label))
        return None
    corners = np.concatenate(arrays)
    if not np.isfinite(corners).all():
        raise BadInput("error.boundary_not_finite", name=label)
    if outline.with_heights:
        findings.append(Finding.info("finding.heights_dropped", label))
    centre = (corners.min(axis=0) / 2.0 + corners.max(axis=0) / 2.0)[None, :]
    swapped = axes_swapped(reference, centre)
    if swapped:
        findings.append(Finding.warning("finding.axes_swapped", label))

    def placed(xy: Ring) -> Ring:
        lonlat = reference.to_lonlat(xy[:, ::-1] if swapped else xy)
        if not np.isfinite(lonlat).all():
            raise BadInput("error.geometry_off_earth", name=label)
        return lonlat

    return outline.mapped(placed)
