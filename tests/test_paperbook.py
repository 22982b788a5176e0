"""The farm keeps its papers as they were told, and says what it cannot read of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agri.errors import BadInput, NotFound
from agri.findings import Severity
from agri.paper_checks import rule_findings
from agri.papers import Papers, Shown
from agri.workspace import Workspace
from tests import farms
from tests.farms import edit, spoil
from tests.papers import FLIGHT, LICENCE, MAP_CHECK, MORNING, PERMIT, REGISTRATION

ALL: tuple[Any, ...] = (PERMIT, LICENCE, REGISTRATION, MAP_CHECK)


@pytest.fixture
def farm(tmp_path: Path, home: str) -> Iterator[Workspace]:
    """A new farm with a clock and keys that count."""
    with Workspace.create(
        tmp_path / "farm",
        farm_name="Trại",
        now=farms.ticking(),
        new_uid=farms.counting(),
        database=home,
    ) as workspace:
        yield workspace


@pytest.fixture
def full_farm(farm: Workspace) -> Workspace:
    """A farm with one of each paper."""
    for paper in ALL:
        farm.papers.add(paper)
    return farm


def test_every_paper_comes_back_equal_with_its_key(farm: Workspace) -> None:
    stored = [farm.papers.add(paper) for paper in ALL]
    with Workspace.open(farm.folder) as again:
        papers, findings = again.papers.read()
    assert findings == []
    found = (*papers.permits, *papers.licences, *papers.registrations, *papers.map_checks)
    assert list(found) == stored
    for paper, original in zip(found, ALL, strict=True):
        assert paper.uid
        assert replace(paper, uid="") == original
    assert farm.check() == []


def test_a_flight_is_judged_alike_by_papers_kept_and_by_papers_told(full_farm: Workspace) -> None:
    papers, _ = full_farm.papers.read()
    assert {f.key for f in rule_findings(papers, FLIGHT)} == {
        "finding.permit_covers", "finding.map_clear", "finding.rules_unsure",
    }  # fmt: skip


def test_a_registration_without_end_and_odd_moments_come_back(farm: Workspace) -> None:
    endless = farm.papers.add(replace(REGISTRATION, last_day=None, serial=""))
    look = farm.papers.add(replace(MAP_CHECK, looked_utc=MORNING + timedelta(microseconds=1999)))
    papers, _ = farm.papers.read()
    assert papers == Papers(registrations=(endless,), map_checks=(look,))
    assert look.looked_utc == MORNING + timedelta(milliseconds=1)


def test_a_number_or_aircraft_that_is_entered_already_is_refused(full_farm: Workspace) -> None:
    before = full_farm.papers.read()
    for again in (
        replace(PERMIT, holder="Khác", number="12/gp-bchqs"),
        replace(LICENCE, holder="Khác"),
        replace(REGISTRATION, aircraft="Máy khác"),
        replace(REGISTRATION, number="khác", aircraft="MÁY PHUN 1"),
    ):
        with pytest.raises(BadInput) as taken:
            full_farm.papers.add(again)  # type: ignore[type-var]
        assert taken.value.message.key == "error.paper_taken"
    assert full_farm.papers.read() == before
    full_farm.papers.add(MAP_CHECK)
    assert len(full_farm.papers.read()[0].map_checks) == 2


def test_a_paper_is_found_by_key_number_or_name_and_removed(full_farm: Workspace) -> None:
    book = full_farm.papers
    papers, _ = book.read()
    (permit,), (licence,) = papers.permits, papers.licences
    for wanted in (permit.uid, "12/GP-BCHQS", "12/gp-bchqs "):
        assert book.find(wanted) == permit
    assert book.find("nguyễn văn đức") == licence
    for wanted in ("", "  ", "12", "zzzz"):
        with pytest.raises(NotFound):
            book.find(wanted)
    with pytest.raises(BadInput) as unclear:
        book.find(permit.uid[:6])
    assert unclear.value.message.key == "error.ambiguous"
    book.remove(permit.uid)
    assert book.read()[0] == replace(papers, permits=())
    with pytest.raises(NotFound):
        book.remove(permit.uid)
    with pytest.raises(NotFound):
        book.remove(full_farm.farm_name)


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        ("UPDATE permits SET ceiling_m = NULL", "permits"),
        ("UPDATE permits SET ceiling_m = 'cao'", "permits"),
        ("UPDATE permits SET last_day = 'Tết'", "permits"),
        ("UPDATE permits SET to_time = ''", "permits"),
        ("UPDATE permits SET authority = 'xã'", "permits"),
        ("UPDATE permits SET geom = NULL", "permits"),
        ("UPDATE permits SET geom = x'00'", "permits"),
        ("UPDATE licences SET licence_class = NULL", "licences"),
        ("UPDATE licences SET last_day = NULL", "licences"),
        ("UPDATE registrations SET takeoff_kg = NULL", "registrations"),
        ("UPDATE registrations SET aircraft = ''", "registrations"),
    ],
)
def test_a_paper_spoilt_elsewhere_is_told_and_counts_as_missing(
    full_farm: Workspace, statement: str, missing: str
) -> None:
    before = full_farm.papers.read()
    if not spoil(full_farm, statement):
        assert full_farm.papers.read() == before
        assert any(odd in statement for odd in ("'cao'", "'Tết'", "x'00'"))
        return
    papers, findings = full_farm.papers.read()
    assert getattr(papers, missing) == ()
    assert [(f.key, f.severity) for f in findings] == [("finding.row_unusable", Severity.WARNING)]
    assert missing in findings[0].text("vi")
    assert "{" not in findings[0].text("vi")
    assert any(f.severity is Severity.ERROR for f in rule_findings(papers, FLIGHT))


def test_a_look_at_the_map_spoilt_elsewhere_never_opens_the_sky(full_farm: Workspace) -> None:
    edit(full_farm, "UPDATE map_checks SET shown = 'tốt'")
    papers, findings = full_farm.papers.read()
    assert papers.map_checks[0].shown is Shown.FORBIDDEN
    assert [f.key for f in findings] == ["finding.row_kind"]
    edit(full_farm, "UPDATE map_checks SET geom = NULL")
    papers, findings = full_farm.papers.read()
    assert papers.map_checks == ()
    assert findings[-1].severity is Severity.ERROR
    assert [f.severity for f in full_farm.check() if "map_checks" in f.where][-1:] == [
        Severity.ERROR
    ]


def test_papers_go_into_a_backup_and_come_back(full_farm: Workspace) -> None:
    before = full_farm.papers.read()
    backup = full_farm.backup()
    full_farm.papers.remove(before[0].permits[0].uid)
    full_farm.restore(backup)
    assert full_farm.papers.read() == before
