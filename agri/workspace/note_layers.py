"""The layer of notes on maps: rows are only ever added, as field records are.

QGIS shows it as one sublayer each for points, lines and areas. A row that another program wrote
and that cannot be a note is left out with a warning.
"""

from __future__ import annotations

from sqlalchemy import Column, Text

from agri.errors import BadInput
from agri.findings import Finding
from agri.map_notes import MapNote
from agri.names import storable
from agri.workspace.columns import Day, Instant
from agri.workspace.layers import Layer, Row, map_table, text_of, where
from agri.workspace.tables import KEEP


def _note(row: Row, findings: list[Finding]) -> MapNote:
    del findings  # a note is either whole or not a note
    if row["geom"] is None or row["at_utc"] is None:
        raise BadInput("error.geometry_empty", name=where("map_notes", row))
    return MapNote(
        field_uid=text_of(row["field_uid"]),
        geometry=row["geom"],
        text="" if row["remark"] is None else str(row["remark"]),
        by=text_of(row["noted_by"]),
        at_utc=row["at_utc"],
        photo_day=row["photo_day"],
        takes_back=text_of(row["takes_back"]),
        uid=text_of(row["uid"]),
    )


MAP_NOTES: Layer[MapNote] = Layer(
    table=map_table(
        "map_notes",
        "GEOMETRY",
        Column("field_uid", Text),
        Column("remark", Text),
        Column("noted_by", Text),
        Column("at_utc", Instant()),
        Column("photo_day", Day()),
        Column("takes_back", Text),
    ),
    description="Ghi chú trên bản đồ · Notes on maps",
    protects=False,
    to_row=lambda v: {
        "geom": v.geometry,
        "uid": v.uid,
        "field_uid": v.field_uid,
        "remark": storable(v.text),
        "noted_by": storable(v.by),
        "at_utc": v.at_utc,
        "photo_day": v.photo_day,
        "takes_back": v.takes_back,
    },
    to_value=_note,
)
MAP_NOTES.table.info[KEEP] = "notes are kept as they were written: take one back with another"
