"""May this flight go, by its papers? Every answer is a finding that says what to do next.

Theory of operation. One flight is one `FlightIntent`: where, when, below which height, with what
mass, who and with what. `rule_findings` looks for a permit that covers all of it. When none does,
the nearest one (with the fewest faults, then the latest) is named with each of its faults, so that
a farmer reads "ends on 30 November", not "no permit". Two permits are never added up to one.

Decisions. Missing, ended or exceeded is an ERROR, ending soon a WARNING. The place is the flight's
whole outline with `EDGE_M` to spare, not its middle. A person must have looked at the official map
for that place: never is an ERROR, longer ago than `MAP_DAYS` a WARNING. agri counts no flight as
exempt. What agri does not know of the law it says with every flight (`finding.rules_unsure`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.findings import Finding
from agri.geo import LocalFrame
from agri.names import same
from agri.papers import Licence, MapCheck, Papers, Permit, Registration, Shown
from agri.rules import DEFAULT_CEILING_M, Authority, authority_for, licence_needed, rule
from agri.units import INDOCHINA_TIME
from agri.words import Message

MAP_DAYS = 30
"""A look at the map older than this is to be repeated: agri's own choice."""
SOON_DAYS = 14
"""A paper that ends within this time is told: agri's own choice."""
EDGE_M = 1.0
"""A flight may stick out of a permit's or a map look's area by this: corners copied by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightIntent:
    """A flight as the law sees it.

    Parameters
    ----------
    area : shapely geometry
        Where it goes (its fence, its field or its way), WGS 84 (lon, lat) degrees.
    starts, ends : datetime
        When, with their time zones.
    ceiling_m : float
        Above the ground; it stays below.
    takeoff_kg : float
        Largest take-off mass, with all it carries.
    pilot : str
        Who flies.
    aircraft : str
        With what: name in the farm, registration or serial number.
    programmed : bool
        Whether it flies a programme set before.
    in_sight : bool
        Whether the pilot sees it all the time.
    sprays : bool
        Whether it sprays.

    Raises
    ------
    BadInput
        When the place is empty, a time tells no zone, or the flight ends before it starts.
    """

    area: BaseGeometry
    starts: datetime
    ends: datetime
    ceiling_m: float = DEFAULT_CEILING_M
    takeoff_kg: float
    pilot: str
    aircraft: str
    programmed: bool = True
    in_sight: bool = True
    sprays: bool = False

    def __post_init__(self) -> None:
        if self.area.is_empty:
            raise BadInput("error.geometry_empty", name=self.aircraft)
        for moment in (self.starts, self.ends):
            if moment.tzinfo is None:
                raise BadInput("error.time_without_zone", value=moment.isoformat())
        if self.ends < self.starts:
            raise BadInput(
                "error.permit_hours", first=f"{self.starts:%H:%M}", last=f"{self.ends:%H:%M}"
            )

    @property
    def first_day(self) -> date:
        """The day it starts, Vietnam's."""
        return self.starts.astimezone(INDOCHINA_TIME).date()

    @property
    def last_day(self) -> date:
        """The day it ends, Vietnam's."""
        return self.ends.astimezone(INDOCHINA_TIME).date()


def rule_findings(
    papers: Papers, flight: FlightIntent, *, map_days: int = MAP_DAYS
) -> list[Finding]:
    """Judge by its papers whether a flight may go.

    Parameters
    ----------
    papers : Papers
        What the farm has.
    flight : FlightIntent
        What shall be flown.
    map_days : int
        After how many days a look at the official map is to be repeated.

    Returns
    -------
    list of Finding
        ERROR where something is missing, ended or exceeded; WARNING where a look is due; INFO
        what covers the flight and what agri does not know.

    Raises
    ------
    BadInput
        When ceiling or mass make no sense.
    """
    aircraft = next((r for r in papers.registrations if r.is_called(flight.aircraft)), None)
    found = [*_permit(papers.permits, flight, aircraft), *_registration(aircraft, flight)]
    found += _licence(papers.licences, flight)
    found += _map(papers.map_checks, flight, map_days)
    if flight.sprays:
        found.append(
            Finding.warning("finding.pesticide_rules", source=_source("pesticide_product"))
        )
    found.append(Finding.info("finding.rules_unsure", source=_source("permit_terms")))
    return found


def _source(name: str) -> Message:
    return rule(name).source


def authority_name(authority: Authority) -> Message:
    """Return the name of who permits, in both languages."""
    return Message.of(f"page.authority_{authority.value}")


def covers(area: BaseGeometry, flown: BaseGeometry) -> bool:
    """Return whether an area holds what is flown, with `EDGE_M` to spare (WGS 84 both)."""
    frame = LocalFrame.around(flown)
    return bool(frame.geometry_to_local(area).buffer(EDGE_M).covers(frame.geometry_to_local(flown)))


# ------------------------------------------------------------------ the permit


def _permit(
    permits: Iterable[Permit], flight: FlightIntent, aircraft: Registration | None
) -> list[Finding]:
    asked = authority_name(authority_for(flight.ceiling_m))
    judged = [(permit, list(_faults(permit, flight, aircraft))) for permit in permits]
    if not judged:
        return [
            Finding.error("finding.permit_missing", authority=asked, ceiling_m=flight.ceiling_m)
        ]
    judged.sort(key=lambda one: (len(one[1]), -one[0].last_day.toordinal(), one[0].number))
    permit, faults = judged[0]
    if faults:
        return faults
    held = Finding.info(
        "finding.permit_covers", where=permit.number, last=permit.last_day,
        ceiling_m=permit.ceiling_m,
    )  # fmt: skip
    return [held, *_permit_cautions(permit, flight)]


