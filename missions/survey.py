"""What a camera sees from a height, and what follows for lines, pictures and speed.

Theory of operation
-------------------
The camera looks straight down on flat ground, its width across the line. One pixel is square,
so the sensor's **width and pixel count alone** set the ground sample distance, and a picture is
that many pixels wide and high on the ground::

    gsd        = height · sensor_width / (focal_length · image_width)
    footprint  = gsd · image_width  across,   gsd · image_height  along
    spacing    = footprint across · (1 − side overlap)
    trigger    = footprint along  · (1 − front overlap)

The sensor height is left out on purpose: published heights are rounded differently from widths
(a GoPro Hero4's 6.17 × 4.55 mm would make its pixels 1.7 % flat), and QGroundControl, whose
figures the golden survey carries, does the same. The angle of view is never used: half the
footprint is height · tan(half angle), not height · half angle, and the ratio above is exact.

Motion blur is speed · exposure in pixels. The camera's shortest interval caps the speed:
a faster aircraft would leave gaps between pictures without anyone being told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from agri.errors import BadInput

HEIGHT_M = (5.0, 500.0)
"""Heights a survey may ask for; the permit's ceiling is checked apart from this."""
SPEED_M_S = (0.5, 25.0)
"""Ground speeds a survey may ask for."""
MAX_OVERLAP = 0.95
"""Above it the spacing of lines and pictures runs to nothing."""
MAX_LEAD_IN_M = 100.0
"""A longer lead-in is taken for a mistake of units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One lens and sensor of a survey camera, landscape (width across the flight line).

    Parameters
    ----------
    name : str
        Catalogue name, unique.
    sensor_width_mm, sensor_height_mm, focal_length_mm : float
        Physical sensor and real (not 35-mm equivalent) focal length.
    image_width_px, image_height_px : int
        Picture size.
    min_interval_s : float
        Shortest time between two pictures.
    exposure_s : float
        Exposure taken for the blur figure.
    bands : tuple of str
        Bands it records, ("rgb",) for a plain camera.
    mass_g : float
        0 when not known.
    source : str
        Where the figures come from.
    """

    name: str
    sensor_width_mm: float
    sensor_height_mm: float
    focal_length_mm: float
    image_width_px: int
    image_height_px: int
    min_interval_s: float
    exposure_s: float
    bands: tuple[str, ...] = ("rgb",)
    mass_g: float = 0.0
    source: str = ""

    def __post_init__(self) -> None:
        positive = ("sensor_width_mm", "sensor_height_mm", "focal_length_mm", "exposure_s")
        counts = ("image_width_px", "image_height_px")
        for field in (*positive, *counts, "min_interval_s", "mass_g"):
            value = float(getattr(self, field))
            least = 0.0 if field in ("min_interval_s", "mass_g") else 1e-9
            if not (math.isfinite(value) and value >= least):
                raise BadInput("error.camera_value", camera=self.name, name=field, value=value)

    @property
    def pixel_pitch_um(self) -> float:
        """Size of one pixel on the sensor, micrometres, from the width."""
        return self.sensor_width_mm * 1000.0 / self.image_width_px


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveySettings:
    """What the user asks of a survey.

    Parameters
    ----------
    camera : Camera
        The camera flown.
    height_m : float
        Height above the ground (= above home; flat field assumed and said so).
    front_overlap, side_overlap : float
        Shares, 0 to 0.95.
    speed_m_s : float
        Ground speed along the lines.
    angle_deg : float or None
        Direction of the lines, degrees clockwise from true north, 0 to 180; None picks the best.
    edge_pass : bool
        Whether to fly a pass round the border and every hole as well.
    lead_in_m : float
        How far a line begins before and goes on after the field, for a steady picture.
    """

    camera: Camera
    height_m: float
    front_overlap: float = 0.75
    side_overlap: float = 0.70
    speed_m_s: float = 8.0
    angle_deg: float | None = None
    edge_pass: bool = False
    lead_in_m: float = 0.0

    def __post_init__(self) -> None:
        _within("error.survey_height", self.height_m, *HEIGHT_M)
        _within("error.survey_front_overlap", self.front_overlap, 0.0, MAX_OVERLAP)
        _within("error.survey_side_overlap", self.side_overlap, 0.0, MAX_OVERLAP)
        _within("error.survey_speed", self.speed_m_s, *SPEED_M_S)
        _within("error.survey_lead_in", self.lead_in_m, 0.0, MAX_LEAD_IN_M)
        if self.angle_deg is not None:
            _within("error.survey_angle", self.angle_deg, 0.0, 180.0)


