"""One tree or zone over the dates: what the register of trees keeps, and what each map shows there.

Theory of operation. A tree has its number for life (`imagery.trees.numbering`), so its heights and
crowns of every flight stand in the orchard's register, under the flights' names. A flight's day is
that of the product of the same name in the catalogue, else a date in the name itself. Beside that
every index map of the catalogue is asked for its mean over the crown or zone: those have a date
of their own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath

from shapely.geometry import MultiPolygon, Polygon

from agri.errors import AgriError
from agri.files import inside, read_text_limited
from agri.operations.fieldmap.figures import Figures, figures_within
from agri.operations.fieldmap.rasters import RasterLayer
from agri.operations.maps.tiles import Sight
from agri.operations.maps.trees import REGISTER_BYTES
from agri.units import INDOCHINA_TIME
from imagery.stac import Product
from imagery.trees.passport import Passport, Register, register_from

SIZES = ("height_m", "area_m2", "volume_m3")
FEW_PIXELS = 40_000
"""Most pixels of one map that a tree's or zone's mean is taken from."""
_DAY = re.compile(r"(20\d\d)[-_]?(\d\d)[-_]?(\d\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A value of one date.

    Parameters
    ----------
    day : date or None
        None where nobody knows the day of a flight.
    label : str
        The flight's or the map's name.
    value : float
    """

    day: date | None
    label: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One measure over the dates, oldest first.

    Parameters
    ----------
    measure : str
        "height_m", "NDVI"…
    points : tuple of Point
        Those with a value.
    """

    measure: str
    points: tuple[Point, ...]


def register_of(farm: Path, product: Product) -> Register | None:
    """Return the register that stands beside a list of trees, None when there is none.

    Raises
    ------
    BadInput
        When it is damaged.
    """
    path = inside(farm, product.files[0].name).with_suffix(".json")
    if not path.is_file():
        return None
    return register_from(read_text_limited(path, limit_bytes=REGISTER_BYTES))


def passport_of(register: Register | None, name: str) -> Passport | None:
    """Return the passport of a tree's number, None when it has none."""
    if register is None:
        return None
    return next((one for one in register.passports if one.name == name), None)


def days_of_flights(products: Sequence[Product]) -> Mapping[str, date]:
    """Return the local day of each product, by its name and the names of its files."""
    days: dict[str, date] = {}
    for one in products:
        day = one.start.astimezone(INDOCHINA_TIME).date()
        days[one.name] = day
        days.update({PurePosixPath(file.name).stem: day for file in one.files[:1]})
    return days


def day_of_flight(flight: str, days: Mapping[str, date]) -> date | None:
    """Return the day of a flight by its name, None when nothing tells it.

    Examples
    --------
    >>> day_of_flight("vuon 2026-02-11", {}), day_of_flight("chieu", {})
    (datetime.date(2026, 2, 11), None)
    """
    if flight in days:
        return days[flight]
    found = _DAY.search(flight)
    if found:
        with suppress(ValueError):
            return date(*map(int, found.groups()))
    return None


def kept_history(passport: Passport, days: Mapping[str, date]) -> tuple[History, ...]:
    """Return every measure that a tree's passport keeps."""
    names = dict.fromkeys(name for visit in passport.visits for name in visit.indices)
    told = [
        History(measure=measure, points=tuple(
            Point(day=day_of_flight(flight, days), label=flight, value=value)
            for flight, value in passport.series(measure) if math.isfinite(value)
        ))
        for measure in (*SIZES, *names)
    ]  # fmt: skip
    return tuple(one for one in told if one.points)


def mapped_history(
    area: Polygon | MultiPolygon, layers: Sequence[RasterLayer], sight: Callable[[str, int], Sight]
) -> tuple[tuple[History, Figures], ...]:
    """Return the mean over an area of every index map, by index, with the figures of the last.

    Parameters
    ----------
    area : Polygon or MultiPolygon
        WGS 84 degrees.
    layers : sequence of RasterLayer
        Those of kind "index" are asked.
    sight : callable
        Gives a product's layer by name and number.
    """
    found: dict[str, list[tuple[Point, Figures]]] = {}
    for layer in sorted(layers, key=lambda one: one.product.start):
        if layer.product.kind != "index":
            continue
        with suppress(AgriError):  # one damaged file among many must not hide the others
            told = figures_within(sight(layer.product.name, layer.number), area,
                                  histogram=False, max_pixels=FEW_PIXELS)  # fmt: skip
            if told is not None and told.known:
                point = Point(day=layer.day, label=layer.product.name, value=told.mean)
                found.setdefault(layer.title, []).append((point, told))
    return tuple(
        (History(measure=title, points=tuple(point for point, _ in both)), both[-1][1])
        for title, both in found.items()
    )
