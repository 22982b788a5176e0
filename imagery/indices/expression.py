"""Formulas that people write, read as data and never run as a program.

Theory of operation
-------------------
A formula is parsed by Python's own grammar and then rebuilt, node by allowed node, as a `Term`: a
number, a band, or one of a few operations. Anything else (attributes, indexing, calls of other
names, text, comparisons) is refused, and so are formulas too long, too deep or with exponents that
no index has. Nothing is ever handed to ``eval``. A term is evaluated by NumPy, one operation after
the other.

Values that do not exist (division by zero, root of a negative number, overflow) become NaN, "no
data", and never an infinity.

`degree` tells how a formula answers when every band is multiplied by the same number. Degree 0 (all
ratios) does not care whether bands are reflectance or a camera's own numbers; every other formula
does, because its constants or its result mean reflectance.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput

MAX_LENGTH = 500
"""Characters of a formula."""
MAX_NODES = 200
MAX_DEPTH = 40
MAX_EXPONENT = 8.0
MAX_CONSTANT = 1e9
RED_EDGE = "RE"
"""The camera's red edge, whichever it has."""
BANDS = ("A", "B", "G1", "G", "Y", "R", "RE1", "RE2", "RE3", "N", "N2", "S1", "S2", "PAN", RED_EDGE)
"""Names that mean a band."""
ALIASES = {"NIR": "N", "RED": "R", "GREEN": "G", "BLUE": "B", "REDEDGE": RED_EDGE,
           "RED_EDGE": RED_EDGE}  # fmt: skip
"""What people call bands, in capitals."""

Array = NDArray[Any]


def _power(base: Array, exponent: Any) -> Array:
    if isinstance(exponent, float):
        if exponent == 2.0:
            return np.asarray(base * base)
        if exponent == 0.5:
            return np.asarray(np.sqrt(base))
        if exponent == int(exponent) and 0 < exponent <= 4:
            found = base
            for _ in range(int(exponent) - 1):
                found = found * base
            return found
    return np.asarray(np.power(base, exponent))


OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": np.divide, "**": _power,
    "neg": operator.neg, "sqrt": np.sqrt, "abs": np.abs, "exp": np.exp, "log": np.log,
    "min": np.minimum, "max": np.maximum,
}  # fmt: skip
"""Everything a formula can do."""
FUNCTIONS = {"sqrt": 1, "abs": 1, "exp": 1, "log": 1, "min": 2, "max": 2}
"""Names that can be called, and how many arguments each takes."""
_SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}


