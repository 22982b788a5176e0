"""The rest of a survey: what no picture confirms is flown; both flights show the whole field."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, box

from agri.errors import BadInput
from agri.findings import Finding, Severity
from agri.operations.fly import Pilot, fly_plan
from agri.operations.mission_files import load_plan
from agri.operations.rests import after_flight
from agri.operations.survey_rest import rest_of_survey
from agri.people import Role
from agri.track import Photo
from agri.workspace import Outcome, Workspace
from missions.catalogue import aircraft, camera
from missions.checks.coverage import shares_of_field
from missions.checks.path import path_of
from missions.checks.plan import check_plan
from missions.coverage.survey import plan_survey
from missions.flight.launch import FlightProgress
from missions.flightplan import FlightPlan, Site, SurveyJob
from missions.formats.document import read_document, write_document
from missions.formats.plan import can_edit_as_survey
from missions.legs import FlownLeg, flown_legs
from missions.link.link import Link
from missions.sortie.unphotographed import SurveyRest, survey_rest, unphotographed_m
from missions.survey import SurveySettings
from tests import sites
from tests.web_farm import Served

CAMERA = camera("MicaSense RedEdge-P multispectral")
AIRCRAFT = aircraft("X500 V2 4S")
DRAWN: dict[str, Callable[[sites.Draft], Site]] = {
    "paddy": sites.open_paddy, "house": sites.house_in_field, "pad away": sites.pad_outside,
}  # fmt: skip


def survey(site: Site, **changes: object) -> FlightPlan:
    asked = SurveySettings(camera=CAMERA, height_m=45.0, speed_m_s=5.0)
    return plan_survey(site, replace(asked, **changes), AIRCRAFT, name="Chụp")  # type: ignore[arg-type]


def job_of(plan: FlightPlan) -> SurveyJob:
    assert plan.survey is not None
    return plan.survey


def lines_of(plan: FlightPlan) -> list[FlownLeg]:
    return [leg for leg in flown_legs(plan.items, plan.home) if leg.trigger_m > 0.0]


def pictures(plan: FlightPlan) -> list[Photo]:
    """The pictures of a flight that keeps to its plan."""
    assert plan.site is not None
    frame = plan.site.field.frame
    found: list[Photo] = []
    for leg in lines_of(plan):
        line = LineString([frame.metres(leg.start), frame.metres(leg.end)])
        for n in range(math.floor(line.length / leg.trigger_m + 1e-9) + 1):
            spot = line.interpolate(n * leg.trigger_m)
            found.append(Photo(index=len(found) + 1, time_s=float(len(found)), height_m=45.0,
                               place=frame.place(spot.x, spot.y), yaw_deg=0.0))  # fmt: skip
    return found


def rest_of(plan: FlightPlan, photos: list[Photo]) -> SurveyRest:
    rest = survey_rest(plan, photos, name="Phần còn lại")
    assert rest is not None
    return rest


def grave(found: list[Finding]) -> list[str]:
    return [one.key for one in found if one.severity is Severity.ERROR]


def shares(plan: FlightPlan) -> tuple[float, float]:
    assert plan.site is not None
    return shares_of_field(plan, plan.site, job_of(plan), path_of(plan))


@pytest.mark.parametrize("drawn", sorted(DRAWN))
@pytest.mark.parametrize("edge_pass", [False, True])
@pytest.mark.parametrize("share", [0.1, 0.45, 0.8])
def test_both_flights_together_show_as_much_as_the_whole_one(
    drawn: str, edge_pass: bool, share: float
) -> None:
    plan = survey(DRAWN[drawn](sites.Draft(turn_deg=20.0)), edge_pass=edge_pass)
    taken = pictures(plan)
    rest = rest_of(plan, taken[: round(share * len(taken))])
    assert grave(check_plan(rest.plan)) == []
    assert shares(rest.plan) == pytest.approx(shares(plan), abs=0.01)
    job, asked = job_of(rest.plan), job_of(plan)
    assert (job.settings, job.geometry, job.angle_deg) == (
        asked.settings, asked.geometry, asked.angle_deg)  # fmt: skip
    assert rest.plan.fence_polygons == plan.fence_polygons
    assert job.estimate.photos < asked.estimate.photos
    assert job.estimate.energy_wh < asked.estimate.energy_wh
    assert 0.0 < rest.left_m < rest.line_m
    assert rest.left_m == unphotographed_m(plan, taken[: round(share * len(taken))])
    assert read_document(write_document(rest.plan)) == rest.plan
    assert not can_edit_as_survey(rest.plan)


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_every_place_is_photographed_as_densely_as_planned(data: st.DataObject) -> None:
    plan = survey(sites.open_paddy(sites.Draft()))
    taken = pictures(plan)
    kept = taken[: data.draw(st.integers(1, len(taken) - 1))]
    both = kept + pictures(rest_of(plan, kept).plan)
    for leg in lines_of(plan):
        assert widest_m(plan, leg, both) <= 1.01 * leg.trigger_m


def widest_m(plan: FlightPlan, line: FlownLeg, photos: list[Photo]) -> float:
    """The longest way along a line without a picture."""
    assert plan.site is not None
    frame = plan.site.field.frame
    shape = LineString([frame.metres(line.start), frame.metres(line.end)])
    spots = [shapely.Point(frame.metres(one.place)) for one in photos]
    along = sorted(shape.project(spot) for spot in spots if shape.distance(spot) < 2.0)
    return max(b - a for a, b in pairwise([0.0, *along, shape.length]))


def test_of_a_whole_survey_nothing_is_left_and_of_a_plan_that_is_none_nothing_is_planned() -> None:
    plan = survey(sites.open_paddy(sites.Draft()))
    taken = pictures(plan)
    assert survey_rest(plan, taken, name="r") is None
    assert unphotographed_m(plan, taken) == 0.0
    with pytest.raises(BadInput):
        survey_rest(replace(plan, survey=None), taken, name="r")


def test_pictures_whose_message_was_lost_count_where_the_camera_counted_them() -> None:
    plan = survey(sites.open_paddy(sites.Draft()))
    taken = pictures(plan)
    assert survey_rest(plan, taken[:40] + taken[44:], name="r") is None
    numbered = [replace(one, index=n) for n, one in enumerate(taken[:40] + taken[44:])]
    assert 0.0 < unphotographed_m(plan, numbered) < 0.2 * rest_of(plan, numbered).line_m
    jumped = [replace(one, index=one.index * 50) for one in taken[:20]]
    assert unphotographed_m(plan, jumped) == unphotographed_m(plan, taken[:20])


def test_the_rest_of_a_rest_knows_of_all_that_was_photographed() -> None:
    plan = survey(sites.open_paddy(sites.Draft()))
    taken = pictures(plan)
    second = rest_of(plan, taken[: len(taken) // 3]).plan
    flown = pictures(second)
    third = rest_of(second, flown[: len(flown) // 2]).plan
    assert grave(check_plan(third)) == []
    assert shares(third) == pytest.approx(shares(plan), abs=0.01)
    assert len(pictures(third)) < len(flown)


def test_the_rest_begins_a_pictures_length_before_the_last_one() -> None:
    plan = survey(sites.open_paddy(sites.Draft()))
    first = lines_of(plan)[0]
    kept = pictures(plan)[:8]
    line = lines_of(rest_of(plan, kept).plan)[0]
    frame = sites.open_paddy(sites.Draft()).field.frame
    back_m = math.dist(frame.metres(line.start), frame.metres(kept[-1].place))
    along_m = math.dist(frame.metres(first.start), frame.metres(kept[-1].place))
    assert back_m == pytest.approx(min(job_of(plan).geometry.footprint_along_m, along_m), abs=0.1)
    assert line.end == first.end


# ------------------------------------------------------------------ flown on the simulator


class Caller:
    """Says yes to all, and calls the aircraft home after so many pictures."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.link: Link | None = None

    def look(self, now: FlightProgress) -> None:
        if now.photos >= self.after and self.link is not None:
            link, self.link = self.link, None
            link.return_home()

    def pilot(self) -> Pilot:
        return Pilot(may_set=lambda _: True, may_arm=lambda _: True, on_progress=self.look,
                     on_link=lambda link: setattr(self, "link", link))  # fmt: skip