def _faults(
    permit: Permit, flight: FlightIntent, aircraft: Registration | None
) -> Iterator[Finding]:
    where = permit.number
    if not (permit.in_days(flight.starts) and permit.in_days(flight.ends)):
        early = flight.first_day < permit.first_day
        key = "finding.permit_not_yet" if early else "finding.permit_ended"
        day = permit.first_day if early else permit.last_day
        yield Finding.error(key, where=where, day=day, flight=flight.first_day)
    if not (permit.in_hours(flight.starts) and permit.in_hours(flight.ends)):
        yield Finding.error(
            "finding.permit_hours",
            where=where,
            first=f"{permit.from_time:%H:%M}",
            last=f"{permit.to_time:%H:%M}",
            start=f"{flight.starts.astimezone(INDOCHINA_TIME):%H:%M}",
            end=f"{flight.ends.astimezone(INDOCHINA_TIME):%H:%M}",
        )
    if flight.ceiling_m > permit.ceiling_m:
        yield Finding.error(
            "finding.permit_ceiling",
            where=where,
            ceiling_m=flight.ceiling_m,
            permitted_m=permit.ceiling_m,
        )
    if not covers(permit.area, flight.area):
        yield Finding.error("finding.permit_outside", where=where)
    if permit.aircraft_named and not _names(permit, flight.aircraft, aircraft):
        yield Finding.error(
            "finding.permit_aircraft",
            where=where,
            aircraft=flight.aircraft or "?",
            named=permit.aircraft,
        )


def _names(permit: Permit, called: str, aircraft: Registration | None) -> bool:
    if aircraft is not None:
        return any(aircraft.is_called(name) for name in permit.aircraft_named)
    return same(called) in {same(name) for name in permit.aircraft_named}


def _permit_cautions(permit: Permit, flight: FlightIntent) -> Iterator[Finding]:
    if permit.last_day - flight.last_day < timedelta(days=SOON_DAYS):
        yield Finding.warning("finding.permit_ends_soon", where=permit.number, day=permit.last_day)
    asked = authority_for(permit.ceiling_m)
    ranks = list(Authority)
    if ranks.index(permit.authority) < ranks.index(asked):
        yield Finding.warning(
            "finding.permit_authority",
            where=permit.number,
            authority=authority_name(permit.authority),
            ceiling_m=permit.ceiling_m,
            asked=authority_name(asked),
        )


# ------------------------------------------------------------------ aircraft and pilot


def _registration(aircraft: Registration | None, flight: FlightIntent) -> Iterator[Finding]:
    if aircraft is None:
        yield Finding.error("finding.not_registered", aircraft=flight.aircraft or "?")
        return
    yield from _ends(
        aircraft.last_day, flight, "finding.registration_ended", "finding.registration_ends_soon",
        aircraft.aircraft,
    )  # fmt: skip
    if flight.takeoff_kg > aircraft.takeoff_kg:
        yield Finding.error(
            "finding.registration_mass",
            where=aircraft.aircraft,
            mass_kg=flight.takeoff_kg,
            registered_kg=aircraft.takeoff_kg,
        )


def _licence(licences: Iterable[Licence], flight: FlightIntent) -> Iterator[Finding]:
    if not same(flight.pilot):
        yield Finding.error("finding.no_pilot")
        return
    needed = licence_needed(
        flight.takeoff_kg, programmed=flight.programmed, in_sight=flight.in_sight
    )
    if needed is None:
        return
    held = [one for one in licences if same(one.holder) == same(flight.pilot)]
    kind = Message.of(f"page.licence_{needed.value}")
    enough = [one for one in held if one.licence_class.covers(needed)]
    if not enough:
        key = "finding.licence_class" if held else "finding.licence_missing"
        yield Finding.error(key, pilot=flight.pilot, licence=kind)
        return
    best = max(enough, key=lambda one: one.last_day)
    yield from _ends(
        best.last_day, flight, "finding.licence_ended", "finding.licence_ends_soon", best.holder
    )


def _ends(
    last_day: date | None, flight: FlightIntent, ended: str, soon: str, where: str
) -> Iterator[Finding]:
    """Yield what is wrong with the last day of a paper."""
    if last_day is None:
        return
    if last_day < flight.last_day:
        yield Finding.error(ended, where=where, day=last_day)
    elif last_day - flight.last_day < timedelta(days=SOON_DAYS):
        yield Finding.warning(soon, where=where, day=last_day)


# ------------------------------------------------------------------ the official map


def _map(checks: Iterable[MapCheck], flight: FlightIntent, map_days: int) -> Iterator[Finding]:
    site = _source("map")
    looks = [
        look for look in checks
        if look.looked_utc <= flight.starts and covers(look.area, flight.area)
    ]  # fmt: skip
    if not looks:
        yield Finding.error("finding.map_unchecked", site=site)
        return
    look = max(looks, key=lambda one: one.looked_utc)
    day = look.looked_utc.astimezone(INDOCHINA_TIME).date()
    told: dict[str, Any] = {"where": look.place, "day": day, "by": look.by}
    if look.shown is Shown.FORBIDDEN:
        yield Finding.error("finding.map_forbidden", **told)
    elif look.shown is Shown.RESTRICTED:
        yield Finding.warning("finding.map_restricted", **told)
    if flight.starts - look.looked_utc > timedelta(days=map_days):
        yield Finding.warning("finding.map_old", **told, days=map_days, site=site)
    elif look.shown is Shown.CLEAR:
        yield Finding.info("finding.map_clear", **told)
