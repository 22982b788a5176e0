"""Small wrong changes to a module, told apart by place, and the module as it is with one of them.

Changes are made on the syntax tree; no file is written. The operators are those of the field
(DeMillo 1978; Offutt 1996, "sufficient" operators): arithmetic, comparison with its boundary,
boolean, constant, condition, returned value, statement. Not changed, as no test should notice:
texts, annotations, decorators, ``__all__``, what is only logged, and what only type checkers read.
A sum with a text, or a union of types, is left alone too: changed it breaks at once, and an easy
kill says nothing of the tests.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
COMPARISON: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
"""The boundary first, then the opposite."""
LOGGERS = frozenset({"log", "logger", "logging", "warnings"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change to one module.

    Parameters
    ----------
    number : int
        Which change of its module, counted in the order of the syntax tree.
    line, last_line : int
        Lines of the source that hold what is changed.
    column : int
        Where in its first line it begins, from 1.
    operator : str
        What kind of change.
    before, after : str
        What stands there and what stands there instead.
    """

    number: int
    line: int
    last_line: int
    column: int
    operator: str
    before: str
    after: str


def mutants_of(source: str) -> tuple[Mutant, ...]:
    r"""All changes of a module, always in the same order.

    Examples
    --------
    >>> for mutant in mutants_of("def enough(litres):\n    return litres >= 5\n"):
    ...     print(mutant.operator, "|", mutant.before, "|", mutant.after)
    return | return litres >= 5 | return None
    comparison | litres >= 5 | litres > 5
    comparison | litres >= 5 | litres < 5
    constant | 5 | 6
    constant | 5 | 4
    """
    return tuple(
        Mutant(
            number=number,
            line=node.lineno,
            column=node.col_offset + 1,
            last_line=_end(node.test if isinstance(node, ast.If | ast.While) else node),
            operator=operator,
            before=_told(node),
            after=_told(instead),
        )
        for number, (node, operator, instead) in enumerate(_changes(ast.parse(source)))
    )


def mutated(source: str, number: int) -> ast.Module:
    r"""The syntax tree of a module with one of its changes.

    Examples
    --------
    >>> print(ast.unparse(mutated("def enough(litres):\n    return litres >= 5\n", 1)))
    def enough(litres):
        return litres > 5
    """
    tree = ast.parse(source)
    for at, (node, _, instead) in enumerate(_changes(tree)):
        if at == number:
            _Swap(node, ast.copy_location(instead, node)).visit(tree)
            return ast.fix_missing_locations(tree)
    raise IndexError(number)


class _Swap(ast.NodeTransformer):
    """Puts one node in the place of another."""

    def __init__(self, node: ast.AST, instead: ast.AST) -> None:
        self._node, self._instead = node, instead

    def visit(self, node: ast.AST) -> ast.AST:
        return self._instead if node is self._node else super().generic_visit(node)


def _end(node: ast.expr | ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _told(node: ast.AST) -> str:
    """The first line of what a node says, cut to a width that can be read."""
    if isinstance(node, ast.If | ast.While):
        word = "if" if isinstance(node, ast.If) else "while"
        return f"{word} {ast.unparse(node.test)}:"[:160]
    return " ".join(ast.unparse(node).split())[:160]


def _changes(tree: ast.Module) -> Iterator[tuple[ast.expr | ast.stmt, str, ast.AST]]:
    for node in _code(tree, in_function=False):
        for operator, instead in _instead(node):
            yield node, operator, instead


def _code(node: ast.AST, *, in_function: bool) -> Iterator[ast.expr | ast.stmt]:
    """What runs, without what no test should notice; from the outside inwards."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_params", "format_spec"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _left_alone(child, in_function=in_function):
                continue
            if isinstance(child, ast.expr | ast.stmt):
                yield child
            inside = in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from _code(child, in_function=inside)


def _left_alone(node: ast.AST, *, in_function: bool) -> bool:
    match node:
        case ast.Expr(value=ast.Call(func=function)):
            return ast.unparse(function).split(".")[0].lstrip("_") in LOGGERS
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.If(test=ast.Name("TYPE_CHECKING")):
            return True
        case ast.BinOp(op=ast.BitOr()) if not in_function:
            return True
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass" | "cast" | "TypeVar")):
            return True
    return False


def _instead(node: ast.expr | ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    """What may stand in the place of one node."""
    match node:
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if not _of_text(node):
            yield "arithmetic", _with(node, op=ARITHMETIC[type(op)]())
        case ast.Compare(ops=ops):
            for at, compared in enumerate(ops):
                for other in COMPARISON[type(compared)]:
                    yield "comparison", _with(node, ops=[*ops[:at], other(), *ops[at + 1 :]])
        case ast.BoolOp(op=ast.And()):
            yield "boolean", _with(node, op=ast.Or())
        case ast.BoolOp(op=ast.Or()):
            yield "boolean", _with(node, op=ast.And())
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "not", operand
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield "arithmetic", operand
        case ast.Constant(value=value):
            yield from (("constant", ast.Constant(other)) for other in _other_values(value))
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield "condition", _with(node, test=ast.UnaryOp(ast.Not(), test))
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
            yield "return", _with(node, value=ast.Constant(None))
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom() as value):
            never = ast.BoolOp(ast.And(), [ast.Constant(False), value])
            yield "statement", _with(node, value=never)


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _of_text(node: ast.AST) -> bool:
    return any(
        isinstance(child, ast.JoinedStr)
        or (isinstance(child, ast.Constant) and isinstance(child.value, str))
        for child in ast.iter_child_nodes(node)
    )


def _other_values(value: object) -> tuple[bool | int | float, ...]:
    match value:
        case bool():
            return (not value,)
        case int():
            return (value + 1, value - 1)
        case float():
            return (value * 2.0, value / 2.0) if value else (1.0,)
    return ()
