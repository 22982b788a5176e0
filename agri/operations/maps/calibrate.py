"""From a camera's numbers to reflectance: photos by panel and light sensor, maps by targets.

Calibrated captures are kept while a mosaic is painted, one file each in a hidden folder beside it,
because painting asks for a photo more than once; the folder goes when the work is done.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.files import make_folder, read_json_limited, write_bytes
from agri.findings import Finding, blocks
from agri.operations.maps.indices import RasterWords, open_map
from agri.operations.maps.photos import declared_sensor, unusable
from agri.operations.maps.quicklook import Look, draw_photo_map
from agri.operations.maps.register import free_place, list_photos, list_raster
from agri.operations.maps.shelf import Shelf
from agri.operations.maps.sights import as_picture
from agri.operations.report import Facts, fact
from agri.words import Language, say
from agri.zone import Zone
from imagery.calibration.calibrated_ortho import calibrate_ortho
from imagery.calibration.capture import CapturePicture
from imagery.calibration.certificate import Certificate, grey_certificate, typed_certificate
from imagery.calibration.empirical import Line, Target, fit_lines
from imagery.calibration.flight import CapturePixels, FlightCalibration, calibrate_flight, coarser
from imagery.calibration.reflectance import Wanted
from imagery.extras import extra
from imagery.intake import Capture, Intake, counts_of, take_in
from imagery.raster import open_ortho
from imagery.raster.workroom import work_room
from imagery.zonal import read_zones

Progress = Callable[[float], None]
SHEET_WIDTH_IN = 3.2
LOOKED_AT = 2
"""Captures at each end of a flight that are searched for the panel when none is marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """What was calibrated, and the files that hold it.

    Parameters
    ----------
    facts : sequence of (str, str)
        Label and value: what each band stands on.
    findings : tuple of Finding
        What could not be calibrated or aligned.
    files : tuple of Path
        Pictures of captures, or a map; the quick look last.
    """

    facts: Facts
    findings: tuple[Finding, ...]
    files: tuple[Path, ...]


def usable(intake: Intake) -> tuple[Capture, ...]:
    """Return the captures that have single bands.

    Raises
    ------
    BadInput
        When there are none, or intake found what blocks.
    """
    if blocks(intake.findings):
        raise unusable(intake.findings)
    found = tuple(capture for capture in intake.captures if capture.bands)
    if not found:
        raise BadInput("error.calibrate_no_bands", count=len(intake.captures))
    return found


def read_certificate(path: Path) -> Certificate:
    """Read a panel's certificate: JSON with ``serial`` and ``albedo``, reflectance by wavelength.

    Raises
    ------
    BadInput
        When it is none.
    """
    body = read_json_limited(path)
    try:
        albedo = {float(nm): float(value) for nm, value in body["albedo"].items()}
        return typed_certificate(str(body.get("serial", ""))[:40], albedo)
    except (TypeError, ValueError, KeyError, AttributeError):
        raise BadInput("error.certificate_file", name=path.name) from None


@contextmanager
def calibrated(
    intake: Intake,
    *,
    certificate: Certificate | None = None,
    wanted: Wanted = "best",
    progress: Progress | None = None,
) -> Iterator[tuple[CapturePixels, FlightCalibration]]:
    """Settle a flight's calibration and give what makes its captures pictures.

    Where no photo is marked as the panel's, the first and the last ones are searched for it.
    """
    captures = usable(intake)
    ends = captures[:LOOKED_AT] + captures[LOOKED_AT:][-LOOKED_AT:]
    with counts_of(intake.source) as read:
        flight = calibrate_flight(
            [photo for capture in captures for photo in capture.bands],
            [photo for capture in intake.panel_captures or ends for photo in capture.bands],
            read=read, certificate=certificate, wanted=wanted, progress=progress,
        )  # fmt: skip
        yield CapturePixels.of(flight, read), flight


