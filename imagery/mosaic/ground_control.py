"""Check points from a file: places measured on the ground, and where photos show them.

Theory of operation
-------------------
The format is the one that OpenDroneMap reads (``gcp_list.txt``): the first line names the
coordinate system (``EPSG:32648``, a PROJ string, ``WGS84 UTM 48N``), every other line is
``x y z column row photo [name]``. Lines of one place (the same name, else the same x, y, z) are one
point. The points judge the mosaic, they do not take part in it: what is used to place photos can
say nothing about how well they are placed.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from agri.errors import BadInput
from agri.files import read_text_limited
from agri.geo import LonLat
from imagery.mosaic.accuracy import CheckPoint

MAX_LINES = 20_000


def read_check_points(path: Path) -> tuple[CheckPoint, ...]:
    """Read a list of ground control points.

    Parameters
    ----------
    path : Path
        OpenDroneMap's ``gcp_list.txt``.

    Raises
    ------
    BadInput
        When the coordinate system is unknown or a line cannot be understood; the line is named.

    Notes
    -----
    Columns and rows count from the picture's upper left corner, as the programs that mark points
    do; a `CheckPoint` counts from the centre of the first pixel, half a pixel less.
    """
    lines = [line.strip() for line in read_text_limited(path).splitlines()[:MAX_LINES]]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise BadInput("error.gcp_empty", name=path.name)
    to_lonlat = Transformer.from_crs(_system(lines[0], path.name), 4326, always_xy=True)
    points: dict[str, tuple[LonLat, list[tuple[str, float, float]]]] = {}
    for number, line in enumerate(lines[1:], start=2):
        words = line.split()
        try:
            x, y, _, column, row = (float(word) for word in words[:5])
            photo = words[5]
            lon, lat = to_lonlat.transform(x, y)
            if not math.isfinite(lon + lat + column + row):
                raise ValueError
            place = LonLat(lon_deg=float(lon), lat_deg=float(lat))
        except (ValueError, IndexError, BadInput):
            raise BadInput("error.gcp_line", name=path.name, line=number) from None
        name = words[6] if len(words) > 6 else " ".join(words[:3])
        sightings = points.setdefault(name, (place, []))[1]
        sightings.append((photo, column - 0.5, row - 0.5))
    return tuple(
        CheckPoint(name=name, place=place, sightings=tuple(sightings))
        for name, (place, sightings) in points.items()
    )


def _system(line: str, name: str) -> CRS:
    utm = re.fullmatch(r"WGS84\s+UTM\s+(\d{1,2})\s*([NS])", line, flags=re.IGNORECASE)
    if utm and 1 <= int(utm[1]) <= 60:
        line = f"EPSG:{(32600 if utm[2].upper() == 'N' else 32700) + int(utm[1])}"
    try:
        return CRS.from_user_input(line)
    except CRSError:
        raise BadInput("error.gcp_system", name=name, system=line[:80]) from None
