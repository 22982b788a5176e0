"""Geometries stand in the database as the GeoPackage standard writes them."""

from __future__ import annotations

import random
import sqlite3
import struct
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import (
    GeometryCollection,
    LineString,
    MultiLineString,
    MultiPoint,
    MultiPolygon,
    Point,
)
from shapely.geometry.base import BaseGeometry

from agri.workspace.columns import Flag, Geom, Instant, promote, write_time
from agri.workspace.gpkg import from_blob, register_functions, to_blob
from tests import farms

SHAPES: tuple[BaseGeometry, ...] = (
    Point(106.5, 21.0),
    LineString([(106.5, 21.0), (106.6, 21.1)]),
    farms.box(),
    farms.holed(),
    MultiPoint([(1, 2), (3, 4)]),
    MultiLineString([[(1, 2), (3, 4)], [(5, 6), (7, 8)]]),
    GeometryCollection([Point(1, 2), farms.box()]),
    Point(),
    MultiPolygon(),
)
CURVE = b"GP\x00\x01" + struct.pack("<iBII4d", 4326, 1, 8, 2, 1.0, 2.0, 3.0, 4.0)
"""A circular string, which QGIS may draw and shapely does not know."""
FUNCTIONS = ("ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY")


def asked(blob: object) -> list[Any]:
    """What the database's own functions say of a blob: empty, min x, max x, min y, max y."""
    with closing(sqlite3.connect(":memory:")) as connection:
        register_functions(connection)
        query = ", ".join(f"{name}(?1)" for name in ("ST_IsEmpty", *FUNCTIONS))
        return list(connection.execute(f"SELECT {query}", (blob,)).fetchone())


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.wkt[:20])
def test_every_kind_of_geometry_comes_back_and_tells_its_bounds(shape: BaseGeometry) -> None:
    blob = to_blob(shape)
    assert from_blob(blob) == shape
    if shape.is_empty:
        assert asked(blob) == [1, *[None] * 4] or asked(blob)[0] == 1
    else:
        west, south, east, north = shape.bounds
        assert asked(blob) == [0, west, east, south, north]


places = st.tuples(st.floats(-180, 180, allow_nan=False), st.floats(-90, 90, allow_nan=False))


@given(st.lists(places, min_size=2, max_size=20))
def test_any_line_comes_back_to_the_last_bit_within_its_envelope(line: list[Any]) -> None:
    shape = LineString(line)
    blob = to_blob(shape)
    assert from_blob(blob) == shape
    assert struct.unpack("<4d", blob[8:40]) == (
        shape.bounds[0], shape.bounds[2], shape.bounds[1], shape.bounds[3],
    )  # fmt: skip


@pytest.mark.parametrize("envelope", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("with_z", [False, True])
def test_every_form_of_header_that_others_write_is_read(
    envelope: int, order: str, with_z: bool
) -> None:
    shape = farms.box()
    west, south, east, north = shape.bounds
    numbers = [(), (0.0, 9.0), (0.0, 9.0), (0.0, 9.0, 1.0, 2.0)][max(envelope - 1, 0)]
    bounds = (west, east, south, north, *numbers) if envelope else ()
    flags = (envelope << 1) | (order == "<")
    wkb = shapely.to_wkb(
        shapely.force_3d(shape, 5.0) if with_z else shape,
        byte_order=int(order == "<"), flavor="iso",
    )  # fmt: skip
    blob = struct.pack(f"{order}2sBBi{len(bounds)}d", b"GP", 0, flags, 4326, *bounds) + wkb
    assert from_blob(blob) == shape
    assert not from_blob(blob).has_z
    assert asked(blob) == [0, west, east, south, north]


@pytest.mark.parametrize(
    "blob", [b"", b"GP", b"XX" + bytes(30), b"GP\x00\x0f" + bytes(40), b"GP\x00\x03" + bytes(9),
             b"GP\x00\x01" + bytes(4) + b"\x01\x01", CURVE, "text", 7, 1.5],
)  # fmt: skip
def test_what_is_no_geometry_reads_as_empty_and_is_never_indexed(blob: Any) -> None:
    with pytest.raises(ValueError, match=r".*"):
        from_blob(blob)
    assert asked(blob)[0] == 1
    assert Geom("GEOMETRY").result_processor(None, None)(blob).is_empty


def test_nothing_is_nothing() -> None:
    assert asked(None) == [None] * 5
    assert Geom("POINT").result_processor(None, None)(None) is None
    assert Geom("POINT").bind_processor(None)(None) is None


def test_ten_thousand_spoiled_blobs_raise_nothing_but_value_errors() -> None:
    chance = random.Random(5)
    blobs = [bytearray(to_blob(shape)) for shape in SHAPES]
    read = Geom("GEOMETRY").result_processor(None, None)
    with closing(sqlite3.connect(":memory:")) as connection:
        register_functions(connection)
        for _ in range(10_000):
            blob = bytearray(chance.choice(blobs))
            for _ in range(chance.randint(1, 4)):
                blob[chance.randrange(len(blob))] = chance.randrange(256)
            spoiled = bytes(blob[: chance.randint(0, len(blob))])
            assert read(spoiled) is not None
            connection.execute("SELECT ST_IsEmpty(?1), ST_MinX(?1), ST_MaxY(?1)", (spoiled,))


@pytest.mark.parametrize("kind", ["MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON"])
def test_single_parts_become_multi_where_the_layer_is(kind: str) -> None:
    for shape in SHAPES[:3]:
        promoted = promote(shape, kind)
        if f"MULTI{shape.geom_type.upper()}" == kind:
            assert promoted.geom_type.upper() == kind
            assert list(promoted.geoms) == [shape]  # type: ignore[attr-defined]
        else:
            assert promoted is shape
    assert promote(farms.holed(), kind) == farms.holed()


def test_times_are_kept_in_utc_to_the_millisecond() -> None:
    ict = timezone(timedelta(hours=7))
    moment = datetime(2026, 11, 22, 14, 30, 0, 123_000, tzinfo=ict)
    assert write_time(moment) == "2026-11-22T07:30:00.123Z"
    read = Instant().result_processor(None, None)
    assert read("2026-11-22T07:30:00.123Z") == moment
    assert read("2026-11-22T14:30:00.123+07:00") == moment
    assert read("2026-11-22 07:30:00") == datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
    assert [read(value) for value in (None, "", "yesterday", 7)] == [None] * 4


def test_only_one_is_yes() -> None:
    read, write = Flag().result_processor(None, None), Flag().bind_processor(None)
    assert [read(v) for v in (1, 0, 2, None, "1", "yes", 1.0)] == [True, *[False] * 6]
    assert [write(v) for v in (True, False, None)] == [1, 0, 0]
