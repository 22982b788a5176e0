"""Single keys from the terminal while something flies: no Enter, no dialog.

On a terminal every key is handed over at once; where standard input is not a terminal there are no
keys, and nothing waits for them.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WAIT_S = 0.1


@contextmanager
def listening(on_key: Callable[[str], None]) -> Iterator[None]:
    """Hand each key pressed to `on_key`, from another thread, while the block runs.

    Parameters
    ----------
    on_key : callable
        Given one character, lower case.
    """
    if not sys.stdin.isatty():
        yield
        return
    over = threading.Event()
    with _raw_terminal():
        reader = threading.Thread(target=_read, args=(on_key, over), daemon=True)
        reader.start()
        try:
            yield
        finally:
            over.set()
            reader.join(2 * WAIT_S)


def _read(on_key: Callable[[str], None], over: threading.Event) -> None:
    while not over.is_set():
        key = _next_key()
        if key:
            on_key(key.lower())


if sys.platform == "win32":
    import msvcrt
    import time

    @contextmanager
    def _raw_terminal() -> Iterator[None]:
        yield

    def _next_key() -> str:
        if msvcrt.kbhit():
            return msvcrt.getwch()
        time.sleep(WAIT_S)
        return ""

else:
    import select
    import termios
    import tty

    @contextmanager
    def _raw_terminal() -> Iterator[None]:
        before = termios.tcgetattr(sys.stdin)
        tty.setcbreak(sys.stdin)
        try:
            yield
        finally:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)

    def _next_key() -> str:
        ready, _, _ = select.select([sys.stdin], [], [], WAIT_S)
        return sys.stdin.read(1) if ready else ""
