"""A stranger's file name, made one that any disk can bear.

Theory of operation. A browser tells whatever it likes as a file's name: with folders in it, with
the names of devices, with marks that turn the writing round, with no end. What it tells is kept as
a label, to be shown; the name on the disk is made of it: its last part, its letters and digits
(of any script), hyphens, underscores, spaces and brackets; at most `LONGEST` bytes with its ending.
Cameras join files by such names, so they stay as they are where they can. Two files never get the
same name, however it is cased.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

from agri.names import RESERVED, storable

LONGEST = 120
LONGEST_LABEL = 200
LONGEST_ENDING = 12
_KEPT = frozenset("-_ ()+.")


def label_of(told: str) -> str:
    r"""Return a told name as it may be shown: one line, short, nothing that does not print.

    Examples
    --------
    >>> label_of("C:\\fakepath\\ảnh\u202e 1.JPG")
    'ảnh 1.JPG'
    """
    last = unicodedata.normalize("NFC", storable(told)).replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:LONGEST_LABEL].strip()


def disk_name(told: str, taken: Collection[str] = ()) -> str:
    r"""Return the name on the disk for a told name.

    Parameters
    ----------
    told : str
        Anything.
    taken : collection of str
        Names that are given already, case folded.

    Examples
    --------
    >>> disk_name("../../etc/passwd"), disk_name("CON.jpg"), disk_name("a\x00b:c?.jpg. ")
    ('passwd', 'file-CON.jpg', 'abc.jpg')
    >>> disk_name("DJI_0001.JPG", {"dji_0001.jpg"}), disk_name("...")
    ('DJI_0001-2.JPG', 'file')
    """
    plain = "".join(c for c in label_of(told) if c.isalnum() or c in _KEPT).strip(" .")
    stem, dot, ending = plain.rpartition(".")
    if not dot or not 0 < len(ending.encode()) <= LONGEST_ENDING:
        stem, ending = plain, ""
    stem = _cut(stem.strip(" ."), LONGEST - LONGEST_ENDING - 8).strip(" .") or "file"
    if stem.split(".", 1)[0].strip().lower() in RESERVED:
        stem = f"file-{stem}"
    tail = f".{ending}" if ending else ""
    name, number = f"{stem}{tail}", 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem}-{number}{tail}"
    return name


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode("utf-8", "ignore")
