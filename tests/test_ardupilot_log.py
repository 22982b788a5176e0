"""A small paddy sprayed by a real ArduCopter: its own log beside what was heard of it.

Needs the program ``arducopter`` (AGRI_ARDUCOPTER or on the path) and skips without it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from shapely.geometry import MultiLineString, box

from agri.geo import LocalFrame
from agri.operations import fly as flying
from agri.operations import simulated
from agri.operations.aircraft_log import Imported, import_log, import_unwatched
from agri.operations.fly import Flown, Pilot, fly_plan
from agri.track import Track
from agri.weather import Wind
from agri.workspace import PlanRecord, Workspace
from missions.applied.account import applied
from missions.flightplan import FlightPlan
from missions.formats.document import write_document
from missions.spray.mission import plan_spray
from sitl.ardupilot import ArduPilot
from tests.sites import Draft
from tests.sprays import SETTINGS
from tests.two_copters import skip_without_arducopter

skip_without_arducopter()
pytestmark = pytest.mark.ardupilot
NOW = datetime.now(UTC)
YES = Pilot(may_set=lambda _: True, may_arm=lambda _: True, on_link=lambda _: None,
            on_progress=lambda _: None)  # fmt: skip


@dataclass(frozen=True)
class Both:
    """A flight as it was heard, and with the track of the aircraft's log."""

    farm: Path
    plan: FlightPlan
    log: Path
    flown: Flown
    imported: Imported


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("real")
    log = folder / "00000001.BIN"
    calm = replace(SETTINGS, wind=Wind(speed_m_s=0.0), edges=())
    plan = plan_spray(Draft().site(box(-25, -10, 25, 10), (-30.0, -14.0)), calm, name="Thử")

    @contextmanager
    def keeping(connect: str, flown: FlightPlan, *, speedup: float | None = None) -> Iterator[str]:
        assert connect == "ardupilot"
        fitted = simulated._fitted(flown, speedup)
        with ArduPilot(flown.home, speedup=10.0, parameters=fitted) as copter:
            yield copter.url
            (newest,) = copter.logs
            shutil.copy(newest, log)

    with pytest.MonkeyPatch.context() as patched, Workspace.create(
        folder / "farm", farm_name="Trại"
    ) as farm:  # fmt: skip
        patched.setattr(flying, "vehicle_at", keeping)
        row = PlanRecord(name=plan.name, kind="spray", digest=plan.digest, created_utc=NOW,
                         path=MultiLineString())  # fmt: skip
        stored = farm.save_plan(row, write_document(plan))
        flown = fly_plan(farm, plan, stored, connect="ardupilot", pilot=YES, language="vi", now=NOW)
        imported = import_log(farm, log, wanted=flown.stored.uid, language="vi", now=NOW)
        yield Both(folder / "farm", plan, log, flown, imported)


def switchings(track: Track, plan: FlightPlan) -> NDArray[np.float64]:
    """Where the pump came on and went off, half-way up: (N, 2) metres."""
    on = track.pump_share > 0.5 * float(np.nanmax(track.pump_share))
    change = np.flatnonzero(on[1:] != on[:-1])
    east, north = LocalFrame(plan.home).to_local(track.lon_deg, track.lat_deg)
    return np.column_stack(
        ((east[change] + east[change + 1]) / 2.0, (north[change] + north[change + 1]) / 2.0)
    )


def test_the_log_is_known_as_this_flight_item_for_item(both: Both) -> None:
    keys = {finding.key for finding in both.imported.findings}
    assert keys >= {"finding.log_same_mission", "finding.log_same_fence", "finding.log_same_rally"}
    assert not keys & {
        "finding.log_other_mission",
        "finding.log_fence_off",
        "finding.log_clocks",
        "finding.log_damaged",
    }
    assert (both.imported.flight.uid, both.imported.flight.source) == (
        both.flown.stored.uid, "log",
    )  # fmt: skip
    assert both.imported.flight.outcome == both.flown.record.outcome == "landed"


def test_pump_and_litres_agree_with_what_was_heard(both: Both) -> None:
    heard, logged = both.flown.record.track, both.imported.record.track
    assert len(logged.time_s) > 1.5 * len(heard.time_s)
    ours, theirs = switchings(heard, both.plan), switchings(logged, both.plan)
    assert len(ours) == len(theirs) >= 4
    away_m = np.hypot(*(ours - theirs).T)
    assert float(np.max(away_m)) <= 1.0, away_m.round(2)
    litres = [applied(record, both.plan).litres for record in
              (both.flown.record, both.imported.record)]  # fmt: skip
    assert litres[1] == pytest.approx(litres[0], rel=0.02), litres


def test_what_was_known_at_the_launch_is_what_the_log_says(both: Both) -> None:
    with Workspace.open(both.farm) as farm:
        launch = farm.launch_of(both.imported.flight)
        paper = farm.flight_folder(both.imported.flight)
    assert launch is not None
    assert dict(launch.parameters)["SPRAY_ENABLE"] == 1.0
    assert launch.findings == both.flown.findings
    assert "finding.log_parameters" not in {finding.key for finding in both.imported.findings}
    assert (paper / "track.telemetry.jsonl").is_file()


def test_the_same_log_makes_the_flight_alone(both: Both, tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as farm:
        row = PlanRecord(name="Thử", kind="spray", digest=both.plan.digest, created_utc=NOW,
                         path=MultiLineString())  # fmt: skip
        stored = farm.save_plan(row, write_document(both.plan))
        (alone,) = import_unwatched(farm, both.log, both.plan, stored, language="vi", now=NOW)
    assert alone.flight.outcome == "landed"
    assert alone.flight.vehicle.startswith("ArduCopter")
    assert alone.applied is not None
    assert both.imported.applied is not None
    assert alone.applied.applied.litres == pytest.approx(both.imported.applied.applied.litres)
