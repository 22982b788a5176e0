"""What XMP tells beside EXIF, in the makers' own words.

Theory of operation
-------------------
A five-band camera tells band, wavelength, calibration, lens and light sensor (as MicaSense does, in
the ``Camera``, ``MicaSense`` and ``DLS`` namespaces), and of a picture of the panel where the panel
is and what it reflects. A colour camera tells its gimbal's attitude and heights (``drone-dji``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sitl.camera.lens import SceneCamera, vignette_px
from sitl.camera.sensor import RADIANCE_FACTORS, ROW_FACTORS
from sitl.scene.light import Daylight
from sitl.scene.spectra import BANDS, WAVELENGTHS_NM, WIDTHS_NM

NAMESPACES = {
    "Camera": "http://pix4d.com/camera/1.0",
    "MicaSense": "http://micasense.com/MicaSense/1.0/",
    "DLS": "http://micasense.com/DLS/1.0/",
    "drone-dji": "http://www.dji.com/drone-dji/1.0/",
}
FILE_ORDER = (0, 1, 2, 4, 3)
"""Bands in the order of a capture's files: near infrared comes before red edge."""
_FAR = 1.0e-9

Value = str | float | Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelTruth:
    """A reflectance panel in a picture.

    Parameters
    ----------
    serial : str
        As printed on it.
    albedo : tuple of five float
        In `sitl.scene.spectra.BANDS`.
    corners_px : tuple of (float, float)
        Of its square, column and row.
    """

    serial: str
    albedo: tuple[float, ...]
    corners_px: tuple[tuple[float, float], ...]


def packet(values: Mapping[str, Value]) -> str:
    """Return an XMP packet.

    Parameters
    ----------
    values : mapping
        ``prefix:name`` to a text, a number, or a list of numbers.

    Examples
    --------
    >>> "<Camera:BandName>Red</Camera:BandName>" in packet({"Camera:BandName": "Red"})
    True
    """
    lines = []
    for name, value in values.items():
        if isinstance(value, str | float | int):
            inside = str(value)
        else:
            items = "".join(f"<rdf:li>{item!r}</rdf:li>" for item in value)
            inside = f"<rdf:Seq>{items}</rdf:Seq>"
        lines.append(f"<{name}>{inside}</{name}>")
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {spaces}>{"".join(lines)}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


def band_packet(
    camera: SceneCamera,
    band: int,
    light: Daylight,
    *,
    capture: str,
    flight: str,
    panel: PanelTruth | None = None,
) -> str:
    """Return what a band's file tells.

    Parameters
    ----------
    camera : SceneCamera
    band : int
        In `sitl.scene.spectra.BANDS`.
    light : Daylight
        What the light sensor measures, level.
    capture, flight : str
        What joins the files of one moment, and of one flight.
    panel : PanelTruth, optional
        The panel in the picture.
    """
    k1, k2, k3, p1, p2 = camera.distortion
    millimetres = camera.pixel_um / 1000.0
    centre = (camera.centre_px[0] * millimetres, camera.centre_px[1] * millimetres)
    high = math.radians(light.elevation_deg)
    whole = light.irradiance[band]
    values: dict[str, Value] = {
        "MicaSense:RadiometricCalibration": (RADIANCE_FACTORS[band], *ROW_FACTORS),
        "MicaSense:FlightId": flight,
        "MicaSense:CaptureId": capture,
        "Camera:BandName": BANDS[band],
        "Camera:CentralWavelength": WAVELENGTHS_NM[band],
        "Camera:WavelengthFWHM": WIDTHS_NM[band],
        "Camera:RigCameraIndex": str(FILE_ORDER.index(band)),
        "Camera:ModelType": "perspective",
        "Camera:PrincipalPoint": f"{centre[0]:.9f},{centre[1]:.9f}",
        "Camera:PerspectiveFocalLength": camera.focal_mm,
        "Camera:PerspectiveFocalLengthUnits": "mm",
        "Camera:PerspectiveDistortion": (k1, k2, k3, p1, p2),
        "Camera:VignettingCenter": camera.centre_px,
        "Camera:VignettingPolynomial": vignette_px(camera) or (0.0,),
        "DLS:Serial": "SIM-DLS2",
        "DLS:SwVersion": "v1.2.3",
        "DLS:CenterWavelength": WAVELENGTHS_NM[band],
        "DLS:Bandwidth": WIDTHS_NM[band],
        "DLS:SpectralIrradiance": whole,
        "DLS:HorizontalIrradiance": whole,
        "DLS:DirectIrradiance": whole * light.direct_share / max(math.sin(high), _FAR),
        "DLS:ScatteredIrradiance": whole * (1.0 - light.direct_share),
        "DLS:SolarElevation": high,
        "DLS:SolarAzimuth": math.radians(light.azimuth_deg),
        "DLS:Yaw": 0.0,
        "DLS:Pitch": 0.0,
        "DLS:Roll": 0.0,
        "Camera:IrradianceScaleToSIUnits": 1.0,
    }
    if panel is not None:
        corners = [round(value, 2) for corner in panel.corners_px for value in corner]
        values |= {
            "MicaSense:CalibrationPicture": "2",
            "MicaSense:PanelSerial": panel.serial,
            "MicaSense:Albedo": panel.albedo[band],
            "MicaSense:ReflectArea": ",".join(str(value) for value in corners),
        }
    return packet(values)


def colour_packet(
    *, yaw_deg: float, pitch_deg: float, altitude_m: float, height_m: float, gimbal: bool
) -> str:
    """Return what a colour camera's file tells.

    Parameters
    ----------
    yaw_deg : float
        Of aircraft and gimbal.
    pitch_deg : float
        Of the carrier; the gimbal's is a right angle less.
    altitude_m, height_m : float
        Above the sea, above take-off.
    gimbal : bool
        Whether a gimbal tells its attitude.
    """
    turned = (yaw_deg + 180.0) % 360.0 - 180.0
    values: dict[str, Value] = {
        "drone-dji:AbsoluteAltitude": f"{altitude_m:+.2f}",
        "drone-dji:RelativeAltitude": f"{height_m:+.2f}",
        "drone-dji:FlightYawDegree": f"{turned:+.2f}",
        "drone-dji:FlightPitchDegree": "+0.00",
        "drone-dji:FlightRollDegree": "+0.00",
    }
    if gimbal:
        values |= {
            "drone-dji:GimbalYawDegree": f"{turned:+.2f}",
            "drone-dji:GimbalPitchDegree": f"{pitch_deg - 90.0:+.2f}",
            "drone-dji:GimbalRollDegree": "+0.00",
        }
    return packet(values)