@dataclass(frozen=True, slots=True)
class Term:
    """A number, a band or an operation.

    Parameters
    ----------
    what : str
        "number", "band", or a key of `OPERATIONS`.
    value : float or str
        The number or the band's name.
    parts : tuple of Term
        What an operation works on.
    """

    what: str
    value: float | str = 0.0
    parts: tuple[Term, ...] = ()

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands, each once, in order of their names."""
        if self.what == "band":
            return (str(self.value),)
        return tuple(sorted({name for part in self.parts for name in part.bands}))

    def __call__(self, bands: Mapping[str, Array]) -> Array:
        """Return the values, NaN where there is none.

        Parameters
        ----------
        bands : mapping of str to array
            The bands' values, all of one shape, float32 or float64.
        """
        with np.errstate(all="ignore"):
            shape = next(iter(bands.values()))
            found = np.asarray(self._value(bands), shape.dtype)
            if self.what == "band" or found.shape != shape.shape:
                found = np.array(np.broadcast_to(found, shape.shape))  # never the caller's own
            if not np.isfinite(found.sum()):  # rarely anything to mend
                found[~np.isfinite(found)] = np.nan
        return found

    def _value(self, bands: Mapping[str, Array]) -> Any:
        if self.what == "number":
            return self.value
        if self.what == "band":
            return bands[str(self.value)]
        return OPERATIONS[self.what](*(part._value(bands) for part in self.parts))

    @property
    def degree(self) -> float | None:
        """By which power the result grows with all bands; None when by none.

        Examples
        --------
        >>> parse("(N - R) / (N + R)").degree, parse("2*G - R - B").degree
        (0.0, 1.0)
        >>> parse("(N - R) / (N + R + 0.5)").degree is None
        True
        """
        if self.what in ("number", "band"):
            return 0.0 if self.what == "number" else 1.0
        degrees = [part.degree for part in self.parts]
        known = [degree for degree in degrees if degree is not None]
        if len(known) < len(degrees):
            return None
        return _grown(self.what, known, self.parts)


def parse(
    formula: str, constants: Mapping[str, float] | None = None, known: Iterable[str] = BANDS
) -> Term:
    """Read a formula.

    Parameters
    ----------
    formula : str
        Bands by their names (N or nir, R or red …), numbers, + − * / ** ( ), sqrt, abs, exp, log,
        min, max.
    constants : mapping of str to float, optional
        Further names, and the numbers they stand for.
    known : iterable of str
        Bands that may be used: those of the camera.

    Returns
    -------
    Term

    Raises
    ------
    BadInput
        When it is no formula, has anything else in it, is too long, or names an unknown band; the
        sentence then names those the camera has.

    Examples
    --------
    >>> parse("(N - R) / (N + R)").bands
    ('N', 'R')
    >>> parse("N.tofile")
    Traceback (most recent call last):
    ...
    agri.errors.BadInput: The formula may hold only bands, numbers, + - * / ** ( ), sqrt, abs, exp,
    log, min and max; take out 'N.tofile'.
    """
    if len(formula) > MAX_LENGTH:
        raise BadInput("error.formula_long", length=len(formula), limit=MAX_LENGTH)
    try:
        tree = ast.parse(formula.strip().replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise BadInput("error.formula_unread", formula=_shown(formula)) from None
    reader = _Reader(formula, dict(constants or {}), tuple(known))
    term = reader.term(tree, 0)
    if not term.bands:
        raise BadInput("error.formula_bandless", bands=", ".join(reader.known))
    return term


def _grown(what: str, degrees: list[float], parts: tuple[Term, ...]) -> float | None:
    """Return the degree of an operation on parts of these degrees."""
    first = degrees[0]
    if what in ("*", "/"):
        return first + (degrees[1] if what == "*" else -degrees[1])
    if what in ("sqrt", "**"):
        exponent = 0.5 if what == "sqrt" else float(parts[1].value)
        return round(first * exponent, 9)
    if what in ("exp", "log"):
        return None if first else 0.0
    meant = {d for d, part in zip(degrees, parts, strict=True) if part != Term("number")}
    return meant.pop() if len(meant) == 1 else None  # nought is of any degree


@dataclass(slots=True)
class _Reader:
    formula: str
    constants: dict[str, float]
    known: tuple[str, ...]
    nodes: int = 0

    def term(self, node: ast.AST, depth: int) -> Term:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            raise BadInput("error.formula_long", length=len(self.formula), limit=MAX_LENGTH)
        if isinstance(node, ast.Constant):
            return self._number(node.value)
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.BinOp) and type(node.op) in _SIGNS:
            return self._pair(_SIGNS[type(node.op)], node, depth)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            part = self.term(node.operand, depth + 1)
            return part if isinstance(node.op, ast.UAdd) else _folded("neg", (part,))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            name = node.func.id
            if FUNCTIONS.get(name) == len(node.args):
                return _folded(name, tuple(self.term(part, depth + 1) for part in node.args))
        raise self._strange(node)

    def _number(self, value: object) -> Term:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadInput("error.formula_part", part=_shown(repr(value)))
        if not abs(value) <= MAX_CONSTANT:
            raise BadInput("error.formula_number", value=_shown(str(value)[:40]))
        return Term("number", float(value))

    def _name(self, name: str) -> Term:
        if name in self.constants:
            return self._number(self.constants[name])
        band = name if name in self.known else ALIASES.get(name.upper(), name.upper())
        if band not in self.known:
            raise BadInput("error.formula_band", name=_shown(name), bands=", ".join(self.known))
        return Term("band", band)

    def _pair(self, sign: str, node: ast.BinOp, depth: int) -> Term:
        left, right = self.term(node.left, depth + 1), self.term(node.right, depth + 1)
        if sign == "**" and not (
            right.what == "number" and abs(float(right.value)) <= MAX_EXPONENT
        ):
            raise BadInput("error.formula_exponent", limit=MAX_EXPONENT)
        return _folded(sign, (left, right))

    def _strange(self, node: ast.AST) -> BadInput:
        try:
            part = ast.unparse(node)
        except (ValueError, RecursionError):
            part = type(node).__name__
        return BadInput("error.formula_part", part=_shown(part))


def _folded(what: str, parts: tuple[Term, ...]) -> Term:
    """Return the operation, reckoned at once when it is of numbers alone."""
    if any(part.what != "number" for part in parts):
        return Term(what, 0.0, parts)
    with np.errstate(all="ignore"):
        try:
            value = float(OPERATIONS[what](*(np.float64(part.value) for part in parts)))
        except (ArithmeticError, ValueError):
            value = math.nan
    if not abs(value) <= MAX_CONSTANT:
        raise BadInput("error.formula_number", value=f"{what} {value}")
    return Term("number", value)


def _shown(text: str) -> str:
    """Return text fit for a sentence."""
    return "".join(c if c.isprintable() else "·" for c in text[:60]) + "…" * (len(text) > 60)
