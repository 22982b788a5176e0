"""Photos as six families of cameras write them, made from nothing: EXIF, XMP and pixels.

What intake reads is written here by other means: a TIFF structure and EXIF block packed with
`struct`, XMP as text. So a mistake in reading is not repeated in writing.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imagery.intake import intake
from imagery.intake.readers import Reader
from imagery.intake.replies import Answer

Plane = NDArray[Any]
PACKET = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n{}\n<?xpacket end="w"?>'
START = datetime(2026, 3, 14, 2, 30, 0, tzinfo=UTC)
LON, LAT = 106.51, 21.08


@dataclass(frozen=True)
class Made:
    """One photo to be written."""

    tags: Mapping[str, Any] = field(default_factory=dict)
    xmp: str = ""
    plane: Plane | None = None
    jpeg: bool = False

    def but(self, **tags: Any) -> Made:
        return replace(self, tags={k: v for k, v in {**self.tags, **tags}.items() if v is not None})


# --- EXIF -------------------------------------------------------------------------------------

CODES = {
    "ImageDescription": (270, 2), "Make": (271, 2), "Model": (272, 2), "Software": (305, 2),
    "DateTime": (306, 2), "BlackLevel": (50714, 3), "CameraSerialNumber": (50735, 2),
}  # fmt: skip
EXIF_CODES = {
    "ExposureTime": (33434, 5), "FNumber": (33437, 5), "ISOSpeedRatings": (34855, 3),
    "DateTimeOriginal": (36867, 2), "OffsetTimeOriginal": (36881, 2), "FocalLength": (37386, 5),
    "SubSecTime": (37520, 2), "FocalPlaneXResolution": (41486, 5),
    "FocalPlaneYResolution": (41487, 5), "FocalPlaneResolutionUnit": (41488, 3),
    "FocalLengthIn35mmFilm": (41989, 3), "BodySerialNumber": (42033, 2),
}  # fmt: skip
GPS_CODES = {
    "GPSLatitudeRef": (1, 2), "GPSLatitude": (2, 5), "GPSLongitudeRef": (3, 2),
    "GPSLongitude": (4, 5), "GPSAltitudeRef": (5, 1), "GPSAltitude": (6, 5),
    "GPSTimeStamp": (7, 5), "GPSStatus": (9, 2), "GPSDateStamp": (29, 2),
}  # fmt: skip
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}


def packed(kind: int, value: Any) -> tuple[int, bytes]:
    """Number of values and their bytes, little endian."""
    if kind == 2:
        data = str(value).encode() + b"\0"
        return len(data), data
    if kind == 7:
        return len(value), bytes(value)
    values = list(value) if isinstance(value, list) else [value]
    if kind == 5:
        pairs = [(round(v * 1_000_000), 1_000_000) if isinstance(v, float) else v for v in values]
        flat = [part for pair in pairs for part in (pair if isinstance(pair, tuple) else (pair, 1))]
        return len(values), struct.pack(f"<{len(flat)}I", *flat)
    return len(values), struct.pack(
        f"<{len(values)}{'BxHI'[kind - 1] if kind != 1 else 'B'}", *values
    )


def directory(entries: Sequence[tuple[int, int, Any]], at: int) -> bytes:
    """One IFD that begins at `at`, its longer values behind it."""
    entries = sorted(entries)
    body = struct.pack("<H", len(entries))
    beyond = at + 2 + 12 * len(entries) + 4
    values = b""
    for code, kind, value in entries:
        count, data = packed(kind, value)
        if len(data) <= 4:
            body += struct.pack("<HHI", code, kind, count) + data.ljust(4, b"\0")
        else:
            body += struct.pack("<HHII", code, kind, count, beyond + len(values))
            values += data + b"\0" * (len(data) % 2)
    return body + struct.pack("<I", 0) + values


def tiff(made: Made, first: Sequence[tuple[int, int, Any]] = (), pixels: bytes = b"") -> bytes:
    """A little-endian TIFF: pixels, then GPS and EXIF directories, then the first one."""
    tags = dict(made.tags)
    blocks = b"II*\0" + b"\0" * 4 + pixels + b"\0" * (len(pixels) % 2)
    entries = list(first)
    for codes, pointer in ((GPS_CODES, 34853), (EXIF_CODES, 34665)):
        told = [(codes[k][0], codes[k][1], v) for k, v in tags.items() if k in codes]
        if told:
            entries.append((pointer, 4, len(blocks)))
            blocks += directory(told, len(blocks))
            blocks += b"\0" * (len(blocks) % 2)
    entries += [(CODES[k][0], CODES[k][1], v) for k, v in tags.items() if k in CODES]
    start = len(blocks)
    return blocks[:4] + struct.pack("<I", start) + blocks[8:] + directory(entries, start)


def scene(seed: int = 0, size: tuple[int, int] = (64, 80), level: float = 0.3) -> Plane:
    """Ground with detail at every scale, shares of full scale."""
    chance = np.random.default_rng(seed)
    ground = np.zeros(size)
    for step in (1, 4, 16):
        coarse = chance.normal(size=(size[0] // step + 1, size[1] // step + 1))
        ground += np.kron(coarse, np.ones((step, step)))[: size[0], : size[1]]
    return np.clip(level * (1.0 + 0.15 * ground), 0.0, 1.0)


def written(made: Made) -> bytes:
    """The bytes of a photo file."""
    plane = scene() if made.plane is None else made.plane
    return jpeg(made, plane) if made.jpeg else band(made, plane)


def band(made: Made, plane: Plane) -> bytes:
    """A TIFF of one band, 16 bits, uncompressed."""
    stored = np.round(plane * 65535.0).astype("<u2") if plane.dtype.kind == "f" else plane
    height, width = stored.shape
    first: list[tuple[int, int, Any]] = [
        (256, 4, width), (257, 4, height), (258, 3, 16), (259, 3, 1), (262, 3, 1), (273, 4, 8),
        (274, 3, 1), (277, 3, 1), (278, 4, height), (279, 4, stored.nbytes), (284, 3, 1),
    ]  # fmt: skip
    if made.xmp:
        first.append((700, 7, PACKET.format(made.xmp).encode()))
    return tiff(made, first, stored.tobytes())


def jpeg(made: Made, plane: Plane) -> bytes:
    """A colour JPEG with EXIF and XMP in segments of their own."""
    import cv2

    grey = np.round(plane * 255.0).astype(np.uint8)
    done, coded = cv2.imencode(".jpg", np.dstack([grey] * 3), [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert done
    data = b"Exif\0\0" + tiff(made)
    segments = b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data
    if made.xmp:
        data = b"http://ns.adobe.com/xap/1.0/\0" + PACKET.format(made.xmp).encode()
        segments += b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data
    return b"\xff\xd8" + segments + bytes(coded.tobytes())[2:]


# --- XMP --------------------------------------------------------------------------------------

SPACES = {
    "Camera": "http://pix4d.com/camera/1.0/", "MicaSense": "http://micasense.com/MicaSense/1.0/",
    "DLS": "http://micasense.com/DLS/1.0/", "drone-dji": "http://www.dji.com/drone-dji/1.0/",
    "Sentera": "http://sentera.com/1.0/", "xmp": "http://ns.adobe.com/xap/1.0/",
}  # fmt: skip


def xmp(*, attributes: Mapping[str, Any] | None = None, **spaces: Mapping[str, Any]) -> str:
    """A packet: `attributes` in one description, each other space in a description of its own.

    A list becomes an rdf:Seq, anything else an element.
    """
    parts = []
    if attributes:
        used = {name.partition(":")[0] for name in attributes}
        names = " ".join(f'xmlns:{space}="{SPACES[space]}"' for space in sorted(used))
        told = "\n".join(f'{name}="{value}"' for name, value in attributes.items())
        parts.append(f'<rdf:Description rdf:about="" {names}\n{told}/>')
    for space, values in spaces.items():
        inner = "\n".join(element(f"{space}:{name}", value) for name, value in values.items())
        parts.append(
            f'<rdf:Description rdf:about="" xmlns:{space}="{SPACES[space]}">{inner}'
            "</rdf:Description>"
        )
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' + "\n".join(parts)
        + "</rdf:RDF></x:xmpmeta>"
    )  # fmt: skip


def element(name: str, value: Any) -> str:
    if isinstance(value, list | tuple):
        items = "".join(f"<rdf:li>{item}</rdf:li>" for item in value)
        return f"<{name}><rdf:Seq>{items}</rdf:Seq></{name}>"
    return f"<{name}>{value}</{name}>"


# --- where and when ---------------------------------------------------------------------------


def sexagesimal(degrees: float) -> list[tuple[int, int]]:
    size = abs(degrees)
    whole, minutes = int(size), int(size * 60.0) % 60
    seconds = size * 3600.0 - whole * 3600 - minutes * 60
    return [(whole, 1), (minutes, 1), (round(seconds * 100_000), 100_000)]


def place_tags(lon: float, lat: float, height_m: float = 60.0) -> dict[str, Any]:
    return {
        "GPSLatitudeRef": "N" if lat >= 0 else "S", "GPSLatitude": sexagesimal(lat),
        "GPSLongitudeRef": "E" if lon >= 0 else "W", "GPSLongitude": sexagesimal(lon),
        "GPSAltitudeRef": 0, "GPSAltitude": float(height_m),
    }  # fmt: skip


def time_tags(moment: datetime) -> dict[str, Any]:
    return {
        "DateTimeOriginal": f"{moment:%Y:%m:%d %H:%M:%S}",
        "SubSecTime": f"{moment.microsecond:06d}",
    }


def spot(number: int, step_m: float = 10.0, line: int = 12) -> tuple[float, float, float]:
    """Longitude, latitude and yaw of capture `number` of a flight in lines, there and back."""
    row, along = divmod(number, line)
    along = along if row % 2 == 0 else line - 1 - along
    return (
        LON + row * 2.0 * step_m / 103_900.0,
        LAT + along * step_m / 110_740.0,
        0.0 if row % 2 == 0 else 180.0,
    )


# --- six families -----------------------------------------------------------------------------

MICASENSE = (("Blue", 475, 20), ("Green", 560, 20), ("Red", 668, 10), ("NIR", 840, 40),
             ("Red edge", 717, 10))  # fmt: skip
P4M = (("Blue", 450, 16), ("Green", 560, 16), ("Red", 650, 16), ("RedEdge", 730, 16),
       ("NIR", 840, 26))  # fmt: skip
M3M = (("G", "Green", 560, 16), ("R", "Red", 650, 16), ("RE", "RedEdge", 730, 16),
       ("NIR", "NIR", 860, 26))  # fmt: skip
SEQUOIA = (("GRE", "Green", 550, 40), ("RED", "Red", 660, 40), ("REG", "RedEdge", 735, 10),
           ("NIR", "NIR", 790, 40))  # fmt: skip
SENTERA = (("Blue", 475, 30), ("Green", 550, 20), ("Red", 670, 30), ("RedEdge", 715, 10),
           ("NIR", 840, 20))  # fmt: skip


def moment(number: int) -> datetime:
    return START + timedelta(seconds=2.0 * number, microseconds=123_456)


def micasense(number: int, *, model: str = "RedEdge-M", panel: bool = False) -> dict[str, Made]:
    """A RedEdge or Altum capture: one file a band, values as elements and sequences."""
    lon, lat, _ = spot(number)
    found = {}
    for index, (name, centre, width) in enumerate(MICASENSE):
        tags = {
            "Make": "MicaSense", "Model": model, "Software": "v5.1.12", "BlackLevel": [4800] * 4,
            "ExposureTime": (1, 2000), "ISOSpeedRatings": 200, "FNumber": 2.8, "FocalLength": 5.5,
            "FocalPlaneXResolution": (266_666_667, 1_000_000), "FocalPlaneResolutionUnit": 4,
            "BodySerialNumber": "RM01-1", **time_tags(moment(number)),
            **place_tags(lon, lat, 20.0 if panel else 60.0),
        }  # fmt: skip
        told: dict[str, Any] = {
            "BandName": name, "CentralWavelength": centre, "WavelengthFWHM": width,
            "RigCameraIndex": index, "ModelType": "perspective", "PrincipalPoint": "2.4,1.8",
            "PerspectiveFocalLength": 5.43, "PerspectiveFocalLengthUnits": "mm",
            "PerspectiveDistortion": [-0.1, 0.14, -0.02, 0.0003, 0.0007],
            "VignettingCenter": [640.5, 480.5],
            "VignettingPolynomial": ["-3.2e-5", "1.1e-7", "-2.8e-9", "1e-11", "-1.5e-14", "7e-18"],
            "RigRelatives": "0.01,-0.02,0.3", "GPSXYAccuracy": "1.5",
        }  # fmt: skip
        if panel:
            told |= {"CalibrationPicture": 2}
        packet = xmp(
            MicaSense={
                "CaptureId": f"capture{number:04d}", "FlightId": "flight1",
                "RadiometricCalibration": ["1.4e-4", "1.2e-7", "1.4e-6"],
                **({"PanelSerial": "RP06-2051037-OB", "Albedo": 0.5,
                    "ReflectArea": ["1,2", "9,2", "9,8", "1,8"]} if panel else {}),
            },
            Camera=told,
            DLS={
                "Serial": "DA01-1", "SwVersion": "v1.0.1", "SpectralIrradiance": 95.0,
                "HorizontalIrradiance": 101.0, "DirectIrradiance": 80.0,
                "ScatteredIrradiance": 25.0, "SolarElevation": 0.7, "SolarAzimuth": 3.1,
                "Yaw": 0.5, "Pitch": -0.01, "Roll": 0.02,
                "EstimatedDirectLightVector": [0.1, 0.2, -0.97],
            },
        )  # fmt: skip
        found[f"IMG_{number:04d}_{index + 1}.tif"] = Made(
            tags=tags, xmp=packet, plane=scene(100 * number + index)
        )
    return found


def dji(number: int, *, model: str = "M3M") -> dict[str, Made]:
    """A Mavic 3M or P4 Multispectral capture: colour JPEG and bands, values as attributes."""
    lon, lat, yaw = spot(number)
    when = moment(number)
    local = when + timedelta(hours=7)
    common = {
        "drone-dji:GpsLatitude": f"{lat:+.9f}", "drone-dji:RelativeAltitude": "+60.00",
        ("drone-dji:GpsLongitude" if model == "M3M" else "drone-dji:GpsLongtitude"): f"{lon:+.9f}",
        "drone-dji:AbsoluteAltitude": "+65.20", "drone-dji:GimbalYawDegree": f"{yaw:+.2f}",
        "drone-dji:GimbalPitchDegree": "-90.00", "drone-dji:GimbalRollDegree": "+0.00",
        "drone-dji:FlightYawDegree": f"{yaw:+.2f}", "drone-dji:FlightPitchDegree": "+1.00",
        "drone-dji:FlightRollDegree": "-0.50", "drone-dji:RtkFlag": "50",
        "drone-dji:RtkStdLon": "0.012", "drone-dji:RtkStdLat": "0.016",
        "drone-dji:CaptureUUID": f"uuid-{number:04d}",
        "drone-dji:UTCAtExposure": f"{when:%Y:%m:%d %H:%M:%S}.{when.microsecond:06d}",
    }  # fmt: skip
    tags = {
        "Make": "DJI", "Model": "M3M" if model == "M3M" else "FC6360", "Software": "10.07.24.13",
        "FocalLength": 4.34 if model == "M3M" else 5.74, "ExposureTime": (1, 1000),
        "ISOSpeedRatings": 100, "FocalLengthIn35mmFilm": 25 if model == "M3M" else 40,
        "DateTimeOriginal": f"{local:%Y:%m:%d %H:%M:%S}", **place_tags(lon, lat, 65.2),
    }  # fmt: skip
    stem = f"DJI_{number + 1:04d}" if model == "M3M" else f"DJI_{number + 1:03d}"
    found = {
        f"{stem}{'_D' if model == 'M3M' else '0'}.JPG": Made(
            tags=tags, xmp=xmp(attributes=common), plane=scene(number), jpeg=True
        )
    }
    bands = M3M if model == "M3M" else [(str(i), *row) for i, row in enumerate(P4M, 1)]
    for index, (short, name, centre, half) in enumerate(bands, 1):
        own = {
            **common, "Camera:BandName": name, "drone-dji:BandFreq": f"{centre}(+/-{half})nm",
            "drone-dji:SensorIndex": index, "drone-dji:SensorGain": "1.044",
            "drone-dji:ExposureTime": "1000", "drone-dji:SensorGainAdjustment": "0.998",
            "drone-dji:Irradiance": "13096.1", "drone-dji:LS_status": "2",
            "drone-dji:BlackCurrent": "3200", "drone-dji:CalibratedOpticalCenterX": "40.5",
            "drone-dji:CalibratedOpticalCenterY": "32.5",
            "drone-dji:VignettingData": "1e-5,2e-8,3e-11,0,0,0",
            "drone-dji:DewarpData": "2023-05-01;2200,2201,-10.5,4.25,0.1,-0.2,0.001,-0.002,0.05",
            "drone-dji:CalibratedHMatrix": "1,0,3.5,0,1,-2.5,0,0,1",
        }  # fmt: skip
        file = f"{stem}_MS_{short}.TIF" if model == "M3M" else f"{stem}{short}.TIF"
        found[file] = Made(tags=tags, xmp=xmp(attributes=own), plane=scene(100 * number + index))
    return found


def sequoia(number: int, *, fix: bool = True) -> dict[str, Made]:
    """A Sequoia capture: attributes, sequences with commas, fisheye, sunshine sensor."""
    lon, lat, yaw = spot(number)
    readings = b"".join(
        struct.pack(
            "<QHHHHfff", 1_000_000 + 200_000 * i, 300 + i, 150 + i, 16, 100, 10.0, 0.5, -1.0
        )
        for i in range(3)
    )
    found = {}
    for index, (short, name, centre, width) in enumerate(SEQUOIA):
        tags = {
            "Make": "Parrot", "Model": "Sequoia", "Software": "v1.4.1", "FNumber": 2.2,
            "ExposureTime": (6442451, 2147483647), "ISOSpeedRatings": 621, "FocalLength": 3.98,
            "FocalPlaneXResolution": (266_666_667, 1_000_000), "FocalPlaneResolutionUnit": 4,
            "BlackLevel": [5475, 5420, 5463, 5520], "CameraSerialNumber": "PI1",
            **time_tags(moment(number)),
            **(place_tags(lon, lat) if fix else {"GPSStatus": "V"}),
        }  # fmt: skip
        packet = xmp(
            attributes={
                "Camera:RigName": "Sequoia", "Camera:RigCameraIndex": index,
                "Camera:Yaw": f"{yaw}", "Camera:Pitch": "0.5", "Camera:Roll": "1.25",
                "Camera:ModelType": "fisheye", "Camera:PrincipalPoint": "2.437008,1.878439",
                "Camera:FisheyeAffineMatrix": "1659.2,0,0,1659.2",
                "Camera:FisheyePolynomial": "0,1,0.0137,-0.1521",
                "Camera:CaptureUUID": f"BE5A{number:04d}", "Camera:FlightUUID": "1E00",
                "Camera:RigRelatives": "-0.42,-0.31,-0.03", "Camera:CalibrationPicture": "0",
            },
            Camera={
                "SensorModel": ["271665.8,5008.3,2581.1"], "BandName": [name],
                "CentralWavelength": [f"{centre}.000000"], "WavelengthFWHM": [f"{width}.000000"],
                "VignettingPolynomial2DName": ["0,0,1,0,0,1"],
                "VignettingPolynomial2D": ["0.7,0.5,0.25"],
                "IrradianceList": "\n" + base64.b64encode(readings).decode() + "\n",
            },
        )  # fmt: skip
        found[f"IMG_260314_{number:06d}_{short}.TIF"] = Made(
            tags=tags, xmp=packet, plane=scene(100 * number + index)
        )
    return found


def sentera(number: int) -> dict[str, Made]:
    """A Sentera 6X capture: no capture id, coefficients of the highest power first."""
    lon, lat, yaw = spot(number)
    found = {}
    for index, (name, centre, width) in enumerate(SENTERA):
        tags = {
            "Make": "Sentera", "Model": "6X", "ExposureTime": (1, 1500), "ISOSpeedRatings": 100,
            "FocalLength": 8.0, "FocalLengthIn35mmFilm": 43, "Software": "2.1.0",
            **time_tags(moment(number) + timedelta(milliseconds=20 * index)),
            **place_tags(lon, lat),
        }  # fmt: skip
        packet = xmp(
            Camera={
                "BandName": [name], "CentralWavelength": [centre], "WavelengthFWHM": [width],
                "VignettingCenter": ["40.0,32.0"], "VignettingPolynomial": ["3e-6,2e-4,1e-3"],
                "Yaw": yaw, "Pitch": 0.0, "Roll": 0.0,
            },
            Sentera={"AltitudeAGL": "60.0"},
        )  # fmt: skip
        found[f"{number:05d}_{name}.tif"] = Made(
            tags=tags, xmp=packet, plane=scene(100 * number + index)
        )
    return found


def colour(number: int) -> dict[str, Made]:
    """A plain colour camera without XMP: local time with its offset."""
    lon, lat, _ = spot(number)
    local = moment(number) + timedelta(hours=7)
    tags = {
        "Make": "SONY", "Model": "ILCE-6000", "ExposureTime": (1, 1000), "ISOSpeedRatings": 100,
        "FocalLength": 16.0, "FocalLengthIn35mmFilm": 24, "OffsetTimeOriginal": "+07:00",
        **time_tags(local), **place_tags(lon, lat),
    }  # fmt: skip
    return {f"DSC{number:05d}.JPG": Made(tags=tags, plane=scene(number), jpeg=True)}


FAMILIES = {
    "rededge": micasense,
    "altum": lambda number: micasense(number, model="Altum"),
    "m3m": dji,
    "p4m": lambda number: dji(number, model="P4M"),
    "sequoia": sequoia,
    "sentera": sentera,
    "rgb": colour,
}


def kept_reader(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """One reader for many takings-in, so that a process is not started for each."""
    reader = Reader(root)

    def read_all(
        paths: Sequence[Path], root: Path, *, maps: bool = False, **_: Any
    ) -> tuple[Answer, ...]:
        return tuple(reader.read(path, as_map=maps) for path in paths)

    monkeypatch.setattr(intake, "read_all", read_all)
    yield reader
    reader.close()


def save(folder: Path, *captures: Mapping[str, Made]) -> Path:
    """Write captures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for capture in captures:
        for name, made in capture.items():
            folder.joinpath(name).write_bytes(written(made))
    return folder