def fly(farm: Workspace, name: str, *, after: int) -> tuple[str, list[Photo], str]:
    plan, stored = load_plan(name, farm.folder)
    flown = fly_plan(farm, plan, stored, connect="sim", pilot=Caller(after).pilot(),
                     language="vi", now=datetime.now(UTC), speedup=60.0)  # fmt: skip
    return flown.stored.uid, list(flown.record.photos), flown.stored.outcome


@pytest.mark.slow
def test_flown_again_from_the_last_picture_the_whole_field_is_photographed(tmp_path: Path) -> None:
    from agri.cli import main
    from tests.test_first_flight import BOUNDARIES

    folder = tmp_path / "farm"
    assert main(["init", str(folder), "--name", "Trại"]) == 0
    assert main(["fields", "add", str(BOUNDARIES), "--farm", str(folder)]) == 0
    words = ["plan", "survey", "cua dinh", "--gsd", "3cm", "--name", "Chụp"]
    assert main([*words, "--farm", str(folder)]) == 0
    with Workspace.open(folder) as farm:
        plan, _ = load_plan("Chụp", folder)
        uid, first, outcome = fly(farm, "Chụp", after=job_of(plan).estimate.photos // 2)
        assert outcome == Outcome.ABORTED
        assert after_flight(farm, uid).rest
        planner = Served(farm).signed_in(Role.PLANNER)
        shown = planner.get(f"/flights/{uid}").text
        assert f'action="/flights/{uid}/rest"' in shown
        assert "left_l" not in shown, "no tank to ask for"
        again = [planner.post(f"/flights/{uid}/rest", {}).text for _ in range(2)]
        ways = [re.findall(r'href="(/plans/[0-9a-z-]+)"', text) for text in again]
        assert len(ways[0]) == 1
        assert ways[0] == ways[1], "pressed twice it is one plan"
        assert "m đường chụp chưa có ảnh" in again[0]
        assert "chỉ để bay thử" in again[0], "a simulator took those pictures"
        assert len(farm.plans()) == 2
        viewer = Served(farm).signed_in(Role.VIEWER)
        assert viewer.post(f"/flights/{uid}/rest", {}).status_code == 403
        rest, _ = load_plan("Chụp phần còn lại", folder)
        assert grave(check_plan(rest)) == []
        assert farm.people.reviews(farm.plan(rest.name)[0].uid) == (), "approved on its own"
        second_uid, second, outcome = fly(farm, rest.name, after=10_000)
        assert outcome == Outcome.LANDED
        assert not after_flight(farm, second_uid).rest
        assert rest_of_survey(farm, farm.flight(second_uid), language="vi",
                              now=datetime.now(UTC)) is None  # fmt: skip
    geometry, trigger_m = job_of(plan).geometry, job_of(plan).geometry.trigger_m
    assert len(second) < 0.75 * job_of(plan).estimate.photos
    widest = [widest_m(plan, line, first + second) for line in lines_of(plan)]
    assert np.max(widest) <= 1.25 * trigger_m, "the overlap along the lines"
    assert plan.site is not None
    frame = plan.site.field.frame
    seen = shapely.union_all([footprint(plan, one) for one in first + second])
    field = frame.geometry_to_local(plan.site.field.boundary)
    assert field.intersection(seen).area / field.area > 0.995
    assert geometry.footprint_along_m > 2.0 * trigger_m


def footprint(plan: FlightPlan, photo: Photo) -> shapely.Polygon:
    """The ground of one picture, its width across the lines."""
    assert plan.site is not None
    east, north = plan.site.field.frame.metres(photo.place)
    geometry = job_of(plan).geometry
    half_e, half_n = geometry.footprint_across_m / 2.0, geometry.footprint_along_m / 2.0
    ground = box(east - half_e, north - half_n, east + half_e, north + half_n)
    return shapely.affinity.rotate(ground, -job_of(plan).angle_deg, origin=(east, north))
