"""Pieces of a report that take long to make, and whoever keeps them: each by what it was made of.

Theory of operation. A report's maps and statistics take most of its time, and change seldom; its
sentences, the week's work and the weather are made anew each time. Whoever shows reports again and
again gives `Pieces` that remember: a piece is asked for by a key that holds all it is made of (of
drawn layers their fingerprint), and by the file whose content it shows, of which a later one is
another. So what is kept is never old; at the terminal nothing is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Protocol, TypeVar

from agri.operations.layers import Layer

T = TypeVar("T")
Key = tuple[object, ...]


class Pieces(Protocol):
    """Whoever keeps pieces."""

    def picture(self, key: Key, path: Path | None, draw: Callable[[], bytes]) -> bytes:
        """Return a picture, drawn now or before."""

    def kept(self, key: Key, path: Path | None, make: Callable[[], T]) -> T:
        """Return a value, made now or before."""


class Anew:
    """Makes every piece when it is asked for."""

    def picture(self, key: Key, path: Path | None, draw: Callable[[], bytes]) -> bytes:
        """Draw it."""
        del key, path
        return draw()

    def kept(self, key: Key, path: Path | None, make: Callable[[], T]) -> T:
        """Make it."""
        del key, path
        return make()


def fingerprint(layers: Sequence[Layer]) -> str:
    """Return what tells drawn layers from any others: SHA-256, hex digits.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> here = Layer(key="page.layer.field", geometry=Point(1, 2), colour="#000")
    >>> there = Layer(key="page.layer.field", geometry=Point(1, 3), colour="#000")
    >>> fingerprint([here]) == fingerprint([here]), fingerprint([here]) == fingerprint([there])
    (True, False)
    """
    told = hashlib.sha256()
    names = [one.name for one in fields(Layer) if one.name != "geometry"]
    for layer in layers:
        told.update(repr([getattr(layer, name) for name in names]).encode())
        told.update(layer.geometry.wkb)
    return told.hexdigest()
