"""Camera geometry of a survey (values; formulas below them)."""

from __future__ import annotations

from dataclasses import dataclass


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
