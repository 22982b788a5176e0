"""What each kind of job calls, and what came out of it.

Theory of operation. A job does what the command of its name does, with the same operations: they
write whole files and list whole products or nothing, so a job that dies half-way leaves nothing
half, and done again it ends as if nothing had happened. What can go on where it stopped does so:
archives unpacked, pieces of large maps. A source is a product of the farm's catalogue or an upload,
by name, never a path. Each kind loads what it needs and no more: a process does one job.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from agri.errors import AgriError, BadInput, NotFound
from agri.field import Field
from agri.files import TEMPORARY, sync_folder, told
from agri.findings import Finding, blocks
from agri.jobs import Asked, Kind, Result
from agri.names import slug
from agri.operations.maps.shelf import Shelf
from agri.operations.uploads.keeping import files_of, photos_of
from agri.units import INDOCHINA_TIME
from agri.words import Language
from agri.workspace import Workspace

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A job as it is being done.

    Parameters
    ----------
    asked : Asked
        What was asked.
    shelf : Shelf
        The farm's, in the language of who asked.
    farm : Workspace
        The open farm.
    field : Field or None
        The field it is for.
    now : datetime
        With its time zone.
    progress : callable
        Told the share done, 0 to 1.
    """

    asked: Asked
    shelf: Shelf
    farm: Workspace
    field: Field | None
    now: datetime
    progress: Progress

    @property
    def place(self) -> Field:
        """The field, for jobs that need one."""
        if self.field is None:
            raise BadInput("error.field_needed", count=len(self.farm.fields()))
        return self.field

    def number(self, name: str, usual: float) -> float:
        """Return an option that is a number, `usual` when it was not made."""
        told = self.asked.option(name)
        try:
            return float(told) if told else usual
        except ValueError:
            raise BadInput("error.not_a_number", name=name, value=told[:20]) from None

    def words(self, name: str) -> list[str]:
        """Return an option that is a list with commas."""
        return [word.strip() for word in self.asked.option(name).split(",") if word.strip()]


def do_job(
    farm: Workspace, asked: Asked, *, language: Language, now: datetime, progress: Progress
) -> Result:
    """Do what was asked, to its end.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    asked : Asked
        What was asked.
    language : {"vi", "en"}
        Of facts, tables and pictures.
    now : datetime
        With its time zone.
    progress : callable
        Told the share done, 0 to 1.

    Raises
    ------
    AgriError
        When it cannot be done; the sentence says why.
    """
    field = None
    if asked.field_uid:
        field = next((one for one in farm.farm().fields if one.uid == asked.field_uid), None)
        if field is None:
            raise NotFound("error.job_field_gone")
    shelf = Shelf.of(None, farm, language)
    work = Work(asked=asked, shelf=shelf, farm=farm, field=field, now=now, progress=progress)
    return WAYS[asked.kind](work)


def _raster(work: Work) -> Path:
    from agri.operations.maps.tiles import raster_of

    return raster_of(work.farm.folder, work.asked.source)


def _result(
    work: Work,
    facts: Sequence[tuple[str, str]],
    findings: Sequence[Finding],
    files: Sequence[Path | None],
    *,
    of: Sequence[Path] = (),
) -> Result:
    """Return what came out; `of` are files whose products are named."""
    from agri.operations.maps.register import listed_of

    names = [listed_of(work.shelf, path) for path in of]
    root = work.farm.folder.resolve()
    made = [path.resolve() for path in files if path is not None]
    return Result(
        products=tuple(dict.fromkeys(one.name for one in names if one is not None)),
        files=tuple(p.relative_to(root).as_posix() for p in made if p.is_relative_to(root)),
        facts=tuple(facts),
        findings=tuple(findings),
    )


# ------------------------------------------------------------------ photos


def _photos(work: Work) -> Result:
    from agri.operations.maps.photos import check_photos

    _, path = photos_of(work.farm.folder, work.asked.source)
    found = check_photos(path, work.shelf, field=work.field, camera=work.asked.option("camera"),
                         progress=work.progress)  # fmt: skip
    return _result(work, found.facts, found.findings, (found.picture, found.overlap))


def _mosaic(work: Work) -> Result:
    from agri.operations.maps.mosaic import mosaic_photos

    _, path = photos_of(work.farm.folder, work.asked.source)
    quality: Literal["quick", "full"] = (
        "full" if work.asked.option("quality") == "full" else "quick"
    )
    made = mosaic_photos(path, work.shelf, field=work.field, quality=quality,
                         camera=work.asked.option("camera"), progress=work.progress)  # fmt: skip
    return _result(work, made.facts, made.findings, (made.picture, made.overlap), of=(made.path,))


