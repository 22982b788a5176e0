"""What is said of a survey's pictures when it has landed: how many of how many, and what next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agri.cli.show import show_flight
from agri.findings import Severity
from agri.operations.fly import Flown
from agri.operations.found import broken_off
from agri.operations.pictures_left import pictures_left, pictures_of, shows_the_field
from agri.operations.planning import record_of
from agri.operations.rests import after_flight
from agri.people import Role
from agri.track import FlightRecord, Photo
from agri.workspace import StoredFlight, Workspace
from missions.flightplan import FlightPlan
from missions.formats.document import write_document
from missions.sortie.unphotographed import unphotographed_m
from tests import farms, sites
from tests.test_survey_rest import job_of, lines_of, pictures, survey
from tests.web_farm import Served


@pytest.fixture(scope="module")
def plan() -> FlightPlan:
    return survey(sites.open_paddy(sites.Draft()))


def flown(plan: FlightPlan, photos: Sequence[Photo], outcome: str = "landed") -> FlightRecord:
    return farms.flight(outcome=outcome, plan_name=plan.name, plan_digest=plan.digest,
                        photos=tuple(photos))  # fmt: skip


def late(plan: FlightPlan) -> list[Photo]:
    """The pictures of a camera that triggers late: on long lines the last one never comes."""
    trigger_m = job_of(plan).geometry.trigger_m
    frame = sites.open_paddy(sites.Draft()).field.frame
    found: list[Photo] = []
    for leg in lines_of(plan):
        (east, north), (to_east, to_north) = frame.metres(leg.start), frame.metres(leg.end)
        length_m = ((to_east - east) ** 2 + (to_north - north) ** 2) ** 0.5
        along_m = 0.35 * trigger_m
        while along_m <= length_m:
            share = along_m / length_m
            spot = frame.place(east + share * (to_east - east), north + share * (to_north - north))
            found.append(Photo(index=len(found) + 1, time_s=float(len(found)), place=spot,
                               height_m=45.0, yaw_deg=0.0))  # fmt: skip
            along_m += 1.03 * trigger_m
    return found


def test_a_late_camera_takes_fewer_pictures_and_the_field_is_shown_all_the_same(
    plan: FlightPlan,
) -> None:
    taken, planned = late(plan), job_of(plan).estimate.photos
    assert 0.9 * planned < len(taken) < planned
    assert unphotographed_m(plan, taken) > 0.0, "counted strictly the ends of lines are missing"
    left = pictures_left(plan, flown(plan, taken), "1234567890")
    assert left is not None
    assert (left.key, left.severity) == ("finding.photos_enough", Severity.INFO)
    assert f"{len(taken)} of {planned}" in left.text("en")


def test_as_many_pictures_as_planned_need_no_word(plan: FlightPlan) -> None:
    assert pictures_left(plan, flown(plan, pictures(plan)), "1") is None


@pytest.mark.parametrize("outcome", ["landed", "aborted"])
def test_a_hole_in_the_pictures_names_the_rest(plan: FlightPlan, outcome: str) -> None:
    taken = pictures(plan)
    third = len(taken) // 3
    holed = [replace(one, index=n) for n, one in enumerate(taken[:third] + taken[2 * third :])]
    assert not shows_the_field(plan, flown(plan, holed))
    left = pictures_left(plan, flown(plan, holed, outcome), "1234567890")
    assert left is not None
    assert (left.key, left.severity) == ("finding.photos_left", Severity.WARNING)
    assert "agri resume 12345678" in left.text("en")


def test_a_camera_that_told_of_nothing_is_looked_at_before_leaving(plan: FlightPlan) -> None:
    left = pictures_left(plan, flown(plan, []), "1")
    assert left is not None
    assert left.key == "finding.photos_untold"


def kept(folder: Path, plan: FlightPlan, photos: Sequence[Photo]) -> tuple[Workspace, StoredFlight]:
    farm = Workspace.create(folder, farm_name="Trại")
    row = farm.save_plan(record_of(plan, farms.START), write_document(plan))
    return farm, farm.save_flight(flown(plan, photos), mission_uid=row.uid)


def test_after_a_hole_the_terminal_and_the_app_do_not_call_the_flight_complete(
    plan: FlightPlan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = pictures(plan)[: -len(pictures(plan)) // 3]
    farm, stored = kept(tmp_path / "farm", plan, taken)
    show_flight(Flown(plan=plan, record=flown(plan, taken), stored=stored, findings=(),
                      picture=tmp_path / "a.png", page=tmp_path / "a.html"))  # fmt: skip
    said = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "còn thiếu ảnh" in said
    assert "hoàn thành" not in said
    last = said.rpartition("a.html")[2]
    assert f"{len(taken)} trong {job_of(plan).estimate.photos}" in last
    assert f"agri resume {stored.uid[:8]}" in last
    assert after_flight(farm, stored.uid).rest
    assert [one.key for one in broken_off(farm, plan, simulated=False)] == ["finding.photos_left"]
    page = Served(farm).signed_in(Role.PLANNER).get(f"/flights/{stored.uid}").text
    assert "còn thiếu ảnh" in page
    assert f'action="/flights/{stored.uid}/rest"' in page
    assert "agri resume" not in page
    farm.close()


def test_after_enough_pictures_both_say_so_and_offer_no_rest(
    plan: FlightPlan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    farm, stored = kept(tmp_path / "farm", plan, late(plan))
    show_flight(Flown(plan=plan, record=flown(plan, late(plan)), stored=stored, findings=(),
                      picture=tmp_path / "a.png", page=tmp_path / "a.html"))  # fmt: skip
    last = re.sub(r"\s+", " ", capsys.readouterr().out).rpartition("a.html")[2]
    assert f"{len(late(plan))} trên {job_of(plan).estimate.photos}" in last
    assert not after_flight(farm, stored.uid).rest
    assert broken_off(farm, plan, simulated=False) == ()
    assert pictures_of(farm, stored) is not None
    page = Served(farm).signed_in(Role.PLANNER).get(f"/flights/{stored.uid}").text
    assert "Không phải bay lại" in page
    assert f'action="/flights/{stored.uid}/rest"' not in page
    farm.close()
