"""An aircraft that has its key is launched with it only; one that has none is told of loudly."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agri.errors import Refused
from agri.findings import Severity
from agri.operations.clearance import Launcher, names_of
from agri.operations.fly import fly_plan
from agri.operations.keyring import Keyring
from agri.operations.link import bring_key
from agri.papers import circle
from agri.workspace import Workspace
from missions.flight.briefing import Blocked
from missions.link.hearing import Heard
from missions.link.link import Link
from missions.link.signing import SigningState
from missions.link.trust import check_trust
from sitl.firmware import Firmware
from sitl.simulator import Simulator
from tests import flights
from tests.papers import LICENCE, REGISTRATION, add_papers
from tests.test_clearance import Person

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
PLAN = replace(flights.small_plan(), survey=None)
FLYER = Launcher(pilot=LICENCE.holder)
BOARD = "3a0025000f51383132"


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as workspace:
        add_papers(workspace, circle(PLAN.home, 3_000.0), NOW)
        yield workspace


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "keys")


@pytest.fixture
def aircraft(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """An aircraft that does not let it be known that it is simulated."""
    monkeypatch.setattr(Link, "is_simulation", lambda _: False)
    with Simulator(PLAN.home, speedup=10.0, ready_after_s=5.0, over_radio=True,
                   firmware=Firmware(board=BOARD),
                   parameters={"CAM1_TYPE": 1.0, "FS_GCS_TIMEOUT": 60.0}) as flown:  # fmt: skip
        yield flown


def launch(farm: Workspace, aircraft: Simulator, ring: Keyring | None, key: str = "") -> Person:
    """Go as far as the question whether to arm, and say no."""
    person = Person(farm, arms=False)
    with pytest.raises(Refused) as refused:
        fly_plan(
            farm, PLAN, None, connect=aircraft.url, pilot=person.pilot, language="vi", now=NOW,
            launcher=FLYER, clock=lambda: NOW, keyring=ring,
            signing=ring.signing(key) if ring and key else None,
        )  # fmt: skip
    if isinstance(refused.value, Blocked) or person.briefing is None:
        raise refused.value
    return person


def told(person: Person) -> dict[str, Severity]:
    assert person.briefing is not None
    return {f.key: f.severity for f in person.briefing.findings if f.key.startswith("finding.link")}


def install(ring: Keyring, name: str, aircraft: Simulator) -> None:
    ring.make(name, token_bytes=secrets.token_bytes, now=NOW)
    bring_key(ring, name, connect=aircraft.url)


# ---- what is judged


@pytest.mark.parametrize("cable", [True, False])
@pytest.mark.parametrize("signing", [SigningState.OFF, SigningState.NO_KEY])
def test_a_keyed_aircraft_is_not_launched_without_its_key(
    cable: bool, signing: SigningState
) -> None:
    found = check_trust(Heard(), signing, cable=cable, simulated=False, keyed="may1")
    assert [(f.key, f.severity) for f in found] == [("finding.link_key_unused", Severity.ERROR)]
    assert all("may1" in f.text(language) for f in found for language in ("vi", "en"))  # type: ignore[arg-type]
    assert check_trust(Heard(), SigningState.ON, cable=cable, simulated=False, keyed="may1") == ()
    assert check_trust(Heard(), signing, cable=cable, simulated=True, keyed="may1") == ()


def test_a_key_on_board_is_found_by_the_board_or_by_any_name(ring: Keyring) -> None:
    for name in ("may1", "may2", "moi"):
        ring.make(name, token_bytes=secrets.token_bytes, now=NOW)
    ring.took("may1", ring.find("may1").key, board=BOARD)
    ring.took("may2", ring.find("may2").key)

    def found(board: str, *names: str) -> str:
        kept = ring.on_board(board, names)
        return kept.aircraft if kept else ""

    assert found(BOARD) == found("", "Máy 1") == found(BOARD, "Máy 2") == "may1"
    assert found("ffff", "MÁY 2") == found("", "x", "máy2") == "may2"
    assert found("", "") == found("ffff", "Máy 3") == ""
    assert found("", "moi") == "", "made, but never brought on board"
    assert found(BOARD[:-2]) == ""


def test_a_new_key_that_is_only_made_leaves_the_board_known(ring: Keyring) -> None:
    ring.make("may1", token_bytes=secrets.token_bytes, now=NOW)
    ring.took("may1", ring.find("may1").key, board=BOARD)
    ring.make("may1", token_bytes=secrets.token_bytes, now=NOW, rotate=True)
    kept = ring.on_board(BOARD, ())
    assert kept is not None
    assert kept.installed
    assert kept.coming is not None


def test_all_names_of_the_registered_aircraft_count(farm: Workspace) -> None:
    assert set(names_of(farm, PLAN, FLYER)) == {
        REGISTRATION.aircraft, REGISTRATION.number, REGISTRATION.serial,
    }  # fmt: skip


# ---- what is done


def test_an_aircraft_that_never_got_a_key_is_launched_with_a_loud_warning(
    farm: Workspace, aircraft: Simulator, ring: Keyring
) -> None:
    for known in (ring, None):
        assert told(launch(farm, aircraft, known)) == {"finding.link_unsigned": Severity.WARNING}


@pytest.mark.parametrize("name", ["may 9", "máy phun 1"])
def test_an_aircraft_with_its_key_is_refused_unsigned_and_launched_signed(
    farm: Workspace, aircraft: Simulator, ring: Keyring, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known by its board when the key is called otherwise than the aircraft."""
    with monkeypatch.context() as honest:
        honest.setattr(Link, "is_simulation", lambda _: True)
        install(ring, name, aircraft)
    assert ring.find(name).board == BOARD
    assert told(launch(farm, aircraft, ring, key=name)) == {}
    with pytest.raises(Refused) as refused:
        launch(farm, aircraft, ring)
    assert refused.value.message.key == "error.link_key_needed"


def test_an_aircraft_that_takes_unsigned_orders_though_it_has_a_key_is_refused_as_it_stands(
    farm: Workspace, aircraft: Simulator, ring: Keyring
) -> None:
    """It was reset, or it is not the one that was given the key."""
    ring.make("khóa", token_bytes=secrets.token_bytes, now=NOW)
    ring.took("khóa", ring.find("khóa").key, board=BOARD)
    with pytest.raises(Blocked) as blocked:
        launch(farm, aircraft, ring)
    assert "finding.link_key_unused" in [f.key for f in blocked.value.findings]
    with Link.connect(aircraft.url) as link:
        assert link.read_parameters(["FENCE_ENABLE"])[0].value == 0.0, "nothing was set"
        assert not link.telemetry().armed


def test_a_simulation_on_this_computer_needs_no_key(
    farm: Workspace, aircraft: Simulator, ring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    ring.make("khóa", token_bytes=secrets.token_bytes, now=NOW)
    ring.took("khóa", ring.find("khóa").key, board=BOARD)
    assert told(launch(farm, aircraft, ring)) == {}
