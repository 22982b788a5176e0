"""Work in the background, as people meet it: sent, begun, watched, stopped, looked at."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import rasterio
from rasterio.enums import ColorInterp

from agri import audit
from agri.files import write_bytes
from agri.findings import Finding, blocks
from agri.jobs import LEASE, Asked, Job, Kind, Result, State
from agri.operations.background.doing import do_job
from agri.operations.maps.register import list_raster
from agri.operations.maps.shelf import Shelf
from agri.operations.uploads.journal import FOLDER, read_upload
from agri.operations.uploads.keeping import MOST_PIECE
from agri.people import Role
from agri.units import INDOCHINA_TIME
from agri.web import gate
from agri.words import LANGUAGES, Message, say
from agri.workspace import Workspace
from imagery.catalogue import product
from tests import farms
from tests.ortho_files import reflectances, write_ortho
from tests.test_uploads import JPEG, STRANGE
from tests.web_farm import BASE, Browser, Served, small_farm

NAME = "ruong-mosaic"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with small_farm(tmp_path_factory.mktemp("jobs") / "farm") as farm:
        yield Served(farm)


@pytest.fixture(scope="module")
def planner(served: Served) -> Browser:
    return served.signed_in(Role.PLANNER)


@pytest.fixture(autouse=True)
def minute_later(served: Served) -> None:
    served.clock.now_s += 61.0


def begun(planner: Browser, purpose: str = "photos", field: str = "") -> str:
    answer = planner.post("/uploads", {"purpose": purpose, "field": field})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def sent(
    planner: Browser, place: str, data: bytes, name: str = "a.jpg", *, at: int = 0, size: int = 0,
    token: str = "", **headers: str,
) -> Any:  # fmt: skip
    """Send a piece as the page's script does."""
    told = {
        "origin": BASE, "x-form-token": token or planner.http.get(f"{place}.json").json()["token"],
        "x-file-name": quote(name, safe=""), "x-file-size": str(size or len(data)),
        "x-file-modified": "7", "x-file-offset": str(at),
        "x-file-sha256": hashlib.sha256(data).hexdigest(), **headers,
    }  # fmt: skip
    return planner.http.post(f"{place}/piece", content=data, headers=told)


def kinds(farm: Workspace) -> list[str]:
    return [entry.kind for entry in audit.verify(farm.folder).entries]


# ------------------------------------------------------------------ sending


