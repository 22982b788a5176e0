"""One change brought into rooms that are already imported, without importing anything anew.

A test holds what it imported; a module taken in a second time would not reach it. But every holder
of a function holds the same function: its code is exchanged in place. Constants of a module and
defaults of its functions are exchanged where they are plain values, in the module and in whoever
took them by name. Whatever else a change touches (an enumeration, a table of objects, the body of
a class) is left to those who import everything anew: `swap` then says so and changes nothing.
"""

from __future__ import annotations

import ast
import functools
import gc
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from benchmarks.mutants import mutated

PLAIN = (int, float, complex, str, bytes, range, type(None))


class Rooms:
    """The rooms as they stand in memory: the functions of each, and every cache of a result.

    Parameters
    ----------
    rooms : iterable of str
        Names of imported modules; with their sources they are what changes are made to.
    root : Path
        Where the project lies, tests and all: only its caches are emptied.
    """

    def __init__(self, rooms: Iterable[str], root: Path) -> None:
        self._modules = {room: sys.modules[room] for room in rooms if room in sys.modules}
        self._sources = {
            room: _source(module) for room, module in self._modules.items() if module.__file__
        }
        files = {module.__file__ for module in self._modules.values()}
        self._functions: dict[CodeType, list[FunctionType]] = defaultdict(list)
        self._caches: list[Any] = []
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType) and thing.__code__.co_filename in files:
                self._functions[thing.__code__].append(thing)
            elif isinstance(thing, functools._lru_cache_wrapper):
                code = getattr(thing.__wrapped__, "__code__", None)
                if code and Path(code.co_filename).is_relative_to(root):
                    self._caches.append(thing)

    def swap(self, room: str, number: int) -> bool:
        """Make one change; False if that cannot be done in place (and then nothing is changed).

        Raises
        ------
        Exception
            Whatever the changed module raises when it is taken in: such a change is killed.
        """
        if room not in self._modules:
            return False
        path = str(self._modules[room].__file__)
        old = compile(self._sources[room], path, "exec", dont_inherit=True)
        new = compile(mutated(self._sources[room], number), path, "exec", dont_inherit=True)
        pairs = list(_unlike(old, new))
        if None in pairs:
            return False
        functions = [(self._functions.get(was, []), now) for was, now in filter(None, pairs)]
        if not pairs:
            steps = self._plain_changes(room, old, new)
        elif all(found and _fits(found, now) for found, now in functions):
            steps = [(one, "__code__", now) for found, now in functions for one in found]
        else:
            return False
        for cache in self._caches:
            cache.cache_clear()
        for holder, name, value in steps:
            if isinstance(holder, dict):
                holder[name] = value
            else:
                setattr(holder, name, value)
        return bool(steps)

    def _plain_changes(self, room: str, old: CodeType, new: CodeType) -> list[tuple[Any, str, Any]]:
        """What a change outside all functions changes in the end, where it is plain values."""
        was, now, live = _run(room, old), _run(room, new), vars(self._modules[room])
        steps: list[tuple[Any, str, Any]] = []
        for name in was:
            if _alike(was[name], now.get(name)) or name.startswith("__"):
                continue
            if not (_plain(was[name]) and _plain(now.get(name)) and _alike(was[name], live[name])):
                return []
            holders = [vars(one) for one in list(sys.modules.values()) if _took(one, room, name)]
            steps += [(holder, name, now[name]) for holder in [live, *holders]]
        for path, function in _functions(live, room):
            before, after = _found(was, path), _found(now, path)
            for what in ("__defaults__", "__kwdefaults__"):
                first, then = getattr(before, what, None), getattr(after, what, None)
                if repr(first) == repr(then):
                    continue
                changed = _merged(getattr(function, what), first, then)
                if changed is None:
                    return []
                steps.append((function, what, changed))
        return steps


def _source(module: ModuleType) -> str:
    return Path(str(module.__file__)).read_text(encoding="utf-8")


def _unlike(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType] | None]:
    """Pairs of functions' codes, outermost first, that are not the same; None: no pairs at all."""
    if len(_codes(old)) != len(_codes(new)):
        yield None
        return
    for was, now in zip(_codes(old), _codes(new), strict=True):
        if was == now:
            continue
        if was.co_flags & 0x0002:  # CO_NEWLOCALS: a function, not a class
            yield was, now
        else:
            yield from _unlike(was, now)


def _codes(code: CodeType) -> list[CodeType]:
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def _fits(functions: list[FunctionType], code: CodeType) -> bool:
    return all(len(one.__code__.co_freevars) == len(code.co_freevars) for one in functions)


def _run(room: str, code: CodeType) -> dict[str, Any]:
    """The names of a module taken in beside the one in use."""
    beside = ModuleType(room)
    beside.__file__ = code.co_filename
    beside.__package__ = room.rpartition(".")[0]
    kept = sys.modules[room]
    sys.modules[room] = beside  # dataclasses look their module up
    try:
        exec(code, vars(beside))  # noqa: S102 - a room of this project with one change
    finally:
        sys.modules[room] = kept
    return vars(beside)


def _plain(value: object) -> bool:
    if isinstance(value, tuple | frozenset | list | set):
        return all(_plain(one) for one in value)
    if isinstance(value, Mapping):
        return all(_plain(key) and _plain(one) for key, one in value.items())
    return type(value) in {*PLAIN, bool}


def _alike(one: object, other: object) -> bool:
    if _plain(one):
        return type(one) is type(other) and one == other
    return type(one) is type(other)


def _took(module: ModuleType, room: str, name: str) -> bool:
    """Whether a module took a plain value from a room by its own name."""
    try:
        tree = _imports(str(module.__file__)) if name in vars(module) else frozenset()
    except (AttributeError, OSError, SyntaxError, TypeError, ValueError):
        return False
    return (room, name) in tree


@functools.cache
def _imports(path: str) -> frozenset[tuple[str, str]]:
    if not path.endswith(".py"):
        return frozenset()
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return frozenset(
        (str(node.module), one.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for one in node.names
        if one.asname in {None, one.name}
    )


def _functions(names: Mapping[str, Any], room: str) -> Iterator[tuple[str, FunctionType]]:
    """The functions of a module and of its classes, with the path to each."""
    for name, value in list(names.items()):
        if getattr(value, "__module__", None) != room:
            continue
        if isinstance(value, FunctionType):
            yield name, value
        elif isinstance(value, type):
            for inner, method in vars(value).items():
                if isinstance(method, FunctionType):
                    yield f"{name}.{inner}", method


def _found(names: Mapping[str, Any], path: str) -> Any:
    first, _, inner = path.partition(".")
    found = names.get(first)
    return vars(found).get(inner) if inner and isinstance(found, type) else found


def _merged(live: Any, was: Any, now: Any) -> Any:
    """The defaults in use with what changed in them; None where that is not a plain value."""
    if isinstance(now, tuple) and isinstance(live, tuple) and len(live) == len(now):
        keys: Iterable[Any] = range(len(now))
    elif isinstance(now, dict) and isinstance(live, dict) and live.keys() == now.keys():
        keys = list(now)
    else:
        return None
    changed = {key: now[key] for key in keys if repr(was[key]) != repr(now[key])}
    if not all(_plain(value) and _plain(was[key]) for key, value in changed.items()):
        return None
    if isinstance(live, dict):
        return {**live, **changed}
    return tuple(changed.get(at, value) for at, value in enumerate(live))
