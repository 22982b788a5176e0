"""A bad radio between real sockets: frames are lost, doubled, late and spoilt on their way."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator

from sitl.chaos import Chaos

PATIENCE_S = 0.002
HEADS = {0xFD: 12, 0xFE: 8}
"""First bytes of MAVLink 2 and 1, and how much longer a frame is than its payload."""


def split_frames(buffer: bytearray) -> Iterator[bytes]:
    """Take whole frames from the front of a buffer, as a radio modem packs them."""
    while len(buffer) > 2:
        if buffer[0] not in HEADS:
            del buffer[0]
            continue
        length = buffer[1] + HEADS[buffer[0]] + 13 * (buffer[0] == 0xFD and buffer[2] & 1)
        if len(buffer) < length:
            return
        yield bytes(buffer[:length])
        del buffer[:length]


class ChaosProxy:
    """Carries one TCP connection to an aircraft; `up` and `down` are the two ways."""

    def __init__(self, target: tuple[str, int], up: Chaos[bytes], down: Chaos[bytes]) -> None:
        self._target, self._ways = target, (up, down)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self.url = f"tcp:127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> ChaosProxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._listener.close()
        self._thread.join(timeout=5.0)

    def _carry(self) -> None:
        with contextlib.suppress(OSError):
            near, _ = self._listener.accept()
            with near, socket.create_connection(self._target) as far:
                for end in (near, far):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._relay(near, far)

    def _relay(self, near: socket.socket, far: socket.socket) -> None:
        buffers = {near: bytearray(), far: bytearray()}
        while not self._ended.is_set():
            ready, _, _ = select.select([near, far], [], [], PATIENCE_S)
            now_s = time.monotonic()
            for end in ready:
                data = end.recv(65536)
                if not data:
                    return
                buffers[end] += data
                way = self._ways[0 if end is near else 1]
                for frame in split_frames(buffers[end]):
                    way.send(frame, now_s)
            for way, end in zip(self._ways, (far, near), strict=True):
                if arrived := way.due(now_s):
                    end.sendall(b"".join(arrived))
