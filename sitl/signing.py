"""MAVLink 2 signing as ArduPilot does it on board, worked out here from the specification.

One key and one timestamp for the whole vehicle, and one table of the newest timestamp heard of
each stream (link id, system, component), whatever channel it came by. Once a key is set up,
everything sent is signed, and a frame that comes is taken only when

* its signature, the first 48 bits of SHA-256(key, frame up to the signature), is right, and
* its timestamp is newer than the last of its stream, or, for a new stream, not more than a minute
  behind the vehicle's own.

RADIO_STATUS and RADIO come from the telemetry radio itself and are never signed. A `wired` channel
(ArduPilot's first, the USB port) takes unsigned frames all the same, so that a lost key can be
replaced by whoever holds the aircraft in his hands. SETUP_SIGNING is heard on every channel while
the motors are off; a key of zeros with timestamp zero ends signing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

NEVER_SIGNED = frozenset({mavlink.MAVLINK_MSG_ID_RADIO_STATUS, mavlink.MAVLINK_MSG_ID_RADIO})
A_MINUTE = 6_000_000
"""In the timestamp's unit of 10 microseconds."""


def signing_state() -> Any:
    """Return the signing state of a vehicle that has no key yet; its channels share it."""
    state = mavlink.MAVLinkSigning()
    state.allow_unsigned_callback = lambda parser, number: parser.wired or number in NEVER_SIGNED
    return state


def set_up(state: Any, key: Sequence[int], timestamp: int) -> None:
    """Take a new key, or end signing when key and timestamp are zero."""
    secret = bytes(key)
    ends = not any(secret) and timestamp == 0
    state.secret_key = None if ends else secret
    state.sign_outgoing = not ends
    state.timestamp = timestamp


class SignedParser(mavlink.MAVLink):  # type: ignore[misc]
    """What reads and writes the frames of one channel of a vehicle.

    Parameters
    ----------
    state : MAVLinkSigning
        The vehicle's (`signing_state`).
    wired : bool
        Whether unsigned frames are taken although a key is set.
    """

    def __init__(self, state: Any, *, wired: bool) -> None:
        super().__init__(None)
        self.robust_parsing = True
        self.signing = state
        self.wired = wired

    def check_signature(self, frame: bytearray, system: int, component: int) -> bool:
        """Return whether a signed frame is genuine and new."""
        state = self.signing
        genuine = hashlib.sha256(state.secret_key + bytes(frame[:-6])).digest()[:6]
        if genuine != bytes(frame[-6:]):
            return False
        timestamp = int.from_bytes(frame[-12:-6], "little")
        stream = (frame[-13], system, component)
        last = state.stream_timestamps.get(stream)
        if timestamp + A_MINUTE < state.timestamp if last is None else timestamp <= last:
            return False
        state.stream_timestamps[stream] = timestamp
        state.timestamp = max(state.timestamp, timestamp)
        return True
