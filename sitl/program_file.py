"""What a file that calls itself ArduCopter is, judged by its bytes before anything runs it.

A program for Linux begins with a header (ELF) that tells the machine it is for and where its parts
lie in the file; a file that ends before its last part is not whole, whatever a server said of its
length. ArduCopter holds its own name, version and the commit it was made from as one text.

Numbers: the ELF-64 object file format (System V ABI, "ELF Header", "Program Header"; x86-64 is
machine 62).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from agri.errors import Refused

MAGIC_64_LITTLE = b"\x7fELF\x02\x01"
X86_64 = 62
RUNNABLE = (2, 3)
"""ET_EXEC and ET_DYN."""
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_TITLE = re.compile(rb"ArduCopter V(\d+\.\d+\.\d+[\w.-]{0,20}) \(([0-9a-f]{7,12})\)")


@dataclass(frozen=True, slots=True)
class Title:
    """What the program calls itself: its version, and the beginning of its commit."""

    version: str
    commit: str


def read_title(data: bytes) -> Title:
    """Return what a program for this kind of machine calls itself.

    Parameters
    ----------
    data : bytes
        The whole file.

    Raises
    ------
    Refused
        When it is no program for x86-64 Linux, not whole, or not ArduCopter.
    """
    if not data.startswith(MAGIC_64_LITTLE) or len(data) < _HEADER.size:
        raise Refused("error.sitl_not_a_program", bytes=len(data))
    _, kind, machine, _, _, segments_at, _, _, _, size, count, *_ = _HEADER.unpack_from(data)
    if machine != X86_64 or kind not in RUNNABLE:
        raise Refused("error.sitl_other_machine", machine=machine)
    if size != _SEGMENT.size or not count or segments_at + count * size > len(data):
        raise Refused("error.sitl_not_whole", bytes=len(data))
    for number in range(count):
        segment = _SEGMENT.unpack_from(data, segments_at + number * size)
        if segment[2] + segment[5] > len(data):
            raise Refused("error.sitl_not_whole", bytes=len(data))
    found = _TITLE.search(data)
    if found is None:
        raise Refused("error.sitl_not_copter")
    return Title(found[1].decode("ascii"), found[2].decode("ascii"))
