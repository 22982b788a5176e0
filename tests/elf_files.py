"""A program for x86-64 Linux made in code: it writes a text and ends. No compiler is needed."""

from __future__ import annotations

import struct

BASE, HEADER, SEGMENT = 0x400000, 64, 56
COMMIT = "3fc7011a7d3dc047cbb17d8bd98ee94577d144c6"
TITLE = b"ArduCopter V4.6.3 (3fc7011a)\0"
HELP = b"Options:\n\t--help|-h\n\t--home|-O HOME\n"


def program(
    *, says: bytes = HELP, title: bytes = TITLE, code: int = 0, machine: int = 62, padding: int = 0
) -> bytes:
    """Return a program that says a text, ends with a code, and holds a title and zeros."""
    steps = b"".join((
        b"\xb8\x01\x00\x00\x00",  # mov eax, 1 (write)
        b"\xbf\x01\x00\x00\x00",  # mov edi, 1 (standard output)
        b"\x48\x8d\x35" + struct.pack("<i", 21),  # lea rsi, [rip + 21], the text
        b"\xba" + struct.pack("<I", len(says)),  # mov edx, its length
        b"\x0f\x05",  # syscall
        b"\xb8\x3c\x00\x00\x00",  # mov eax, 60 (exit)
        b"\xbf" + struct.pack("<I", code),  # mov edi, code
        b"\x0f\x05\x90\x90",  # syscall
    ))  # fmt: skip
    body = steps + says + title + bytes(padding)
    start = BASE + HEADER + SEGMENT
    head = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, machine, 1, start, HEADER, 0, 0,
        HEADER, SEGMENT, 1, 64, 0, 0,
    )  # fmt: skip
    size = HEADER + SEGMENT + len(body)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, size, size, 0x1000)
    return head + segment + body
