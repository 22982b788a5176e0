"""A model's state with its card as two files, and back, with everything judged before it is used.

Theory of operation. A model that wants to be kept tells its `State`: the name of its kind, numbers
(JSON) and arrays. Whoever loads it brings a table of kinds it knows, name to builder; a kind that
is not in the table is refused before the arrays are opened, so a file can never choose what is
built. ``model.json`` holds the SHA-256 of the arrays' bytes and is checked field by field; builders
are given plain numbers and arrays and check them as they check any input.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from agri.errors import AgriError, BadInput, Refused
from models.saved.arrays import Array, pack, unpack
from models.saved.card import Card, Trial

SCHEMA = 1
MOST_JSON_BYTES = 4_000_000
DEEPEST = 12
Model = TypeVar("Model")
Number = Any
"""JSON: number, text, truth, nothing, list or object of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a model is made of, without code.

    Parameters
    ----------
    kind : str
        Which builder makes it again.
    numbers : mapping
        JSON values.
    arrays : mapping of str to array
        Plain numbers (`models.saved.arrays.KINDS`).
    """

    kind: str
    numbers: Mapping[str, Number]
    arrays: Mapping[str, Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A saved model as its two files.

    Parameters
    ----------
    head : bytes
        ``model.json``.
    arrays : bytes
        ``arrays.npz``.
    """

    head: bytes
    arrays: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the head, which holds that of the arrays."""
        return hashlib.sha256(self.head).hexdigest()


def write_model(state: State, card: Card) -> Document:
    """Return a model's state and card as files; the same model gives the same bytes.

    Raises
    ------
    BadInput
        When the state holds what cannot be kept.
    """
    arrays = pack(state.arrays)
    told = asdict(card) | {"made": card.made.isoformat()}
    head = {
        "schema": SCHEMA, "kind": state.kind, "numbers": dict(state.numbers), "card": told,
        "arrays_sha256": hashlib.sha256(arrays).hexdigest(),
    }  # fmt: skip
    try:
        text = json.dumps(head, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise BadInput("error.model_numbers", name=card.name) from None
    if len(text.encode()) > MOST_JSON_BYTES:
        raise BadInput("error.model_too_large", limit_mb=MOST_JSON_BYTES / 1e6, most=1)
    return Document(head=text.encode() + b"\n", arrays=arrays)


def read_model(
    document: Document, kinds: Mapping[str, Callable[[State], Model]]
) -> tuple[Model, Card]:
    """Return a saved model, built by one of the kinds that the caller knows.

    Parameters
    ----------
    document : Document
        Its two files.
    kinds : mapping of str to callable
        Builders by kind; no other is built.

    Raises
    ------
    Refused
        When the files are not what `write_model` writes, are too large, were changed, or the kind
        is not known.
    """
    head = _head(document.head)
    build = kinds.get(head["kind"])
    if build is None:
        raise Refused("error.model_kind", kind=ascii(head["kind"][:40]))
    if hashlib.sha256(document.arrays).hexdigest() != head["arrays_sha256"]:
        raise Refused("error.model_changed")
    card = _card(head["card"])
    arrays = unpack(document.arrays)
    state = State(kind=head["kind"], numbers=head["numbers"], arrays=arrays)
    return build(state), card


def read_card(document: Document) -> Card:
    """Return a saved model's card without building the model.

    Raises
    ------
    Refused
        As `read_model`.
    """
    return _card(_head(document.head)["card"])


def _head(data: bytes) -> dict[str, Any]:
    if len(data) > MOST_JSON_BYTES:
        raise Refused("error.model_too_large", limit_mb=MOST_JSON_BYTES / 1e6, most=1)
    try:
        head = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused("error.model_head") from None
    wanted = {"schema": int, "kind": str, "numbers": dict, "card": dict, "arrays_sha256": str}
    if not isinstance(head, dict) or head.keys() != wanted.keys() or not _shallow(head, DEEPEST):
        raise Refused("error.model_head")
    if any(not isinstance(head[name], kind) for name, kind in wanted.items()):
        raise Refused("error.model_head")
    if head["schema"] != SCHEMA:
        raise Refused("error.model_schema", found=head["schema"], known=SCHEMA)
    return head


def _no_constant(text: str) -> float:
    raise ValueError(text)


def _shallow(value: Any, depth: int) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_shallow(one, depth - 1) for one in inner)


def _card(told: dict[str, Any]) -> Card:
    names = {one.name for one in fields(Card)}
    try:
        if told.keys() != names:
            raise TypeError
        trials = tuple(Trial(**_trial(one)) for one in told["trials"])
        texts = {name: told[name] for name in ("name", "target", "unit", "data_digest", "headline")}
        lists: dict[str, Any] = {name: tuple(told[name]) for name in ("features", "limits")}
        counts = {name: told[name] for name in ("rows", "seasons")}
        shares = {name: told[name] for name in ("nominal_coverage", "coverage", "novelty_limit")}
        _typed([*texts.values(), *lists["features"], *lists["limits"]], (str,))
        _typed(counts.values(), (int,))
        _typed(shares.values(), (int, float, type(None)))
        made = datetime.fromisoformat(told["made"])
        return Card(made=made, trials=trials, **texts, **lists, **counts, **shares)
    except (TypeError, ValueError, KeyError, AttributeError, AgriError):
        raise Refused("error.model_head") from None


def _trial(told: Any) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise TypeError
    _typed((told["split"], told["measure"]), (str,))
    _typed((told["value"],), (int, float))
    _typed((told["baseline"],), (int, float, type(None)))
    return told


def _typed(values: Any, kinds: tuple[type, ...]) -> None:
    for value in values:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise TypeError