def _within(key: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise BadInput(key, value=value, low=low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyGeometry:
    """What follows from camera, height, overlap and speed.

    Parameters
    ----------
    gsd_cm : float
        Ground sample distance, centimetres per pixel.
    footprint_across_m, footprint_along_m : float
        Ground size of one picture across and along the line.
    line_spacing_m, trigger_m : float
        Asked spacing of lines and distance between pictures.
    interval_s : float
        Time between pictures at the asked speed.
    max_speed_m_s : float
        Speed at which the camera's shortest interval is reached.
    blur_px : float
        Motion during the exposure, in pixels.
    """

    gsd_cm: float
    footprint_across_m: float
    footprint_along_m: float
    line_spacing_m: float
    trigger_m: float
    interval_s: float
    max_speed_m_s: float
    blur_px: float


def gsd_cm(camera: Camera, height_m: float) -> float:
    """Return the ground sample distance in centimetres per pixel.

    Parameters
    ----------
    camera : Camera
        The camera, looking straight down.
    height_m : float
        Height above the ground.

    Examples
    --------
    >>> gopro = Camera(name="GoPro Hero4 Black", sensor_width_mm=6.17, sensor_height_mm=4.63,
    ...                focal_length_mm=2.98, image_width_px=4000, image_height_px=3000,
    ...                min_interval_s=0.5, exposure_s=0.001)
    >>> round(gsd_cm(gopro, 100.0), 3)
    5.176
    """
    return (
        height_m * 100.0 * camera.sensor_width_mm / (camera.focal_length_mm * camera.image_width_px)
    )


def height_for_gsd(camera: Camera, gsd_cm: float) -> float:
    """Return the height above ground, metres, that gives `gsd_cm`; the inverse of `gsd_cm`.

    Raises
    ------
    BadInput
        When `gsd_cm` is not a positive number.

    Examples
    --------
    >>> p1 = Camera(name="P1 35 mm", sensor_width_mm=35.9, sensor_height_mm=24.0,
    ...             focal_length_mm=35.0, image_width_px=8192, image_height_px=5460,
    ...             min_interval_s=0.7, exposure_s=0.001)
    >>> round(height_for_gsd(p1, 1.0), 1)
    79.9
    """
    if not (math.isfinite(gsd_cm) and gsd_cm > 0.0):
        raise BadInput("error.survey_gsd", value=gsd_cm)
    return (
        gsd_cm * camera.focal_length_mm * camera.image_width_px / (100.0 * camera.sensor_width_mm)
    )


def blur_px(speed_m_s: float, exposure_s: float, gsd_cm: float) -> float:
    """Return how many pixels the ground moves during the exposure.

    Examples
    --------
    >>> blur_px(8.0, 0.001, 2.0)
    0.4
    """
    return speed_m_s * exposure_s * 100.0 / gsd_cm


def survey_geometry(settings: SurveySettings) -> SurveyGeometry:
    """Return what follows from camera, height, overlaps and speed.

    Parameters
    ----------
    settings : SurveySettings
        As asked.

    Returns
    -------
    SurveyGeometry
        `max_speed_m_s` is infinite for a camera with no shortest interval.

    Examples
    --------
    >>> gopro = Camera(name="GoPro Hero4 Black", sensor_width_mm=6.17, sensor_height_mm=4.63,
    ...                focal_length_mm=2.98, image_width_px=4000, image_height_px=3000,
    ...                min_interval_s=0.5, exposure_s=0.001)
    >>> found = survey_geometry(SurveySettings(camera=gopro, height_m=100.0,
    ...                                        front_overlap=0.8, side_overlap=0.8))
    >>> round(found.line_spacing_m, 2), round(found.trigger_m, 2)
    (41.41, 31.06)
    """
    camera = settings.camera
    pixel_m = gsd_cm(camera, settings.height_m) / 100.0
    across_m, along_m = pixel_m * camera.image_width_px, pixel_m * camera.image_height_px
    trigger_m = along_m * (1.0 - settings.front_overlap)
    shortest_s = camera.min_interval_s
    return SurveyGeometry(
        gsd_cm=pixel_m * 100.0,
        footprint_across_m=across_m,
        footprint_along_m=along_m,
        line_spacing_m=across_m * (1.0 - settings.side_overlap),
        trigger_m=trigger_m,
        interval_s=trigger_m / settings.speed_m_s,
        max_speed_m_s=trigger_m / shortest_s if shortest_s > 0.0 else math.inf,
        blur_px=blur_px(settings.speed_m_s, camera.exposure_s, pixel_m * 100.0),
    )


def fitting_speed_m_s(settings: SurveySettings, *, max_blur_px: float = 1.0) -> float:
    """Return the asked speed, or the highest below it that camera and blur allow.

    Parameters
    ----------
    settings : SurveySettings
        As asked.
    max_blur_px : float
        Blur accepted; a pixel by default (Mission Planner holds half a pixel, which on a bright
        day needs a shorter exposure rather than a slower flight).

    Returns
    -------
    float
        Metres per second, rounded down to a tenth, never below the slowest survey speed.
    """
    geometry = survey_geometry(settings)
    sharp_m_s = max_blur_px * geometry.gsd_cm / (100.0 * settings.camera.exposure_s)
    allowed_m_s = min(geometry.max_speed_m_s, sharp_m_s)
    if settings.speed_m_s <= allowed_m_s:
        return settings.speed_m_s
    return max(SPEED_M_S[0], math.floor(allowed_m_s * 10.0) / 10.0)


def photo_count(length_m: float, trigger_m: float) -> int:
    """Return how many pictures one line takes: one at its start, then one each `trigger_m`.

    Examples
    --------
    >>> photo_count(100.0, 30.0), photo_count(90.0, 30.0)
    (4, 4)
    """
    return math.floor(length_m / trigger_m + 1e-9) + 1
