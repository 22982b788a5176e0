"""A launch that ends on the ground after the yes says so, with who stopped it and when."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agri.errors import LinkError, StoreError
from agri.operations import fly
from agri.operations.airborne import Airborne, LaunchAsked
from agri.operations.apron import Apron
from agri.operations.clearance import Launcher
from agri.operations.found import broken_off, how_it_ended
from agri.operations.rests import After, after_flight
from agri.operations.sight import Stage
from agri.people import Role
from agri.units import INDOCHINA_TIME
from agri.words import say
from agri.workspace import Outcome, Workspace
from tests import flights
from tests.stand_in import store
from tests.web_farm import Served

PLAN = replace(flights.small_plan("Ruộng chợ"), survey=None)
WAIT_S = 60.0


def until(flight: Airborne, stage: Stage) -> None:
    """Wait for a stage; whatever is asked on the way is said yes to."""
    end_s = time.monotonic() + WAIT_S
    while (seen := flight.sight()).stage is not stage:
        assert time.monotonic() < end_s, seen
        assert not seen.stage.ended, seen
        if seen.stage is Stage.PARAMETERS and seen.question is not None:
            flight.set_parameters(seen.question.token, yes=True, person_uid="an")
        time.sleep(0.002)


def test_a_stop_between_the_yes_and_the_take_off_is_told_with_who_and_when(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as farm:
        stored = store(farm, PLAN)
        apron = Apron(farm, now=lambda: datetime.now(UTC))
        asked = LaunchAsked(
            plan=PLAN, stored=stored, connect="sim", simulated=True, person_uid="an",
            launcher=Launcher(pilot="An"), language="vi", speedup=4.0, once="1",
        )  # fmt: skip
        flight = apron.begin(asked)
        until(flight, Stage.BRIEFING)
        question = flight.sight().question
        assert question is not None
        before = datetime.now(UTC)
        flight.launch(question.token, digest=PLAN.digest, person_uid="an")
        flight.order("stop", by="Bà Hoa")
        assert flight.join(WAIT_S)
        after = datetime.now(UTC)
        (kept,) = farm.flights()
        assert kept.outcome is Outcome.STAYED
        (told,) = how_it_ended(farm, kept)
        assert told.key == "finding.stayed"
        assert "Bà Hoa stopped the launch before take-off." in told.text("en")
        moments = [before + timedelta(seconds=n) for n in range(int((after - before).seconds) + 2)]
        assert any(
            f"{one.astimezone(INDOCHINA_TIME):%H:%M:%S}" in told.text("vi") for one in moments
        )
        assert broken_off(farm, PLAN, simulated=True) == ()
        assert after_flight(farm, kept.uid) == After()
        assert farm.recover() == ()
        shown = Served(farm).signed_in(Role.VIEWER).get(f"/flights/{kept.uid}").text
        assert say("page.web_outcome_stayed", "vi") in shown
        assert "Bà Hoa đã cho dừng trước khi máy bay cất cánh." in shown
        assert say("page.web_outcome_unfinished", "vi") not in shown


@pytest.mark.parametrize(
    ("error", "height_m", "outcome"),
    [
        (LinkError("error.link_lost"), 0.2, Outcome.STAYED),
        (LinkError("error.link_lost"), 3.0, Outcome.UNFINISHED),
        (StoreError("error.link_lost"), 0.2, Outcome.UNFINISHED),
        (KeyboardInterrupt(), 0.2, Outcome.UNFINISHED),
    ],
)
def test_only_a_launch_that_was_never_seen_to_rise_is_said_to_have_stayed(
    tmp_path: Path, error: BaseException, height_m: float, outcome: Outcome
) -> None:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as farm:
        keeper = fly._Keeper(farm, PLAN, None, Launcher(), lambda: datetime.now(UTC),
                             simulated=True, token="t")  # fmt: skip
        keeper.log = farm.begin_flight(plan_name=PLAN.name, plan_digest=PLAN.digest, vehicle="v")
        keeper.position(time_s=1.0, place=PLAN.home, height_m=height_m, speed_m_s=0.0)
        keeper.leave(error, "")
        (kept,) = farm.flights()
        assert kept.outcome is outcome
        events = farm.load_flight(kept.uid).events
        assert [one.message.key for one in events] == (
            ["event.launch_ended"] if outcome is Outcome.STAYED else [])  # fmt: skip