def test_photos_are_sent_and_their_check_and_map_are_queued(
    served: Served, planner: Browser
) -> None:
    uid = served.farm.fields()[0].uid
    assert f'value="{uid}" selected' in planner.get(f"/uploads/new?field={uid}").text
    place = begun(planner, field=uid)
    before = len(kinds(served.farm))
    half = len(JPEG) // 2
    assert sent(planner, place, JPEG[:half], size=len(JPEG)).json()["kept"] == half
    state = planner.http.get(f"{place}.json").json()
    assert state["files"] == [{"name": "a.jpg", "size": len(JPEG), "modified": 7, "kept": half,
                               "passed": False}]  # fmt: skip
    twice = sent(planner, place, JPEG[:half], size=len(JPEG))
    assert (twice.status_code, twice.json()["kept"]) == (409, half)
    assert f'href="{place}"' in planner.get("/jobs").text
    early = planner.post(f"{place}/done", {})
    assert early.status_code == 400
    assert "a.jpg" in early.text
    assert sent(planner, place, JPEG[half:], at=half, size=len(JPEG)).json()["whole"]
    assert sent(planner, place, b"MZ" * 99, "x.exe").json()["passed"]
    assert len(kinds(served.farm)) == before + 1, "pieces are not written down, the rest is"
    answer = planner.post(f"{place}/done", {"mosaic": "yes"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs")
    mosaic, photos = served.farm.jobs.all()[:2]
    key = place.rsplit("/", 1)[1]
    assert (photos.asked.kind, mosaic.asked.kind) == (Kind.PHOTOS, Kind.MOSAIC)
    assert {photos.asked.source, mosaic.asked.source} == {key}
    assert photos.asked.field_uid == uid
    assert kinds(served.farm)[before:] == ["upload_finished", "upload_finished"]
    assert f'href="{place}"' not in planner.get("/jobs").text
    assert "Đã nhận đủ" in planner.get(place).text
    assert sent(planner, place, JPEG, "b.jpg").status_code == 400


def test_a_finished_map_counts_for_the_day_it_was_photographed(
    served: Served, planner: Browser, tmp_path: Path
) -> None:
    place = begun(planner, "ortho")
    made = write_ortho(tmp_path / "cu.tif", reflectances(60, 50)).read_bytes()
    assert sent(planner, place, made, "cu.tif").json()["whole"]
    today = farms.START.astimezone(INDOCHINA_TIME).date()
    assert f'name="flown" value="{today}"' in planner.get(place).text
    for wrong in (str(today + timedelta(days=2)), "31/2/2026", "hôm qua"):
        answer = planner.post(f"{place}/done", {"flown": wrong})
        assert answer.status_code == 400, wrong
        assert "Traceback" not in answer.text
    assert planner.post(f"{place}/done", {"flown": "2026-03-05"}).status_code == 303
    asked = served.farm.jobs.all()[0].asked
    result = do_job(served.farm, asked, language="vi", now=farms.START, progress=lambda _: None)
    (name,) = result.products
    assert product(served.farm.folder, name).start.date() == date(2026, 3, 5)


def test_a_piece_of_a_strange_name_or_none_stays_in_its_folder(
    served: Served, planner: Browser
) -> None:
    place = begun(planner)
    token = planner.http.get(f"{place}.json").json()["token"]
    farm = served.farm.folder
    before = {path for path in farm.parent.rglob("*") if FOLDER not in path.parts}
    for name in STRANGE:
        raw = quote(name.encode("utf-8", "surrogatepass"), safe="")
        answer = sent(planner, place, JPEG, "a", token=token, **{"x-file-name": raw})
        assert answer.status_code == (200 if name else 400), name
    assert {path for path in farm.parent.rglob("*") if FOLDER not in path.parts} == before
    folder = farm / FOLDER / place.rsplit("/", 1)[1]
    upload = read_upload(farm, folder.name)
    named = {f"{upload.stem}/{file.name}" for file in upload.files}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == {"upload.jsonl", *named}


def test_a_piece_that_says_nonsense_is_refused_and_keeps_nothing(
    served: Served, planner: Browser
) -> None:
    place = begun(planner)
    for name, wrong in (
        ("x-file-size", "-1"), ("x-file-size", "9" * 40), ("x-file-offset", "x"),
        ("x-file-offset", "٣"), ("x-file-sha256", "0" * 63), ("x-file-modified", "1.5"),
        ("x-file-name", ""), ("x-file-name", "a" * 3001), ("x-file-sha256", "0" * 64),
    ):  # fmt: skip
        headers = {name: wrong.encode("latin-1", "replace").decode("latin-1")}
        assert sent(planner, place, JPEG, **headers).status_code in (400, 409), (name, wrong)
    key = place.rsplit("/", 1)[1]
    assert all(file.kept == 0 for file in read_upload(served.farm.folder, key).files)
    for path in ("/uploads/none", "/uploads/..%2f..", f"/uploads/{key.upper()}"):
        assert planner.get(path).status_code == 404
        token = planner.token("/account")
        assert sent(planner, path, JPEG, token=token).status_code == 404


def test_a_piece_must_come_from_our_own_page_and_may_be_larger_than_a_form_but_not_more(
    served: Served, planner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = begun(planner)
    other = served.signed_in(Role.VIEWER)
    for headers in ({"x-form-token": "0" * 64}, {"origin": "http://evil.example"}, {"origin": ""},
                    {"x-form-token": other.token("/account")}):  # fmt: skip
        assert sent(planner, place, JPEG, **headers).status_code == 403, headers
    assert sent(other, place, JPEG, token=other.token("/account")).status_code == 403
    assert sent(served.browser(), place, JPEG, token="0" * 64).status_code == 401
    assert gate.LARGEST_PIECE == MOST_PIECE
    big = JPEG[:4] + bytes(gate.LARGEST_BODY + 5)
    assert sent(planner, place, big, "big.jpg").json()["whole"]
    monkeypatch.setattr(gate, "LARGEST_PIECE", 5_000)
    assert sent(planner, place, JPEG, "c.jpg").status_code == 413
    assert planner.post("/uploads", {"purpose": "photos" * 200_000}).status_code == 413


def test_an_upload_that_is_not_finished_is_thrown_away_and_a_finished_one_is_not(
    served: Served, planner: Browser
) -> None:
    place = begun(planner)
    assert sent(planner, place, JPEG[:9], size=len(JPEG)).status_code == 200
    folder = next(served.farm.folder.rglob(place.rpartition("/")[2]))
    assert f'action="{place}/discard"' in planner.get(place).text
    assert planner.post(f"{place}/discard", {}).headers["location"] == "/jobs"
    assert not folder.exists()
    assert f'href="{place}"' not in planner.get("/jobs").text
    assert planner.post(f"{place}/discard", {}).status_code == 404
    place = begun(planner)
    assert sent(planner, place, JPEG).status_code == 200
    assert planner.post(f"{place}/done", {}).status_code == 303
    assert planner.post(f"{place}/discard", {}).status_code == 409


def test_what_is_unknown_is_not_begun(planner: Browser) -> None:
    assert planner.post("/uploads", {"purpose": "virus"}).status_code == 400
    assert planner.post("/uploads", {"purpose": "photos", "field": "none"}).status_code == 404
    assert planner.get("/uploads/new?purpose=virus").status_code == 400
    for form in ({"kind": "fly"}, {"kind": "index", "source": "../x"}, {"kind": "boundaries"},
                 {"kind": "photos", "source": "none"}, {}):  # fmt: skip
        assert planner.post("/jobs", form).status_code in (400, 404), form


# ------------------------------------------------------------------ beginning


@pytest.fixture(scope="module")
def mapped(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The farm with an orthomosaic of the small field."""
    made = write_ortho(tmp_path_factory.mktemp("map") / "ruong.tif", reflectances(60, 50))
    path = served.farm.folder / "maps" / f"{NAME}.tif"
    path.parent.mkdir(exist_ok=True)
    write_bytes(path, made.read_bytes())
    list_raster(Shelf.of(None, served.farm, "vi"), path, "orthomosaic")
    return served.farm


def test_forms_of_a_map_ask_for_jobs_with_known_choices_alone(
    mapped: Workspace, planner: Browser
) -> None:
    text = planner.get(f"/maps/{NAME}/work").text
    assert 'name="index_NDVI" value="yes" checked' in text
    assert f'href="/maps/{NAME}/work"' in planner.get(f"/maps/{NAME}").text
    form = {"kind": "index", "source": NAME, "field": ""}
    assert "Hãy chọn ít nhất một chỉ số" in planner.post("/jobs", form).text
    assert planner.post("/jobs", {**form, "index_../x": "yes"}).status_code in (400, 404)
    answer = planner.post("/jobs", {**form, "index_NDVI": "yes", "mask_soil": "yes", "x": "y"})
    assert answer.status_code == 303
    job = mapped.jobs.all()[0]
    assert job.asked == Asked(kind=Kind.INDEX, source=NAME,
                              options=(("indices", "NDVI"), ("masks", "soil")))  # fmt: skip
    assert (job.by, job.language) == ("Người planner", "vi")
    trees = {"kind": "trees", "source": NAME, "crown_low_m": "3", "crown_high_m": "5,5"}
    assert planner.post("/jobs", trees).status_code == 303
    assert mapped.jobs.all()[0].asked.options == (("crown_high_m", "5.5"), ("crown_low_m", "3.0"))
    before = len(mapped.jobs.all())
    for absurd in ("99", "0,1", "-3", "9", "5,5"):
        answer = planner.post("/jobs", {**trees, "crown_low_m": absurd})
        assert answer.status_code == 400
        assert f'name="crown_low_m" type="text" value="{absurd}"' in answer.text
    assert "Tán hẹp nhất (5,5 m) phải nhỏ hơn tán rộng nhất (5,5 m)" in answer.text
    assert len(mapped.jobs.all()) == before
    zones = {"kind": "zones", "source": NAME, "swath_m": "4", "field": mapped.fields()[0].uid}
    assert planner.post("/jobs", {**zones, "field": ""}).status_code == 400
    assert planner.post("/jobs", {**zones, "classes": "3"}).status_code == 303
    assert mapped.jobs.all()[0].asked.option("classes") == "3"
    uid = mapped.fields()[0].uid
    assert "/jobs" in planner.get(f"/fields/{uid}/work").text
    forecast = {"kind": "forecast", "field": uid, "crop": "vai_ph40"}
    assert planner.post("/jobs", {**forecast, "crop": "../x.toml"}).status_code == 400
    assert planner.post("/jobs", forecast).status_code == 303
    assert mapped.jobs.all()[0].asked.options == (("crop", "vai_ph40"),)


def test_whoever_knows_what_the_layers_are_says_it_and_gets_the_index(
    served: Served, planner: Browser
) -> None:
    path = served.farm.folder / "maps" / "bon-lop.tif"
    path.parent.mkdir(exist_ok=True)
    values = (reflectances(64, 64)[:4] * 200.0).astype("uint8")
    write_ortho(path, values, ())
    with rasterio.open(path, "r+") as target:
        target.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue,
                              ColorInterp.alpha)  # fmt: skip
    list_raster(Shelf.of(None, served.farm, "vi"), path, "orthomosaic")
    page = planner.get("/maps/bon-lop/work").text
    assert "index_NDVI" not in page
    assert "index_VARI" in page
    said = {f"layer_{n}": word for n, word in enumerate(("red", "green", "blue", "nir"), 1)}
    page = planner.get("/maps/bon-lop/work?" + urlencode(said)).text
    assert 'name="index_NDVI" value="yes" checked' in page
    assert 'name="bands" value="red, green, blue, nir"' in page
    form = {"kind": "index", "source": "bon-lop", "index_NDVI": "yes"}
    assert planner.post("/jobs", {**form, "bands": "red, ../x"}).status_code == 400
    assert planner.post("/jobs", {**form, "bands": "red, green, blue, nir"}).status_code == 303
    asked = served.farm.jobs.all()[0].asked
    assert asked.option("bands") == "red,green,blue,nir"
    result = do_job(served.farm, asked, language="vi", now=farms.START, progress=lambda _: None)
    assert not blocks(result.findings)
    assert planner.get("/maps/bon-lop/work?layer_1=../x").status_code == 400


# ------------------------------------------------------------------ watching


def one_job(farm: Workspace, **values: Any) -> Job:
    what = Asked(kind=values.pop("kind", Kind.ZONAL), source=values.pop("source", "ban-do"))
    return farm.jobs.ask(what, by="Bà <b>Hường</b>", language="vi", now=farms.START)


def finished(served: Served, result: Result | Message, kind: Kind = Kind.ZONAL) -> Job:
    """A job that ended so, all earlier ones out of its way."""
    for job in served.farm.jobs.all():
        if job.state in (State.QUEUED, State.RUNNING, State.INTERRUPTED):
            served.farm.jobs.cancel(job.uid, now=farms.START)
    job = one_job(served.farm, kind=kind, source=f"x{len(served.farm.jobs.all())}")
    served.farm.jobs.claim("r", now=farms.START)
    if isinstance(result, Result):
        served.farm.jobs.finish(job.uid, "r", result, now=farms.START)
    else:
        served.farm.jobs.fail(job.uid, "r", result, now=farms.START)
    return job


def test_the_list_says_how_each_job_stands_and_its_buttons_work(
    served: Served, planner: Browser
) -> None:
    finished(served, Result())
    waiting = one_job(served.farm, source="cho")
    running = served.farm.jobs.claim("r", now=farms.START + timedelta(seconds=served.clock.now_s))
    assert running is not None
    assert running.uid == waiting.uid
    later = farms.START + timedelta(seconds=served.clock.now_s)
    served.farm.jobs.tell(running.uid, "r", share=0.42, now=later)
    text = planner.get("/jobs").text
    assert "Đang làm, 42 %" in text
    assert 'value="42"' in text
    assert "Bà &lt;b&gt;Hường" in text
    (told,) = [one for one in planner.http.get("/jobs.json").json() if one["uid"] == running.uid]
    assert told == {"uid": running.uid, "state": "running", "text": "Đang làm, 42 %",
                    "percent": 42}  # fmt: skip
    served.clock.now_s += LEASE.total_seconds() + 1.0
    assert "Bị ngắt giữa chừng; sẽ tự làm tiếp" in planner.get(f"/jobs/{running.uid}").text
    viewer = served.signed_in(Role.VIEWER)
    assert "Dừng việc này" not in viewer.get("/jobs").text
    for order in ("cancel", "again"):
        assert viewer.post(f"/jobs/{running.uid}/{order}", {}).status_code == 403
    assert planner.post(f"/jobs/{running.uid}/cancel", {}, seen="/jobs").status_code == 303
    assert planner.post(f"/jobs/{running.uid}/cancel", {}, seen="/jobs").status_code == 409
    assert served.farm.jobs.one(running.uid).state is State.CANCELLED
    assert planner.post(f"/jobs/{running.uid}/again", {}, seen="/jobs").status_code == 303
    assert served.farm.jobs.one(running.uid).state is State.QUEUED
    assert kinds(served.farm)[-3:] == ["job_cancelled", "job_cancelled", "job_asked_again"]


def test_a_job_shows_what_came_out_of_it_and_gives_only_its_own_files(
    served: Served, mapped: Workspace, planner: Browser
) -> None:
    maps = mapped.folder / "maps"
    (maps / "bang.csv").write_text("a,b\n")
    (maps / "hinh.png").write_bytes(b"\x89PNG")
    result = Result(
        products=(NAME, "gone"), fields=(mapped.fields()[0].uid, "gone"),
        files=("maps/hinh.png", "maps/bang.csv", "farm.gpkg", "maps/../farm.gpkg", "maps/no.csv"),
        facts=(("Diện tích", "3 sào"),),
        findings=(Finding.warning("finding.photo_damaged", where="<b>a.jpg"),),
    )  # fmt: skip
    job = finished(served, result)
    text = planner.get(f"/jobs/{job.uid}").text
    for part in (f'href="/maps/{NAME}"', "3 sào", "&lt;b&gt;a.jpg", f"/jobs/{job.uid}/files/0",
                 mapped.fields()[0].name):  # fmt: skip
        assert part in text, part
    picture = planner.get(f"/jobs/{job.uid}/files/0")
    assert (picture.status_code, picture.content) == (200, b"\x89PNG")
    assert picture.headers["content-disposition"].startswith("inline")
    table = planner.get(f"/jobs/{job.uid}/files/1")
    assert table.headers["content-disposition"].startswith("attachment")
    for number in ("2", "3", "4", "5", "-1", "x", "99999", "%2e%2e"):
        assert planner.get(f"/jobs/{job.uid}/files/{number}").status_code in (400, 404), number


def test_a_job_that_failed_says_why_in_the_readers_language(
    served: Served, planner: Browser
) -> None:
    why = Message.of("error.job_field_gone")
    job = finished(served, why)
    for language in LANGUAGES:
        planner.get(f"/language/{language}")
        text = planner.get(f"/jobs/{job.uid}").text
        assert why.text(language) in text
        assert say("page.job_state_failed", language) in text
        assert say("page.job_other_file", language) not in text
        for path in ("/jobs", "/uploads/new?purpose=ortho", begun(planner)):
            page = planner.get(path).text
            assert not re.search(r"(page|error)\.[a-z_]+", page), path
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\s(on\w+|style)=", page)
    planner.get("/language/vi")
    for kind in (Kind.PHOTOS, Kind.ORTHO, Kind.BOUNDARIES):
        of_a_file = finished(served, why, kind)
        page = planner.get(f"/jobs/{of_a_file.uid}").text
        assert f'href="/uploads/new?purpose={kind.value}"' in page
        assert planner.get(f"/uploads/new?purpose={kind.value}").status_code == 200


def test_photos_that_will_do_lead_to_a_map_and_others_do_not(
    served: Served, planner: Browser
) -> None:
    book = served.farm.jobs
    for severe in (False, True):
        finished(served, Result())
        job = one_job(served.farm, kind=Kind.PHOTOS, source=f"lan-{severe}")
        book.claim("r", now=farms.START)
        tell = Finding.error if severe else Finding.warning
        result = Result(findings=(tell("finding.photo_damaged", where="a"),))
        book.finish(job.uid, "r", result, now=farms.START)
        offered = 'name="kind" value="mosaic"' in planner.get(f"/jobs/{job.uid}").text
        assert offered is not severe


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(served: Served) -> None:
    planner = served.signed_in(Role.PLANNER)
    idle = Role.PLANNER.idle.total_seconds()
    for _ in range(4):
        served.clock.now_s += idle / 3.0
        status = planner.get("/jobs.json").status_code
    assert status == 303
    assert planner.get("/jobs").headers["location"] == "/sign-in"


def test_a_job_asked_for_wakes_the_worker(tmp_path: Path) -> None:
    woken = []
    with small_farm(tmp_path / "farm") as farm:
        served = Served(farm, wake=lambda: woken.append(1))
        planner = served.signed_in(Role.PLANNER)
        uid = farm.fields()[0].uid
        assert (
            planner.post("/jobs", {"kind": "forecast", "field": uid, "crop": "na"}).status_code
            == 303
        )
        job = farm.jobs.all()[0]
        planner.post(f"/jobs/{job.uid}/cancel", {}, seen="/jobs")
    assert woken == [1, 1]
