"""Names people give: compared the way people mean them, turned into file names machines can bear.

A farmer types "ruong dong" on a keyboard without Vietnamese letters and means "Ruộng Đồng".
`fold` takes case and diacritics away for such comparisons, `choose` finds the one name meant, and
`slug` makes a file name of lower-case ASCII letters, digits and hyphens. The name itself is only
a label: it is stored as written (in Unicode form NFC), never used as a path.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence

RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"}
)
"""Device names that Windows keeps in every folder, with any extension (Microsoft, "Naming Files,
Paths, and Namespaces")."""

_D = str.maketrans("đĐ", "dD")


def storable(text: str) -> str:
    r"""Return `text` with what no database keeps (a lone surrogate, a zero byte) replaced.

    Examples
    --------
    >>> storable("na\ud800 na\0")
    'na? na?'
    """
    return text.replace("\0", "?").encode("utf-8", "replace").decode("utf-8")


def clean(name: str) -> str:
    """Return `name` in Unicode form NFC without space at its ends.

    Examples
    --------
    >>> clean("  Ruộng Đồng ") == "Ruộng Đồng"
    True
    """
    return unicodedata.normalize("NFC", storable(name)).strip()


def label(name: str) -> str:
    """Return a name as it is kept: clean, on one line, its words one space apart.

    Two names that look alike on every page would else be two.

    Examples
    --------
    >>> label(" Ruộng   Đồng ")
    'Ruộng Đồng'
    """
    return " ".join(clean(name).split())


def same(name: str) -> str:
    """Return what two names share when they are the same name: a `label`, case folded.

    Examples
    --------
    >>> same("Ruộng  ĐỒNG") == same("ruộng đồng"), same("ruong dong") == same("ruộng đồng")
    (True, False)
    """
    return unicodedata.normalize("NFC", label(name).casefold())


def fold(name: str) -> str:
    """Return `name` without case, diacritics and doubled space.

    Examples
    --------
    >>> fold("Ruộng  ĐỒNG")
    'ruong dong'
    """
    letters = unicodedata.normalize("NFD", clean(name).translate(_D).casefold())
    bare = "".join(c for c in letters if unicodedata.category(c) != "Mn")
    return " ".join(bare.split())


def slug(label: str, *, empty: str = "x", longest: int = 48) -> str:
    """Return a file name stem for `label`: a–z, 0–9 and hyphens, never a device name.

    Parameters
    ----------
    label : str
        Anything.
    empty : str
        What to give when nothing of the label is left.
    longest : int
        Most characters.

    Examples
    --------
    >>> slug("Ruộng Đồng số 2/Bình Khê"), slug("../../etc/passwd"), slug("NUL"), slug("…")
    ('ruong-dong-so-2-binh-khe', 'etc-passwd', 'nul-x', 'x')
    """
    folded = unicodedata.normalize("NFKD", fold(label)).encode("ascii", "ignore").decode("ascii")
    stem = re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:longest].strip("-") or empty
    return f"{stem}-x" if stem in RESERVED else stem


def choose(wanted: str, names: Sequence[str]) -> list[int]:
    """Return which of `names` is meant by `wanted`.

    The same name counts first, then the same without case, then without diacritics, then names
    that hold all the words wanted; the first of these that finds any decides.

    Returns
    -------
    list of int
        Indices into `names`: one when clear, several when ambiguous, none when not found.

    Examples
    --------
    >>> choose("ruong dong", ["Ruộng Đồng", "Vườn vải"])
    [0]
    >>> choose("vai", ["Ruộng Đồng", "Vườn vải Bình Khê"])
    [1]
    """
    for key in (clean, same, fold):
        target = key(wanted)
        found = [index for index, name in enumerate(names) if key(name) == target]
        if found:
            return found
    words = fold(wanted).split()
    return [i for i, n in enumerate(names) if words and set(words) <= set(fold(n).split())]


def near(wanted: str, names: Sequence[str], *, most: int = 5) -> list[str]:
    """Return the names most like `wanted`, or the first few when none is like it.

    Examples
    --------
    >>> near("vuon vai", ["Ruộng Đồng", "Vườn vải thiều"])
    ['Vườn vải thiều']
    """
    folded = {fold(name): name for name in names}
    found = difflib.get_close_matches(fold(wanted), folded, n=most, cutoff=0.5)
    inside = [key for key in folded if fold(wanted) and fold(wanted) in key and key not in found]
    return [folded[key] for key in (found + inside)][:most] or list(names)[:most]