def _ortho(work: Work) -> Result:
    """Take a finished orthomosaic into the farm's maps."""
    from agri.operations.maps.photos import unusable
    from agri.operations.maps.register import free_place, list_raster, listed_of
    from imagery.intake import take_in

    upload, (path, *_) = files_of(work.farm.folder, work.asked.source)
    intake = take_in(path, field=work.field, progress=lambda share: work.progress(0.8 * share))
    if blocks(intake.findings) or not intake.orthos:
        raise unusable(intake.findings) if intake.findings else BadInput("error.upload_no_map")
    name = f"{slug(Path(upload.files[0].told.label).stem, longest=32)}-{upload.uid[:4]}"
    target = work.shelf.place(name, "mosaic", ".tif")
    if listed_of(work.shelf, target) is None or not target.samefile(path):
        target = free_place(work.shelf, target)
        take_over(path, target)
        day = work.asked.option("flown")
        list_raster(work.shelf, target, "orthomosaic", made_of=[path],
                    flown=date.fromisoformat(day) if day else None)  # fmt: skip
    return _result(work, [], intake.findings, (), of=(target,))


def take_over(source: Path, target: Path) -> None:
    """Give a large file a second name, or copy it where the disk cannot do so; whole or not."""
    temporary = target.with_name(f".{target.name}.taken{TEMPORARY}")
    with told(target):
        temporary.unlink(missing_ok=True)  # of a job that died
        try:
            try:
                os.link(source, temporary)
            except OSError:
                shutil.copyfile(source, temporary)
                with temporary.open("rb+") as file:
                    os.fsync(file.fileno())
            temporary.replace(target)
            sync_folder(target.parent)
        finally:
            with suppress(OSError):
                temporary.unlink()


# ------------------------------------------------------------------ maps


def _index(work: Work) -> Result:
    from agri.operations.maps.indices import RasterWords, make_indices, open_map
    from imagery.piecework import PIECE_SIDE

    raster = _raster(work)
    words = RasterWords(bands=tuple(work.words("bands")))
    ortho, _ = open_map(raster, words)
    large = max(ortho.width, ortho.height) > PIECE_SIDE
    made = make_indices(raster, work.shelf, work.words("indices"), words=words,
                        masks=work.words("masks"),
                        field=work.field, pieces=large, progress=work.progress)  # fmt: skip
    return _result(work, made.facts, made.findings, made.pictures, of=(made.map.product.path,))


def _zonal(work: Work) -> Result:
    from agri.operations.maps.zonal import measure, zones_for

    sao = work.asked.option("sao") == "yes"
    areas, before = zones_for(work.shelf, field=work.field, sao=sao)
    found = measure(_raster(work), work.shelf, areas, progress=work.progress)
    return _result(work, found.facts, (*before, *found.findings), found.files)


def _trees(work: Work) -> Result:
    from agri.operations.maps.trees import Sources, map_trees

    crown_m = (work.number("crown_low_m", 3.0), work.number("crown_high_m", 5.0))
    found = map_trees(Sources(ortho=_raster(work)), work.shelf, field=work.field, crown_m=crown_m,
                      flight=work.asked.source, now=work.now, progress=work.progress)  # fmt: skip
    return _result(work, found.facts, found.findings, found.files, of=found.files[:1])


def _zones(work: Work) -> Result:
    from agri.operations.maps.zones import SprayerReach, make_zones

    reach = SprayerReach(swath_m=work.number("swath_m", 4.0),
                         speed_m_s=work.number("speed_m_s", 4.0))  # fmt: skip
    classes = int(work.number("classes", 0.0)) or None
    made = make_zones(_raster(work), work.shelf, work.place, reach, classes=classes,
                      progress=work.progress)  # fmt: skip
    return _result(work, made.facts, made.findings, made.files, of=made.files[:1])


# ------------------------------------------------------------------ the rest


def _forecast(work: Work) -> Result:
    from agri.crop_cards import crop_card
    from agri.operations.forecast import Asked as ForecastAsked
    from agri.operations.forecast import forecast_field
    from agri.operations.harvests import kept_by
    from agri.operations.weather import kept as kept_weather

    field, weather = work.place, None
    with suppress(AgriError):  # no weather is kept: the forecast says what it goes by
        weather = kept_weather(work.farm.folder).weather
    crop = work.asked.option("crop") or field.crop
    if not crop:
        raise BadInput("error.forecast_crop", name=field.name)
    asked = ForecastAsked(
        card=crop_card(crop),
        day=work.now.astimezone(INDOCHINA_TIME).date(),
        register=work.shelf.place(field.name, "trees", ".json"),
        kept=kept_by(work.farm, field.name),
        weather=weather,
    )
    found = forecast_field(field, asked, work.shelf, progress=work.progress)
    return _result(work, found.facts, found.findings, found.files)


def _boundaries(work: Work) -> Result:
    from agri.operations.farm import import_boundaries

    _, paths = files_of(work.farm.folder, work.asked.source)
    made = import_boundaries(work.farm, paths, unattended=True)
    return Result(fields=tuple(one.uid for one in made.fields), findings=made.findings)


WAYS: Mapping[Kind, Callable[[Work], Result]] = {
    Kind.PHOTOS: _photos,
    Kind.MOSAIC: _mosaic,
    Kind.ORTHO: _ortho,
    Kind.INDEX: _index,
    Kind.ZONAL: _zonal,
    Kind.TREES: _trees,
    Kind.ZONES: _zones,
    Kind.FORECAST: _forecast,
    Kind.BOUNDARIES: _boundaries,
}
