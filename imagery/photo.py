"""One photo file's facts, as its EXIF and XMP tell them: the value between intake and calibration.

Theory of operation
-------------------
Reading tags is `imagery.intake`'s work, with untrusted files, every maker's own way of writing and
all their mistakes. What follows (calibration, grouping, mosaic) sees only these values: units in
the names, angles in degrees, focal lengths in pixels, nothing left as text. What a file does not
tell is None or empty, never a likely number.

Decisions kept here because both sides must agree on them:

* **Vignette.** MicaSense and Sequoia publish the fall-off itself: measured light is *divided* by
  the polynomial. DJI publishes its inverse: light is *multiplied*. `RadialVignette.multiply` says
  which. Coefficients always begin with the power 1 of the radius in pixels, the constant is 1.
* **Focal length.** MicaSense's firmware 2.1.2 writes ``PerspectiveFocalLength`` in pixels without
  units, later ones in millimetres with ``PerspectiveFocalLengthUnits``. `BrownLens` is in pixels.
* **Principal point.** In pixels from the upper left corner of the picture, pixel centres at whole
  numbers. MicaSense gives it in millimetres, DJI as an offset from the picture's centre.
* **Time** is UTC and aware; a date before the camera could exist (Sequoia writes 1970) is None, and
  so is a place when the receiver says "void".
* **Light sensor.** Irradiance in W m⁻² nm⁻¹ where the camera is calibrated so (MicaSense), else in
  the maker's own unit (`Light.absolute` is False): good for ratios between photos only.
* Heights are above sea as EXIF GPSAltitude tells it. Some receivers mean the ellipsoid, up to 30 m
  away in Vietnam; nobody should take this for better than a GPS height.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from agri.errors import BadInput
from agri.geo import Height, LonLat
from imagery.bands import Band

LightSensor = Literal["dls1", "dls2", "dji", "sequoia"]
"""Kinds of light sensor: MicaSense's first and second, DJI's, Parrot's."""
Homography = tuple[float, float, float, float, float, float, float, float, float]
"""A 3 × 3 matrix by rows: new pixel (x, y, 1) · w = matrix · old pixel (x, y, 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attitude:
    """Where something points: aerospace yaw, pitch, roll in degrees, north–east–down.

    Parameters
    ----------
    yaw_deg : float
        Clockwise from true north.
    pitch_deg : float
        Nose up. For a gimbal −90 looks straight down.
    roll_deg : float
        Right side down.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float

    def __post_init__(self) -> None:
        _finite(self.yaw_deg, self.pitch_deg, self.roll_deg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How the sensor was exposed.

    Parameters
    ----------
    time_s : float
        As the file tells; known mistakes of firmware are mended in calibration.
    gain : float
        Factor: MicaSense ISOSpeed / 100, DJI SensorGain, Sequoia ISO (its own formula wants it).
    iso : float or None
        ISO speed as EXIF has it.
    aperture : float or None
        f-number.

    Raises
    ------
    BadInput
        When time or gain is not positive.
    """

    time_s: float
    gain: float
    iso: float | None = None
    aperture: float | None = None

    def __post_init__(self) -> None:
        _positive(self.time_s, self.gain)


@dataclass(frozen=True, slots=True, kw_only=True)
class RadialVignette:
    """Light's fall-off with the distance from a centre.

    Parameters
    ----------
    centre_x_px, centre_y_px : float
        Centre, pixel centres at whole numbers.
    coefficients : tuple of float
        Of r¹, r², …, r in pixels; the constant is 1 (VignettingPolynomial, VignettingData).
    multiply : bool
        Whether light is multiplied by the polynomial (DJI) or divided by it (MicaSense).
    """

    centre_x_px: float
    centre_y_px: float
    coefficients: tuple[float, ...]
    multiply: bool = False

    def __post_init__(self) -> None:
        _finite(self.centre_x_px, self.centre_y_px, *self.coefficients)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneVignette:
    """Light's fall-off as Σ c · (x / width)ⁱ · (y / height)ʲ; light is divided by it.

    Parameters
    ----------
    powers : tuple of (int, int)
        (i, j) of each term (VignettingPolynomial2DName, pairwise).
    coefficients : tuple of float
        As many (VignettingPolynomial2D).
    """

    powers: tuple[tuple[int, int], ...]
    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        _finite(*self.coefficients)
        if len(self.powers) != len(self.coefficients) or not self.powers:
            raise BadInput("error.photo_vignette", powers=len(self.powers),
                           coefficients=len(self.coefficients))  # fmt: skip
        if any(min(pair) < 0 or max(pair) > 12 for pair in self.powers):
            raise BadInput("error.photo_value", value=str(self.powers)[:60])


Vignette = RadialVignette | PlaneVignette


@dataclass(frozen=True, slots=True, kw_only=True)
class BrownLens:
    """A perspective lens with Brown's distortion, in OpenCV's order of terms.

    Parameters
    ----------
    focal_x_px, focal_y_px : float
        Focal length in pixels.
    centre_x_px, centre_y_px : float
        Principal point, pixels from the upper left.
    k1, k2, k3, p1, p2 : float
        Radial and tangential terms (PerspectiveDistortion is k1, k2, k3, p1, p2;
        DewarpData is date; fx, fy, cx, cy, k1, k2, p1, p2, k3).
    """

    focal_x_px: float
    focal_y_px: float
    centre_x_px: float
    centre_y_px: float
    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    p1: float = 0.0
    p2: float = 0.0

    def __post_init__(self) -> None:
        _positive(self.focal_x_px, self.focal_y_px)
        _finite(self.centre_x_px, self.centre_y_px, self.k1, self.k2, self.k3, self.p1, self.p2)


@dataclass(frozen=True, slots=True, kw_only=True)
class FisheyeLens:
    """A fisheye lens as Pix4D describes it: pixel = affine · ρ(θ) · direction + principal point.

    Parameters
    ----------
    affine : tuple of four float
        C, D, E, F, pixels (FisheyeAffineMatrix).
    polynomial : tuple of float
        Of θ⁰, θ¹, … with θ the angle from the axis as a share of a right angle, 2 · angle / π
        (FisheyePolynomial).
    centre_x_px, centre_y_px : float
        Principal point, pixels from the upper left.
    """

    affine: tuple[float, float, float, float]
    polynomial: tuple[float, ...]
    centre_x_px: float
    centre_y_px: float

    def __post_init__(self) -> None:
        _finite(*self.affine, *self.polynomial, self.centre_x_px, self.centre_y_px)
        _positive(abs(self.affine[0] * self.affine[3] - self.affine[1] * self.affine[2]))
        if len(self.polynomial) < 2:
            raise BadInput("error.photo_value", value=str(self.polynomial)[:60])


Lens = BrownLens | FisheyeLens


@dataclass(frozen=True, slots=True, kw_only=True)
class SunshineReading:
    """One record of Sequoia's sunshine sensor (IrradianceList).

    Parameters
    ----------
    time_us : int
        The camera's own clock.
    channel0, channel1 : int
        Counts.
    gain : int
        The sensor's gain factor.
    exposure_ms : int
        Integration time.
    attitude : Attitude
        Of the light sensor.
    """

    time_us: int
    channel0: int
    channel1: int
    gain: int
    exposure_ms: int
    attitude: Attitude


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """What the light sensor on top of the aircraft told for this photo and band.

    Parameters
    ----------
    kind : {"dls1", "dls2", "dji", "sequoia"}
        Whose it is.
    absolute : bool
        Whether the irradiances are W m⁻² nm⁻¹; else in the maker's own unit.
    spectral_irradiance : float or None
        As measured on the tilted sensor (MicaSense SpectralIrradiance), or the maker's product
        (DJI Irradiance).
    horizontal_irradiance, direct_irradiance, scattered_irradiance : float or None
        On a level plane, of the sun's disc towards it, and of the sky (DLS2).
    solar_elevation_deg, solar_azimuth_deg : float or None
        As the sensor reckons them.
    direct_light : tuple of three float or None
        Estimated direction of the light (EstimatedDirectLightVector).
    attitude : Attitude or None
        Of the sensor.
    serial, firmware : str
        "" when not told.
    sensor_gain_adjustment : float or None
        DJI's pCam, by which the camera's value is multiplied before it is set against the light.
    valid : bool
        False when the sensor itself says that its reading does not hold (DJI LS_status 0).
    readings : tuple of SunshineReading
        Sequoia's raw records around the exposure.
    """

    kind: LightSensor
    absolute: bool
    spectral_irradiance: float | None = None
    horizontal_irradiance: float | None = None
    direct_irradiance: float | None = None
    scattered_irradiance: float | None = None
    solar_elevation_deg: float | None = None
    solar_azimuth_deg: float | None = None
    direct_light: tuple[float, float, float] | None = None
    attitude: Attitude | None = None
    serial: str = ""
    firmware: str = ""
    sensor_gain_adjustment: float | None = None
    valid: bool = True
    readings: tuple[SunshineReading, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelFacts:
    """What the camera itself says of a reflectance panel in the picture.

    Parameters
    ----------
    serial : str
        PanelSerial, "" when not told.
    albedo : float or None
        The panel's reflectance in this band, 0 to 1.
    corners_px : tuple of (float, float)
        Outline of the panel's reflecting square (ReflectArea), x and y; empty when not told.
    """

    serial: str = ""
    albedo: float | None = None
    corners_px: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if self.albedo is not None and not 0.0 < self.albedo <= 1.0:
            raise BadInput("error.photo_value", value=self.albedo)
        _finite(*(value for corner in self.corners_px for value in corner))


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """Everything one photo file tells of itself.

    Parameters
    ----------
    path : Path
        The file.
    make, model, serial, firmware : str
        Of the camera; "" when not told.
    width_px, height_px : int
        Size as stored (no turning by Orientation).
    bits : int
        Bits per sample as stored, 8 or 16 (also when the sensor has 12 of them).
    channels : int
        Samples per pixel: 1 of a single band, 3 of a colour picture.
    bands : tuple of Band
        What the file's channels are: one Band of a single-band file, one for each channel of a
        colour picture whose camera is known, empty when unknown.
    band_index : int or None
        The camera's own number of the band in its rig, from 0 (RigCameraIndex, DJI SensorIndex).
    capture_id, flight_id : str
        What joins the files of one moment, and of one flight (CaptureId, CaptureUUID, FlightId).
    taken_utc : datetime or None
        Aware, UTC.
    place : LonLat or None
        Of the camera.
    position_sd_m : float or None
        Standard deviation of the place, horizontally (RtkStdLon/Lat, GPSXYAccuracy).
    rtk_fixed : bool or None
        Whether carrier-phase positioning was fixed (DJI RtkFlag 50).
    height_sea, height_home : Height or None
        Above sea (GPSAltitude, AbsoluteAltitude) and above take-off (RelativeAltitude).
    camera, aircraft : Attitude or None
        Of the camera (gimbal) and of the aircraft.
    exposure : Exposure or None
    black_level : float or None
        Mean of BlackLevel, in stored counts (0 to 2^bits).
    vignette : RadialVignette, PlaneVignette or None
    row_gradient : tuple of three float or None
        a1, a2, a3 of MicaSense's RadiometricCalibration.
    sensor_model : tuple of three float or None
        A, B, C of Sequoia's SensorModel.
    lens : BrownLens, FisheyeLens or None
    focal_mm, pixel_um : float or None
        Focal length and pixel pitch, for the ground sample distance when `lens` is None.
    homography : tuple of nine float or None
        DJI's CalibratedHMatrix: undistorted pixels to the plane all bands share.
    rig_rotation_deg : tuple of three float or None
        RigRelatives: turn against the rig's first camera about x, y, z.
    light : Light or None
    panel : PanelFacts or None
        Present when the camera says that this is a calibration picture, or knows a panel in it.
    calibration_picture : bool
        Whether the camera itself marks the photo as one of a panel (CalibrationPicture).

    Examples
    --------
    >>> photo = Photo(path=Path("IMG_0001_3.tif"), make="MicaSense", model="RedEdge",
    ...               width_px=1280, height_px=960, bits=16, bands=(Band.at("Red", 668.0, 10.0),))
    >>> photo.band.role.value, photo.place
    ('R', None)
    """

    path: Path
    make: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    width_px: int
    height_px: int
    bits: int
    channels: int = 1
    bands: tuple[Band, ...] = ()
    band_index: int | None = None
    capture_id: str = ""
    flight_id: str = ""
    taken_utc: datetime | None = None
    place: LonLat | None = None
    position_sd_m: float | None = None
    rtk_fixed: bool | None = None
    height_sea: Height | None = None
    height_home: Height | None = None
    camera: Attitude | None = None
    aircraft: Attitude | None = None
    exposure: Exposure | None = None
    black_level: float | None = None
    vignette: Vignette | None = None
    row_gradient: tuple[float, float, float] | None = None
    sensor_model: tuple[float, float, float] | None = None
    lens: Lens | None = None
    focal_mm: float | None = None
    pixel_um: float | None = None
    homography: Homography | None = None
    rig_rotation_deg: tuple[float, float, float] | None = None
    light: Light | None = None
    panel: PanelFacts | None = None
    calibration_picture: bool = False

    def __post_init__(self) -> None:
        if min(self.width_px, self.height_px, self.channels) < 1 or not 1 <= self.bits <= 64:
            raise BadInput("error.photo_size", name=self.path.name[:60], width=self.width_px,
                           height=self.height_px, bits=self.bits)  # fmt: skip
        if self.taken_utc is not None and self.taken_utc.tzinfo is None:
            raise BadInput("error.photo_value", value=str(self.taken_utc))
        for numbers in (self.row_gradient, self.sensor_model, self.homography):
            _finite(*(numbers or ()))

    @property
    def band(self) -> Band | None:
        """The band of a single-band file, else None."""
        return self.bands[0] if len(self.bands) == 1 else None

    @property
    def name(self) -> str:
        """The file's name, at most 60 printable characters: for sentences."""
        return "".join(c if c.isprintable() else "·" for c in self.path.name[:60])


def _finite(*values: float) -> None:
    for value in values:
        if not math.isfinite(value):
            raise BadInput("error.photo_value", value=value)


def _positive(*values: float) -> None:
    _finite(*values)
    for value in values:
        if value <= 0.0:
            raise BadInput("error.photo_value", value=value)
