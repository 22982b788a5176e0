"""A flight photographed into a folder, and the panel before it.

Theory of operation
-------------------
Each station gives one capture: a colour JPEG, or five TIFFs named as a five-band camera names them
(``IMG_0007_1.tif`` … ``_5.tif``). What a file tells of its place errs as the receiver does: one
offset for the whole flight, because a receiver's error hardly changes within it, and a smaller one
for each picture. The truth is what `Taken` keeps. The same seed writes the same bytes.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agri.files import make_folder, write_bytes
from agri.geo import LonLat
from sitl.camera.exif import (
    BYTE,
    SHORT,
    XMP_TAG,
    Tag,
    gps_tags,
    into_jpeg,
    long,
    moment_tags,
    ratio,
    short,
    text,
    tiff,
)
from sitl.camera.lens import SceneCamera
from sitl.camera.packets import FILE_ORDER, PanelTruth, band_packet, colour_packet
from sitl.camera.rendering import seen_through
from sitl.camera.sensor import colours, counts, exposure_s
from sitl.camera.stations import Station
from sitl.scene.land import Scene
from sitl.scene.light import Daylight, shading
from sitl.scene.spectra import BANDS
from sitl.scene.texture import rough

STARTED = datetime(2026, 3, 14, 4, 0, tzinfo=UTC)
SEA_M = 12.0
"""Height of a scene's zero above the sea, as GPS tells it."""
PANEL_ALBEDO = (0.52, 0.53, 0.53, 0.53, 0.52)
GRAVEL = 0.16
_RGB = (2, 1, 0)
_BLACK_LEVEL = 0xC61A


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One capture and its truth.

    Parameters
    ----------
    files : tuple of Path
        One JPEG, or five TIFFs.
    station : Station
        Where and how it was really taken.
    told : LonLat
        Where its files say.
    """

    files: tuple[Path, ...]
    station: Station
    told: LonLat


def photograph(
    scene: Scene,
    camera: SceneCamera,
    stations: Sequence[Station],
    folder: Path,
    *,
    light: Daylight | None = None,
    gps_error_m: tuple[float, float] = (0.0, 0.0),
    interval_s: float = 3.0,
    started_utc: datetime = STARTED,
    fine: int = 2,
    seed: int = 1,
    progress: Callable[[float], None] | None = None,
) -> tuple[Taken, ...]:
    """Take the pictures of a flight.

    Parameters
    ----------
    scene, camera, stations
        What, through what, from where.
    folder : Path
        Made if it is not there.
    light : Daylight, optional
        Otherwise an overcast noon.
    gps_error_m : (float, float)
        Standard errors of the told place: of the whole flight's offset, of each picture's own.
    interval_s : float
        Between two pictures.
    started_utc : datetime
        Of the first.
    fine : int
        Rays across a pixel.
    seed : int
        Of noise and GPS.
    progress : callable, optional
        Told the share done.
    """
    light = light or Daylight()
    rng = np.random.default_rng(seed)
    layers = scene.reflectance * shading(scene, light)[:, :, None]
    shared = rng.normal(0.0, gps_error_m[0], 3)
    taken = []
    make_folder(folder)
    for number, station in enumerate(stations):
        off = shared + rng.normal(0.0, gps_error_m[1], 3)
        told = scene.frame.place(station.east_m + off[0], station.north_m + off[1])
        moment = _Moment(
            camera=camera,
            light=light,
            told=told,
            station=station,
            altitude_m=SEA_M + station.height_m + off[2],
            utc=started_utc + timedelta(seconds=number * interval_s),
            number=number,
        )
        seen = seen_through(scene, camera, station, layers, fine=fine)
        files = _colour_file(moment, seen, folder, rng) if camera.colour else _band_files(
            moment, seen, folder, rng
        )  # fmt: skip
        taken.append(Taken(files=files, station=station, told=told))
        if progress is not None:
            progress((number + 1) / len(stations))
    return tuple(taken)


def photograph_panel(
    camera: SceneCamera,
    folder: Path,
    *,
    place: LonLat,
    light: Daylight | None = None,
    albedo: tuple[float, ...] = PANEL_ALBEDO,
    serial: str = "RP04-1826404-OB",
    taken_utc: datetime = STARTED - timedelta(minutes=2),
    number: int = 900,
    seed: int = 1,
) -> Taken:
    """Take the picture of a reflectance panel held beneath a five-band camera.

    Parameters
    ----------
    camera : SceneCamera
        With bands.
    folder : Path
        Made if it is not there.
    place : LonLat
        Where.
    light : Daylight, optional
        Otherwise an overcast noon.
    albedo : tuple of five float
        What the panel reflects, in `sitl.scene.spectra.BANDS`.
    serial : str
        Printed on it.
    taken_utc, number, seed
        When, the picture's number, of the noise.
    """
    light = light or Daylight()
    rng = np.random.default_rng(seed)
    height, width = camera.height_px, camera.width_px
    side = 0.3 * height
    left, top = (width - side) / 2.0, (height - side) / 2.0
    corners = ((left, top), (left + side, top), (left + side, top + side), (left, top + side))
    gravel = GRAVEL * (1.0 + 0.25 * rough((height, width), rng, (1.5, 5.0)))
    seen = np.repeat(np.clip(gravel, 0.02, 0.6)[:, :, None], len(BANDS), axis=2)
    margin = 0.04 * height  # the panel is a little larger than what is told of it
    rows = slice(math.floor(top - margin), math.ceil(top + side + margin))
    columns = slice(math.floor(left - margin), math.ceil(left + side + margin))
    seen[rows, columns] = albedo
    moment = _Moment(
        camera=camera,
        light=light,
        told=place,
        station=Station(east_m=0.0, north_m=0.0, height_m=1.0),
        altitude_m=SEA_M + 1.0,
        utc=taken_utc,
        number=number,
        panel=PanelTruth(serial=serial, albedo=albedo, corners_px=corners),
    )
    make_folder(folder)
    files = _band_files(moment, seen.astype(np.float32), folder, rng)
    return Taken(files=files, station=moment.station, told=place)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """What the files of one capture tell alike."""

    camera: SceneCamera
    light: Daylight
    told: LonLat
    station: Station
    altitude_m: float
    utc: datetime
    number: int
    panel: PanelTruth | None = None

    def image_tags(self) -> list[Tag]:
        words = self.utc.strftime("%Y:%m:%d %H:%M:%S")
        return [
            text(0x10F, self.camera.make),
            text(0x110, self.camera.model),
            short(0x112, 1),
            text(0x131, "v2.1.2"),
            text(0x132, words),
        ]

    def camera_tags(self, time_s: float) -> list[Tag]:
        pitch = self.camera.pixel_um / 1000.0
        return [
            ratio(0x829A, time_s, over=10_000_000),
            ratio(0x829D, 2.8, over=10),
            short(0x8827, round(100 * self.camera.gain)),
            long(0x8833, round(100 * self.camera.gain)),
            ratio(0x920A, self.camera.focal_mm, over=1000),
            ratio(0xA20E, 1.0 / pitch),
            ratio(0xA20F, 1.0 / pitch),
            Tag(0xA210, SHORT, b"\4\0"),
            *moment_tags(self.utc),
        ]


def _band_files(
    moment: _Moment, seen: NDArray[np.float32], folder: Path, rng: np.random.Generator
) -> tuple[Path, ...]:
    camera, light = moment.camera, moment.light
    files = []
    for place, band in enumerate(FILE_ORDER, start=1):
        time_s = exposure_s(camera, band, light.irradiance[band])
        radiance = seen[:, :, band] * np.float32(light.irradiance[band] / math.pi)
        xmp = band_packet(
            camera,
            band,
            light,
            capture=f"capture{moment.number:06d}",
            flight=f"flight{moment.utc:%Y%m%d}",
            panel=moment.panel,
        )
        tags = [
            *moment.image_tags(),
            Tag(XMP_TAG, BYTE, xmp.encode()),
            short(_BLACK_LEVEL, *(round(camera.black),) * 4),
        ]
        data = tiff(
            tags,
            moment.camera_tags(time_s),
            gps_tags(moment.told, moment.altitude_m),
            counts(camera, band, radiance, time_s, rng),
        )
        files.append(folder / f"IMG_{moment.number:04d}_{place}.tif")
        write_bytes(files[-1], data)
    return tuple(files)


def _colour_file(
    moment: _Moment, seen: NDArray[np.float32], folder: Path, rng: np.random.Generator
) -> tuple[Path, ...]:
    from PIL import Image

    picture = io.BytesIO()
    rgb = colours(moment.camera, seen[:, :, list(_RGB)], rng)
    Image.fromarray(rgb).save(picture, "JPEG", quality=95, subsampling=0)
    exif = tiff(
        moment.image_tags(),
        moment.camera_tags(1.0 / 800.0),
        gps_tags(moment.told, moment.altitude_m),
    )
    xmp = colour_packet(
        yaw_deg=moment.station.yaw_deg,
        pitch_deg=moment.station.pitch_deg,
        altitude_m=moment.altitude_m,
        height_m=moment.station.height_m,
        gimbal=moment.camera.gimbal,
    )
    path = folder / f"DJI_{moment.number + 1:04d}.JPG"
    write_bytes(path, into_jpeg(picture.getvalue(), exif, xmp))
    return (path,)
