"""Notes on a map: a point, line or area with what somebody saw there.

Theory of operation. A note is never changed and never deleted: who wrote it may be asked about it
years later. What no longer holds is taken back by a second entry that names the first, with who did
it and when; the first then is no longer shown. The text is a person's own and is shown as text
wherever it goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.names import clean

LONGEST = 1000
MOST_CORNERS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class MapNote:
    """A note on a map, or the taking back of one.

    Parameters
    ----------
    field_uid : str
        The field on whose map it was written.
    geometry : Point, LineString or Polygon
        WGS 84 (lon, lat) degrees.
    text : str
        What was seen; when it takes another back, why ("" for no reason told).
    by : str
        Who wrote it.
    at_utc : datetime
        When, aware of its time zone.
    photo_day : date or None
        Of the map or photo it speaks of.
    takes_back : str
        Key of the note that it takes back, "" for a note.
    uid : str
        The farm's stable key; "" until stored.

    Raises
    ------
    BadInput
        When it has no place, no text, or too much of either.
    """

    field_uid: str
    geometry: BaseGeometry
    text: str
    by: str
    at_utc: datetime
    photo_day: date | None = None
    takes_back: str = ""
    uid: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", self.text.strip())
        if len(self.text) > LONGEST or not (self.takes_back or clean(self.text)):
            raise BadInput("error.note_text", most=LONGEST)
        shape = self.geometry
        places = shapely.get_coordinates(shape)
        west, south, east, north = shape.bounds if len(places) else (np.nan,) * 4
        kind = isinstance(shape, Point | LineString | Polygon)
        inside = -180.0 <= west <= east <= 180.0 and -90.0 <= south <= north <= 90.0
        if not (kind and inside and shape.is_valid and len(places) <= MOST_CORNERS + 1):
            raise BadInput("error.note_place", most=MOST_CORNERS)
        if self.at_utc.tzinfo is None or not clean(self.by):
            raise BadInput("error.note_text", most=LONGEST)

    def says_as(self, other: MapNote) -> bool:
        """Return whether this is the same word of the same person, as of a button hit twice."""
        mine, theirs = (
            (one.field_uid, one.text, one.by, one.photo_day, one.takes_back)
            for one in (self, other)
        )
        return mine == theirs and bool(self.geometry.equals_exact(other.geometry, 0.0))
