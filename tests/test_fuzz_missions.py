"""Mission files cut, mixed and twisted end in a plan or in one sentence, never in anything else."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from agri.errors import BadInput
from missions.checks.plan import check_plan
from missions.flightplan import FlightPlan
from missions.formats import export_plan, read_mission_file
from missions.formats.document import read_document
from missions.formats.plan_reader import read_plan
from missions.formats.waypoints import (
    read_fence_waypoints,
    read_rally_waypoints,
    read_waypoints,
)
from tests.plans import PLAN, site_with
from tests.sizes import of_full

OPEN = site_with(no_fly_zones=(), sensitive_sites=())
SAMPLES = {
    "plan": export_plan(PLAN, "plan"),
    "survey": export_plan(OPEN, "plan"),
    "waypoints": export_plan(PLAN, "waypoints"),
    "fence": export_plan(PLAN, "fence"),
    "rally": export_plan(PLAN, "rally"),
    "agri": export_plan(PLAN, "agri"),
}
READERS: tuple[Callable[[str | bytes], object], ...] = (
    read_mission_file,
    read_plan,
    read_document,
    read_waypoints,
    read_fence_waypoints,
    read_rally_waypoints,
)
STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, -1e308, 2**31, 2**63, 10**300, -0.0, 1e-320, "", "x",
    "nan", "inf", "NaN", "1e999", "\x00", "\ud800", "𝔄" * 50, [], {}, [[]], [[[]]], {"": 0},
    [None] * 7, ["1"] * 7, 90.0000001, 180.0000001, 5004, 65536,
)  # fmt: skip
WORDS = (
    "nan", "-nan", "inf", "1e999", "-1e308", "1_0", "0x10", "١", "", "\t", " ", "#", "QGC WPL 110",
    "99999999999999999999", "RALLY", "5001", "5003", "5100", "\x00", "\x1f", "\u2028", "-", ".",
)  # fmt: skip


def cut(text: str, chance: random.Random) -> str:
    return text[: chance.randrange(len(text))]


def swapped_bytes(text: str, chance: random.Random) -> bytes:
    raw = bytearray(text.encode())
    for _ in range(chance.randint(1, 6)):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw)


def doubled(text: str, chance: random.Random) -> str:
    first, last = sorted(chance.randrange(len(text)) for _ in range(2))
    return text[:last] + text[first:]


def other_word(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    line = chance.randrange(len(lines))
    cells = lines[line].split("\t" if "\t" in lines[line] else " ")
    cells[chance.randrange(len(cells))] = chance.choice(WORDS)
    lines[line] = "\t".join(cells)
    return "\n".join(lines)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) inside a parsed JSON value."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            found += [(value, key), *places(value[key])]
    return found


def twisted(text: str, chance: random.Random) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        return other_word(text, chance)
    for _ in range(chance.randint(1, 3)):
        spots = places(document)
        if not spots:
            break
        owner, key = chance.choice(spots)
        way = chance.randrange(4)
        if way == 0 and isinstance(owner, dict):
            del owner[key]
        elif way == 1:
            other, other_key = chance.choice(spots)
            owner[key] = json.loads(json.dumps(other[other_key]))
        else:
            owner[key] = chance.choice(STRANGE)
    return json.dumps(document)


MUTATIONS: tuple[Callable[[str, random.Random], str | bytes], ...] = (
    cut,
    swapped_bytes,
    doubled,
    other_word,
    twisted,
    twisted,
    twisted,
)


def outcome(reader: Callable[[str | bytes], object], content: str | bytes) -> str:
    try:
        found = reader(content)
        if isinstance(found, FlightPlan):
            for finding in check_plan(found):
                finding.text("vi")
            for name in ("plan", "waypoints", "kml", "geojson"):
                export_plan(found, name)
    except BadInput as problem:
        for language in ("vi", "en"):
            sentence = problem.text(language)
            assert len(sentence) < 600, sentence
            sentence.encode("utf-8")
        return problem.message.key
    return "read"


def run(seeds: range) -> dict[str, int]:
    counts: dict[str, int] = {}
    for seed in seeds:
        chance = random.Random(seed)
        content = chance.choice(MUTATIONS)(SAMPLES[chance.choice(list(SAMPLES))], chance)
        reader = read_mission_file if chance.random() < 0.5 else chance.choice(READERS)
        try:
            end = outcome(reader, content)
        except Exception as wrong:
            raise AssertionError(f"seed {seed}, {reader.__name__}: {wrong!r}") from wrong
        counts[end] = counts.get(end, 0) + 1
    return counts


def test_two_thousand_spoiled_files_end_in_a_plan_or_one_sentence() -> None:
    counts = run(range(2000))
    assert sum(counts.values()) == 2000
    assert counts["read"] > 100
    assert len(counts) >= 10


@pytest.mark.slow
def test_fifty_thousand_spoiled_files_end_in_a_plan_or_one_sentence(record_property) -> None:
    files = of_full(50_000)
    record_property("spoiled_missions", files)
    assert sum(run(range(10_000, 10_000 + files)).values()) == files


def test_the_samples_are_read_when_left_alone() -> None:
    for name in ("plan", "survey", "waypoints", "agri"):
        assert outcome(read_mission_file, SAMPLES[name]) == "read"
    assert outcome(read_fence_waypoints, SAMPLES["fence"]) == "read"
    assert outcome(read_rally_waypoints, SAMPLES["rally"]) == "read"
