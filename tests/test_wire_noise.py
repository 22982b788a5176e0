"""A million senseless frames and a hundred thousand spoilt ones through the whole of the ear."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterable
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.link.service import Service
from missions.wire.messages import encode
from tests.noisy_frames import KINDS, random_frames, spoilt_frames
from tests.sizes import of_full
from tests.test_link import from_vehicle, heartbeat, position, serve
from tests.test_wire import BODIES, US


def heard(service: Service, frames: Iterable[bytes]) -> int:
    """Take every message that a parser finds in the frames; any exception is the test's."""
    parser: Any = mavlink.MAVLink(None)
    parser.robust_parsing = True
    count = 0
    for number, data in enumerate(frames):
        for message in parser.parse_buffer(data) or []:
            if message.get_msgId() >= 0:
                service.take(message, 100.0 + 0.001 * number)
                count += 1
    return count


def listening() -> Service:
    service, _, now_s = serve()
    service.take(heartbeat(), now_s[0])
    service.take(position(1_000), now_s[0])
    return service


def honest() -> list[bytes]:
    packer = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    ours = [encode(body, US) for body in BODIES]
    return [bytes(m.pack(packer)) for m in (*ours, from_vehicle(heartbeat()), position(2_000))]


def try_random(count: int, seed: int) -> None:
    service = listening()
    assert heard(service, random_frames(random.Random(seed), count)) >= 0.99 * count
    assert service.faults == 0
    assert service.pair is not None
    assert service.pair.vehicle.system == 1


def test_frames_are_whole_and_every_kind_is_among_them() -> None:
    parser: Any = mavlink.MAVLink(None)
    kinds = {
        message.get_msgId()
        for data in random_frames(random.Random(1), 8_000)
        for message in parser.parse_buffer(data) or []
    }
    assert len(kinds) > 0.99 * len(KINDS)


def test_twelve_thousand_senseless_frames_raise_nothing() -> None:
    try_random(12_000, seed=2)


@pytest.mark.slow
def test_a_million_senseless_frames_raise_nothing(record_property) -> None:
    record_property("senseless_frames", of_full(1_000_000))
    try_random(of_full(1_000_000), seed=3)


def try_spoilt(count: int, seed: int) -> None:
    service = listening()
    heard(service, spoilt_frames(random.Random(seed), count, honest()))
    assert service.faults == 0


def test_four_thousand_spoilt_frames_raise_nothing() -> None:
    try_spoilt(4_000, seed=4)


@pytest.mark.slow
def test_a_hundred_thousand_spoilt_frames_raise_nothing(record_property) -> None:
    record_property("spoilt_frames", of_full(100_000))
    try_spoilt(of_full(100_000), seed=5)


@pytest.mark.parametrize("count", [4_000, pytest.param(of_full(200_000), marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_what_was_heard(count: int, record_property) -> None:
    """What is kept of strangers, sentences and named values is bounded."""
    service = listening()
    heard(service, random_frames(random.Random(6), count))
    tracemalloc.start()
    try:
        heard(service, random_frames(random.Random(7), count))
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    record_property("grown_kb", grown / 1e3)
    assert grown < 400_000
