"""The farm as plain tables for other programs: one for each kind of thing, with places and keys.

Theory of operation. A table is a GeoDataFrame in WGS 84 (lon, lat) with one row for each thing and
its stable key in ``uid``. Fields, what stands around them, plans, flights and what these applied
come from the farm's own layers; records from its book, each at its field; trees from the orchards'
registers, as the last flight saw them; zones from the catalogue. Paths of files and digests of
files are not told, nor anything about people but who did what is recorded.

Where a row has a moment, `MOMENT` names its column; others have none, and no period leaves them
out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import fields as fields_of
from datetime import UTC, datetime
from typing import Any

import numpy as np
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from agri.errors import AgriError, NotFound
from agri.field_records import KINDS
from agri.files import inside, read_text_limited
from agri.geo import transformer
from agri.operations.found import was_simulated
from agri.operations.maps.shelf import FOLDER
from agri.operations.maps.trees import REGISTER_BYTES
from agri.units import INDOCHINA_TIME
from agri.words import Language, say
from agri.workspace import Workspace
from imagery.catalogue import products
from imagery.trees.passport import register_from
from imagery.zonal import read_zones

OWN = {
    "fields": "fields", "obstacles": "obstacles", "sensitive_sites": "sensitive_sites",
    "pads": "pads", "no_fly_zones": "no_fly_zones", "plans": "missions", "flights": "flights",
    "applied": "applied",
}  # fmt: skip
"""Tables that are layers of the farm's own, and what those are called there."""
NAMES = (*OWN, "records", "trees", "zones")
MOMENT = {"plans": "created_utc", "flights": "started_utc", "applied": "sprayed_utc",
          "records": "day"}  # fmt: skip
FLOWN = {"flights": "uid", "applied": "flight_uid"}
"""Tables whose column ``simulated`` tells what a simulator flew, and the column with the flight."""
LEFT_OUT = ("file", "folder", "sha256")
MOST_REGISTERS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One row: its key, its place, and what is told of it, fit for JSON."""

    uid: str
    geometry: BaseGeometry | None
    told: Mapping[str, str | float | bool | None]
    moment: datetime | None


def table_title(name: str, language: Language) -> str:
    """Return what a table is called."""
    return say(f"page.open_{name}", language)


def table(farm: Workspace, name: str) -> Any:
    """Return a table as a GeoDataFrame, WGS 84.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    name : str
        One of `NAMES`.

    Raises
    ------
    NotFound
        When there is no such table.
    """
    if name in OWN:
        frame = farm.frame(OWN[name])
        left = frame.drop(columns=[one for one in LEFT_OUT if one in frame.columns])
        return left if name not in FLOWN else _told_apart(farm, left, FLOWN[name])
    makers: dict[str, Callable[[Workspace], Iterator[dict[str, Any]]]] = {
        "records": _records, "trees": _trees, "zones": _zones,
    }  # fmt: skip
    if name not in makers:
        raise NotFound("error.no_farm_layer", wanted=name[:60], names=", ".join(NAMES))
    return _framed(list(makers[name](farm)))


def _told_apart(farm: Workspace, frame: Any, column: str) -> Any:
    """Return rows of flights with whether the simulator flew them, after the other columns."""
    flown = {one.uid: was_simulated(farm, one) for one in farm.flights()}
    frame.insert(
        len(frame.columns) - 1, "simulated", [flown.get(uid, False) for uid in frame[column]]
    )
    return frame


def _framed(rows: list[dict[str, Any]]) -> Any:
    import geopandas as gpd

    columns = list(dict.fromkeys(key for row in rows for key in row if key != "geometry"))
    body = {name: [row.get(name) for row in rows] for name in columns or ["uid"]}
    return gpd.GeoDataFrame(body, geometry=[row["geometry"] for row in rows], crs=4326)


def _records(farm: Workspace) -> Iterator[dict[str, Any]]:
    places = {one.uid: one.boundary.representative_point() for one in farm.fields()}
    left_out = {"entered_utc", "replaces"}
    names = list(dict.fromkeys(
        one.name for kind in KINDS.values() for one in fields_of(kind) if one.name not in left_out
    ))  # fmt: skip
    for record in farm.records.read():
        told = {name: getattr(record, name, None) for name in names}
        plain = {name: getattr(value, "value", value) for name, value in told.items()}
        yield {"uid": record.uid, "kind": record.kind, **plain, "day": record.day.isoformat(),
               "geometry": places.get(record.field_uid)}  # fmt: skip


def _trees(farm: Workspace) -> Iterator[dict[str, Any]]:
    folder = farm.folder / FOLDER
    found = sorted(folder.glob("*-trees.json")) if folder.is_dir() else []
    for path in found[:MOST_REGISTERS]:
        try:
            register = register_from(read_text_limited(path, limit_bytes=REGISTER_BYTES))
        except AgriError:
            continue
        to_degrees = transformer(register.epsg, 4326)
        orchard = path.name.removesuffix("-trees.json")
        for tree in register.passports:
            seen = tree.last_seen or tree.visits[-1]
            yield {
                "uid": f"{orchard}:{tree.name}", "orchard": orchard, "tree": tree.name,
                "row": tree.row, "place": tree.place, "stands": tree.stands,
                "flight": seen.flight, "height_m": seen.height_m, "area_m2": seen.area_m2,
                "volume_m3": seen.volume_m3, **{k: float(v) for k, v in seen.indices.items()},
                "geometry": Point(*to_degrees.transform(*tree.spot)),
            }  # fmt: skip


def _zones(farm: Workspace) -> Iterator[dict[str, Any]]:
    try:
        listed = products(farm.folder)
    except AgriError:
        return
    for product in listed:
        if product.kind != "zones":
            continue
        try:
            zones, _ = read_zones(inside(farm.folder, product.files[0].name))
        except AgriError:
            continue
        for number, zone in enumerate(zones, 1):
            yield {"uid": f"{product.name}:{number}", "product": product.name, "zone": zone.name,
                   "seen_utc": product.start.astimezone(UTC).isoformat(),
                   "geometry": zone.area}  # fmt: skip


# ------------------------------------------------------------------ as values for JSON


def things(farm: Workspace, name: str) -> tuple[Thing, ...]:
    """Return a table's rows as values, in its order; rows without a key are left out.

    Raises
    ------
    NotFound
        When there is no such table.
    """
    frame = table(farm, name)
    columns = [one for one in frame.columns if one != "geometry"]
    when = MOMENT.get(name, "")
    found = []
    for row in frame.itertuples(index=False):
        told = {column: plain(getattr(row, column)) for column in columns}
        uid = str(told.pop("uid") or "")
        if not uid:
            continue
        geometry = row.geometry
        known = geometry is not None and not geometry.is_empty
        found.append(Thing(uid=uid, geometry=geometry if known else None, told=told,
                           moment=_moment(told.get(when)) if when else None))  # fmt: skip
    return tuple(found)


def plain(value: Any) -> str | float | bool | None:
    """Return a cell as JSON has it: numbers that are none, and missing ones, as None.

    Examples
    --------
    >>> plain(math.nan), plain(np.int64(3)), plain(datetime(2026, 11, 22, tzinfo=UTC))
    (None, 3, '2026-11-22T00:00:00+00:00')
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return None if text in ("NaT", "<NA>", "nan") else text


def _moment(told: object) -> datetime | None:
    """Return a moment; a day is the noon of it here."""
    try:
        found = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(hour=12, tzinfo=INDOCHINA_TIME)
    return found.astimezone(UTC)
