"""What a photo tells of the light: the light sensor on top, and a panel in the picture.

Theory of operation
-------------------
**MicaSense.** Irradiances become W m⁻² nm⁻¹ by ``IrradianceScaleToSIUnits``; a DLS 2 whose
firmware does not write that scale (it has ``HorizontalIrradiance`` all the same) gives hundredths;
a DLS 1 gives W m⁻² nm⁻¹ (micasense/imageprocessing, issue 47). Its angles are radians.

**DJI.** ``Irradiance`` is already the product the guide calls X_LS · pLS, in no unit;
``SensorGainAdjustment`` is pCam. ``LS_status`` 0 means that the reading does not hold.

**Sequoia.** Raw readings of the sunshine sensor around the exposure, in `Light.readings`.

**Panel.** MicaSense marks a picture of its panel by ``CalibrationPicture`` 2, with the albedo of
the band, the outline of the reflecting square and the panel's serial number.
"""

from __future__ import annotations

import math

from imagery.decoding.xmp import irradiances
from imagery.intake.told import Told
from imagery.photo import Attitude, Light, PanelFacts, SunshineReading


def light_of(told: Told) -> Light | None:
    """Return what the light sensor told, None when there is none."""
    make = told.text("Make").casefold()
    if make == "micasense":
        return _micasense(told)
    if make == "dji":
        return _dji(told)
    listed = irradiances(told.word("IrradianceList"))
    if not listed:
        return None
    return Light(
        kind="sequoia",
        absolute=False,
        serial=told.word("SunshineSerialNumber"),
        readings=tuple(
            SunshineReading(
                time_us=round(reading.time_s * 1e6),
                channel0=reading.counts[0],
                channel1=reading.counts[1],
                gain=reading.gain,
                exposure_ms=reading.exposure_ms,
                attitude=Attitude(
                    yaw_deg=reading.yaw_deg,
                    pitch_deg=reading.pitch_deg,
                    roll_deg=reading.roll_deg,
                ),
            )
            for reading in listed
            if math.isfinite(reading.yaw_deg + reading.pitch_deg + reading.roll_deg)
        ),
    )


def panel_of(told: Told) -> PanelFacts | None:
    """Return what the camera says of a panel in the picture, None when it says nothing."""
    serial, albedo = told.word("PanelSerial"), told.number("Albedo")
    area = told.numbers("ReflectArea")
    if not serial and albedo is None and not is_calibration(told):
        return None
    corners = tuple(zip(area[::2], area[1::2], strict=False)) if len(area) == 8 else ()
    known = albedo is not None and 0.0 < albedo <= 1.0
    return PanelFacts(serial=serial, albedo=albedo if known else None, corners_px=corners)


def is_calibration(told: Told) -> bool:
    """Return whether the camera marks the photo as one of a panel."""
    return (told.number("CalibrationPicture") or 0.0) >= 1.0


def _micasense(told: Told) -> Light | None:
    horizontal = told.number("DLS:HorizontalIrradiance")
    spectral = told.number("DLS:SpectralIrradiance", "Camera:Irradiance")
    if horizontal is None and spectral is None:
        return None
    scale = told.number("IrradianceScaleToSIUnits")
    if scale is None or scale <= 0.0:
        scale = 1.0 if horizontal is None else 0.01
    vector = told.numbers("EstimatedDirectLightVector")
    elevation = told.number("DLS:SolarElevation", "SolarElevation")
    azimuth = told.number("DLS:SolarAzimuth", "SolarAzimuth")
    return Light(
        kind="dls1" if horizontal is None else "dls2",
        absolute=True,
        spectral_irradiance=_times(spectral, scale),
        horizontal_irradiance=_times(horizontal, scale),
        direct_irradiance=_times(told.number("DLS:DirectIrradiance"), scale),
        scattered_irradiance=_times(told.number("DLS:ScatteredIrradiance"), scale),
        solar_elevation_deg=None if elevation is None else math.degrees(elevation),
        solar_azimuth_deg=None if azimuth is None else math.degrees(azimuth),
        direct_light=(vector[0], vector[1], vector[2]) if len(vector) == 3 else None,
        attitude=_radians(told),
        serial=told.word("DLS:Serial"),
        firmware=told.word("DLS:SwVersion"),
    )


def _dji(told: Told) -> Light | None:
    measured = told.number("drone-dji:Irradiance", "Camera:Irradiance")
    if measured is None:
        return None
    angles = [told.number(f"SunSensor{part}") for part in ("Yaw", "Pitch", "Roll")]
    yaw, pitch, roll = angles
    known = yaw is not None and pitch is not None and roll is not None
    return Light(
        kind="dji",
        absolute=False,
        spectral_irradiance=measured,
        attitude=Attitude(yaw_deg=yaw or 0.0, pitch_deg=pitch or 0.0, roll_deg=roll or 0.0)
        if known
        else None,
        sensor_gain_adjustment=told.number("drone-dji:SensorGainAdjustment"),
        valid=told.number("drone-dji:LS_status") != 0.0,
    )


def _times(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _radians(told: Told) -> Attitude | None:
    yaw, pitch, roll = (told.number(f"DLS:{part}") for part in ("Yaw", "Pitch", "Roll"))
    if yaw is None or pitch is None or roll is None:
        return None
    return Attitude(
        yaw_deg=math.degrees(yaw), pitch_deg=math.degrees(pitch), roll_deg=math.degrees(roll)
    )
