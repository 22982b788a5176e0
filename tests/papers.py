"""Papers of a farm that are all in order, and a flight they cover; tests spoil one thing each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from agri.geo import LonLat
from agri.paper_checks import FlightIntent
from agri.papers import Licence, MapCheck, Papers, Permit, Registration, Shown, circle
from agri.rules import Authority, LicenceClass
from agri.units import INDOCHINA_TIME
from agri.workspace import Workspace
from tests import farms

CENTRE = LonLat(lon_deg=farms.LON, lat_deg=farms.LAT)
WIDE = MultiPolygon([circle(CENTRE, 2_000.0)])
SMALL = MultiPolygon([circle(CENTRE, 100.0)])
MORNING = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
"""7:30 in Vietnam."""

PERMIT = Permit(
    number="12/GP-BCHQS",
    authority=Authority.PROVINCE,
    holder="HTX Bình Khê",
    aircraft="Máy phun 1, Máy phun 2",
    area=WIDE,
    first_day=date(2026, 11, 1),
    last_day=date(2026, 12, 31),
    from_time=time(6, 0),
    to_time=time(17, 30),
    ceiling_m=50.0,
    purpose="Phun thuốc cho lúa",
)
LICENCE = Licence(
    holder="Nguyễn Văn Đức",
    number="GP-0042",
    licence_class=LicenceClass.INSTRUMENT,
    last_day=date(2027, 12, 31),
)
REGISTRATION = Registration(
    aircraft="Máy phun 1", number="QN-0012", serial="A77", takeoff_kg=45.0,
    last_day=date(2027, 6, 30),
)  # fmt: skip
MAP_CHECK = MapCheck(
    by="Nguyễn Văn Đức",
    place="Ruộng Đồng",
    area=WIDE,
    looked_utc=MORNING - timedelta(days=3),
    shown=Shown.CLEAR,
)
PAPERS = Papers(
    permits=(PERMIT,),
    licences=(LICENCE,),
    registrations=(REGISTRATION,),
    map_checks=(MAP_CHECK,),
)
FLIGHT = FlightIntent(
    area=SMALL,
    starts=MORNING,
    ends=MORNING + timedelta(minutes=20),
    ceiling_m=50.0,
    takeoff_kg=40.0,
    pilot="nguyễn văn đức",
    aircraft="máy phun 1",
)


def add_papers(farm: Workspace, area: BaseGeometry, now: datetime) -> None:
    """Give a farm papers that hold around a place, now and all day long."""
    today = now.astimezone(INDOCHINA_TIME).date()
    later = today + timedelta(days=90)
    farm.papers.add(
        replace(PERMIT, area=area, first_day=today, last_day=later, from_time=time(0, 0),
                to_time=time(23, 59))
    )  # fmt: skip
    farm.papers.add(replace(LICENCE, last_day=later))
    farm.papers.add(replace(REGISTRATION, last_day=later))
    farm.papers.add(replace(MAP_CHECK, area=area, looked_utc=now - timedelta(days=1)))


def with_permit(**changes: object) -> Papers:
    """The papers with their permit changed."""
    return replace(PAPERS, permits=(replace(PERMIT, **changes),))  # type: ignore[arg-type]
