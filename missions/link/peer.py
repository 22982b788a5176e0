"""One UDP port, one peer: who is heard on it, and who is answered.

A UDP port hears everybody who can reach it. Until the aircraft is identified, packets of all are
read and answered, as nobody knows yet where it is. From then on the connection has a peer: packets
from any other address are counted and thrown away unread, and nothing is sent there.

Packets are read one at a time and their frames handed on before the next one is read, so that every
message carries the address it really came from; a frame that was begun by one address is not
continued by another.
"""

from __future__ import annotations

from collections import deque
from typing import Any

LONGEST = 65_535
AT_ONCE = 1_000
"""Packets without a message for us that are read before others get their turn."""
MOST_GUESSES = 16
"""Addresses answered while the aircraft is not known yet."""


class UdpPeer:
    """Stands between a UDP connection of pymavlink or dronekit and its socket.

    Parameters
    ----------
    master : mavfile
        The connection; its ``recv_msg`` is taken over.

    Attributes
    ----------
    address : tuple or None
        The peer, once there is one.
    strangers : int
        Packets from other addresses since then.
    """

    def __init__(self, master: Any) -> None:
        self.address: Any = None
        self.strangers = 0
        self._master = master
        self._latest: Any = None
        self._ready: deque[Any] = deque()
        self._guesses: deque[Any] = deque(maxlen=MOST_GUESSES)
        master.recv_msg = self.next_message

    def pin(self, address: Any) -> None:
        """Hear and answer this address alone from now on; the first one pinned stays."""
        if self.address is None and address is not None:
            self.address = address
            self._answer({address})

    def next_message(self) -> Any:
        """Return the next message, its sender's address in ``peer``; None when none waits."""
        for _ in range(AT_ONCE):
            if self._ready:
                break
            packet = self._receive()
            if packet is None:
                return None
            for message in self._master.mav.parse_buffer(packet) or ():
                message.peer = self._latest
                self._ready.append(message)
        if not self._ready:
            return None
        message = self._ready.popleft()
        self._master.post_message(message)
        return message

    def _receive(self) -> bytes | None:
        for _ in range(AT_ONCE):
            try:
                packet, address = self._master.port.recvfrom(LONGEST)
            except OSError:
                if self._master.port.fileno() < 0:
                    raise
                return None
            if self.address not in (None, address):
                self.strangers += 1
                continue
            if address != self._latest:
                self._begin(address)
            return bytes(packet)
        return None

    def _begin(self, address: Any) -> None:
        self._latest = address
        parser = self._master.mav
        parser.buf, parser.buf_index = bytearray(), 0
        if self.address is None and address not in self._guesses:
            self._guesses.append(address)
            self._answer(set(self._guesses))

    def _answer(self, addresses: set[Any]) -> None:
        if hasattr(self._master, "addresses"):
            self._master.addresses = addresses
