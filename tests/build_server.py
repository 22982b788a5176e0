"""A build server on this machine, laid out as ArduPilot's, and told what to do wrong.

``python -m tests.build_server install URL`` installs from one, for tests that kill it at work; the
folder is the user's own (XDG_DATA_HOME).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import urlopen

from sitl import installing
from sitl.download import OpenUrl
from tests import elf_files

FOLDER = f"/Copter/stable/{installing.BOARD}"
VERSION, GIT, PROGRAM = (
    f"{FOLDER}/{name}" for name in ("firmware-version.txt", "git-version.txt", "arducopter")
)


@dataclass
class Server:
    """What it has, how long it says that is, and after how many bytes it breaks off or waits."""

    has: dict[str, bytes] = field(default_factory=dict)
    says_bytes: dict[str, int | None] = field(default_factory=dict)
    breaks_after: dict[str, int] = field(default_factory=dict)
    waits_after: dict[str, int] = field(default_factory=dict)
    sends: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    waiting: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def open_url(self, url: str) -> Any:
        """Open what the program believes to be ArduPilot's."""
        assert url.startswith(installing.SERVER)
        return opened_at(self.url)(url)


def opened_at(server: str) -> OpenUrl:
    def open_url(url: str) -> Any:
        return urlopen(url.replace(installing.SERVER, server), timeout=10.0)  # noqa: S310

    return open_url


def good(program: bytes) -> dict[str, bytes]:
    """Return the three files of a release."""
    git = f"commit {elf_files.COMMIT}\nAuthor: x\n\n    y\n\nAPMVERSION: ArduCopter V4.6.3\n"
    return {
        VERSION: b"4.6.3-FIRMWARE_VERSION_TYPE_OFFICIAL\n",
        GIT: git.encode(),
        PROGRAM: program,
    }


@contextmanager
def serving(program: bytes | None = None) -> Iterator[Server]:
    """Serve a release while the block runs."""
    server = Server(good(elf_files.program() if program is None else program))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            data = server.has.get(self.path)
            if self.path in server.sends:
                self.send_response(302)
                self.send_header("Location", server.sends[self.path])
                self.end_headers()
                return
            if data is None:
                self.send_error(404)
                return
            self.send_response(200)
            length = server.says_bytes.get(self.path, len(data))
            if length is not None:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            now, later = self._parts(data)
            self.wfile.write(now)
            if later:
                self.wfile.flush()
                server.waiting.set()
                server.go_on.wait(60.0)
                self.wfile.write(later)

        def _parts(self, data: bytes) -> tuple[bytes, bytes]:
            data = data[: server.breaks_after.get(self.path, len(data))]
            at = server.waits_after.get(self.path, len(data))
            return data[:at], data[at:]

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        server.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.go_on.set()
            http.shutdown()
            thread.join()


if __name__ == "__main__":
    installing.install(
        installing.program_folder(os.environ),
        now=datetime.now(UTC),
        open_url=opened_at(sys.argv[2]),
    )