class KeptPixels:
    """Calibrated captures, each worked out once and kept in a folder while it is needed.

    Threads may share it. A capture whose bands cannot be aligned by themselves takes the last good
    alignment before it, so captures are worked out one after the other.
    """

    def __init__(self, pixels: CapturePixels, folder: Path) -> None:
        self._pixels, self._folder = pixels, folder
        self._turn = Lock()

    def prepare(self, members: Iterable[tuple[str, Capture]]) -> None:
        """Work captures out in their order, so that the same photos give the same pictures.

        One that cannot be is passed over; it is told when it is asked for.
        """
        for name, capture in members:
            with suppress(BadInput):
                self._worked_out(name, capture)

    def _worked_out(self, name: str, capture: Capture) -> Path:
        kept = self._folder / f"{name}.npy"
        with self._turn:
            if not kept.exists():
                picture = self._pixels.picture(capture.bands)
                np.save(kept, np.moveaxis(picture.values, 0, 2))
        return kept

    def source(self, name: str, capture: Capture) -> Callable[[int], NDArray[np.float32]]:
        """Return what gives a capture's pixels, coarser by a whole factor: (H, W, B)."""

        def give(reduction: int) -> NDArray[np.float32]:
            kept = self._worked_out(name, capture)
            whole: NDArray[np.float32] = np.load(kept, mmap_mode="r")
            return coarser(np.asarray(whole), reduction)

        return give


def calibrate_photos(
    path: Path,
    shelf: Shelf,
    *,
    camera: str = "",
    certificate: Path | None = None,
    wanted: Wanted = "best",
    progress: Progress | None = None,
) -> Calibrated:
    """Calibrate the captures of a flight; write each as a picture of all its bands.

    Parameters
    ----------
    path : Path
        A folder, card or zip of photos.
    shelf : Shelf
        Where the pictures go, in a folder of their own.
    camera : str
        Name of the camera in the catalogue, when the photos do not tell it.
    certificate : Path, optional
        The panel's, as JSON.
    wanted : {"best", "panel", "light"}
        What reflectance is to stand on.
    progress : callable, optional
        Told the share done, 0 to 1.

    Raises
    ------
    AgriError
        When the photos cannot be used.
    """
    tell = progress or (lambda _: None)
    paper = None if certificate is None else read_certificate(certificate)
    intake = take_in(path, sensor=declared_sensor(camera), progress=lambda s: tell(0.1 * s))
    captures = usable(intake)
    source = path.resolve().name
    folder = make_folder(shelf.place(source, "calibrated", ""))
    files, middle = [], None
    with calibrated(intake, certificate=paper, wanted=wanted,
                    progress=lambda s: tell(0.1 + 0.1 * s)) as (pixels, flight):  # fmt: skip
        for number, capture in enumerate(captures):
            picture = pixels.picture(capture.bands)
            file = folder / f"{Path(capture.name).stem}.tif"
            _write_capture(file, picture)
            files.append(file)
            if number == len(captures) // 2:
                middle = picture
            tell(0.2 + 0.8 * (number + 1) / len(captures))
        facts = flight_facts(flight, len(captures), shelf.language)
        findings = (*intake.findings, *pixels.findings)
    assert middle is not None  # noqa: S101 - there is a capture
    list_photos(shelf, intake, source)
    png = _sheet(middle, say("page.calibrated_title", shelf.language, name=source), shelf.language)
    look = shelf.keep_picture(source, "calibrated", png)
    return Calibrated(facts=facts, findings=findings, files=(folder, look))


def flight_facts(flight: FlightCalibration, captures: int, language: Language) -> Facts:
    """Return label and value of what a flight's reflectance stands on."""
    facts: Facts = []
    facts.append((say("page.fact_captures", language), f"{captures}"))
    for band in flight.calibration.bands:
        ground = say(f"page.ground_{band.ground.replace(' ', '_')}", language)
        facts.append((band.band, ground))
    return facts


def _write_capture(path: Path, picture: CapturePicture) -> None:
    """Write a capture as float32 TIFF, whole or not at all."""
    tifffile = extra("tifffile")
    memory = io.BytesIO()
    tifffile.imwrite(
        memory, picture.values, photometric="minisblack", planarconfig="separate",
        compression="zlib", predictor=3, metadata={"axes": "CYX"},
        description="; ".join(
            f"{band.label}{' (relative)' if relative else ''}"
            for band, relative in zip(picture.bands, picture.relative, strict=True)
        ),
    )  # fmt: skip
    write_bytes(path, memory.getvalue())


