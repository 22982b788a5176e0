"""A hidden folder beside a product for what is not yet anything, empty at the beginning.

A program that is killed leaves its folder behind. The next one that makes the same product finds it
unlocked (the lock is the system's and goes with its program), empties it and works there itself, so
that nothing piles up; while somebody still works there, it refuses.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agri.errors import Refused
from agri.files import make_folder, told
from agri.locks import lock_now
from imagery.raster.journal import work_folder

LOCK = "lock"


@contextmanager
def work_room(path: Path) -> Iterator[Path]:
    """Give the empty folder in which the product `path` is made; it goes when the block ends.

    Raises
    ------
    Refused
        When another program is making the same product now.
    StoreError
        When the disk will not take it.
    """
    room = make_folder(work_folder(path))
    with told(room):
        handle = os.open(room / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not lock_now(handle):
            raise Refused("error.product_in_work", path=str(path))
        with told(room):
            for left in room.iterdir():
                if left.is_dir():
                    shutil.rmtree(left)
                elif left.name != LOCK:
                    left.unlink()
        try:
            yield room
        finally:
            shutil.rmtree(room, ignore_errors=True)
    finally:
        os.close(handle)
