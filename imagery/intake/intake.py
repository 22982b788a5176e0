"""Taking in a folder, a card, a zip or a single file: the whole way from a path to an `Intake`.

Theory of operation
-------------------
Nothing of a stranger's image is decoded in this process. In order:

1. a zip is unpacked within limits (`imagery.intake.archive`);
2. every file is told by content and judged by its header (`imagery.intake.guard`);
3. photos are opened in confined processes (`imagery.intake.readers`), what they tell becomes
   `imagery.photo.Photo` (`imagery.intake.photos`);
4. photos of another camera are set aside, the rest becomes captures; those of another field are
   set aside too, but not the panel's, which is photographed where the aircraft stands;
5. what is missing, blurred, too bright, too dark or not covered becomes findings;
6. orthomosaics are tried in such a process first, then known by their header and a few samples
   (`imagery.intake.orthomosaic`).

What is set aside is not lost: `Intake.set_aside` has it, and the findings say why. The camera is
the one that wrote most files; the photo of another one is told by maker and model, not by serial
number, because an aircraft may carry two of a kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agri.errors import BadInput, NotFound
from agri.field import Field
from agri.files import told
from agri.findings import Finding
from agri.grid import Grid
from imagery.bands import Sensor, sensor_for
from imagery.intake.archive import unpack
from imagery.intake.captures import Capture, flights_of, grouped, judge_flights, with_panels
from imagery.intake.coverage import counted, elsewhere, judge_coverage
from imagery.intake.guard import Candidate, Sorted, judged_file, shown, sort_folder
from imagery.intake.heights import GroundTold, Heights, height_findings, heights_above
from imagery.intake.orthomosaic import Orthomosaic, take_ortho
from imagery.intake.photos import Seen, seen
from imagery.intake.quality import judge_quality, some
from imagery.intake.readers import read_all
from imagery.intake.replies import Answer
from imagery.overlap import judge_overlap
from imagery.photo import Photo

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What was taken in.

    Parameters
    ----------
    source : Path
        The folder that holds the files (of a zip, the one it was unpacked into).
    captures : tuple of Capture
        The flight, in the order taken.
    panel_captures : tuple of Capture
        Those that show the reflectance panel, or are likely to.
    set_aside : tuple of Photo
        Photos of another camera or another field.
    orthos : tuple of Orthomosaic
        Finished orthomosaics.
    camera : str
        Maker and model, "" without photos.
    sensor : Sensor or None
        The camera in the catalogue, or as declared.
    heights : Heights or None
        Of the captures above the ground; None without photos.
    overlap : Grid or None
        How many captures see each place; None when they do not tell enough for it.
    findings : tuple of Finding
        What is wrong, missing or worth knowing.
    """

    source: Path
    captures: tuple[Capture, ...] = ()
    panel_captures: tuple[Capture, ...] = ()
    set_aside: tuple[Photo, ...] = ()
    orthos: tuple[Orthomosaic, ...] = ()
    camera: str = ""
    sensor: Sensor | None = None
    heights: Heights | None = None
    overlap: Grid | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def flights(self) -> tuple[tuple[Capture, ...], ...]:
        """The captures by flight, in the order flown: a card may hold several."""
        return flights_of(self.captures)

    @property
    def photos(self) -> tuple[Photo, ...]:
        """Every photo of the flight, in the order taken; those of the panel are not among them."""
        return tuple(photo for capture in self.captures for photo in capture.photos)


def take_in(
    path: Path,
    *,
    field: Field | None = None,
    sensor: Sensor | None = None,
    bands: Sequence[str] = (),
    reflectance_at: float | None = None,
    ground: GroundTold | None = None,
    into: Path | None = None,
    readers: int = 0,
    progress: Progress | None = None,
) -> Intake:
    """Take in photos or orthomosaics.

    Parameters
    ----------
    path : Path
        A folder, a zip archive, or one file.
    field : Field, optional
        What the photos should show: others are set aside, and what of it was not seen is told.
    sensor : Sensor, optional
        What the user says that the camera is (`imagery.bands.sensor`); for colour cameras
        converted to near infrared, which call themselves what they were.
    bands : sequence of str
        What the user says that an orthomosaic's layers are.
    reflectance_at : float, optional
        What the user says that stands for reflectance 1 in an orthomosaic.
    ground : GroundTold, optional
        What the user tells of the ground, for photos that tell only their altitude above sea.
    into : Path, optional
        Where a zip is unpacked; by default a folder beside it, its name with ``-photos``.
    readers : int
        Processes at once; 0 takes one a processor, four at most.
    progress : callable, optional
        Told the share done, 0 to 1.

    Returns
    -------
    Intake

    Raises
    ------
    NotFound
        When there is nothing at `path`.
    BadInput
        When it is no folder, archive or image, is refused, or the extra ``imagery`` is missing.
    StoreError
        When the disk fails.
    """
    advance = progress or _silent
    folder, found, before = _sorted(path, into, lambda share: advance(0.2 * share))
    answers = read_all(
        [candidate.path for candidate in found.photos],
        folder,
        readers=readers,
        progress=lambda share: advance(0.2 + 0.7 * share),
    )
    photos, refused = _seen(found.photos, answers, sensor)
    taken = _taken(folder, photos, field, sensor, ground)
    tried = read_all([c.path for c in found.maps], folder, readers=readers, maps=True)
    orthos: list[Orthomosaic] = []
    about: list[Finding] = []
    for candidate, answer in zip(found.maps, tried, strict=True):
        if answer.refused:
            about.append(_refusal(candidate, answer))
            continue
        ortho, findings = take_ortho(candidate.path, field=field, bands=bands, declared=sensor,
                                     reflectance_at=reflectance_at)  # fmt: skip
        orthos += [ortho] if ortho else []
        about += findings
    advance(1.0)
    nothing = [] if photos or orthos else [Finding.error("finding.photos_none", path=shown(path))]
    return Intake(
        source=folder,
        captures=taken.captures,
        panel_captures=taken.panel_captures,
        set_aside=taken.set_aside,
        orthos=tuple(orthos),
        camera=taken.camera,
        sensor=taken.sensor,
        heights=taken.heights,
        overlap=taken.overlap,
        findings=(*before, *found.findings, *refused, *taken.findings, *about, *nothing),
    )


