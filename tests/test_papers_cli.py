"""Papers, rules and the audit record at the terminal: entered, looked at, and one sentence each."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from shapely.geometry import MultiPolygon

from agri.audit import FILE, Confirmed, append
from agri.cli import read_papers
from agri.errors import BadInput
from agri.field import Field
from agri.papers import Shown
from agri.rules import Authority, LicenceClass, rules
from agri.workspace import Workspace
from tests import farms
from tests.terminal import run

PILOT = "Nguyễn Văn Đức"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A farm with two fields, in which the commands run in English."""
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as farm:
        farm.add_fields(farms.FIELDS)
    monkeypatch.chdir(tmp_path / "farm")
    monkeypatch.setenv("AGRI_LANG", "en")
    return tmp_path / "farm"


def enter_all(capsys: pytest.CaptureFixture[str]) -> None:
    """Enter one of each paper for the field Ruộng Đồng."""
    day = date.today() + timedelta(days=100)  # noqa: DTZ011
    field = ("--field", "ruong dong")
    commands = (
        ("permit", "12/GP", "--holder", "HTX", "--first", "1/1/2026", "--last", f"{day}",
         "--aircraft", "Máy 1", "--radius", "10m", *field),
        ("licence", PILOT, "--number", "GP-42", "--last", f"{day}"),
        ("aircraft", "Máy 1", "--number", "QN-1", "--mass", "45,5 kg"),
        ("map-checked", "--by", PILOT, "--shows", "không cấm", *field),
    )  # fmt: skip
    for words in commands:
        code, text = run(capsys, "papers", *words)
        assert code == 0, text


def test_papers_entered_let_their_field_be_flown_and_no_other(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    who = ("--pilot", PILOT, "--aircraft", "máy 1")
    code, text = run(capsys, "papers", "check", "ruong dong", *who, "--mass", "40")
    assert code == 1
    assert text.count("✕") == 4
    enter_all(capsys)
    code, text = run(capsys, "papers", "check", "ruong dong", *who)
    assert code == 0, text
    assert "may be flown by these papers" in text
    code, text = run(capsys, "papers", "check", "vuon vai", *who, "--spray")
    assert code == 1
    assert "outside the area permitted" in text
    assert "registered for spraying by drone" in text
    code, text = run(capsys, "papers", "check", "ruong dong", *who, "--mass", "46")
    assert code == 1
    assert "46.0 kg" in text
    code, text = run(capsys, "papers", "check", "ruong dong", *who, "--at", "31/12/2025 7h")
    assert code == 1
    assert "begins on 01 Jan 2026" in text


def test_papers_are_listed_with_their_state_and_removed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = run(capsys, "papers", "list")
    assert code == 0
    assert len(text.strip().splitlines()) == 4
    enter_all(capsys)
    run(capsys, "papers", "licence", "Cũ", "--number", "0", "--last", "1/1/2020", "--class",
        "trực quan")  # fmt: skip
    code, text = run(capsys, "papers", "list")
    assert code == 0
    for part in ("12/GP", "QN-1", "45.5", "Ruộng Đồng", "instrument flight", "visual", "ENDED"):
        assert part in text, part
    assert run(capsys, "papers", "remove", "12/gp") == (0, "Removed: 12/GP\n")
    assert run(capsys, "papers", "remove", "12/gp")[0] == 2
    assert "12/GP" not in run(capsys, "papers", "list")[1]


def test_a_map_that_forbids_is_noted_and_told_by_the_exit_code(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    enter_all(capsys)
    where = ("--centre", "21.0805,106.5105", "--radius", "1km", "--by", "Hoa")
    assert run(capsys, "papers", "map-checked", *where, "--shows", "hạn chế")[0] == 0
    assert run(capsys, "papers", "map-checked", *where, "--shows", "cấm")[0] == 1
    code, text = run(
        capsys, "papers", "check", "ruong dong", "--pilot", PILOT, "--aircraft", "qn-1"
    )
    assert code == 1
    assert "forbids flying here" in text


def test_the_area_of_a_permit_comes_from_a_boundary_file_too(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outline = farms.box(size=0.01)
    hectares = Field(name="vùng", boundary=MultiPolygon([outline])).area_m2 / 10_000.0
    (folder / "vung.wkt").write_text(outline.wkt)
    words = ("permit", "7", "--holder", "HTX", "--first", "1/1/2026", "--last", "2/1/2026")
    code, text = run(capsys, "papers", *words, "--area", "vung.wkt")
    assert code == 0, text
    assert f"{hectares:.1f} ha" in text


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("permit", "X"), "missing: --"),
        (("permit", "X", "--first", "31/2/2026", "--field", "ruong dong"), "not a day"),
        (("permit", "X", "--first", "3/12/2026", "--field", "ruong dong"), "runs backwards"),
        (("permit", "X"), "Tell the place in one way"),
        (("permit", "X", "--field", "ruong dong", "--area", "a.kml"), "Tell the place in one way"),
        (("permit", "X", "--centre", "21,106.5"), "radius of 0 m"),
        (("permit", "X", "--centre", "here"), "not a place"),
        (("permit", "X", "--field", "nowhere"), "nowhere"),
        (("permit", "X", "--field", "ruong dong", "--by", "xã"), "tỉnh (province)"),
        (("permit", "X", "--field", "ruong dong", "--hours", "sáng"), "tells no hours"),
        (("permit", "X", "--field", "ruong dong", "--hours", "25h-26h"), "not a time of day"),
        (("permit", "X", "--field", "ruong dong", "--ceiling", "high"), "not a number"),
        (("permit", " ", "--field", "ruong dong"), "no number"),
        (("licence", "A", "--number", "1", "--last", "soon"), "not a day"),
        (("licence", "A", "--number", "1", "--last", "1/1/2027", "--class", "x"), "trực quan"),
        (("aircraft", "A", "--number", "1", "--mass", "heavy"), "not a number"),
        (("aircraft", "A", "--number", "1", "--mass", "0"), "take-off mass of 0.0 kg"),
        (("map-checked", "--by", "", "--shows", "cấm", "--field", "ruong dong"), "who looked"),
        (("map-checked", "--by", "A", "--shows", "gì", "--field", "ruong dong"), "không cấm"),
        (("remove", "nothing"), "No paper is called"),
        (("check", "ruong dong", "--pilot", "A", "--aircraft", "B"), "--mass"),
        (("check", "--pilot", "A", "--aircraft", "B"), "one of the two"),
        (("check", "x", "--plan", "y", "--pilot", "A", "--aircraft", "B"), "one of the two"),
        (("check", "--plan", "nowhere", "--pilot", "A", "--aircraft", "B"), "nowhere"),
        (("check", "ruong dong", "--pilot", "A", "--aircraft", "B", "--at", "x"), "not a day"),
    ],
)
def test_a_mistake_gets_one_sentence_and_a_non_zero_exit(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], part: str
) -> None:
    whole = list(words)
    if words[0] == "permit" and part != "missing: --":
        whole += ["--holder", "HTX", "--last", "2/12/2026"]
        whole += [] if "--first" in words else ["--first", "1/12/2026"]
    code, text = run(capsys, "papers", *whole)
    assert code == 2
    assert part in text
    assert len(text.strip().splitlines()) == 1
    assert Workspace.open(folder).papers.read()[0].permits == ()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_all_rules_are_listed_with_source_and_how_sure(
    capsys: pytest.CaptureFixture[str], language: str
) -> None:
    code, text = run(capsys, "--lang", language, "rules")
    assert code == 0
    assert text.count("•") == len(rules())
    assert text.count("288/2025/NĐ-CP") == sum(r.number == "288/2025/NĐ-CP" for r in rules())
    unsure = sum(rule.confidence.value == "unsure" for rule in rules())
    assert text.count({"vi": "CHƯA CHẮC", "en": "UNSURE"}[language]) == unsure > 4
    assert {"vi": "Chưa đọc toàn văn", "en": "not legal advice"}[language] in text


