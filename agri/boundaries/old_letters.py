"""Vietnamese text from before Unicode, read without asking the user which code page it was.

Theory of operation
-------------------
Names in boundary files come as UTF-8 (new files), UTF-16 (Excel's "Unicode text"), Windows-1258
(a base letter followed by a tone mark) or TCVN3 (the ABC fonts of cadastral offices: one byte a
letter, named in no header). The first two are recognised for certain: by a byte order mark, or
because chance text is not valid UTF-8. The last two are both possible for any bytes, so both are
tried and the one that leaves fewer characters outside the Vietnamese alphabet wins; TCVN3 read
as Windows-1258 (and the reverse) leaves signs such as ¸ or µ, or tone marks on nothing.

The TCVN3 table is that of TCVN 5712:1993 (VN3), bytes 0xA1 to 0xFE, as glibc's iconv
(TCVN5712-1) has it.
"""

from __future__ import annotations

import codecs
import unicodedata

_TCVN3 = {
    0xA1: "ĂÂÊÔƠƯĐăâêôơưđ",
    0xB5: "àảãáạ",
    0xBB: "ằẳẵắ",
    0xC6: "ặầẩẫấậè",
    0xCE: "ẻẽéẹềểễếệìỉ",
    0xDC: "ĩíịò",
    0xE1: "ỏõóọồổỗốộờởỡớợù",
    0xF1: "ủũúụừửữứựỳỷỹýỵ",
}
_TCVN3_LETTERS = {
    first + step: letter for first, letters in _TCVN3.items() for step, letter in enumerate(letters)
}
_SAYS_NOTHING = frozenset({"ascii", "cp1252", "iso8859-1"})  # what writers state by default
_ALPHABET = frozenset(
    letter for letters in _TCVN3.values() for letter in letters + letters.upper()
) | frozenset("–—‘’“”…°²³′″×·")


def guess_encoding(data: bytes, stated: str = "") -> str:
    r"""Return the name of the encoding that `data` is written in.

    Parameters
    ----------
    data : bytes
        Text of unknown encoding; the more of it, the surer the answer.
    stated : str
        The encoding the file names itself, "" when none; believed when it fits the bytes.

    Returns
    -------
    str
        ``utf-8``, ``utf-16``, ``cp1258``, ``tcvn3`` or the stated one.

    Examples
    --------
    >>> guess_encoding("Ruộng Bình Khê".encode())
    'utf-8'
    >>> guess_encoding(b"Ru\xe9ng B\xd7nh Kh\xaa")
    'tcvn3'
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for candidate in filter(None, (_known(stated), "utf-8-sig")):
        try:
            data.decode(candidate)
        except (UnicodeError, ValueError):
            continue
        return "utf-8" if candidate == "utf-8-sig" else candidate
    return min(("cp1258", "tcvn3"), key=lambda name: _strangers(decode(data, name)))


def decode(data: bytes, encoding: str) -> str:
    r"""Return `data` as composed (NFC) text; what cannot be read becomes U+FFFD.

    Examples
    --------
    >>> decode(b"Ru\xe9ng B\xd7nh Kh\xaa", "tcvn3")
    'Ruộng Bình Khê'
    """
    if encoding == "tcvn3":
        text = data.decode("latin-1").translate(_TCVN3_LETTERS)
    else:
        text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace")
    return unicodedata.normalize("NFC", text)


def _known(stated: str) -> str:
    name = stated.strip().lower()
    name = f"cp{name}" if name.isdigit() else name.replace("ansi ", "cp")
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    text_codec = bool(getattr(codec, "_is_text_encoding", True))
    return codec.name if text_codec and codec.name not in _SAYS_NOTHING else ""


def _strangers(text: str) -> int:
    return sum(1 for sign in text if ord(sign) > 127 and sign not in _ALPHABET)
