"""Fields of every awkward kind, drawn by size, kind and direction, in metres around (0, 0)."""

from __future__ import annotations

import math

import shapely
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

KINDS = (
    "plain",
    "sliver",
    "trapezoid",
    "L",
    "U",
    "hole",
    "holes",
    "parts",
    "star",
    "terrace",
    "teeth",
)
"""What a field may look like."""


def _star(share: float, seed: int) -> Polygon:
    corners = 7 + seed % 6
    radii = [1.0 if (n * 7 + seed) % 3 else 0.35 + 0.5 * share for n in range(corners)]
    turns = [math.tau * n / corners for n in range(corners)]
    return Polygon([(r * math.cos(t), r * math.sin(t)) for r, t in zip(radii, turns, strict=True)])


def _terrace(share: float, seed: int) -> Polygon:
    bends = [(x, 0.6 * math.sin(x * (0.6 + share) + seed)) for x in range(8)]
    return LineString(bends).buffer(0.35 + 0.3 * share, cap_style="flat", join_style="mitre")


def _teeth(share: float, seed: int) -> Polygon:
    top = [(x, 1.0 if (x + seed) % 2 else 1.0 - 0.6 * share) for x in range(6, -1, -1)]
    return Polygon([(0, 0), (6, 0), *top])


def unit_field(kind: str, share: float, seed: int) -> Polygon | MultiPolygon:
    """One kind of field, of any size; `share` (0 to 1) and `seed` vary it."""
    long = 1.0 + 3.0 * share
    if kind == "sliver":
        return box(0, 0, 12.0 + 28.0 * share, 1.0)
    if kind == "trapezoid":
        return Polygon([(0, 0), (long, 0), (long - 0.7 * share, 1), (0.2 + 0.3 * share, 1)])
    if kind == "L":
        return box(0, 0, long, 1.5).difference(box(0.4, 0.4, long, 1.5))
    if kind == "U":
        return box(0, 0, long, 1.5).difference(box(0.3, 0.4, long - 0.3, 1.5))
    if kind == "hole":
        return box(0, 0, long, 1).difference(Point(long / 2, 0.5).buffer(0.1 + 0.3 * share))
    if kind == "holes":
        ponds = [Point(0.3 + n * long / 4, 0.2 + 0.15 * ((n + seed) % 4)) for n in range(4)]
        return box(0, 0, long, 1).difference(shapely.union_all([p.buffer(0.08) for p in ponds]))
    if kind == "parts":
        gap = 0.05 + 0.5 * share
        return MultiPolygon([box(0, 0, 1, 1), box(1 + gap, 0.1 * (seed % 5), 2, 1.2)])
    if kind == "star":
        return _star(share, seed)
    if kind == "terrace":
        return _terrace(share, seed)
    if kind == "teeth":
        return _teeth(share, seed)
    return box(0, 0, long, 1)


MAX_SPAN_M = 1200.0
"""Longest field drawn: the far end stays within sight of a check of 2 km."""


def sized(shape: Polygon | MultiPolygon, area_m2: float, turn_deg: float) -> MultiPolygon:
    """The shape at `area_m2`, turned, around (0, 0), as the parts of a field."""
    scale = math.sqrt(area_m2 / shape.area)
    west, south, east, north = shape.bounds
    scale = min(scale, MAX_SPAN_M / math.hypot(east - west, north - south))
    middle = affinity.translate(shape, -(west + east) / 2.0, -(south + north) / 2.0)
    big = affinity.scale(middle, scale, scale, origin=(0.0, 0.0))
    turned = affinity.rotate(big, turn_deg, origin=(0.0, 0.0))
    parts = getattr(turned, "geoms", [turned])
    return MultiPolygon([part for part in parts if part.area > 0.0])


@st.composite
def awkward_fields(
    draw: st.DrawFn, *, least_ha: float = 0.02, most_ha: float = 50.0
) -> tuple[str, MultiPolygon]:
    """Draw a kind and a field of it: sizes evenly in the logarithm, any direction."""
    kind = draw(st.sampled_from(KINDS))
    share = draw(st.floats(0.0, 1.0))
    seed = draw(st.integers(0, 20))
    size = draw(st.floats(math.log(least_ha), math.log(most_ha)))
    turn_deg = draw(st.floats(0.0, 360.0))
    return kind, sized(unit_field(kind, share, seed), math.exp(size) * 1e4, turn_deg)
