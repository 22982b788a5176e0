"""The commands of imagery: look at photos, make mosaics, indices, zones and rate maps of them.

In a farm their products go into its folder ``maps`` and its catalogue, elsewhere into the folder
that ``--out`` names, by default the current one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer import Argument, Option

from agri.amounts import read_day
from agri.cli.shelf import FieldOption, OutOption, field_asked, open_shelf, words_in
from agri.cli.tree import FarmOption, app

if TYPE_CHECKING:
    from agri.operations.maps.indices import RasterWords

photos = typer.Typer(no_args_is_help=True, help="cli.help.photos_group")
app.add_typer(photos, name="photos")

BandsOption = Annotated[str, Option("--bands", help="cli.help.bands", show_default=False)]
ScaleOption = Annotated[
    float, Option("--scale", help="cli.help.scale", min=0.0, show_default=False)
]
DemOption = Annotated[Path | None, Option("--dem", help="cli.help.dem", show_default=False)]
CameraOption = Annotated[str, Option("--camera", help="cli.help.camera_name", show_default=False)]


@photos.command("check", help="cli.help.photos_check")
def photos_check(
    path: Annotated[Path, Argument(help="cli.help.photos_path", show_default=False)],
    field: FieldOption = "",
    camera: CameraOption = "",
    dem: DemOption = None,
    ground: Annotated[
        str, Option("--ground", help="cli.help.ground_altitude", show_default=False)
    ] = "",
    out: OutOption = None,
    farm: FarmOption = None,
) -> int:
    """Tell whether photos will do."""
    from agri.cli.show import progress, show_facts, tell
    from agri.cli.show_maps import show_photos
    from agri.operations.maps.photos import check_photos
    from agri.units import read_length_m

    with open_shelf(out, farm) as shelf:
        wanted = field_asked(shelf, field)
        with progress("cli.looking_at_photos") as update:
            found = check_photos(
                path, shelf, field=wanted, camera=camera, terrain=dem,
                ground_m=read_length_m(ground, name="--ground") if ground else None,
                progress=lambda share: update(share, 1.0),
            )  # fmt: skip
    show_facts(found.facts)
    for picture in (found.picture, found.overlap):
        if picture is not None:
            tell("cli.picture_at", path=picture)
    return show_photos(path.resolve().name, found.findings)


@photos.command("practice", help="cli.help.practice")
def photos_practice(
    folder: Annotated[Path, Argument(help="cli.help.practice_folder", show_default=False)],
    colour: Annotated[bool, Option("--colour", help="cli.help.practice_colour")] = False,
) -> int:
    """Make photos of a made orchard to practise on."""
    from agri.cli.show import progress, tell
    from agri.operations.maps.practice import make_practice

    with progress("cli.taking_photos") as update:
        made = make_practice(folder, colour=colour, progress=lambda share: update(share, 1.0))
    tell("cli.practice_made", moments=made.moments, photos=made.photos, field=made.field,
         trees=made.trees, missing=made.missing)  # fmt: skip
    return 0


@app.command(help="cli.help.mosaic")
def mosaic(
    path: Annotated[Path, Argument(help="cli.help.photos_path", show_default=False)],
    field: FieldOption = "",
    camera: CameraOption = "",
    quality: Annotated[str, Option(help="cli.help.quality")] = "quick",
    pixel: Annotated[str, Option(help="cli.help.pixel", show_default=False)] = "",
    dem: DemOption = None,
    check_points: Annotated[
        Path | None, Option("--check-points", help="cli.help.check_points", show_default=False)
    ] = None,
    node: Annotated[str, Option(help="cli.help.node", show_default=False)] = "",
    out: OutOption = None,
    farm: FarmOption = None,
) -> int:
    """Make an orthomosaic of photos."""
    from agri.cli.show import progress
    from agri.cli.show_maps import show_products
    from agri.operations.maps.mosaic import mosaic_photos
    from agri.units import read_length_m

    with open_shelf(out, farm) as shelf:
        wanted = field_asked(shelf, field)
        with progress("cli.making_mosaic") as update:
            made = mosaic_photos(
                path, shelf, field=wanted, camera=camera, quality=_quality(quality),
                pixel_m=read_length_m(pixel, name="--pixel") if pixel else None, terrain=dem,
                check_points=check_points, node=node, progress=lambda share: update(share, 1.0),
            )  # fmt: skip
    return show_products(made.facts, made.findings, (made.path, made.picture, made.overlap))


def _quality(word: str) -> Literal["quick", "full"]:
    from agri.errors import BadInput

    if word == "quick":
        return "quick"
    if word == "full":
        return "full"
    raise BadInput("error.quality", value=word[:20])


@app.command(help="cli.help.zonal")
def zonal(
    raster: Annotated[Path, Argument(help="cli.help.raster", show_default=False)],
    zones: Annotated[
        Path | None, Option("--zones", help="cli.help.zones_file", show_default=False)
    ] = None,
    field: FieldOption = "",
    sao: Annotated[bool, Option("--sao", help="cli.help.sao")] = False,
    layers: Annotated[str, Option(help="cli.help.layers", show_default=False)] = "",
    table: Annotated[str, Option(help="cli.help.table")] = "gpkg",
    dask: Annotated[str, Option(help="cli.help.dask", show_default=False)] = "",
    out: OutOption = None,
    farm: FarmOption = None,
) -> int:
    """Measure zones over a map."""
    from agri.cli.show import progress, show_findings
    from agri.cli.show_maps import show_products, show_zones
    from agri.operations.maps.zonal import measure, zones_for

    with open_shelf(out, farm) as shelf:
        wanted = field_asked(shelf, field)
        areas, told = zones_for(shelf, file=zones, field=wanted, sao=sao)
        with progress("cli.measuring") as update:
            found = measure(
                raster, shelf, areas, layers=words_in(layers), suffix=f".{table}",
                cluster=dask, progress=lambda share: update(share, 1.0),
            )  # fmt: skip
    show_zones(found.table)
    show_findings(told)
    return show_products(found.facts, found.findings, found.files)


@app.command("index", help="cli.help.index")
def index_command(
    raster: Annotated[Path, Argument(help="cli.help.ortho", show_default=False)],
    indices: Annotated[str, Option(help="cli.help.indices", show_default=False)] = "",
    masks: Annotated[str, Option("--mask", help="cli.help.masks", show_default=False)] = "",
    bands: BandsOption = "",
    camera: CameraOption = "",
    scale: ScaleOption = 0.0,
    flown: Annotated[str, Option("--flown", help="cli.help.flown", show_default=False)] = "",
    lossless: Annotated[bool, Option("--lossless", help="cli.help.lossless")] = False,
    dask: Annotated[str, Option(help="cli.help.dask", show_default=False)] = "",
    pieces: Annotated[bool, Option("--pieces", help="cli.help.pieces")] = False,
    field: FieldOption = "",
    out: OutOption = None,
    farm: FarmOption = None,
) -> int:
    """Make crop indices of an orthomosaic; without any named, list those its bands allow."""
    from agri.cli.show import progress, show_findings
    from agri.cli.show_maps import show_offers, show_products
    from agri.operations.maps.indices import make_indices, offers

    words = replace(_raster_words(bands, camera, scale),
                    flown=read_day(flown, name="--flown") if flown else None)  # fmt: skip
    if not indices:
        found, told = offers(raster, words)
        show_offers(found)
        show_findings(told)
        return 0
    with open_shelf(out, farm) as shelf:
        wanted = field_asked(shelf, field)
        with progress("cli.making_indices") as update:
            made = make_indices(
                raster, shelf, words_in(indices), words=words, masks=words_in(masks), field=wanted,
                lossless=lossless, cluster=dask, pieces=pieces,
                progress=lambda share: update(share, 1.0),
            )  # fmt: skip
    return show_products(made.facts, made.findings, (made.map.product.path, *made.pictures))


@app.command(help="cli.help.trees")
def trees(
    raster: Annotated[Path | None, Argument(help="cli.help.ortho", show_default=False)] = None,
    surface: Annotated[
        Path | None, Option("--dsm", help="cli.help.surface", show_default=False)
    ] = None,
    ground: Annotated[
        Path | None, Option("--dtm", help="cli.help.ground", show_default=False)
    ] = None,
    canopy: Annotated[
        Path | None, Option("--chm", help="cli.help.canopy", show_default=False)
    ] = None,
    crown: Annotated[str, Option(help="cli.help.crown")] = "3-5",
    threshold: Annotated[
        float | None, Option("--threshold", help="cli.help.threshold", show_default=False)
    ] = None,
    flight: Annotated[str, Option("--as", help="cli.help.flight_as", show_default=False)] = "",
    bands: BandsOption = "",
    camera: CameraOption = "",
    field: FieldOption = "",
    out: OutOption = None,
    farm: FarmOption = None,
) -> int:
    """Find, measure and number the trees of an orchard."""
    from agri.cli.read import read_range
    from agri.cli.show import progress
    from agri.cli.show_maps import show_products
    from agri.operations.maps.trees import Sources, map_trees

    with open_shelf(out, farm) as shelf:
        wanted = field_asked(shelf, field)
        with progress("cli.finding_trees") as update:
            found = map_trees(
                Sources(ortho=raster, surface=surface, ground=ground, canopy=canopy), shelf,
                field=wanted, crown_m=read_range(crown, name="--crown"), threshold=threshold,
                flight=flight, words=_raster_words(bands, camera, 0.0),
                progress=lambda share: update(share, 1.0),
            )  # fmt: skip
    return show_products(found.facts, found.findings, found.files)


def _raster_words(bands: str, camera: str, scale: float) -> RasterWords:
    from agri.operations.maps.indices import RasterWords

    return RasterWords(bands=tuple(words_in(bands)), camera=camera, reflectance_at=scale or None)


@app.command(help="cli.help.calibrate")
def calibrate(
    path: Annotated[Path, Argument(help="cli.help.calibrate_path", show_default=False)],
    targets: Annotated[
        Path | None, Option("--targets", help="cli.help.targets", show_default=False)
    ] = None,
    certificate: Annotated[
        Path | None, Option("--certificate", help="cli.help.certificate", show_default=False)
    ] = None,
    by: Annotated[str, Option("--by", help="cli.help.calibrate_by")] = "best",
    bands: BandsOption = "",
    camera: CameraOption = "",
    scale: ScaleOption = 0.0,
    out: OutOption = None,
    farm: FarmOption = None,
) -> int:
    """Turn photos, or a finished map with targets in it, into reflectance."""
    from agri.cli.read import read_wanted
    from agri.cli.show import progress
    from agri.cli.show_maps import show_products
    from agri.operations.maps.calibrate import calibrate_map, calibrate_photos

    wanted = read_wanted(by)
    with open_shelf(out, farm) as shelf, progress("cli.calibrating") as update:
        if targets is not None:
            made = calibrate_map(path, shelf, targets, words=_raster_words(bands, camera, scale),
                                 progress=lambda share: update(share, 1.0))  # fmt: skip
        else:
            made = calibrate_photos(
                path, shelf, camera=camera, certificate=certificate, wanted=wanted,
                progress=lambda share: update(share, 1.0),
            )  # fmt: skip
    return show_products(made.facts, made.findings, made.files)
