"""A program that takes an upload's pieces as a server does, and says what it has acknowledged."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from agri.operations.uploads.journal import Told, read_upload
from agri.operations.uploads.keeping import Piece, take


def send(farm: Path, uid: str, source: Path) -> None:
    """Send a file in pieces from where it stands; a line for each that is kept."""
    data = source.read_bytes()
    of = Told(label=source.name, size=len(data), modified=1)
    there = read_upload(farm, uid).file(of)
    at, size = (there.kept if there else 0), 7_001
    while at < len(data):
        part = data[at : at + size]
        digest = hashlib.sha256(part).hexdigest()
        at = take(farm, uid, Piece(of=of, offset=at, sha256=digest, data=part)).kept
        sys.stdout.write(f"{at}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    send(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
