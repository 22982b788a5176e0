"""The pictures of the app in the guides, made again by one command.

``python docs/making/screenshots.py [--keep FOLDER]`` makes a farm with agri's own commands (five
fields, a survey, a spraying flown on the simulator, a map of made photos), opens the app on it and
drives headless Chromium through it as a farmer on a phone (360 × 740) and an adviser on a laptop
(1280 × 800), both in Vietnamese. The pictures lie in ``docs/pictures/app``, their colours reduced
to a palette so that all of them together stay small. A farm kept with ``--keep`` is used again.

Needs the extras ``web`` and ``imagery``, playwright and a Chromium on the path.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from agri.files import make_folder, write_bytes, write_json  # noqa: E402
from agri.operations.weather import FOLDER  # noqa: E402
from agri.people import Person, Role  # noqa: E402
from agri.units import INDOCHINA_TIME  # noqa: E402
from agri.weather.series import Days, Hours  # noqa: E402
from agri.weather.table import write_table  # noqa: E402
from agri.workspace import Workspace  # noqa: E402
from tests import farms  # noqa: E402
from tests.web_browser import browser_page, running  # noqa: E402
from tests.web_farm import HASH, SECRET  # noqa: E402

OUT = ROOT / "docs/pictures/app"
COLOURS = 128
os.environ["LANGUAGE"] = "vi"  # Chromium writes dates as its language does
PEOPLE = {"Bà Hường": Role.OWNER, "Anh Sơn": Role.PILOT, "Chị Lan": Role.AGENT}
WATER = ("--product", "Nước sạch", "--dose", "500ml", "--phi", "14")
WIND = ("--wind", "2", "--wind-from", "nam")
NAMED = ("--name", "Cửa Đình phun")
CHANGED = ("--name", "Vườn vải chụp")
STEPS: tuple[tuple[str, ...], ...] = (
    ("fields", "add", str(ROOT / "agri/operations/demo_farm.geojson")),
    ("plan", "survey", "vườn vải", "--gsd", "2cm", *CHANGED),
    ("plan", "spray", "ruộng cửa đình", "--rate", "20", *WATER, *WIND, *NAMED),
    ("fly", "Cửa Đình phun", "--connect", "sim", "--speedup", "40", "--yes"),
    ("photos", "practice", "tap"),
    ("fields", "add", "tap/field.geojson"),
    ("mosaic", "tap/photos", "--field", "vườn tập"),
    ("index", "maps/photos-mosaic.tif", "--scale", "1", "--indices", "ndvi", "--field", "vườn tập"),
    ("trees", "maps/photos-mosaic.tif", "--threshold", "0.65", "--field", "vườn tập"),
    ("zones", "maps/photos-mosaic-ndvi.tif", "--field", "vườn tập"),
    ("records", "add", "harvest", "vườn vải", "46,5kg", "--lot", "VL-2027-01"),
    ("labels", "add", "Thuốc ví dụ", "--kind", "fungicide", "--crop", "vải", "--target",
     "sương mai", "--dose", "1,5/2", "--unit", "ml/l", "--phi", "10", "--by", "Hường"),
)  # fmt: skip


def main() -> None:
    """Make the farm and the pictures."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--keep", type=Path)
    keep = options.parse_args().keep
    with tempfile.TemporaryDirectory() as scratch:
        folder = keep or Path(scratch) / "nong-trai"
        if not (folder / "farm.gpkg").exists():
            make_farm(folder)
        OUT.mkdir(parents=True, exist_ok=True)
        with Workspace.open(folder) as farm, running(farm) as address:
            keep_weather(farm)
            for name, role in PEOPLE.items():
                if farm.people.named(name) is None:
                    farm.people.add(Person(name=name, role=role, password_hash=HASH,
                                           created_utc=farms.START))  # fmt: skip
            phone(farm, address)
            laptop(farm, address)


def make_farm(folder: Path) -> None:
    """Run agri's own commands; a failure stops with what agri said."""
    agri("init", str(folder), "--name", "Trại Bình Khê", at=folder.parent)
    for step in STEPS:
        agri(*step, at=folder)


def agri(*words: str, at: Path) -> None:
    """Run one command in Vietnamese."""
    print("agri", *words, flush=True)
    run = [sys.executable, "-c", "import sys, agri.cli; sys.exit(agri.cli.main())", *words]
    told = os.environ | {"AGRI_LANG": "vi", "PYTHONPATH": str(ROOT)}
    said = subprocess.run(  # noqa: S603 - our own program, our own words
        run, cwd=at, env=told, capture_output=True, text=True, check=False
    )
    if said.returncode:
        sys.exit(said.stdout + said.stderr)


def keep_weather(farm: Workspace) -> None:
    """Keep five made years and a made forecast of nine days, as if both had been fetched now."""
    now = datetime.now(INDOCHINA_TIME).replace(minute=0, second=0, microsecond=0)
    first = now.date() - timedelta(days=5 * 365)
    days = np.arange((now.date() - first).days)
    year_day = np.array([(first + timedelta(days=int(k))).timetuple().tm_yday for k in days])
    mean = 24.4 - 6.5 * np.cos(2 * np.pi * (year_day - 20) / 365)
    past = Days(first=first, low_c=mean - 3.5, high_c=mean + 4.0,
                rain_mm=np.where(days % 9 == 0, 14.0, 0.0))  # fmt: skip
    hour = np.arange(24 * 16)
    turn = np.sin(2 * np.pi * (hour % 24 - 8) / 24)
    rain = np.where((hour >= 24 * 10) & (hour < 24 * 10 + 9), 2.0, 0.0)
    start = datetime.combine(now.date() - timedelta(days=7), time(), INDOCHINA_TIME)
    coming = Hours(start=start, temperature_c=21 + 4 * turn, rain_mm=rain,
                   humidity_pct=np.where(rain > 0, 96.0, 74 - 12 * turn),
                   wind_m_s=1.8 + 0.9 * turn)  # fmt: skip
    place = farm.fields()[0].frame.origin
    note = {"lon_deg": place.lon_deg, "lat_deg": place.lat_deg, "fetched": now.isoformat()}
    folder = make_folder(farm.folder / FOLDER)
    for name, weather in (("open-meteo", past), ("forecast", coming)):
        write_bytes(folder / f"{name}.csv", write_table(weather))
        write_json(folder / f"{name}.json", note)


