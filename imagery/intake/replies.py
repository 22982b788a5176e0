"""What a reader's process says, checked before it is believed.

Theory of operation
-------------------
The process that opened a stranger's file may have become the stranger's. So its words cross as JSON
and only names with texts and finite numbers are taken from them; an image crosses as its form and
that many bytes, never as a pickled object. Whatever has another form is no answer at all.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Literal

import numpy as np

from imagery.decoding.pixels import Measures, Plane

MAX_IMAGE = 1_000_000_000
"""Bytes of an image's numbers."""
Refusal = Literal["", "damaged", "memory", "time", "crash", "kind"]
_REFUSALS = ("damaged", "memory", "kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a photo says, or why it was refused.

    Parameters
    ----------
    tags : mapping of str to str or tuple of float
        EXIF's names.
    xmp : mapping of str to tuple of str
        ``prefix:name``.
    measures : Measures or None
        Of its pixels.
    refused : str
        "" when it was read.
    """

    tags: Mapping[str, str | tuple[float, ...]] = field(default_factory=dict)
    xmp: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    measures: Measures | None = None
    refused: Refusal = ""


def image_of(reply: bytes, pipe: IO[bytes] | None) -> Plane | None:
    """Return the image whose form a reply tells and whose bytes follow; None for anything else.

    Parameters
    ----------
    reply : bytes
        JSON: shape and kind of number.
    pipe : binary file
        Where the bytes follow.
    """
    try:
        told = json.loads(reply)
        kind, shape = np.dtype(str(told["dtype"])), tuple(int(size) for size in told["shape"])
        size = math.prod(shape) * kind.itemsize
        if kind.kind not in "uf" or not 2 <= len(shape) <= 3 or not 0 < size <= MAX_IMAGE:
            return None
        data = pipe.read(size) if pipe else b""
        return np.frombuffer(data, kind).reshape(shape)
    except (ValueError, TypeError, KeyError, OSError):
        return None


def parsed(reply: bytes) -> Answer | None:
    """Return the reply as an answer, None when it is not one.

    Examples
    --------
    >>> parsed(b'{"tags": {"Make": "DJI"}, "xmp": {}}').tags
    {'Make': 'DJI'}
    """
    try:
        told = json.loads(reply)
        if told.get("refused"):
            return Answer(refused=told["refused"]) if told["refused"] in _REFUSALS else None
        measures = told.get("measures")
        return Answer(
            tags={str(name): _value(value) for name, value in told["tags"].items()},
            xmp={
                str(name): tuple(str(text) for text in texts) for name, texts in told["xmp"].items()
            },
            measures=Measures(**{str(k): _finite(v) for k, v in measures.items()})
            if measures
            else None,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _value(value: Any) -> str | tuple[float, ...]:
    return value if isinstance(value, str) else tuple(_finite(number) for number in value)


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number
