"""The reflectance panel in a picture: found, read, and told from what only looks like one.

Theory of operation
-------------------
Three ways lead to the panel's grey square, in this order: an outline drawn by hand; the outline
that the camera itself wrote (ReflectArea of newer RedEdge and Altum); the QR code beside it. The
code's four corners and its printed size give the plane's perspective, and in that plane the square
lies at a known place for each generation of panels (makers' library, MIT licence; there in half
millimetres, here in millimetres). Read is the inner half of it, so that its edge does not matter:

    ========== ========= ============ =====================
    generation code side square read  its centre from code's
    ========== ========= ============ =====================
    1, 2       42        38.1         (−71.6, 0)
    3 to 5     45        25           (−72.9, 0)
    6 on       41        25           (0, −65.42)
    ========== ========= ============ =====================

Only where the square lies from the code is not told for every generation. Of the four sides those
are taken that are even, and of them the brightest, since panels are brighter than what they lie on;
for generations 1 and 2 the side is known (below the code as it is printed) and tried first.

The code is looked for in the file's own pixels (eight bits of them are enough, stretched where they
are dark), never in an undistorted picture: a wrong focal length then cannot hide it. Only the
points go through the lens model, if there is one that can be undone. The light of the square is
read from unresampled pixels.

What a panel reflects is `imagery.calibration.certificate`: in the code from generation 4 on, on
paper before. A square that is saturated, uneven (shadow, dirt, a hand) or too small is no
measurement: a finding says so and no reading is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.findings import Finding
from imagery.calibration.certificate import SERIAL, Certificate, code_certificate
from imagery.calibration.lens import bent_points, straight_points
from imagery.calibration.radiance import Counts, radiance
from imagery.extras import extra
from imagery.photo import Photo

Points = NDArray[np.float64]
How = Literal["outlined", "camera", "code"]
"""Who told where the panel is."""
GENERATIONS: tuple[tuple[int, float, float, tuple[float, float]], ...] = (
    (6, 41.0, 25.0, (0.0, -65.42)),
    (3, 45.0, 25.0, (-72.9, 0.0)),
    (1, 42.0, 38.1, (-71.6, 0.0)),
)
"""First generation, code's side, square's side, square's centre from the code's; millimetres."""
BELOW = 3
"""Turn of the table's axes against the code's corners (upper left first) that puts the square below
the code, as real panels of generation 2 have it."""
KNOWN = 2
"""Up to this generation the square was seen below the code."""
MIN_PIXELS = 100
"""A smaller square is no measurement."""
MAX_UNEVEN = 0.05
"""Standard deviation over mean above which the square is not evenly lit."""
MAX_SATURATED = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelPlace:
    """Where the panel's grey square is in a file.

    Parameters
    ----------
    corners_px : tuple of (float, float)
        Three or more corners in order, x and y in the file's own (undistorted nowhere) pixels.
    how : {"outlined", "camera", "code"}
    serial : str
        As the code or the camera tells.
    certificate : Certificate or None
        As the code tells, generation 4 on.
    """

    corners_px: tuple[tuple[float, float], ...]
    how: How
    serial: str = ""
    certificate: Certificate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelReading:
    """What one band measured of the panel.

    Parameters
    ----------
    photo : Photo
    place : PanelPlace
    radiance : float
        Mean over the square, unit as `imagery.calibration.radiance.Measured`.
    absolute : bool
    uneven : float
        Standard deviation over mean.
    pixels : int
    albedo : float
        The panel's reflectance in this band.
    findings : tuple of Finding
    """

    photo: Photo
    place: PanelPlace
    radiance: float
    absolute: bool
    uneven: float
    pixels: int
    albedo: float
    findings: tuple[Finding, ...] = ()

    @property
    def irradiance(self) -> float:
        """Light that fell on the panel: π · radiance / reflectance, per nm when absolute."""
        return float(np.pi * self.radiance / self.albedo)


def find_panel(
    photo: Photo, counts: Counts, outline: Sequence[tuple[float, float]] = ()
) -> PanelPlace | None:
    """Return where the panel's square is, None when nothing shows it.

    Parameters
    ----------
    photo : Photo
    counts : (H, W) uint8 or uint16
        The file's pixels.
    outline : sequence of (x, y), optional
        Drawn by hand, pixels; it wins.

    Raises
    ------
    BadInput
        When the outline has fewer than three corners or lies outside, or a library is missing.
    """
    facts = photo.panel
    serial = facts.serial if facts is not None else ""
    if outline:
        corners = tuple((float(x), float(y)) for x, y in outline)
        inside = all(0 <= x < photo.width_px and 0 <= y < photo.height_px for x, y in corners)
        if len(corners) < 3 or not inside:
            raise BadInput("error.panel_outline", name=photo.name, corners=len(corners))
        return PanelPlace(corners_px=corners, how="outlined", serial=serial)
    if facts is not None and len(facts.corners_px) >= 3:
        return PanelPlace(corners_px=facts.corners_px, how="camera", serial=serial)
    return _by_code(photo, counts)


def read_panel(
    photo: Photo,
    counts: Counts,
    *,
    outline: Sequence[tuple[float, float]] = (),
    certificate: Certificate | None = None,
) -> PanelReading | Finding:
    """Return the panel's radiance and reflectance in one band, or why there is none.

    Parameters
    ----------
    photo : Photo
        Of the panel; its band's wavelength is looked up in the certificate.
    counts : (H, W) uint8 or uint16
        The file's pixels.
    outline : sequence of (x, y), optional
        The square's corners by hand.
    certificate : Certificate, optional
        On paper; else the code's, else the camera's own albedo.
    """
    place = find_panel(photo, counts, outline)
    if place is None:
        return Finding.warning("finding.panel_not_found", where=photo.name)
    albedo = _albedo(photo, place, certificate)
    if isinstance(albedo, Finding):
        return albedo
    measured = radiance(photo, counts)
    inside = _inside(place.corners_px, photo)
    pixels = int(inside.sum())
    if pixels < MIN_PIXELS:
        return Finding.warning("finding.panel_small", where=photo.name, pixels=pixels)
    if float(measured.saturated[inside].mean()) > MAX_SATURATED:
        return Finding.warning("finding.panel_saturated", where=photo.name)
    square = measured.values[inside].astype(np.float64)
    mean, uneven = float(square.mean()), float(square.std() / max(square.mean(), 1e-30))
    if mean <= 0.0 or uneven > MAX_UNEVEN:
        return Finding.warning("finding.panel_uneven", where=photo.name, uneven_pct=100.0 * uneven)
    return PanelReading(
        photo=photo,
        place=place,
        radiance=mean,
        absolute=measured.absolute,
        uneven=uneven,
        pixels=pixels,
        albedo=albedo,
        findings=measured.findings,
    )


def _albedo(photo: Photo, place: PanelPlace, certificate: Certificate | None) -> float | Finding:
    chosen = certificate or place.certificate
    centre = photo.band.centre_nm if photo.band is not None else None
    if chosen is not None and centre is not None:
        return chosen.at(centre)
    if certificate is None and photo.panel is not None and photo.panel.albedo is not None:
        return photo.panel.albedo
    return Finding.warning("finding.panel_no_certificate", where=photo.name, serial=place.serial)


def _by_code(photo: Photo, counts: Counts) -> PanelPlace | None:
    """Look for the code, and for the most even of the four squares that may belong to it."""
    code = _code(photo, counts)
    if code is None:
        return None
    text, corners = code
    serial = SERIAL.search(text)
    if serial is None:
        return None
    squares = _squares(photo, counts, corners, max(1, int(serial[1])))
    if not squares:
        return None
    even = [square for square in squares if square[0] <= MAX_UNEVEN]
    best = max(even, key=lambda one: one[1])[2] if even else min(squares, key=lambda one: one[0])[2]
    return PanelPlace(
        corners_px=tuple((float(x), float(y)) for x, y in best),
        how="code",
        serial=serial[0],
        certificate=code_certificate(text),
    )


def _code(photo: Photo, counts: Counts) -> tuple[str, Points] | None:
    """Return the text and the corners (4, 2) of a panel's code in the file's pixels."""
    zxing: Any = extra("zxingcpp")
    plain = np.ascontiguousarray((counts >> max(0, photo.bits - 8)).astype(np.uint8))
    low, high = np.quantile(counts[::4, ::4], (0.01, 0.995))
    stretched = np.clip((counts - low) * (255.0 / max(high - low, 1.0)), 0.0, 255.0)
    for found in (
        found
        for grey in (plain, np.ascontiguousarray(stretched.astype(np.uint8)))
        for found in zxing.read_barcodes(grey, formats=zxing.BarcodeFormat.QRCode)
    ):
        if SERIAL.search(found.text):
            position = found.position
            corners = (position.top_left, position.top_right,
                       position.bottom_right, position.bottom_left)  # fmt: skip
            return found.text, np.array([(c.x, c.y) for c in corners], dtype=np.float64)
    return None


def _squares(
    photo: Photo, counts: Counts, code: Points, generation: int
) -> list[tuple[float, float, Points]]:
    """Return unevenness, mean count and corners of the squares that may belong to a code."""
    found = []
    for turn in (BELOW, *(n for n in range(4) if n != BELOW)):
        corners = _square(photo, code, turn, generation)
        if corners is None:
            continue
        pixels = counts[_inside(corners, photo)].astype(np.float64)
        if pixels.size < MIN_PIXELS or pixels.mean() <= 0.0:
            continue
        uneven = float(pixels.std() / pixels.mean())
        found.append((uneven, float(pixels.mean()), corners))
        if turn == BELOW and generation <= KNOWN and uneven <= MAX_UNEVEN:
            break
    return found


def _square(photo: Photo, code: Points, turn: int, generation: int) -> Points | None:
    """Return the grey square's corners in the file for one way the code may lie, if all inside."""
    cv2: Any = extra("cv2")
    _, side, square, centre = next(row for row in GENERATIONS if generation >= row[0])
    unit = np.array([(-0.5, 0.5), (0.5, 0.5), (0.5, -0.5), (-0.5, -0.5)])
    printed = np.roll(unit * side, turn, axis=0).astype(np.float32)
    lens = photo.lens
    seen = code
    if lens is not None:
        try:
            seen = straight_points(lens, code)
        except BadInput:
            lens = None
    plane = cv2.getPerspectiveTransform(printed, seen.astype(np.float32))
    wanted = (unit * square + np.array(centre)).astype(np.float32)
    corners = cv2.perspectiveTransform(wanted[None], plane)[0].astype(np.float64)
    if lens is not None:
        corners = bent_points(lens, corners)
    limits = np.array([photo.width_px - 1.0, photo.height_px - 1.0])
    inside = np.isfinite(corners).all() and (corners >= 0.0).all() and (corners <= limits).all()
    return corners if inside else None


def _inside(corners: Sequence[tuple[float, float]] | Points, photo: Photo) -> NDArray[np.bool_]:
    """Return which pixel centres lie in a polygon (even-odd rule)."""
    points = np.clip(np.asarray(corners, dtype=np.float64), -1e6, 1e6)
    inside = np.zeros((photo.height_px, photo.width_px), dtype=bool)
    low = np.maximum(np.floor(points.min(axis=0)).astype(int), 0)
    high = np.minimum(
        np.ceil(points.max(axis=0)).astype(int) + 1, [photo.width_px, photo.height_px]
    )
    if (high <= low).any():
        return inside
    x, y = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
    within = np.zeros(x.shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y0 != y1:
            crosses = (y0 > y) != (y1 > y)
            within ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    inside[low[1] : high[1], low[0] : high[0]] = within
    return inside
