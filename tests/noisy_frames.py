"""Frames that no honest aircraft sends: every message with senseless fields, spoilt bytes, noise.

A random frame is whole: its kind is any of the dialect's, its fields are random bytes and its
checksum is right, so that nothing stops it before the code that gives fields a meaning.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink
from pymavlink.generator.mavcrc import x25crc

KINDS: dict[int, Any] = dict(mavlink.mavlink_map)
EDGES = (b"\x00", b"\xff", b"\x7f", b"\x80")
"""Bytes of the least and greatest numbers, of NaN and of infinity's neighbours."""


def frame(number: int, payload: bytes, *, system: int = 1, seq: int = 0) -> bytes:
    """Return a MAVLink 2 frame of a kind with a right checksum, whatever its fields are."""
    payload = payload.rstrip(b"\0") or b"\0"
    head = bytes([len(payload), 0, 0, seq & 255, system, 1]) + number.to_bytes(3, "little")
    crc = x25crc(head + payload)
    crc.accumulate(bytes([KINDS[number].crc_extra]))
    return b"\xfd" + head + payload + crc.crc.to_bytes(2, "little")


def random_frames(rng: random.Random, count: int) -> Iterator[bytes]:
    """Yield whole frames of random kinds and fields; a fifth have fields of extreme bytes."""
    numbers = sorted(KINDS)
    for seq in range(count):
        number = rng.choice(numbers)
        length = int(KINDS[number].unpacker.size)
        extreme = rng.random() < 0.2
        payload = b"".join(rng.choices(EDGES, k=length)) if extreme else rng.randbytes(length)
        yield frame(number, payload, seq=seq)


def spoilt_frames(rng: random.Random, count: int, honest: list[bytes]) -> Iterator[bytes]:
    """Yield honest frames with bytes changed, cut off, doubled, or noise between them."""
    for _ in range(count):
        spoilt = bytearray(rng.choice(honest))
        kind = rng.randrange(4)
        if kind == 0:
            spoilt[rng.randrange(len(spoilt))] ^= rng.randint(1, 255)
        elif kind == 1:
            del spoilt[rng.randrange(len(spoilt)) :]
        elif kind == 2:
            at = rng.randrange(len(spoilt))
            spoilt[at:at] = spoilt[: rng.randrange(len(spoilt))]
        else:
            spoilt += rng.randbytes(rng.randint(1, 40))
        yield bytes(spoilt)
