"""Photos to practise on: a made orchard, photographed as a survey would, with its own truth beside.

Nobody should wait for a drone to learn the commands, and a lesson with a known answer is worth
more: the file ``truth.json`` tells how many trees stand there and how many are missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import shapely

from agri.errors import BadInput
from agri.files import make_folder, write_json
from sitl.camera import COLOUR, MULTISPECTRAL, photograph, photograph_panel, stations_over
from sitl.camera.flight import STARTED
from sitl.scene import orchard
from sitl.scene.land import Gap, Tree

SIZE_M = (64.0, 52.0)
MARGIN_M = 7.0
HEIGHT_M = 26.0
WIDTH_PX = {"bands": 360, "colour": 480}


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """A set of photos to practise on.

    Parameters
    ----------
    photos : Path
        Their folder.
    field : Path
        The orchard's border, GeoJSON.
    moments : int
        Captures.
    trees, missing : int
        That stand and are missing within the border.
    """

    photos: Path
    field: Path
    moments: int
    trees: int
    missing: int


def make_practice(
    folder: Path, *, colour: bool = False, progress: Callable[[float], None] | None = None
) -> Practice:
    """Render the photos of a small orchard.

    Parameters
    ----------
    folder : Path
        New or empty.
    colour : bool
        With a plain colour camera instead of one of five bands and its panel.
    progress : callable, optional
        Told the share done, 0 to 1.

    Raises
    ------
    BadInput
        When the folder holds anything.
    """
    make_folder(folder)
    if any(folder.iterdir()):
        raise BadInput("error.practice_full", folder=str(folder))
    land = orchard(seed=5, size_m=SIZE_M, cell_m=0.1)
    kind = "colour" if colour else "bands"
    camera = (COLOUR if colour else MULTISPECTRAL).of_width(WIDTH_PX[kind])
    stations = stations_over(land, camera, height_m=HEIGHT_M, front_overlap=0.72,
                             side_overlap=0.66, margin_m=MARGIN_M)  # fmt: skip
    photos = make_folder(folder / "photos")
    taken = photograph(land, camera, stations, photos, gps_error_m=(0.5, 0.1), fine=1,
                       progress=progress)  # fmt: skip
    if not colour:
        photograph_panel(camera, photos, place=taken[0].told,
                         taken_utc=STARTED - timedelta(minutes=2))  # fmt: skip
    east, north = (half - MARGIN_M - 2.0 for half in land.half_m)
    border = shapely.box(-east, -north, east, north)
    field = folder / "field.geojson"
    write_json(field, {"type": "FeatureCollection", "features": [{
        "type": "Feature", "properties": {"name": "Vườn tập", "crop": "vải PH40"},
        "geometry": shapely.geometry.mapping(land.frame.geometry_to_lonlat(border)),
    }]})  # fmt: skip

    def inside(thing: Tree | Gap) -> bool:
        return bool(border.contains(shapely.Point(thing.east_m, thing.north_m)))

    found = Practice(
        photos=photos, field=field, moments=len(taken), trees=sum(map(inside, land.trees)),
        missing=sum(map(inside, land.gaps)),
    )  # fmt: skip
    write_json(folder / "truth.json", {"trees": found.trees, "missing": found.missing})
    return found
