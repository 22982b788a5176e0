"""Real photos of multispectral cameras, where the shared data are at hand.

Their tags are read here by tifffile and plain patterns, a second way beside the intake, so that
calibration is tested against the files and not against another room.
"""

from __future__ import annotations

import json
import math
import os
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from agri.geo import LonLat
from imagery.bands import Band
from imagery.photo import (
    Attitude,
    BrownLens,
    Exposure,
    FisheyeLens,
    Light,
    Photo,
    PlaneVignette,
    RadialVignette,
)

SHARED = Path(os.environ.get("AGRI_SHARED") or Path(__file__).resolve().parents[2] / "shared")
CERTIFICATE = {475.0: 0.67, 560.0: 0.69, 668.0: 0.68, 717.0: 0.67, 840.0: 0.61}
"""Of panel RP02-1603036-SC, by its paper."""


def imagery_folder() -> Path:
    """The folder of real photos; the test is skipped, with a word, when it is absent."""
    folder = SHARED / "data" / "imagery"
    if not folder.is_dir():
        pytest.skip("the shared real photos are not on this machine (AGRI_SHARED)")
    return folder


@cache
def golden() -> dict[str, dict[str, float]]:
    """File name to what the maker's own library made of it."""
    text = (imagery_folder() / "micasense_golden.json").read_text("utf-8")
    return {file: row for capture in json.loads(text).values() for file, row in capture.items()}


@cache
def rededge(capture: str, number: int) -> tuple[Photo, NDArray[np.uint16]]:
    """A real RedEdge file: IMG_0000 shows the panel, IMG_0001 a field."""
    folder = imagery_folder() / "micasense_rededge_mit" / "0000SET" / "000"
    path = folder / f"{capture}_{number}.tif"
    with tifffile.TiffFile(path) as file:
        page: Any = file.pages[0]
        tags = {tag.code: tag.value for tag in page.tags}
        counts = page.asarray()
    xmp, exif, gps = tags[700].decode(), tags[34665], tags[34853]
    one, many = _readers(xmp)
    terms = many("PerspectiveDistortion")
    focal_px = float(one("PerspectiveFocalLength"))
    centre = [float(mm) * 266.666667 for mm in one("PrincipalPoint").split(",")]
    turned = [math.degrees(float(one(f"DLS:{name}"))) for name in ("Yaw", "Pitch", "Roll")]
    vignette_x, vignette_y = many("VignettingCenter")
    a1, a2, a3 = many("RadiometricCalibration")
    taken = datetime.strptime(tags[306], "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
    photo = Photo(
        path=path,
        make="MicaSense",
        model="RedEdge",
        serial="1777777",
        firmware="v2.1.2",
        width_px=1280,
        height_px=960,
        bits=16,
        bands=(Band.at(one("BandName"), float(one("Wavelength")), float(one("FWHM"))),),
        band_index=number - 1,
        taken_utc=taken,
        place=LonLat(lon_deg=-_degrees(gps["GPSLongitude"]), lat_deg=_degrees(gps["GPSLatitude"])),
        exposure=Exposure(
            time_s=exif["ExposureTime"][0] / exif["ExposureTime"][1], gain=exif["ISOSpeed"] / 100.0
        ),
        black_level=float(np.mean(tags[50714])),
        vignette=RadialVignette(
            centre_x_px=vignette_x,
            centre_y_px=vignette_y,
            coefficients=many("VignettingPolynomial"),
        ),
        row_gradient=(a1, a2, a3),
        lens=BrownLens(
            focal_x_px=focal_px,
            focal_y_px=focal_px,
            centre_x_px=centre[0],
            centre_y_px=centre[1],
            **dict(zip(("k1", "k2", "k3", "p1", "p2"), terms, strict=True)),
        ),
        light=Light(
            kind="dls1",
            absolute=True,
            spectral_irradiance=float(one("DLS:SpectralIrradiance")),
            attitude=Attitude(yaw_deg=turned[0], pitch_deg=turned[1], roll_deg=turned[2]),
        ),
    )
    return photo, counts


@cache
def sequoia(name: str) -> tuple[Photo, NDArray[np.uint16]]:
    """A real Sequoia file: GRE, RED, REG or NIR."""
    folder = imagery_folder() / "micasense_rededge_mit" / "Sequoia" / "0077"
    path = folder / f"IMG_180413_080658_0000_{name}.TIF"
    with tifffile.TiffFile(path) as file:
        page: Any = file.pages[0]
        tags = {tag.code: tag.value for tag in page.tags}
        counts = page.asarray()
    xmp, exif = tags[700].decode(), tags[34665]
    one, many = _readers(xmp)
    powers = [int(n) for n in many("VignettingPolynomial2DName")]
    a, b, c = many("SensorModel")
    affine = many("FisheyeAffineMatrix")
    centre = [mm * 1280 / 4.8 for mm in many("PrincipalPoint")]
    photo = Photo(
        path=path,
        make="Parrot",
        model="Sequoia",
        width_px=1280,
        height_px=960,
        bits=16,
        bands=(Band.at(one("BandName"), many("Wavelength")[0], many("FWHM")[0]),),
        exposure=Exposure(
            time_s=exif["ExposureTime"][0] / exif["ExposureTime"][1],
            gain=float(exif["ISOSpeedRatings"]),
            aperture=exif["FNumber"][0] / exif["FNumber"][1],
        ),
        black_level=float(np.mean(tags[50714])),
        vignette=PlaneVignette(
            powers=tuple(zip(powers[::2], powers[1::2], strict=True)),
            coefficients=many("VignettingPolynomial2D"),
        ),
        sensor_model=(a, b, c),
        lens=FisheyeLens(
            affine=(affine[0], affine[1], affine[2], affine[3]),
            polynomial=many("FisheyePolynomial"),
            centre_x_px=centre[0],
            centre_y_px=centre[1],
        ),
    )
    return photo, counts


def _degrees(parts: tuple[int, ...]) -> float:
    return float(parts[0] / parts[1] + parts[2] / parts[3] / 60 + parts[4] / parts[5] / 3600)


def _readers(xmp: str) -> Any:
    """Two functions: a tag's text, and its numbers (an element, an attribute or a sequence)."""

    def one(name: str) -> str:
        found = re.search(rf'{name}(?:>\s*<rdf:Seq>\s*<rdf:li>|>|=")(.*?)["<]', xmp, re.DOTALL)
        assert found is not None, name
        return found[1].strip()

    def many(name: str) -> tuple[float, ...]:
        found = re.search(rf"{name}>\s*<rdf:Seq>(.*?)</rdf:Seq>", xmp, re.DOTALL)
        inside = found[1] if found else one(name)
        items = re.findall(r"<rdf:li>(.*?)</rdf:li>", inside, re.DOTALL) or [inside]
        return tuple(float(number) for item in items for number in item.split(","))

    return one, many
