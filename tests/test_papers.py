"""Permits, licences, registrations and looks at the map: what is wrong is said, and what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPolygon, Point

from agri.errors import BadInput
from agri.findings import Severity, blocks
from agri.geo import LocalFrame
from agri.paper_checks import FlightIntent, covers, rule_findings
from agri.papers import Papers, Shown, circle
from agri.rules import Authority, LicenceClass
from agri.words import LANGUAGES
from tests import farms
from tests.papers import (
    CENTRE,
    FLIGHT,
    LICENCE,
    MAP_CHECK,
    MORNING,
    PAPERS,
    PERMIT,
    REGISTRATION,
    SMALL,
    with_permit,
)


def keys(papers: Papers, flight: FlightIntent = FLIGHT, **options: Any) -> dict[str, Severity]:
    """What was found, by key, all of it sayable in both languages."""
    found = rule_findings(papers, flight, **options)
    for finding in found:
        for language in LANGUAGES:
            text = finding.text(language)
            assert "finding." not in text
            assert "{" not in text
    return {finding.key: finding.severity for finding in found}


def errors(papers: Papers, flight: FlightIntent = FLIGHT) -> set[str]:
    found = keys(papers, flight)
    return {key for key, severity in found.items() if severity is Severity.ERROR}


# ---------------------------------------------------------------- all in order


def test_a_flight_with_all_its_papers_may_go_and_what_is_unsure_is_still_said() -> None:
    assert keys(PAPERS) == {
        "finding.permit_covers": Severity.INFO,
        "finding.map_clear": Severity.INFO,
        "finding.rules_unsure": Severity.INFO,
    }


def test_spraying_is_reminded_of_what_agri_cannot_see() -> None:
    found = keys(PAPERS, replace(FLIGHT, sprays=True))
    assert found["finding.pesticide_rules"] is Severity.WARNING


def test_a_farm_without_papers_is_told_each_one_it_lacks() -> None:
    assert errors(Papers()) == {
        "finding.permit_missing",
        "finding.not_registered",
        "finding.licence_missing",
        "finding.map_unchecked",
    }
    high = rule_findings(Papers(), replace(FLIGHT, ceiling_m=90.0))
    (missing,) = [f for f in high if f.key == "finding.permit_missing"]
    assert "Bộ Tư lệnh quân khu" in missing.text("vi")


# ---------------------------------------------------------------- the permit


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"last_day": date(2026, 11, 23)}, "finding.permit_ended"),
        ({"first_day": date(2026, 11, 25)}, "finding.permit_not_yet"),
        ({"from_time": time(7, 31)}, "finding.permit_hours"),
        ({"to_time": time(7, 49)}, "finding.permit_hours"),
        ({"ceiling_m": 49.9}, "finding.permit_ceiling"),
        ({"area": circle(CENTRE, 98.0)}, "finding.permit_outside"),
        ({"aircraft": "Máy phun 2"}, "finding.permit_aircraft"),
    ],
)
def test_one_thing_the_permit_does_not_cover_is_the_one_error(
    changes: dict[str, Any], key: str
) -> None:
    assert errors(with_permit(**changes)) == {key}


@pytest.mark.parametrize(
    "changes",
    [
        {"first_day": date(2026, 11, 24)},
        {"last_day": date(2026, 11, 24)},
        {"from_time": time(7, 30), "to_time": time(7, 50)},
        {"area": SMALL},
        {"aircraft": ""},
        {"aircraft": "qn-0012"},
        {"aircraft": "B1; a77"},
    ],
)
def test_the_last_day_minute_and_metre_still_count(changes: dict[str, Any]) -> None:
    assert errors(with_permit(**changes)) == set()


def test_the_day_is_vietnams_not_greenwichs() -> None:
    late = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    flight = replace(FLIGHT, starts=late, ends=late + timedelta(minutes=10))
    only = with_permit(first_day=date(2026, 11, 24), last_day=date(2026, 11, 24))
    assert errors(only, flight) == set()
    assert errors(with_permit(last_day=date(2026, 11, 23)), flight) == {"finding.permit_ended"}


def test_a_permit_to_midnight_holds_a_flight_over_midnight() -> None:
    starts = datetime(2026, 11, 24, 16, 59, 30, tzinfo=UTC)
    flight = replace(FLIGHT, starts=starts, ends=starts + timedelta(minutes=5))
    whole_day = with_permit(from_time=time(0, 0), to_time=time(23, 59))
    assert errors(whole_day, flight) == set()
    assert errors(PAPERS, flight) == {"finding.permit_hours"}


def test_all_faults_of_the_nearest_permit_are_named_and_no_other_permits() -> None:
    far = replace(PERMIT, number="far", area=circle(farms.PADS[0].place, 5.0), ceiling_m=10.0)
    near = replace(PERMIT, number="near", ceiling_m=40.0)
    found = rule_findings(replace(PAPERS, permits=(far, near)), FLIGHT)
    assert [(f.where, f.key) for f in found if f.severity is Severity.ERROR] == [
        ("near", "finding.permit_ceiling")
    ]
    both = rule_findings(replace(PAPERS, permits=(far,)), FLIGHT)
    assert {f.key for f in both if f.severity is Severity.ERROR} == {
        "finding.permit_ceiling",
        "finding.permit_outside",
    }


def test_two_permits_are_not_added_up_to_one() -> None:
    low = replace(PERMIT, number="low", ceiling_m=30.0)
    small = replace(PERMIT, number="small", area=circle(CENTRE, 10.0))
    assert len(errors(replace(PAPERS, permits=(low, small)))) == 1
    assert errors(replace(PAPERS, permits=(low, small, PERMIT))) == set()


def test_a_permit_that_ends_soon_or_that_its_giver_may_not_give_is_told() -> None:
    assert keys(with_permit(last_day=date(2026, 12, 7)))["finding.permit_ends_soon"] == 1
    assert "finding.permit_ends_soon" not in keys(with_permit(last_day=date(2026, 12, 8)))
    assert keys(with_permit(ceiling_m=80.0))["finding.permit_authority"] == 1
    assert "finding.permit_authority" not in keys(
        with_permit(ceiling_m=80.0, authority=Authority.OPERATIONS)
    )


@given(
    ceiling_m=st.floats(min_value=1.0, max_value=300.0),
    permitted_m=st.floats(min_value=1.0, max_value=300.0),
    radius_m=st.floats(min_value=5.0, max_value=400.0),
    days=st.integers(min_value=-40, max_value=60),
)
def test_no_flight_goes_higher_wider_or_later_than_its_permit(
    ceiling_m: float, permitted_m: float, radius_m: float, days: int
) -> None:
    """What the check lets go is within the permit by a reckoning of its own."""
    area = circle(CENTRE, radius_m)
    starts = MORNING + timedelta(days=days)
    flight = replace(FLIGHT, ceiling_m=ceiling_m, area=area, starts=starts, ends=starts)
    papers = with_permit(ceiling_m=permitted_m, area=circle(CENTRE, 200.0))
    day = date(2026, 11, 24) + timedelta(days=days)
    wrong = {
        "finding.permit_ceiling": ceiling_m > permitted_m,
        "finding.permit_outside": radius_m > 201.0,
        "finding.permit_ended": day > PERMIT.last_day,
        "finding.permit_not_yet": day < PERMIT.first_day,
    }
    if not 200.9 < radius_m < 201.1:
        found = {key for key in errors(papers, flight) if key.startswith("finding.permit")}
        assert found == {key for key, is_so in wrong.items() if is_so}


def test_the_whole_way_must_be_inside_not_its_middle() -> None:
    frame = LocalFrame(CENTRE)
    way = frame.geometry_to_lonlat(LineString([(-190.0, 0.0), (190.0, 0.0)]))
    assert covers(circle(CENTRE, 195.0), way)
    assert not covers(circle(CENTRE, 185.0), way)
    assert covers(SMALL, Point(CENTRE.lon_deg, CENTRE.lat_deg))
    hole = MultiPolygon([circle(CENTRE, 195.0) - circle(CENTRE, 20.0)])
    assert not covers(hole, way)


# ---------------------------------------------------------------- aircraft and pilot


def test_the_aircraft_must_be_registered_for_what_it_weighs() -> None:
    assert errors(PAPERS, replace(FLIGHT, takeoff_kg=45.1)) == {"finding.registration_mass"}
    other = replace(FLIGHT, aircraft="Máy phun 2")
    assert errors(PAPERS, other) == {"finding.not_registered"}
    ended = replace(PAPERS, registrations=(replace(REGISTRATION, last_day=date(2026, 11, 23)),))
    assert errors(ended) == {"finding.registration_ended"}
    soon = replace(PAPERS, registrations=(replace(REGISTRATION, last_day=date(2026, 11, 30)),))
    assert keys(soon)["finding.registration_ends_soon"] is Severity.WARNING
    endless = replace(PAPERS, registrations=(replace(REGISTRATION, last_day=None),))
    assert errors(endless) == set()


def test_the_pilot_must_have_the_licence_the_flight_asks() -> None:
    visual = replace(PAPERS, licences=(replace(LICENCE, licence_class=LicenceClass.VISUAL),))
    assert errors(visual) == {"finding.licence_class"}
    by_hand = replace(FLIGHT, programmed=False, takeoff_kg=1.5)
    assert errors(visual, by_hand) == set()
    assert errors(visual, replace(by_hand, in_sight=False)) == {"finding.licence_class"}
    assert errors(PAPERS, by_hand) == set()
    assert errors(Papers(), replace(by_hand, takeoff_kg=0.2)) == {
        "finding.permit_missing",
        "finding.not_registered",
        "finding.map_unchecked",
    }
    assert errors(PAPERS, replace(FLIGHT, pilot="Trần Thị Hoa")) == {"finding.licence_missing"}
    assert errors(PAPERS, replace(FLIGHT, pilot="  ")) == {"finding.no_pilot"}
    ended = replace(LICENCE, last_day=date(2026, 11, 23))
    assert errors(replace(PAPERS, licences=(ended,))) == {"finding.licence_ended"}
    assert errors(replace(PAPERS, licences=(ended, LICENCE))) == set()
    soon = replace(LICENCE, last_day=date(2026, 11, 24))
    assert keys(replace(PAPERS, licences=(soon,)))["finding.licence_ends_soon"] == 1


# ---------------------------------------------------------------- the official map


def test_somebody_must_have_looked_at_the_map_for_this_place() -> None:
    elsewhere = replace(MAP_CHECK, area=farms.box(0.5))
    later = replace(MAP_CHECK, looked_utc=MORNING + timedelta(hours=1))
    for look in (elsewhere, later):
        assert errors(replace(PAPERS, map_checks=(look,))) == {"finding.map_unchecked"}


def test_an_old_look_is_to_be_repeated_and_the_newest_counts() -> None:
    old = replace(MAP_CHECK, looked_utc=MORNING - timedelta(days=31), shown=Shown.FORBIDDEN)
    found = keys(replace(PAPERS, map_checks=(old,)))
    assert found["finding.map_old"] is Severity.WARNING
    assert found["finding.map_forbidden"] is Severity.ERROR
    assert keys(replace(PAPERS, map_checks=(MAP_CHECK, old))) == keys(PAPERS)
    assert keys(PAPERS, map_days=2)["finding.map_old"] is Severity.WARNING
    assert "finding.map_old" not in keys(PAPERS, map_days=3)


def test_what_the_map_showed_decides() -> None:
    restricted = replace(PAPERS, map_checks=(replace(MAP_CHECK, shown=Shown.RESTRICTED),))
    assert keys(restricted)["finding.map_restricted"] is Severity.WARNING
    forbidden = replace(PAPERS, map_checks=(replace(MAP_CHECK, shown=Shown.FORBIDDEN),))
    assert errors(forbidden) == {"finding.map_forbidden"}
    assert blocks(rule_findings(forbidden, FLIGHT))


# ---------------------------------------------------------------- values


def test_a_circle_never_grows_and_hardly_shrinks() -> None:
    frame = LocalFrame(CENTRE)
    for radius_m in (10.0, 500.0, 5_000.0):
        local = frame.geometry_to_local(circle(CENTRE, radius_m))
        reach = [Point(0.0, 0.0).distance(Point(*xy)) for xy in shapely.get_coordinates(local)]
        assert max(reach) <= radius_m * 1.000_001
        assert local.exterior.distance(Point(0.0, 0.0)) >= radius_m * 0.999
    for radius_m in (0.0, -1.0, float("nan"), 50_001.0):
        with pytest.raises(BadInput):
            circle(CENTRE, radius_m)


@pytest.mark.parametrize(
    ("value", "changes", "key"),
    [
        (PERMIT, {"number": " "}, "error.paper_without_number"),
        (PERMIT, {"holder": ""}, "error.paper_without_holder"),
        (PERMIT, {"last_day": date(2026, 10, 31)}, "error.permit_days"),
        (PERMIT, {"to_time": time(6, 0)}, "error.permit_hours"),
        (PERMIT, {"ceiling_m": 0.0}, "error.permit_ceiling"),
        (PERMIT, {"ceiling_m": float("nan")}, "error.permit_ceiling"),
        (PERMIT, {"area": MultiPolygon()}, "error.geometry_no_area"),
        (PERMIT, {"area": Point(106.5, 21.0)}, "error.geometry_no_area"),
        (PERMIT, {"area": farms.box(100.0)}, "error.geometry_off_earth"),
        (LICENCE, {"holder": ""}, "error.paper_without_holder"),
        (LICENCE, {"number": ""}, "error.paper_without_number"),
        (REGISTRATION, {"aircraft": ""}, "error.paper_without_aircraft"),
        (REGISTRATION, {"takeoff_kg": -1.0}, "error.registration_mass"),
        (MAP_CHECK, {"by": ""}, "error.paper_without_by"),
        (MAP_CHECK, {"place": ""}, "error.paper_without_place"),
        (MAP_CHECK, {"looked_utc": datetime(2026, 11, 1)}, "error.time_without_zone"),  # noqa: DTZ001
        (FLIGHT, {"area": MultiPolygon()}, "error.geometry_empty"),
        (FLIGHT, {"starts": datetime(2026, 11, 24)}, "error.time_without_zone"),  # noqa: DTZ001
        (FLIGHT, {"ends": MORNING - timedelta(minutes=1)}, "error.permit_hours"),
    ],
)
def test_what_cannot_be_a_paper_is_refused_when_built(
    value: Any, changes: dict[str, Any], key: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        replace(value, **changes)
    assert refusal.value.message.key == key
    for language in LANGUAGES:
        assert "{" not in refusal.value.text(language)


def test_a_crossed_outline_is_no_permits_area() -> None:
    crossed = shapely.from_wkt(
        "MULTIPOLYGON (((106.5 21, 106.6 21.1, 106.6 21, 106.5 21.1, 106.5 21)))"
    )
    with pytest.raises(BadInput) as refusal:
        replace(PERMIT, area=crossed)
    assert refusal.value.message.key == "error.geometry_invalid"


def test_names_are_kept_tidy() -> None:
    assert replace(PERMIT, holder="  HTX   Bình Khê ") == PERMIT
    assert PERMIT.aircraft_named == ("Máy phun 1", "Máy phun 2")
