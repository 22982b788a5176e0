"""What stands on the farm: fields, obstacles, sensitive sites, pads and no-fly zones.

Theory of operation. Values go in together in one transaction, each with a stable key. Fields and
pads are called by name, so their names are unique within the farm, whatever their case. They are
found again by key, by name, and then by name without case and diacritics; when several are meant
equally the user is asked rather than served the wrong field.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import Connection, select

from agri.errors import BadInput, NotFound
from agri.field import Farm, Field, NoFlyZone, Obstacle, Pad, SensitiveSite
from agri.findings import Finding
from agri.names import choose, label, near, same
from agri.workspace.database import Database
from agri.workspace.layers import (
    FIELDS,
    NO_FLY_ZONES,
    OBSTACLES,
    PADS,
    SENSITIVE_SITES,
    Layer,
    farm_table,
)
from agri.workspace.paper_layers import EVERY_LAYER

V = TypeVar("V", Field, Obstacle, SensitiveSite, Pad, NoFlyZone)

CALLED_BY_NAME = frozenset({FIELDS.name, PADS.name})
SITE_LAYERS: tuple[Layer[Any], ...] = (FIELDS, OBSTACLES, SENSITIVE_SITES, PADS, NO_FLY_ZONES)


def read_farm(database: Database, *, unnamed: str) -> tuple[Farm, list[Finding]]:
    """Return the farm at one moment, and what was wrong with rows edited elsewhere.

    Parameters
    ----------
    database : Database
        The farm's.
    unnamed : str
        What to call a farm whose name was taken away.
    """
    findings: list[Finding] = []
    with database.reading() as connection:

        def read(layer: Layer[V]) -> tuple[V, ...]:
            values, found = layer.read(connection)
            findings.extend(found)
            return values

        farm = Farm(
            name=farm_name(connection) or unnamed,
            fields=read(FIELDS),
            obstacles=read(OBSTACLES),
            sensitive_sites=read(SENSITIVE_SITES),
            pads=read(PADS),
            no_fly_zones=read(NO_FLY_ZONES),
        )
    return farm, findings


def farm_name(connection: Connection) -> str:
    """Return the farm's name as it stands now, "" when it was taken away."""
    name = connection.execute(select(farm_table.c.name)).scalars().first()
    return label(str(name or ""))


def read_layer(database: Database, layer: Layer[V]) -> tuple[V, ...]:
    """Return the usable values of one layer in the order they were added."""
    with database.reading() as connection:
        return layer.read(connection)[0]


def read_frame(database: Database, name: str) -> Any:
    """Return a layer's rows as a GeoDataFrame with all columns, unusable rows too.

    Raises
    ------
    NotFound
        When the farm has no such layer.
    """
    import geopandas as gpd

    layers = {layer.name: layer.table for layer in EVERY_LAYER if "geom" in layer.table.c}
    if name not in layers:
        raise NotFound("error.no_farm_layer", wanted=name[:60], names=", ".join(layers))
    table = layers[name]
    with database.reading() as connection:
        rows = connection.execute(select(table).order_by(table.c.fid)).all()
    columns = {key: [row[index] for row in rows] for index, key in enumerate(table.c.keys())}
    geometry = columns.pop("geom")
    frame = gpd.GeoDataFrame(columns, geometry=geometry, crs=4326)
    return frame.set_index("fid")


def add(
    database: Database, layer: Layer[V], values: Sequence[V], new_uid: Callable[[], str]
) -> tuple[V, ...]:
    """Store values in one transaction and return them with their keys.

    Raises
    ------
    BadInput
        When a key is taken, or a name where names are unique; nothing is stored then.
    """
    keyed = tuple(
        replace(value, name=label(value.name), uid=value.uid or new_uid()) for value in values
    )
    with database.writing() as connection:
        _refuse_taken(connection, layer, keyed)
        layer.insert(connection, keyed)
    return keyed


def change(database: Database, layer: Layer[V], value: V) -> V:
    """Put a value in the place of the one with its key.

    Raises
    ------
    NotFound
        When there is none.
    BadInput
        When another has its name where names are unique.
    """
    kept = replace(value, name=label(value.name))
    with database.writing() as connection:
        rows = connection.execute(select(layer.table.c.uid, layer.table.c.name)).all()
        if kept.uid not in {row.uid for row in rows}:
            raise NotFound("error.no_such_uid", uid=kept.uid)
        others = {same(str(row.name or "")) for row in rows if row.uid != kept.uid}
        if layer.name in CALLED_BY_NAME and same(kept.name) in others:
            raise BadInput("error.name_taken", name=kept.name)
        layer.put(connection, kept)
    return kept


def _refuse_taken(connection: Connection, layer: Layer[V], values: Sequence[V]) -> None:
    table = layer.table
    rows = connection.execute(select(table.c.uid, table.c.name)).all()
    uids = {row.uid for row in rows}
    names = {same(str(row.name or "")) for row in rows}
    for value in values:
        if value.uid in uids:
            raise BadInput("error.already_stored", name=value.name)
        if layer.name in CALLED_BY_NAME and same(value.name) in names:
            raise BadInput("error.name_taken", name=value.name)
        uids.add(value.uid)
        names.add(same(value.name))


def remove(database: Database, layers: Sequence[Layer[Any]], uid: str) -> None:
    """Remove what has this key from the first of `layers` that holds it.

    Raises
    ------
    NotFound
        When none does.
    """
    with database.writing() as connection:
        if not any(layer.delete(connection, uid) for layer in layers):
            raise NotFound("error.no_such_uid", uid=uid)


def pick(wanted: str, values: Sequence[V], missing: str) -> V:
    """Return the value meant by a key or name.

    Parameters
    ----------
    wanted : str
        What the user wrote.
    values : sequence
        Where to look.
    missing : str
        Key of the sentence for when there is none.

    Raises
    ------
    NotFound
        When there is none; the sentence tells near names.
    BadInput
        When several are meant equally.
    """
    for value in values:
        if wanted and value.uid == wanted:
            return value
    names = [value.name for value in values]
    found = choose(wanted, names)
    if not found:
        raise NotFound(missing, wanted=wanted, names=", ".join(near(wanted, names)) or "–")
    if len(found) > 1:
        raise BadInput("error.ambiguous", wanted=wanted, names=", ".join(names[i] for i in found))
    return values[found[0]]