def test_rules_of_one_topic_are_found_by_its_word(capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("xử phạt", "xu phat", "penalty"):
        code, text = run(capsys, "--lang", "vi", "rules", word)
        assert code == 0
        assert text.count("•") == 4
        assert "20 đến 30 triệu" in text
    code, text = run(capsys, "--lang", "en", "rules", "tax")
    assert code == 2
    assert "registration, licence" in text


def test_the_audit_record_is_shown_judged_and_set_aside(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = run(capsys, "audit")
    assert (code, text) == (0, "Nobody has confirmed anything yet.\n")
    assert run(capsys, "audit", "--set-aside", "--who", "Hoa")[0] == 2
    when = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
    for kind in ("plan_approved", "launch_confirmed", "of_tomorrow"):
        append(folder, kind=kind, who=PILOT, at_utc=when, what=Confirmed(plan_name="Đồng"))
    code, text = run(capsys, "audit", "--last", "2")
    assert code == 0
    assert "Entries: 3" in text
    assert "of_tomorrow" in text
    assert "plan approved" not in text
    assert "07:30:00" in text
    changed = (folder / FILE).read_bytes().replace(b"launch_c", b"launch_C")
    (folder / FILE).write_bytes(changed)
    code, text = run(capsys, "audit")
    assert code == 1
    assert "line 2 of the audit record was changed" in text
    assert run(capsys, "audit", "--set-aside")[0] == 2
    code, text = run(capsys, "audit", "--set-aside", "--who", "Hoa")
    assert code == 0
    (kept,) = folder.glob("audit-*.jsonl")
    assert kept.read_bytes() == changed
    assert run(capsys, "audit")[0] == 0


def test_words_are_read_in_both_languages_and_days_the_way_people_write_them() -> None:
    for text in ("tỉnh", "TINH", "province"):
        assert read_papers.read_authority(text, name="") is Authority.PROVINCE
    assert read_papers.read_licence_class("thiet bi", name="") is LicenceClass.INSTRUMENT
    assert read_papers.read_shown("forbidden", name="") is Shown.FORBIDDEN
    for text in ("5/12/2026", "05-12-2026", "5.12.2026", "2026-12-05", "2026-12-5"):
        assert read_papers.read_day(text, name="") == date(2026, 12, 5)
    for text in ("", "5/12", "5/13/2026", "5/12-2026", "30/2/2026", "tomorrow", "5/12/26"):
        with pytest.raises(BadInput):
            read_papers.read_day(text, name="")
    assert read_papers.read_hours("5 giờ 30 – 24:00", name="") == (time(5, 30), time(23, 59))
    for text in ("", "6:00", "6-7-8", "6:60-7:00", "24:30-25:00"):
        with pytest.raises(BadInput):
            read_papers.read_hours(text, name="")
