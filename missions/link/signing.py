"""MAVLink 2 signing: the key of one aircraft, and timestamps that never go back.

A signed frame ends in 13 bytes: a link id, a timestamp of 48 bits in units of 10 microseconds since
2015-01-01 UTC, and the first 48 bits of SHA-256(key, frame, link id, timestamp). pymavlink makes
and checks these bytes; this room holds what it leaves to its user. Decisions:

* **The key shows itself to nobody.** `SigningKey` prints as its fingerprint, cannot be pickled, and
  the one message that carries a key (SETUP_SIGNING) is left out of the telemetry log
  (`carries_key`).
* **Timestamps follow the monotonic clock** from the moment a link is opened, so a wall clock that
  is set forward or back on the way changes nothing. They begin at the wall clock or after the last
  one used or heard, whichever is later; that one is kept between runs (`Memory`), with room for
  those that a crash would leave unwritten.
* **What has been heard is remembered too**, stream by stream, so that a recording made a moment ago
  is refused by the next run as well. An aircraft that restarted with an older clock takes over ours
  with the first frame it hears.
* **A forged frame leaves no trace.** pymavlink notes the timestamp of a signed frame before it has
  checked the signature; one forged frame with a timestamp far ahead would silence the aircraft for
  good. `check_before_noting` mends that.
* With a key set, unsigned frames and MAVLink 1 are refused. Only RADIO_STATUS and RADIO come
  unsigned: the telemetry radio itself sends them.

Format: MAVLink 2 guide, message signing. Signing proves who sends; it hides nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NoReturn

from agri.errors import BadInput

KEY_BYTES = 32
EPOCH_UNIX_S = 1_420_070_400
"""2015-01-01 00:00 UTC, where timestamps begin."""
TICKS_PER_S = 100_000
LAST_TIMESTAMP = (1 << 48) - 1
RESERVE = 60 * TICKS_PER_S
"""How far ahead of the newest timestamp the kept one is: a minute."""
SETUP_SIGNING, RADIO_STATUS, RADIO = 256, 109, 166
NEVER_SIGNED = frozenset({RADIO_STATUS, RADIO})
SIGNED_FLAG, MAVLINK_1 = 0x01, 0xFE
FLIGHT_LINK, DOCTOR_LINK = 1, 2
"""Link ids: a stream of timestamps each, so that two programs do not outrun each other."""

Stream = tuple[int, int, int]
"""Link id, system, component."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The secret that one aircraft and agri share.

    Parameters
    ----------
    secret : bytes
        32 bytes from a source of chance fit for secrets.

    Raises
    ------
    BadInput
        When it is not 32 bytes, or all zeros (which would end signing).

    Examples
    --------
    >>> SigningKey(bytes(range(32)))
    SigningKey(630dcd29)
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES or not any(self.secret):
            raise BadInput("error.signing_key_bytes", count=KEY_BYTES)

    @classmethod
    def made_by(cls, token_bytes: Callable[[int], bytes]) -> SigningKey:
        """Make a new key; `token_bytes` gives random bytes (`secrets.token_bytes`)."""
        return cls(token_bytes(KEY_BYTES))

    @property
    def fingerprint(self) -> str:
        """Eight letters that tell keys apart and give nothing of them away."""
        return hashlib.sha256(self.secret).hexdigest()[:8]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SigningKey) and hmac.compare_digest(self.secret, other.secret)

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"SigningKey({self.fingerprint})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signing key is not pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What signing remembers from one run to the next.

    Parameters
    ----------
    timestamp : int
        Not before any that was used or heard.
    streams : tuple of (Stream, int)
        The newest timestamp heard of each stream.
    """

    timestamp: int = 0
    streams: tuple[tuple[Stream, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """What a link needs to sign.

    Parameters
    ----------
    key : SigningKey
        The aircraft's.
    memory : Memory
        Of the last run.
    keep : callable
        Given what to remember; it returns when that is written.
    link_id : int
        `FLIGHT_LINK` or `DOCTOR_LINK`.
    """

    key: SigningKey
    memory: Memory = Memory()
    keep: Callable[[Memory], None] = field(default=lambda _: None, repr=False)
    link_id: int = FLIGHT_LINK


class SigningState(Enum):
    """How far a link is signed."""

    OFF = "off"
    """Neither end signs: whoever reaches the aircraft commands it."""
    NO_KEY = "no_key"
    """The aircraft signs, we have no key."""
    ON = "on"
    """Both sign with the same key."""


def timestamp_at(unix_s: float) -> int:
    """Return the signing timestamp of a wall clock time, seconds since 1970 UTC.

    Examples
    --------
    >>> timestamp_at(1_420_070_400.00001), timestamp_at(0.0)
    (1, 0)
    """
    ticks = round((unix_s - EPOCH_UNIX_S) * TICKS_PER_S)
    return min(LAST_TIMESTAMP, max(0, ticks))


class Stamps:
    """The timestamps of one link: each greater than the one before.

    Parameters
    ----------
    kept : int
        The last one used or heard by earlier runs.
    unix_s : float
        The wall clock now; it is not asked again.
    now_s : float
        Monotonic seconds now.

    Examples
    --------
    >>> stamps = Stamps(kept=0, unix_s=1_420_070_401.0, now_s=50.0)
    >>> stamps.take(50.0), stamps.take(50.0), stamps.take(51.0), stamps.take(51.0, heard=900_000)
    (100000, 100001, 200000, 900001)
    """

    def __init__(self, *, kept: int, unix_s: float, now_s: float) -> None:
        self._first = max(kept + 1, timestamp_at(unix_s))
        self._began_s = now_s
        self.last = self._first - 1

    def take(self, now_s: float, *, heard: int = 0) -> int:
        """Return the timestamp of the next frame.

        Parameters
        ----------
        now_s : float
            Monotonic seconds.
        heard : int
            The newest timestamp that came from the aircraft.
        """
        passed = int((now_s - self._began_s) * TICKS_PER_S)
        self.last = min(LAST_TIMESTAMP, max(self.last + 1, heard + 1, self._first + passed))
        return self.last


def carries_key(frame: bytes) -> bool:
    """Return whether a raw frame is SETUP_SIGNING, which must not be written anywhere.

    Examples
    --------
    >>> carries_key(bytes([0xFD, 42, 0, 0, 0, 255, 190, 0, 1, 0]))
    True
    """
    new = len(frame) >= 10 and frame[0] != MAVLINK_1
    return new and int.from_bytes(frame[7:10], "little") == SETUP_SIGNING


def check_before_noting(mav: Any, lock: AbstractContextManager[Any]) -> None:
    """Let a pymavlink parser forget the timestamps of frames whose signature is wrong.

    Parameters
    ----------
    mav : MAVLink
        The parser.
    lock : lock
        Held while its timestamps are looked at or changed.
    """
    check = mav.check_signature
    heard = mav.signing.stream_timestamps

    def checked(frame: bytearray, system: int, component: int) -> bool:
        stream = (frame[-13], system, component)
        with lock:
            before = heard.get(stream)
            genuine = bool(check(frame, system, component))
            if not genuine and before is None:
                heard.pop(stream, None)
            elif not genuine:
                heard[stream] = before
        return genuine

    mav.check_signature = checked


def start_signing(mav: Any, signing: Signing, lock: AbstractContextManager[Any]) -> None:
    """Have a pymavlink parser sign what it sends and refuse what is not signed.

    The timestamp of each frame is set by the caller from `Stamps`.
    """
    state = mav.signing
    state.secret_key = signing.key.secret
    state.link_id = signing.link_id
    state.allow_unsigned_callback = lambda _, number: number in NEVER_SIGNED
    state.stream_timestamps.update(dict(signing.memory.streams))
    state.timestamp = signing.memory.timestamp
    state.sign_outgoing = True
    if "check_signature" not in vars(mav):
        check_before_noting(mav, lock)


def remembered(mav: Any, stamps: Stamps, *, reserve: int = 0) -> Memory:
    """Return what the next run must know, with room for `reserve` more timestamps."""
    newest = max(stamps.last, mav.signing.timestamp)
    return Memory(
        timestamp=min(LAST_TIMESTAMP, newest + reserve),
        streams=tuple(sorted(mav.signing.stream_timestamps.items())),
    )
