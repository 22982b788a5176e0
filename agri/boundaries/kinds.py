"""What a feature is, from the word its file has for it, in Vietnamese or English.

A polygon without such a word is a field. The word stands in a property ``kind`` or ``loai``
(``loại``); case, diacritics, hyphens and underscores do not matter. Houses are two things at once:
an obstacle for the aircraft and a site that spray must not reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from agri.names import fold

What = Literal[
    "field", "tree", "pole", "power_line", "house", "road", "other",
    "water", "bees", "organic", "ruoi", "pad", "no_fly",
]  # fmt: skip
"""Everything a boundary file can tell of."""

KIND_KEYS = ("kind", "loai", "loai doi tuong")
"""Properties that hold the word, first found first taken; folded."""

_WORDS: dict[What, str] = {
    "field": "field|fields|ruong|thua|thua dat|ruong lua|vuon|vuon cay|vuon vai|vuon na|canh dong"
    "|nuong|parcel|plot|boundary|ranh|ranh gioi|ranh thua",
    "tree": "tree|trees|cay|cay to|cay cao|cay coi|hang cay",
    "pole": "pole|pylon|tower|mast|cot|cot dien|tru|tru dien|cot dien thoai|cot phat song|thap",
    "power_line": "power line|powerline|power lines|line|electric line|wire|wires|cable"
    "|duong dien|duong day|duong day dien|day dien|dien|luoi dien|cap dien",
    "house": "house|houses|building|buildings|home|nha|nha o|nha dan|nha cua|khu dan cu|truong hoc"
    "|school|chua|den|cong trinh",
    "road": "road|roads|street|track|path|duong|duong di|duong giao thong|duong lang|quoc lo"
    "|railway|duong sat",
    "other": "other|obstacle|obstacles|khac|vat can|chuong ngai vat",
    "water": "water|pond|lake|river|stream|canal|ditch|nuoc|ao|ho|song|suoi|kenh|muong|kenh muong"
    "|ao ho|ao ca|ho nuoc|gieng|nguon nuoc",
    "bees": "bees|bee|beehive|beehives|hives|apiary|ong|to ong|nuoi ong|trai ong|dan ong",
    "organic": "organic|organic farm|huu co|ruong huu co|vuon huu co",
    "ruoi": "ruoi|ragworm|ragworms|ruong ruoi|bai ruoi|dong ruoi",
    "pad": "pad|take off|takeoff|landing|home pad|launch|helipad|bai cat canh|bai dap|bai ha canh"
    "|diem cat canh|cho cat canh|bai cat ha canh|san bai",
    "no_fly": "no fly|nofly|no fly zone|nfz|cam bay|vung cam bay|khu cam bay|khong bay",
}
_MEANING: dict[str, What] = {
    word: what for what, words in _WORDS.items() for word in words.split("|")
}


def word_for_kind(properties: Mapping[str, str]) -> str:
    """Return the word that says what a feature is, "" when there is none.

    Parameters
    ----------
    properties : mapping of str to str
        Properties with folded keys.
    """
    return next((word for key in KIND_KEYS if (word := properties.get(key, ""))), "")


def meaning(word: str) -> What | None:
    """Return what a word means, None when it is not known.

    Examples
    --------
    >>> meaning("Đường dây điện"), meaning("no-fly"), meaning("Ruộng rươi"), meaning("vải thiều")
    ('power_line', 'no_fly', 'ruoi', None)
    """
    return _MEANING.get(" ".join(fold(word).replace("_", " ").replace("-", " ").split()))
