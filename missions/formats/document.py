"""agri's own file: a whole flight plan as JSON, read back as an equal value.

Theory of operation
-------------------
The other formats carry what a vehicle or another program needs. This one carries everything: the
site the plan was made around, the settings, the camera, the aircraft, the estimate, the items,
the fence, the rally points. What is stored is what was planned, to the last bit: numbers are
written as Python writes them, which reads back exactly.

* The values themselves are the schema: a frozen dataclass becomes an object with its fields, a
  tuple a list, an enum its value, a geometry its GeoJSON form. Reading follows the type hints
  back, so a new field with a default needs nothing here, and an unknown one is refused rather
  than dropped.
* Not-a-number (a free yaw) is null and infinity the word "inf", each only in the fields that may
  hold it: a ceiling of null would compare false with every height.
* ``digest`` is the flight's own, over the three lists the vehicle holds; ``checksum`` is over
  the whole plan object. A file whose items *or* site were changed after it was written is
  refused: what was approved is then not what is there.
* ``version`` counts; a file of a newer version is refused with a sentence that says so.
"""

from __future__ import annotations

import hashlib
import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from numbers import Integral
from typing import Any

from shapely.errors import ShapelyError
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from missions.flightplan import FlightPlan
from missions.formats.guard import Reader, read_json

KIND = "agri flight plan"
"""What the member ``kind`` of the file says."""
VERSION = 1
"""Version written, and the newest read."""

MAY_BE_FREE = frozenset({"param4"})
"""Fields that may hold NaN, "free", written null."""
MAY_BE_ENDLESS = frozenset({"max_speed_m_s"})
"""Fields that may hold infinity, written "inf": a camera without a shortest interval."""

Json = Any


def _number(value: float) -> Json:
    if math.isnan(value):
        return None
    return "inf" if value == math.inf else float(value)


@cache
def _names(kind: type) -> tuple[str, ...] | None:
    """Return the fields of a dataclass, None of any other type."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else None


def _encode(value: Any) -> Json:
    if isinstance(value, BaseGeometry):
        return _lists(mapping(value))
    names = _names(value.__class__)
    if names is not None:
        return {name: _encode(getattr(value, name)) for name in names}
    if isinstance(value, tuple):
        return [_encode(part) for part in value]
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | bool):
        return value
    return int(value) if isinstance(value, Integral) else _number(value)


def _lists(value: Any) -> Json:
    if isinstance(value, Mapping):
        return {key: _lists(part) for key, part in value.items()}
    return [_lists(part) for part in value] if isinstance(value, tuple | list) else value


def _checksum(plan: Json) -> str:
    text = json.dumps(plan, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def write_document(plan: FlightPlan) -> str:
    """Return the whole plan as JSON text.

    Parameters
    ----------
    plan : FlightPlan
        Any plan.

    Returns
    -------
    str
        JSON, the same bytes for the same plan.
    """
    body = _encode(plan)
    document = {
        "kind": KIND,
        "version": VERSION,
        "digest": plan.digest,
        "checksum": _checksum(body),
        "plan": body,
    }
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


class _Decoder(Reader):
    """Follows type hints back to values."""

    def value(self, kind: Any, data: Json, where: str) -> Any:
        origin = typing.get_origin(kind)
        if origin in (types.UnionType, typing.Union):
            return self._optional(typing.get_args(kind), data, where)
        if origin is tuple:
            part = typing.get_args(kind)[0]
            return tuple(
                self.value(part, entry, f"{where}[{index}]")
                for index, entry in enumerate(self.entries(data, where))
            )
        if is_dataclass(kind):
            return self._record(kind, data, where)
        if issubclass(kind, BaseGeometry):
            return self._geometry(kind, data, where)
        if issubclass(kind, Enum):
            return self._choice(kind, data, where)
        return self._plain(kind, data, where)

    def _optional(self, kinds: tuple[Any, ...], data: Json, where: str) -> Any:
        if data is None:
            return None
        (kind,) = (k for k in kinds if k is not types.NoneType)
        return self.value(kind, data, where)

    def _plain(self, kind: type, data: Json, where: str) -> Any:
        if kind is float:
            return self._float(data, where)
        good = type(data) is kind
        if isinstance(data, str):
            good = good and data == data.encode("utf-8", "replace").decode("utf-8")
        if isinstance(data, int):
            good = good and abs(data) < 2**53
        if not good:
            raise self.bad(where, data)
        return data

    def _float(self, data: Json, where: str) -> float:
        field = where.rpartition(".")[2]
        if data is None and field in MAY_BE_FREE:
            return math.nan
        if data == "inf" and field in MAY_BE_ENDLESS:
            return math.inf
        return self.number(data, where)

    def _choice(self, kind: type[Enum], data: Json, where: str) -> Enum:
        try:
            return kind(data)
        except ValueError:
            raise self.bad(where, data) from None

    def _geometry(self, kind: type[BaseGeometry], data: Json, where: str) -> BaseGeometry:
        self._only_numbers(self.members(data, where).get("coordinates", []), f"{where}.coordinates")
        try:
            found: BaseGeometry = shape(data)
        except (ShapelyError, ValueError, TypeError, LookupError, AttributeError):
            raise self.bad(where, data.get("type")) from None
        if not isinstance(found, kind):
            raise self.bad(where, data.get("type"))
        return found

    def _only_numbers(self, data: Json, where: str) -> None:
        if isinstance(data, list):
            for part in data:
                self._only_numbers(part, where)
        else:
            self.number(data, where)

    def _record(self, kind: Any, data: Json, where: str) -> Any:
        members = self.members(data, where)
        hints = _hints(kind)
        for key in members:
            if key not in hints:
                raise self.bad(f"{where}.{key}", members[key])
        values = {}
        for field in fields(kind):
            at = f"{where}.{field.name}"
            if field.name in members:
                values[field.name] = self.value(hints[field.name], members[field.name], at)
            elif field.default is MISSING:
                raise BadInput("error.file_missing", name=self.name, where=at)
        try:
            return kind(**values)
        except BadInput as problem:
            raise BadInput(
                "error.file_part", name=self.name, where=where, problem=problem.message
            ) from None


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def read_document(text: str | bytes, name: str = "plan") -> FlightPlan:
    """Return the plan that `write_document` wrote.

    Parameters
    ----------
    text : str or bytes
        The file.
    name : str
        The file's name, for error sentences.

    Returns
    -------
    FlightPlan
        Equal to the one written. (A free yaw reads back as `math.nan`, which Python finds equal
        only to itself; digests compare such plans.)

    Raises
    ------
    BadInput
        When the file is not one of agri's, is of a newer version, or was changed.
    """
    document = read_json(name, text)
    reader = _Decoder(name)
    if document.get("kind") != KIND:
        raise BadInput("error.file_kind", name=name)
    version = reader.whole(reader.member(document, "version", ""), "version")
    if not 1 <= version <= VERSION:
        raise BadInput("error.file_version", name=name, part=KIND, version=version)
    body = reader.members(reader.member(document, "plan", ""), "plan")
    reader.count(len(reader.entries(body.get("items", []), "plan.items")))
    if document.get("checksum") != _checksum(body):
        raise BadInput("error.file_changed", name=name)
    plan: FlightPlan = reader.value(FlightPlan, body, "plan")
    if document.get("digest") != plan.digest:
        raise BadInput("error.file_changed", name=name)
    return plan
