"""The card of a model: what it is, what it was tried on, and where it must not be believed.

Theory of operation. A model without a card is a number without a unit. The card names the data by
digest, so that anyone who has the data can see whether it is the same; it holds the figures of
every split side by side, the deployment case first, and random folds never alone, because they
flatter; what share of truth its intervals held; from which novelty on it is silent; and its
limits in words.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.weather import in_utc

RANDOM = "random"
"""Name of the split that may never stand alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How a model did in one split.

    Parameters
    ----------
    split : str
        What was held out: "random", "block", "field", "season", "forward".
    measure : str
        "rmse", "r2", "coverage", "interval_score" …, of the model.
    value : float
        Finite.
    baseline : float or None
        The same measure of the mean or of last year.

    Raises
    ------
    BadInput
        When a figure is not finite.
    """

    split: str
    measure: str
    value: float
    baseline: float | None = None

    def __post_init__(self) -> None:
        for value in (self.value, self.baseline):
            if value is not None and not math.isfinite(value):
                raise BadInput("error.card_figure", split=self.split, measure=self.measure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is to be known of a model before it is believed.

    Parameters
    ----------
    name : str
        Of the model, as people call it.
    target, unit : str
        What it tells, and in what.
    features : tuple of str
        Columns it was fitted on, in order.
    made : datetime
        When, with a time zone; kept as UTC.
    data_digest : str
        `table_digest` of what it was fitted on.
    rows, seasons : int
        How much that was.
    headline : str
        The split that tells of its use; one of the trials'.
    trials : tuple of Trial
        Its figures, split by split.
    nominal_coverage, coverage : float or None
        Share of truth its intervals promise, and held in the headline split.
    novelty_limit : float or None
        Dissimilarity from which on a forecast is flagged.
    limits : tuple of str
        Where it must not be used, in words.

    Raises
    ------
    BadInput
        When random folds stand alone or are the headline, a figure is missing or wrong, or the
        digest is none.

    Examples
    --------
    >>> Card(name="yield", target="yield", unit="kg", features=("age",), rows=10, seasons=1,
    ...      made=datetime.fromisoformat("2026-01-01T00:00:00+07:00"), data_digest="0" * 64,
    ...      headline="random", trials=(Trial(split="random", measure="r2", value=0.9),))
    Traceback (most recent call last):
    ...
    agri.errors.BadInput: The card of yield shows random folds alone, which flatter; try it on what
    will be new: a block, a field, a season.
    """

    name: str
    target: str
    unit: str
    features: tuple[str, ...]
    made: datetime
    data_digest: str
    rows: int
    seasons: int
    headline: str
    trials: tuple[Trial, ...]
    nominal_coverage: float | None = None
    coverage: float | None = None
    novelty_limit: float | None = None
    limits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "made", in_utc(self.made))
        splits = {trial.split for trial in self.trials}
        if self.headline == RANDOM or not splits - {RANDOM}:
            raise BadInput("error.card_random", name=self.name)
        if self.headline not in splits:
            raise BadInput("error.card_headline", name=self.name, split=self.headline)
        if len(self.data_digest) != 64 or set(self.data_digest) - set("0123456789abcdef"):
            raise BadInput("error.card_digest", name=self.name)
        shares = (self.nominal_coverage, self.coverage)
        if any(one is not None and not 0.0 <= one <= 1.0 for one in shares):
            raise BadInput("error.card_figure", split=self.headline, measure="coverage")


def table_digest(columns: Sequence[str], values: Iterable[NDArray[np.float64]]) -> str:
    """Return the SHA-256 of a table: its columns' names, lengths and numbers, in order.

    Examples
    --------
    >>> table_digest(["a"], [np.array([1.0])]) == table_digest(["b"], [np.array([1.0])])
    False
    """
    digest = hashlib.sha256()
    for name, column in zip(columns, values, strict=True):
        numbers = np.ascontiguousarray(column, dtype="<f8")
        numbers = np.where(np.isnan(numbers), np.nan, numbers).astype("<f8")
        digest.update(f"{len(name.encode())}:{name}:{numbers.size}:".encode())
        digest.update(numbers.tobytes())
    return digest.hexdigest()
