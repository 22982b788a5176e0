"""Which photos are blurred, too bright or too dark, and which captures lack a band.

Theory of operation
-------------------
**Blur** has no measure of its own: sharpness (`imagery.decoding.pixels`) depends on what grows
there. A photo is called blurred when it has less than `BLURRED` of the middle sharpness of the
photos around it (same band, `AROUND` before and after), and less than half of that of the whole
flight. A set of fewer than `FEWEST` photos says nothing about blur.

**Too bright**: more than `MOST_BRIGHT` of a band's pixels, or `MOST_BRIGHT_COLOUR` of a colour
picture's, are saturated: they hold no measurement. A few per cent are roofs and water.

**Too dark**: the brightest hundredth is not `LEAST_LIGHT` of full scale above black. Thermal bands
are not judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from agri.findings import Finding
from imagery.bands import Role
from imagery.intake.captures import Capture, band_name, usual_bands
from imagery.intake.photos import Seen

BLURRED = 0.3
AROUND = 4
FEWEST = 6
MOST_BRIGHT = 0.05
MOST_BRIGHT_COLOUR = 0.10
LEAST_LIGHT = 0.05
LEAST_LIGHT_COLOUR = 0.15
NAMED = 3
"""Names in a sentence."""


def some(names: Sequence[str]) -> str:
    """Return the first few names for a sentence.

    Examples
    --------
    >>> some(["a", "b", "c", "d"])
    'a, b, c …'
    """
    return ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")


def judge_quality(photos: Sequence[Seen], captures: Sequence[Capture]) -> tuple[Finding, ...]:
    """Return what is wrong with photos as pictures.

    Parameters
    ----------
    photos : sequence of Seen
        Of one camera, in the order taken, without those of the panel.
    captures : sequence of Capture
        The captures they make up.
    """
    findings: list[Finding] = []
    for key, found in (
        ("finding.photos_blurred", blurred(photos)),
        ("finding.photos_too_bright", [seen for seen in photos if _too_bright(seen)]),
        ("finding.photos_too_dark", [seen for seen in photos if _too_dark(seen)]),
    ):
        if found:
            names = some([seen.photo.name for seen in found])
            findings.append(Finding.warning(key, count=len(found), of=len(photos), names=names))
    missing = missing_bands(captures)
    if missing:
        first, bands = missing[0]
        findings.append(
            Finding.warning(
                "finding.captures_incomplete",
                count=len(missing),
                of=len(captures),
                name=first.name,
                bands=", ".join(bands),
            )
        )
    return tuple(findings)


def missing_bands(captures: Sequence[Capture]) -> list[tuple[Capture, tuple[str, ...]]]:
    """Return the captures that lack bands which most have, and which bands."""
    usual = usual_bands(captures)
    found = []
    for capture in captures:
        has = {band_name(photo) for photo in capture.photos}
        lacks = tuple(name for name in usual if name not in has)
        if lacks:
            found.append((capture, lacks))
    return found


def blurred(photos: Sequence[Seen]) -> list[Seen]:
    """Return the photos that are much less sharp than those around them.

    Parameters
    ----------
    photos : sequence of Seen
        In the order taken.
    """
    bands: dict[tuple[str, int], list[Seen]] = {}
    for seen in photos:
        if seen.measures is not None and not _thermal(seen):
            bands.setdefault((band_name(seen.photo), seen.photo.width_px), []).append(seen)
    return [seen for band in bands.values() if len(band) >= FEWEST for seen in _blurred_of(band)]


def _blurred_of(band: Sequence[Seen]) -> list[Seen]:
    sharpness = [seen.measures.sharpness if seen.measures else 0.0 for seen in band]
    usual = median(sharpness)
    found = []
    for place, (seen, value) in enumerate(zip(band, sharpness, strict=True)):
        around = sharpness[max(0, place - AROUND) : place + AROUND + 1]
        if value < BLURRED * median(around) and value < 0.5 * usual:
            found.append(seen)
    return found


def _thermal(seen: Seen) -> bool:
    return seen.photo.band is not None and seen.photo.band.role is Role.T


def _too_bright(seen: Seen) -> bool:
    if seen.measures is None or _thermal(seen):
        return False
    most = MOST_BRIGHT if seen.photo.channels == 1 else MOST_BRIGHT_COLOUR
    return seen.measures.bright_share > most


def _too_dark(seen: Seen) -> bool:
    if seen.measures is None or _thermal(seen):
        return False
    black = (seen.photo.black_level or 0.0) / (2.0**seen.photo.bits - 1.0)
    least = LEAST_LIGHT if seen.photo.channels == 1 else LEAST_LIGHT_COLOUR
    return seen.measures.high_level - black < least