def phone(farm: Workspace, address: str) -> None:
    """A pilot of the farm with a phone."""
    uid, plan = _field(farm, "Ruộng Cửa Đình"), _plan(farm, "Cửa Đình phun")
    flight = farm.flights()[-1].uid  # the one flown to its end
    with browser_page(address) as page:
        page.set_default_timeout(60_000)
        page.goto("/language/vi?back=/")
        page.goto("/sign-in")
        keep(page, "vao")
        _sign_in(page, "Anh Sơn")
        page.goto("/")
        keep(page, "thua-ruong")
        page.goto(f"/fields/{uid}")
        keep(page, "mot-thua", ready="#map")
        page.goto(f"/fields/{uid}/spray")
        keep(page, "lap-ke-hoach-phun")
        page.goto(f"/plans/{plan}")
        keep(page, "ke-hoach", ready="#map")
        page.goto(f"/flights/{flight}/applied")
        keep(page, "da-phun")
        page.goto(f"/fields/{_field(farm, 'Vườn vải')}/week")
        keep(page, "tuan-nay")
        page.goto(f"/fields/{_field(farm, 'Vườn vải')}/obstacles")
        keep(page, "chuong-ngai", ready="#standing")
        page.goto(f"/fields/{_field(farm, 'Vườn vải')}/records/new?kind=harvest")
        keep(page, "ghi-chep")
        page.goto("/papers")
        keep(page, "giay-to")
        _fly(page, plan)


def _fly(page: Any, plan: str) -> None:
    page.goto(f"/plans/{plan}/fly")
    keep(page, "truoc-khi-bay")
    page.select_option("[name=speedup]", "5")
    page.click("text=Kết nối máy bay")
    page.wait_for_selector("[name=answer], #hold")
    if page.locator("[name=answer]").count():
        page.click("[name=answer][value=yes]")
    page.wait_for_selector("#hold")
    page.locator("#hold").scroll_into_view_if_needed()
    keep(page, "giu-nut-bay")
    page.fill("[name=password]", SECRET)
    page.hover("#hold")
    page.mouse.down()
    page.wait_for_timeout(2200)
    page.mouse.up()
    page.wait_for_selector("#live[data-ready=yes]")
    page.wait_for_selector("text=Đang phun.")
    page.wait_for_timeout(1500)
    keep(page, "dang-bay")
    page.dispatch_event(".orders .stop button", "pointerdown")
    page.wait_for_timeout(1500)
    page.click("text=Hạ cánh")
    page.wait_for_selector("#flight[data-stage=over]")


def laptop(farm: Workspace, address: str) -> None:
    """An adviser with a laptop."""
    orchard = _field(farm, "Vườn tập")
    with browser_page(address, width=1280, height=800) as page:
        page.set_default_timeout(60_000)
        page.goto("/language/vi?back=/")
        _sign_in(page, "Chị Lan")
        page.goto("/table")
        keep(page, "bang-thua")
        page.goto(f"/fields/{orchard}/map")
        page.wait_for_selector("#fieldmap[data-ready=yes]")
        page.check("input[value=zones]")
        page.wait_for_timeout(2500)
        page.evaluate("document.querySelector('#fieldmap').scrollIntoView()")
        page.evaluate("scrollBy(0, -120)")
        keep(page, "ban-do")
        page.goto(f"/plans/{_plan(farm, 'Vườn vải chụp')}")
        keep(page, "duyet", ready="#map")
        page.goto(f"/fields/{orchard}/report")
        keep(page, "bao-cao", whole=False)
        page.goto("/jobs")
        keep(page, "viec-nen")


def keep(page: Any, name: str, *, ready: str = "", whole: bool = False) -> None:
    """Keep what stands on the page, in few colours."""
    if ready:
        page.wait_for_selector(f"{ready}[data-ready=yes]")
    page.wait_for_timeout(500)
    picture = Image.open(io.BytesIO(page.screenshot(full_page=whole))).convert("RGB")
    few = picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, 3, dither=Image.Dither.NONE)
    few.save(OUT / f"{name}.png", optimize=True)
    print(f"{name}.png: {(OUT / f'{name}.png').stat().st_size / 1000:.0f} kB", flush=True)


def _sign_in(page: Any, name: str) -> None:
    page.goto("/sign-in")
    page.fill("[name=name]", name)
    page.fill("[name=password]", SECRET)
    page.click("main button")


def _field(farm: Workspace, begins: str) -> str:
    return next(one.uid for one in farm.fields() if one.name.lower().startswith(begins.lower()))


def _plan(farm: Workspace, name: str) -> str:
    return next(one.uid for one in farm.plans() if one.name == name)


if __name__ == "__main__":
    main()
