"""A backup holds all that cannot be made again, fits together while others write, comes back."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agri import audit
from agri.findings import Severity
from agri.workspace import DATABASE, Workspace, flightlog
from agri.workspace.records import Outcome
from tests import farms
from tests.postgres import IN_A_FILE

ROOT = Path(__file__).resolve().parents[1]
START = datetime(2026, 11, 24, tzinfo=UTC)
WHAT = audit.Confirmed(plan_name="Ruộng Đồng")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory where there is one: what is tested is order, not the disk."""
    memory = Path("/dev/shm")  # noqa: S108
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    with tempfile.TemporaryDirectory(dir=memory if usable else None) as name:
        yield Path(name)


@pytest.fixture
def farm(folder: Path, home: str) -> Iterator[Workspace]:
    with Workspace.create(
        folder / "farm",
        farm_name="Trại",
        now=farms.ticking(),
        new_uid=farms.counting(),
        database=home,
    ) as workspace:
        workspace.add_fields(farms.FIELDS)
        workspace.save_plan(farms.plan("Đông"), "document Đông")
        workspace.save_flight(farms.flight(plan_name="Đông"))
        confirm(workspace.folder, 3)
        yield workspace


def confirm(folder: Path, count: int) -> None:
    for _ in range(count):
        audit.append(folder, kind="launch", who="Đức", at_utc=START, what=WHAT)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file that a backup is to hold, but the database."""
    kept = [p for part in ("plans", "flights") for p in (folder / part).rglob("*") if p.is_file()]
    kept += [p for p in folder.glob("audit*") if p.is_file()]
    return {str(p.relative_to(folder)): p.read_bytes() for p in kept}


def test_a_backup_is_a_farm_with_plans_flights_and_the_whole_audit(farm: Workspace) -> None:
    backup = farm.backup()
    assert contents(backup) == contents(farm.folder)
    assert {"audit.jsonl", "audit.head"} <= set(contents(backup))
    with Workspace.open(backup) as copy:
        assert copy.check() == []
        assert copy.farm() == farm.farm()
        assert copy.plan("Đông")[1] == "document Đông"
        assert copy.flights() == farm.flights()
    assert audit.verify(backup) == audit.verify(farm.folder)


def test_what_is_written_after_a_backup_does_not_get_into_it(farm: Workspace) -> None:
    log = farm.begin_flight(plan_name="Đông", plan_digest="ab" * 32, vehicle="copter")
    backup = farm.backup()
    before = contents(backup)
    confirm(farm.folder, 2)
    log.finish(farms.flight(plan_name="Đông"))
    farm.save_plan(farms.plan("Tây"), "document Tây")
    assert contents(backup) == before
    with Workspace.open(backup) as copy:
        cut = copy.flight(log.uid)
        assert cut.outcome is Outcome.UNFINISHED
        assert flightlog.read_record(copy.flight_folder(cut))[0].uid == log.uid


def test_all_that_was_lost_comes_back(farm: Workspace) -> None:
    backup, before, fields = farm.backup(), contents(farm.folder), farm.farm()
    for name in ("plans", "flights"):
        shutil.rmtree(farm.folder / name)
    for path in farm.folder.glob("audit*"):
        path.unlink()
    farm.remove(fields.fields[0].uid)
    farm.restore(backup)
    assert contents(farm.folder) == before
    assert farm.farm() == fields
    assert farm.check() == []
    confirm(farm.folder, 1)
    assert len(audit.verify(farm.folder).entries) == 4


def test_what_was_confirmed_since_a_backup_stays_confirmed(farm: Workspace) -> None:
    backup = farm.backup()
    confirm(farm.folder, 2)
    kept = audit.verify(farm.folder)
    farm.restore(backup)
    assert audit.verify(farm.folder) == kept
    assert len(kept.entries) == 5


@IN_A_FILE
def test_a_broken_record_is_set_aside_for_the_saved_one_which_tells_so(farm: Workspace) -> None:
    backup = farm.backup()
    path = farm.folder / audit.FILE
    path.write_bytes(path.read_bytes().replace(b"Ru", b"ru", 1))
    spoiled = path.read_bytes()
    assert not audit.verify(farm.folder).whole
    farm.restore(backup)
    found = audit.verify(farm.folder)
    assert found.whole
    assert [entry.kind for entry in found.entries] == ["launch"] * 3 + ["set_aside"]
    assert (farm.folder / found.entries[-1].what.note).read_bytes() == spoiled
    assert audit.verify(farm.folder, remembered=audit.verify(backup).remembered).whole


@IN_A_FILE
def test_a_saved_record_that_is_broken_itself_is_not_brought_back(farm: Workspace) -> None:
    backup = farm.backup()
    (backup / audit.FILE).write_bytes(b"spoiled\n")
    (farm.folder / audit.FILE).unlink()
    farm.restore(backup)
    assert not (farm.folder / audit.FILE).exists()
    assert not audit.verify(farm.folder).whole


@IN_A_FILE
def test_records_set_aside_before_are_in_the_backup_too(farm: Workspace) -> None:
    (farm.folder / audit.FILE).write_bytes(b"spoiled\n")
    kept = audit.set_aside(farm.folder, who="Đức", at_utc=START)
    assert (farm.backup() / kept.name).read_bytes() == b"spoiled\n"


@pytest.mark.parametrize("seed", [1, 2])
@IN_A_FILE
def test_backups_made_while_another_program_confirms_are_whole_chains(
    farm: Workspace, seed: int
) -> None:
    """The writer of odd seed writes a few bytes at a time, and dies in the middle."""
    command = [sys.executable, "-m", "tests.audit_child"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        nursery.stdin.write(f"{farm.folder} {seed}\n")
        nursery.stdin.flush()
        child = int(nursery.stdout.readline().split()[1])
        for _ in range(8):
            line = nursery.stdout.readline().split()
            acknowledged = int(line[1])
            found = audit.verify(farm.backup())
            assert found.whole, [finding.text() for finding in found.findings]
            assert len(found.entries) >= acknowledged
            assert found.entries[acknowledged - 1].digest == line[2]
        os.kill(child, signal.SIGKILL)
        nursery.stdin.close()
        nursery.stdout.read()
    last = farm.backup()
    assert audit.verify(last) == audit.verify(farm.folder)
    assert audit.verify(last).whole
    with Workspace.open(last) as copy:
        assert not [f for f in copy.check() if f.severity is Severity.ERROR]


def test_a_backup_of_an_older_agri_a_database_alone_still_brings_the_fields_back(
    farm: Workspace, tmp_path: Path
) -> None:
    old = tmp_path / "farm-20260101-000000-000.gpkg"
    shutil.copy(farm.backup() / DATABASE, old)
    before = farm.farm()
    farm.remove(before.fields[0].uid)
    farm.restore(old)
    assert farm.farm() == before