def _sheet(picture: CapturePicture, title: str, language: Language) -> bytes:
    """Return a PNG of one capture: each band with its own legend."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len(picture.bands)
    figure = Figure(figsize=(SHEET_WIDTH_IN * count, 3.6), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    told = zip(picture.values, picture.bands, picture.relative, picture.alignment.bands,
               strict=True)  # fmt: skip
    for number, (values, band, relative, aligned) in enumerate(told, 1):
        axes = figure.add_subplot(1, count, number)
        step = max(1, math.ceil(max(values.shape) / 500))
        shown = axes.imshow(values[::step, ::step], cmap="viridis")
        key = "page.band_relative" if relative else "page.band_reflectance"
        figure.colorbar(shown, ax=axes, orientation="horizontal", label=say(key, language))
        axes.set(xticks=[], yticks=[])
        px = aligned.residual_px
        off = f" · {px:.2f} px" if math.isfinite(px) and aligned.how != "reference" else ""
        axes.set_title(f"{band.label}{off}", fontsize=9)
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": "agri"})
    return png.getvalue()


def calibrate_map(
    path: Path,
    shelf: Shelf,
    targets: Path,
    *,
    words: RasterWords | None = None,
    progress: Progress | None = None,
) -> Calibrated:
    """Calibrate a finished orthomosaic by targets of known reflectance in the field.

    Parameters
    ----------
    path : Path
        A GeoTIFF.
    shelf : Shelf
        Where the calibrated one goes.
    targets : Path
        GeoJSON of the targets' outlines; each has ``reflectance``, one number for a grey target or
        numbers by wavelength in nm.
    words : RasterWords, optional
        What the file does not tell.
    progress : callable, optional
        Told the share done, 0 to 1.

    Raises
    ------
    AgriError
        When the map or the targets cannot be used.
    """
    tell = progress or (lambda _: None)
    ortho, told = open_map(path, words or RasterWords())
    lines, found = fit_lines(ortho, read_targets(targets), progress=lambda s: tell(0.3 * s))
    target = free_place(shelf, shelf.place(path.name, "reflectance", ".tif"))
    made = calibrate_ortho(target, ortho, lines, progress=lambda s: tell(0.3 + 0.7 * s))
    assert made is not None  # noqa: S101 - nobody asks it to stop
    list_raster(shelf, target, "orthomosaic", made_of=[path],
                calibration="; ".join(_line_words(line) for line in lines))  # fmt: skip
    facts: Facts = []
    for line in lines:
        fact(facts, shelf.language, "page.fact_line", gain=line.gain, offset=line.offset,
             r2=line.r2, rmse=line.rmse)  # fmt: skip
        facts[-1] = (line.band, facts[-1][1])
    picture, grid = as_picture(open_ortho(target))
    title = say("page.calibrated_title", shelf.language, name=path.stem)
    png = draw_photo_map(picture, grid, Look(title=title, legend="", facts=facts),
                         language=shelf.language)  # fmt: skip
    look = shelf.keep_picture(path.name, "reflectance", png)
    findings = tuple(dict.fromkeys((*told, *found, *made.findings)))
    return Calibrated(facts=facts, findings=findings, files=(target, look))


def _line_words(line: Line) -> str:
    return f"{line.band}: {line.gain:.6g} x + {line.offset:.6g}, R2 {line.r2:.4f}"


def read_targets(path: Path) -> tuple[Target, ...]:
    """Read targets of known reflectance from a GeoJSON file, in the order of the file.

    Raises
    ------
    BadInput
        When a target has no reflectance.
    """
    zones, _ = read_zones(path)
    body = read_json_limited(path)
    features = body.get("features", []) if isinstance(body, dict) else []
    told = [feature.get("properties") or {} for feature in features if isinstance(feature, dict)]
    if len(told) != len(zones):
        raise BadInput("error.targets_file", name=path.name)
    return tuple(
        _target(zone, properties, path) for zone, properties in zip(zones, told, strict=True)
    )


def _target(zone: Zone, properties: dict[str, Any], path: Path) -> Target:
    value = properties.get("reflectance")
    try:
        if isinstance(value, dict):
            paper = typed_certificate(zone.name, {float(k): float(v) for k, v in value.items()})
        else:
            paper = grey_certificate(float(value), zone.name)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise BadInput("error.target_reflectance", name=zone.name, file=path.name) from None
    return Target(zone=zone, certificate=paper)


@contextmanager
def working_folder(beside: Path) -> Iterator[Path]:
    """Give a hidden folder beside a product, and take it away in the end."""
    with work_room(beside.with_name(f"{beside.stem}-captures")) as folder:
        yield folder


def in_order(captures: Sequence[Capture]) -> dict[Path, tuple[str, Capture]]:
    """Return each capture by its first band's file, with a name of its own."""
    return {capture.bands[0].path: (f"{number:05d}", capture)
            for number, capture in enumerate(captures)}  # fmt: skip
