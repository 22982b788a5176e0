"""Hypothesis strategies for fields: random, awkward, valid, in local metres.

`fields` draws a kind of outline on a small grid of whole numbers, then a size, a stretch and a
direction. So it is quick, needs no rejection, and shrinks towards a small upright rectangle.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import shapely
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import MultiPolygon, Polygon, box

Outline = Polygon | MultiPolygon
SMALLEST_HA = 0.02
GRID = 12


def _rectangle(draw: st.DrawFn) -> Outline:
    return box(0, 0, draw(st.integers(1, 5)), 1)


def _sliver(draw: st.DrawFn) -> Outline:
    return box(0, 0, draw(st.integers(10, 60)), 1)


def _trapezoid(draw: st.DrawFn) -> Outline:
    left, right = draw(st.integers(0, 5)), draw(st.integers(7, 15))
    return Polygon([(0, 0), (GRID, 0), (right, draw(st.integers(4, 12))), (left, 7)])


def _triangle(draw: st.DrawFn) -> Outline:
    return Polygon([(0, 0), (GRID, 0), (draw(st.integers(-4, 16)), draw(st.integers(2, 14)))])


def _round(draw: st.DrawFn) -> Outline:
    """Convex: a circle with few corners or many."""
    corners = draw(st.integers(5, 24))
    turns = [math.tau * n / corners for n in range(corners)]
    return Polygon([(6 * math.cos(t), 6 * math.sin(t)) for t in turns])


def _bent(draw: st.DrawFn) -> Outline:
    """L: a block with a corner cut out."""
    east, north = draw(st.integers(3, 9)), draw(st.integers(3, 9))
    return box(0, 0, GRID, GRID).difference(box(east, north, GRID + 1, GRID + 1))


def _forked(draw: st.DrawFn) -> Outline:
    """U: a block with a notch, not always in the middle nor square."""
    west, east = draw(st.integers(2, 5)), draw(st.integers(6, 10))
    deep, slant = draw(st.integers(2, 9)), draw(st.integers(-1, 1))
    notch = Polygon([(west, 13), (west + slant, deep), (east + slant, deep), (east, 13)])
    return box(0, 0, GRID, GRID).difference(notch)


def _star(draw: st.DrawFn) -> Outline:
    """Concave: a ring of corners, each as far out as drawn; no two borders cross."""
    radii = draw(st.lists(st.integers(4, 10), min_size=6, max_size=14))
    steps = [math.tau * n / len(radii) for n in range(len(radii))]
    return Polygon([(r * math.cos(t), r * math.sin(t)) for r, t in zip(radii, steps, strict=True)])


def _comb(draw: st.DrawFn) -> Outline:
    teeth = draw(st.integers(2, 4))
    gaps = [box(3 * n + 1, draw(st.integers(1, 5)), 3 * n + 2, 9) for n in range(teeth)]
    return box(-1, 0, 3 * teeth + 1, 8).difference(shapely.union_all(gaps))


def _terrace(draw: st.DrawFn) -> Outline:
    """A bent strip of even depth, as ridges and terraces are."""
    bends = draw(st.lists(st.integers(-2, 2), min_size=3, max_size=8))
    deep = draw(st.integers(1, 4))
    low = [(3.0 * n, float(y)) for n, y in enumerate(bends)]
    return Polygon([*low, *((x, y + deep) for x, y in reversed(low))])


def _holed(draw: st.DrawFn) -> Outline:
    """A block with ponds and graves, square or round."""
    outline = box(0, 0, GRID, draw(st.sampled_from([12, 6])))
    for west in range(1, draw(st.integers(2, 10)), 3):
        pond = shapely.Point(west + 1, draw(st.integers(2, 4))).buffer(
            draw(st.sampled_from([0.3, 0.6, 0.9])), quad_segs=draw(st.integers(1, 4))
        )
        outline = outline.difference(pond)
    return outline


def _parted(draw: st.DrawFn) -> Outline:
    """Two or three parts with a path or a ditch between them."""
    gap = draw(st.sampled_from([0.05, 0.5, 2.0]))
    parts = [box(0, 0, 4, 4)]
    for _ in range(draw(st.integers(1, 2))):
        west, low = parts[-1].bounds[2] + gap, draw(st.integers(-2, 2))
        parts.append(box(west, low, west + draw(st.integers(1, 5)), low + draw(st.integers(1, 5))))
    return MultiPolygon(parts)


KINDS: dict[str, Callable[[st.DrawFn], Outline]] = {
    "rectangle": _rectangle,
    "sliver": _sliver,
    "trapezoid": _trapezoid,
    "triangle": _triangle,
    "round": _round,
    "L": _bent,
    "U": _forked,
    "star": _star,
    "comb": _comb,
    "terrace": _terrace,
    "holes": _holed,
    "parts": _parted,
}
"""Every kind of outline."""


@st.composite
def fields(
    draw: st.DrawFn, max_ha: float = 50.0, *, kinds: tuple[str, ...] = tuple(KINDS)
) -> Outline:
    """Draw a field in local metres around (0, 0): valid, 0.02 ha to `max_ha`, any direction."""
    outline = KINDS[draw(st.sampled_from(kinds))](draw)
    stretched = affinity.scale(outline, draw(st.sampled_from([1.0, 1.5, 0.6])), 1.0)
    low, high = math.log(SMALLEST_HA), math.log(max_ha)
    area_m2 = 1e4 * math.exp(draw(st.floats(low, high, allow_nan=False)))
    size = math.sqrt(area_m2 / stretched.area)
    middle = stretched.envelope.centroid
    placed = affinity.translate(stretched, -middle.x, -middle.y)
    scaled = affinity.scale(placed, size, size, origin=(0.0, 0.0))
    turned = affinity.rotate(scaled, draw(st.floats(0.0, 360.0)), origin=(0.0, 0.0))
    assert turned.is_valid
    return turned
