"""Two thousand broken boundary files: each gives fields or one sentence, and leaves no trace.

Every case is made from a sound file by a seeded chain of mutations, of bytes and of structure, so
that a failure is found again by its number.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shapely

from agri.boundaries import BoundaryFile, read_boundaries
from agri.errors import AgriError
from agri.words import LANGUAGES, Language
from tests import boundary_files as made

CERTIFICATE = (
    "Thửa;Số hiệu điểm;X (m);Y (m);Cạnh (m)\n12;1;2.332.000,00;371.000,00;80,00\n"
    ";2;2.332.000,00;371.080,00;60,00\n;3;2.332.060,00;371.080,00;80,00\n"
    "13;1;2.332.200,00;371.000,00;\n;2;2.332.200,00;371.080,00;\n;3;2.332.260,00;371.080,00;\n"
).encode()
DEGREES = b"name,lon,lat\nA,106.51,21.08\nA,106.511,21.08\nA,106.511,21.081\nB,106.52,21.08\n"
ODD_NUMBERS = (
    "NaN", "Infinity", "-1e400", "1e308", "0", "-0.0", "90", "181", "-180", "1e-320", "21", "106.5",
    "2332000", "371000", '"x"', "null", "[]", "{}", "true", "1" * 400, "", "4e5", "106,5", "1_0",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, [], {}, 0, -1, 1e308, float("nan"), float("inf"), True, "x", "\ud800", "Point",
    [[]], [[[]]], [1, 2], [[1, 2], [3, 4]], {"type": "Polygon"}, "9" * 200, 10**400, [None],
    [[106.5, 21.0]] * 4,
)  # fmt: skip
ODD_BYTES = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"<", b"&a;", b"<!DOCTYPE a>", b"]]>", b"{", b'"', b"(",
    b")", b";", b"\n\n", b"\x1a", b"EMPTY", b"SRID=99999;", b"\xcc", b"PK\x03\x04", b"<!--",
    b"\xf4\x8f\xbf\xbf", b"MULTIPOLYGON", b" " * 3000, b"((((((((((",
)  # fmt: skip
Mutation = Callable[[random.Random, bytes], bytes]


def flip(chance: random.Random, data: bytes) -> bytes:
    body = bytearray(data or b"\0")
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        body[chance.randrange(len(body))] = chance.choice(
            (0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256))
        )
    return bytes(body)


def cut(chance: random.Random, data: bytes) -> bytes:
    start = chance.randrange(len(data) + 1)
    return (
        data[:start]
        if chance.random() < 0.5
        else data[:start] + data[start + chance.randrange(1, 200) :]
    )


def repeat(chance: random.Random, data: bytes) -> bytes:
    start = chance.randrange(len(data) + 1)
    piece = data[start : start + chance.choice((1, 16, 300))]
    return data[:start] + piece * chance.choice((2, 5, 50)) + data[start:]


def insert(chance: random.Random, data: bytes) -> bytes:
    start = chance.randrange(len(data) + 1)
    return data[:start] + chance.choice(ODD_BYTES) + data[start:]


def change_number(chance: random.Random, data: bytes) -> bytes:
    found = list(re.finditer(rb"-?[0-9]+(?:\.[0-9]+)?", data))
    if not found:
        return data
    for match in sorted(
        chance.sample(found, min(len(found), chance.choice((1, 2, 9)))), key=lambda m: -m.start()
    ):
        data = data[: match.start()] + chance.choice(ODD_NUMBERS).encode() + data[match.end() :]
    return data


def shuffle_lines(chance: random.Random, data: bytes) -> bytes:
    separator = chance.choice((b"\n", b">", b","))
    pieces = data.split(separator)
    first, second = chance.randrange(len(pieces)), chance.randrange(len(pieces))
    pieces[first], pieces[second] = pieces[second], pieces[first]
    return separator.join(pieces)


def drop_tags(chance: random.Random, data: bytes) -> bytes:
    tags = list(re.finditer(rb"<[^>]*>", data))
    if not tags:
        return cut(chance, data)
    match = chance.choice(tags)
    return data[: match.start()] + chance.choice((b"", b"<a>", match[0] * 2)) + data[match.end() :]


def change_json(chance: random.Random, data: bytes) -> bytes:
    """Replace, remove or double some part of the document, however deep."""
    try:
        document = json.loads(data)
    except ValueError:
        return insert(chance, data)
    at: Any = document
    while isinstance(at, dict | list) and at:
        place = chance.choice(list(at)) if isinstance(at, dict) else chance.randrange(len(at))
        if chance.random() < 0.25 or not isinstance(at[place], dict | list) or not at[place]:
            if chance.random() < 0.2:
                del at[place]
            elif isinstance(at, list) and chance.random() < 0.4:
                at.insert(place, at[chance.randrange(len(at))])
            else:
                at[place] = chance.choice(ODD_VALUES)
            break
        at = at[place]
    return json.dumps(document).encode()


TEXT: tuple[Mutation, ...] = (flip, cut, repeat, insert, change_number, shuffle_lines)
Maker = Callable[[random.Random, dict[str, Any]], bytes]


def mutated(chance: random.Random, data: bytes, ways: tuple[Mutation, ...]) -> bytes:
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        data = chance.choice(ways)(chance, data)[:200_000]
    return data


def repacked(chance: random.Random, members: dict[str, bytes]) -> bytes:
    """Mutate one member and pack again, so that the checksums are right; or the archive itself."""
    if chance.random() < 0.3:
        return mutated(chance, made.packed(members), (flip, cut, repeat, insert))
    name = chance.choice(list(members))
    changed = dict(members)
    changed[name] = mutated(chance, members[name], (flip, flip, cut, repeat, insert))
    if chance.random() < 0.1:
        changed[chance.choice(("../x.shp", "ranh.SHP", "b.kml", "ranh.cpg", "y" * 300))] = changed[
            name
        ]
    if chance.random() < 0.1:
        del changed[chance.choice(list(changed))]
    return made.packed(changed)


MAKERS: dict[str, tuple[int, Maker]] = {
    "geojson": (
        400,
        lambda c, s: mutated(c, s["geojson"], (*TEXT, change_json, change_json, change_json)),
    ),
    "kml": (300, lambda c, s: mutated(c, s["kml"], (*TEXT, drop_tags, drop_tags))),
    "kmz": (100, lambda c, s: repacked(c, {"doc.kml": s["kml"]})),
    "shapefile": (400, lambda c, s: repacked(c, s["shapefile"])),
    "geopackage": (200, lambda c, s: mutated(c, s["geopackage"], (flip, flip, cut, insert))),
    "wkt": (250, lambda c, s: mutated(c, s["wkt"], TEXT)),
    "certificate": (250, lambda c, _: mutated(c, CERTIFICATE, TEXT)),
    "csv of degrees": (100, lambda c, _: mutated(c, DEGREES, TEXT)),
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("sources")
    tree = made.feature(shapely.Point(106.5, 21.0), kind="tree", height_m=5, ten="Cây")
    line = made.feature(shapely.LineString([(106.5, 21.0), (106.6, 21.0)]), loai="đường", ten="L")
    things = json.loads(made.geojson_truth())["features"]
    parts = made.shape_parts(folder / "shape", made.frame(5899))
    return {
        "geojson": made.geojson(*things, tree, line),
        "kml": made.kml_truth(),
        "wkt": made.wkt_truth(),
        "shapefile": {f"ranh{ending}": data for ending, data in parts.items()},
        "geopackage": made.geopackage(folder / "package"),
    }


def judge(path: Path) -> BoundaryFile | None:
    try:
        found = read_boundaries(path)
    except AgriError as error:
        check_sentences(error.text)
        return None
    for field in found.fields:
        assert field.boundary.is_valid
        assert 1.0 <= field.area_m2 <= 1e7
    for finding in found.findings:
        check_sentences(finding.text)
    return found


def check_sentences(text: Callable[[Language], str]) -> None:
    for language in LANGUAGES:
        sentence = text(language)
        assert sentence.isprintable(), sentence
        assert len(sentence) < 600
        assert not sentence.startswith(("error.", "finding."))


@pytest.mark.parametrize("form", MAKERS)
@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_broken_files_give_fields_or_a_sentence_and_leave_no_trace(
    rounds: int,
    form: str,
    sources: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace, here, temporary = (tmp_path / name for name in ("farm", "here", "temporary"))
    for folder in (workspace, here, temporary):
        folder.mkdir()
    monkeypatch.chdir(here)
    for name in ("TMPDIR", "TEMP", "TMP", "CPL_TMPDIR"):
        monkeypatch.setenv(name, str(temporary))
    count, make = MAKERS[form][0] * rounds, MAKERS[form][1]
    path = workspace / "ranh.dat"
    read = 0
    for case in range(count):
        data = make(random.Random(f"{form} {case}"), sources)
        path.write_bytes(data)
        try:
            read += judge(path) is not None
        except Exception as error:
            raise AssertionError(f"{form} case {case}: {error!r}") from error
        assert path.read_bytes() == data
    assert 0 < read < count, "mutations should neither break every file nor none"
    assert [found.name for found in workspace.iterdir()] == ["ranh.dat"]
    assert list(here.iterdir()) == list(temporary.iterdir()) == []


def test_there_are_two_thousand_cases() -> None:
    assert sum(count for count, _ in MAKERS.values()) == 2_000
