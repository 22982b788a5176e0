"""What the process that decodes strangers' files may no longer do once it has started.

Theory of operation
-------------------
A decoder is a large body of code that reads bytes written by somebody else. The process it runs
in gives up, before the first byte, whatever it does not need:

* **memory**: the address space ends at `limit_bytes` (``RLIMIT_AS``); what would grow beyond
  fails inside this process and nowhere else. Core files and files of any size cannot be written;
* **time**: the processor seconds of each file end with ``RLIMIT_CPU``; the parent watches the
  clock besides;
* **the network**: on Linux the process leaves for a network of its own with nothing in it, where
  the kernel allows; everywhere, Python's own audit hook refuses sockets;
* **files**: the same hook refuses to open anything for writing, and to read anything but what lies
  in the folder taken in (links resolved first) and Python's own libraries;
* **other programs**: none can be started, nothing renamed, removed or linked.

An audit hook cannot be taken off again. It guards what goes through Python; the limits of the
operating system hold for native code too. Windows has no such limits: there the hook, the clock
and the separate process are what there is.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_REFUSED = (
    "socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system",
    "os.startfile", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink",
    "os.truncate", "os.chmod", "os.chown", "shutil.", "urllib.", "http.", "ftplib.",
    "smtplib.", "webbrowser.", "pty.", "mmap.", "sqlite3.",
)  # fmt: skip
_LISTING = frozenset({"os.listdir", "os.scandir", "glob.glob", "os.walk"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Confined(PermissionError):
    """Something the process may not do was tried."""


def leave_network() -> bool:
    """Move this process to a network of its own, with nothing in it; return whether it worked.

    It must still have a single thread. Only Linux knows this, and not every system allows it.
    """
    if not sys.platform.startswith("linux"):
        return False
    with suppress(OSError, AttributeError):
        unshare = ctypes.CDLL(None, use_errno=True).unshare
        if unshare(_CLONE_NEWNET) == 0:
            return True
        return bool(unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0)
    return False


def limit(*, limit_bytes: int) -> None:
    """Bind memory and written files by the operating system, where it can."""
    if sys.platform == "win32":
        return
    import resource

    for kind, most in (
        (resource.RLIMIT_AS, limit_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        with suppress(ValueError, OSError):  # a stricter limit holds already, or there is none
            resource.setrlimit(kind, (most, most))


def renew_time(limit_s: int) -> None:
    """Give the next file `limit_s` processor seconds; the operating system ends what takes more."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + 1 + limit_s
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (until, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def confine(roots: Sequence[str]) -> None:
    """Refuse, from now on and for good, what decoding does not need.

    Parameters
    ----------
    roots : sequence of str
        Folders that may be read; Python's own libraries may be read besides.
    """
    libraries = {sys.prefix, sys.base_prefix, sys.exec_prefix, *filter(None, sys.path)}
    allowed = tuple(os.path.realpath(folder) + os.sep for folder in (*roots, *libraries))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            _judge_open(allowed, *arguments[:3])
        elif event in _LISTING and arguments:
            _judge_place(allowed, arguments[0])
        elif event.startswith(_REFUSED):
            raise Confined(event)

    sys.addaudithook(hook)


def _judge_open(allowed: tuple[str, ...], path: Any, mode: Any, flags: Any) -> None:
    if isinstance(path, int):
        return
    writes = isinstance(mode, str) and any(letter in mode for letter in "wax+")
    if writes or (isinstance(flags, int) and flags & _WRITING):
        raise Confined("open for writing")
    _judge_place(allowed, path)


def _judge_place(allowed: tuple[str, ...], path: Any) -> None:
    name = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else "."
    if not (os.path.realpath(name) + os.sep).startswith(allowed):
        raise Confined("open outside")
