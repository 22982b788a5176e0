"""Names no file should have to bear, and names farmers really give."""

from __future__ import annotations

import random

FARMERS = ("Ruộng Đồng", "Vườn vải thiều Bình Khê", "Bờ kênh số 2", "Đầm rươi Yên Đức", "na dai")
ODD = (
    "", ".", "..", "...", "…", "…/", "/", "//", "../../etc/passwd", "a/../../b", "/etc/passwd",
    "../x", "~root/x", "C:\\Windows\\x", "C:x", "\\\\host\\share", "a\\..\\b", "NUL", "CON",
    "nul.json", "com1.txt", "COM¹", "LPT9", "aux.", "aux .json", "a\x00b", "\x00", "a\nb", "a\tb",
    "\x1b[2J", "\u202etxt.exe", "\u200fx", "a\u200bb", "\ufeffx", "\ud800", "x" * 500, "ồ" * 500,
    "a/" * 300, " x", "x ", "x.", "-rf", "--help", "$(reboot)", "`x`", "a;b", "a|b", "a?b", "a*b",
    '"x"', "<x>", "link/x", "linkfile", "./x", "x/.", "x//y", ".hidden", "%2e%2e/x", "..%2fx",
    "Ｎ\uff35L", "／etc／passwd", "．．/x", "plans", "link", "farm.gpkg", "🚁", "İ", "ß", "ﬁ",
    "e\u0301" * 80,
)  # fmt: skip
"""Traversal, devices, direction marks, controls, lone surrogates, length, shells, other scripts."""


def odd_names(count: int, seed: int = 1) -> list[str]:
    """Return `count` names: all of the above, then seeded mixtures of their pieces."""
    chance = random.Random(seed)
    pieces = [*ODD, *FARMERS, "/", "..", "../", "\\", ":", ".", " ", "\x00", "\u202e", "a", "Đ"]
    names = [*ODD, *FARMERS]
    while len(names) < count:
        names.append("".join(chance.choices(pieces, k=chance.randint(1, 4))))
    return names[:count]
