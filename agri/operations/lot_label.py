"""A lot's QR code: it leads to what was done to the lot.

Theory of operation. A code can only hold text. Where the farm has an address on the net (its own
page, the commune's, a shop's), the code holds that address with the lot's page behind it; the page
is made here and must be put there, agri publishes nothing. Without an address the code holds the
record itself in short: lot, field, harvests, each spray with its interval, fertilisers counted, and
the first letters of the record's digest, which stand on the printed diary too. So a phone without
a net reads what was sprayed, and who doubts it can ask for the diary and compare the digests. A
code proves nothing by itself: whoever copies the label copies the code.

At most `LONGEST` bytes go in, which a phone reads from a label of 35 mm; older sprays than fit are
counted, and the count is told. Error correction is level M (15 %) of ISO/IEC 18004.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import numpy as np

from agri.errors import BadInput
from agri.field_records import Fertiliser, Harvest, SprayRecord
from agri.names import slug
from agri.operations.diary import Diary
from agri.words import Language, day_text, say
from imagery.extras import extra

LONGEST = 620
"""Bytes of text in a code."""
DIGEST_SHOWN = 16
"""Letters of the digest on the label."""
QUIET = 4
"""Empty modules around a code (ISO/IEC 18004)."""


def page_name(diary: Diary) -> str:
    """Return the file name of a diary's page, fit for an address."""
    lot = f"-{slug(diary.lot)}" if diary.lot else ""
    return f"{slug(diary.field.name)}-{diary.season}{lot}"


def code_text(diary: Diary, language: Language, base_url: str = "") -> str:
    """Return what a lot's code holds: an address, or the record in short.

    Parameters
    ----------
    diary : Diary
        Of one lot.
    language : {"vi", "en"}
        Of the words.
    base_url : str
        Where the lot's page will be put, such as ``https://vuonvai.vn/lo``; "" for the record.

    Raises
    ------
    BadInput
        When the address is none of http or https.
    """
    if base_url:
        try:
            parts = urlsplit(base_url.strip())
            sound = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            sound = False
        if not sound or len(base_url) > 400 or any(letter.isspace() for letter in base_url.strip()):
            raise BadInput("error.base_url", value=base_url[:60])
        return f"{base_url.strip().rstrip('/')}/{page_name(diary)}.html"
    return _short(diary, language)


def _short(diary: Diary, language: Language) -> str:
    harvests = [one for one in diary.records if isinstance(one, Harvest)]
    sprays = [one for one in diary.records if isinstance(one, SprayRecord)]
    spread = sum(isinstance(one, Fertiliser) for one in diary.records)
    head = [
        say("page.code_lot", language, lot=diary.lot),
        f"{diary.field.name[:60]}, {diary.farm_name[:60]}",
        say("page.code_harvest", language, first=harvests[0].day, last=harvests[-1].day,
            kg=diary.harvested_kg),
        say("page.code_sprays" if sprays else "page.code_no_sprays", language, count=len(sprays)),
    ]  # fmt: skip
    if any(one.key == "finding.harvest_too_early" for one in diary.findings):
        head.append(say("page.code_early", language))
    tail = [say("page.code_spread", language, count=spread),
            say("page.code_digest", language, digest=diary.digest[:DIGEST_SHOWN])]  # fmt: skip
    lines = [_spray_line(one, language) for one in reversed(sprays)]
    for shown in range(len(lines), -1, -1):
        left = len(lines) - shown
        more = [say("page.code_more", language, count=left)] if left else []
        text = "\n".join([*head, *lines[:shown], *more, *tail])
        if len(text.encode()) <= LONGEST or not shown:
            return text
    return ""


def _spray_line(spray: SprayRecord, language: Language) -> str:
    day = day_text(spray.day, language)
    if spray.first_harvest is None:
        return say("page.code_spray_unknown", language, day=day, product=spray.product[:40])
    return say("page.code_spray", language, day=day, product=spray.product[:40],
               interval=spray.phi_days, first=spray.first_harvest)  # fmt: skip


def code_svg(text: str) -> str:
    """Return a QR code as an SVG drawing of one path, black on white.

    Raises
    ------
    BadInput
        When the library for it is missing, or the text is too long for a code.
    """
    zxing: Any = extra("zxingcpp", extra="diary")
    try:
        code = zxing.create_barcode(text, zxing.BarcodeFormat.QRCode, ec_level="M")
    except (ValueError, RuntimeError):
        raise BadInput("error.code_too_long", count=len(text.encode())) from None
    dark = np.asarray(code.to_image(scale=1, add_quiet_zones=False)) < 128
    dark = dark[:, :, 0] if dark.ndim == 3 else dark
    size = len(dark) + 2 * QUIET
    squares = "".join(f"M{x + QUIET} {y + QUIET}h1v1h-1z" for y, x in np.argwhere(dark))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}"'
        f' shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{size}v{size}H0z"/>'
        f'<path d="{squares}"/></svg>'
    )