def _silent(share: float) -> None:
    """Tell nobody."""


def _sorted(
    path: Path, into: Path | None, progress: Progress
) -> tuple[Path, Sorted, tuple[Finding, ...]]:
    """Return the folder, what it holds, and what was told on the way there."""
    with told(path):
        if not path.exists():
            raise NotFound("error.no_file", path=str(path))
        if path.is_dir():
            return path, sort_folder(path), ()
    candidate = judged_file(path)
    if candidate.header.kind == "zip":
        folder = into or path.with_name(f"{path.stem}-photos")
        findings = unpack(path, folder, progress)
        return folder, sort_folder(folder), findings
    if candidate.header.kind not in ("jpeg", "tiff"):
        raise BadInput("error.intake_kind", name=shown(path))
    if candidate.header.raw:
        raise BadInput("error.intake_raw", name=shown(path))
    one = (candidate,)
    placed = candidate.header.placed
    return path.parent, Sorted(photos=() if placed else one, maps=one if placed else ()), ()


def _seen(
    candidates: Sequence[Candidate], answers: Sequence[Answer], sensor: Sensor | None
) -> tuple[list[Seen], list[Finding]]:
    """Return the photos that were read, and why others were not."""
    photos, findings = [], []
    for candidate, answer in zip(candidates, answers, strict=True):
        if answer.refused:
            findings.append(_refusal(candidate, answer))
            continue
        try:
            photos.append(seen(candidate.path, candidate.header, answer, sensor))
        except BadInput as error:
            findings.append(
                Finding.warning(
                    "finding.photo_senseless", where=shown(candidate.path), because=error.message
                )
            )
    return photos, findings


def _refusal(candidate: Candidate, answer: Answer) -> Finding:
    damaged = answer.refused in ("damaged", "kind")
    key = "finding.photo_damaged" if damaged else "finding.photo_too_heavy"
    return Finding.warning(key, where=shown(candidate.path))


def _taken(
    folder: Path,
    photos: Sequence[Seen],
    field: Field | None,
    sensor: Sensor | None,
    ground: GroundTold | None,
) -> Intake:
    """Return the captures that photos make up, and what is wrong with them."""
    if not photos:
        return Intake(source=folder, sensor=sensor)
    (make, model), _ = Counter(_camera(one.photo) for one in photos).most_common(1)[0]
    findings: list[Finding] = []
    others = [one.photo for one in photos if _camera(one.photo) != (make, model)]
    if others:
        names = some([photo.name for photo in others])
        findings.append(Finding.warning("finding.photos_other_camera", count=len(others),
                                        names=names, camera=f"{make} {model}".strip()))  # fmt: skip
    own = [one for one in photos if _camera(one.photo) == (make, model)]
    captures, twice = grouped(own)
    captures = with_panels(captures)
    flown, away, told_away = _at_home([c for c in captures if not c.panel], field)
    kept = {photo.path: place for place, c in enumerate(flown) for photo in c.photos}
    ordered = sorted((one for one in own if one.photo.path in kept),
                     key=lambda one: kept[one.photo.path])  # fmt: skip
    findings += [
        *told_away,
        *twice,
        *judge_flights(flown),
        *judge_quality(ordered, flown),
        *judge_coverage(flown),
    ]
    panels = tuple(capture for capture in captures if capture.panel)
    heights = heights_above(flown, panels=panels, ground=ground)
    overlap = counted(flown, heights)
    findings += height_findings(heights, flown)
    if field is not None and overlap is not None:
        findings += judge_overlap(overlap, field)
    return Intake(
        source=folder,
        captures=tuple(flown),
        panel_captures=panels,
        set_aside=(*others, *(photo for capture in away for photo in capture.photos)),
        camera=f"{make} {model}".strip()[:80],
        sensor=sensor or sensor_for(make, model),
        overlap=overlap,
        heights=heights,
        findings=tuple(findings),
    )


def _at_home(
    captures: Sequence[Capture], field: Field | None
) -> tuple[list[Capture], list[Capture], list[Finding]]:
    """Part captures into those of the field and those of another; say so."""
    away = elsewhere(captures, field) if field is not None else []
    if field is None or not away:
        return list(captures), [], []
    severe = Finding.error if len(away) == len(captures) else Finding.warning
    names = some([capture.name for capture in away])
    finding = severe("finding.photos_elsewhere", count=len(away), of=len(captures),
                     names=names, field=field.name)  # fmt: skip
    return [capture for capture in captures if capture not in away], away, [finding]


def _camera(photo: Photo) -> tuple[str, str]:
    return photo.make, photo.model
