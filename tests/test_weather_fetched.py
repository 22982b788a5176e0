"""Weather from the net: asked seldom, kept in the farm, never needed; and shown."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest

from agri.cli import main
from agri.errors import AgriError, BadInput, NotFound, Unreachable
from agri.geo import LonLat
from agri.operations.season import draw_season, months, season_of
from agri.operations.weather import SERVICES, fetch, kept, refresh
from agri.weather.series import Days, Hours
from agri.weather.table import write_table
from agri.workspace import Workspace
from tests.spray_farm import PADDY, make_farm

PLACE = LonLat(lon_deg=106.51, lat_deg=21.08)
NOW = datetime(2026, 2, 1, 6, tzinfo=UTC)
SHARED = Path(os.environ.get("AGRI_SHARED", Path(__file__).resolve().parents[2] / "shared"))
HOURLY = SHARED / "data/models/weather/hanoi_hourly_T_RH_2024_2025.csv"


def open_meteo(asked: dict[str, str]) -> bytes:
    first, last = (date.fromisoformat(asked[name]) for name in ("start_date", "end_date"))
    start = datetime(first.year, first.month, first.day)  # noqa: DTZ001 - as the service writes it
    count = 24 * ((last - first).days + 1)
    times = [start + timedelta(hours=k) for k in range(count)]
    hourly: dict[str, Any] = {"time": [f"{time:%Y-%m-%dT%H:%M}" for time in times]}
    for name in asked["hourly"].split(","):
        hourly[name] = [float(time.day) for time in times]
    hourly["temperature_2m"][5] = None
    hourly["shortwave_radiation"] = [500.0] * count
    return json.dumps({"utc_offset_seconds": 0, "hourly": hourly}).encode()


def power(asked: dict[str, str]) -> bytes:
    first, last = (datetime.strptime(asked[n], "%Y%m%d").date() for n in ("start", "end"))  # noqa: DTZ007
    days = [first + timedelta(days=k) for k in range((last - first).days + 1)]
    values = {f"{day:%Y%m%d}": 10.0 + day.day for day in days} | {f"{days[-1]:%Y%m%d}": -999.0}
    table = dict.fromkeys(asked["parameters"].split(","), values)
    return json.dumps({"properties": {"parameter": table}}).encode()


class Server:
    """A weather service on this machine, which counts what it is asked."""

    def __init__(self, status: int = 200, body: bytes | None = None) -> None:
        self.status, self.body = status, body
        self.asked: list[dict[str, str]] = []
        self.agents: list[str] = []

    def answer(self, path: str) -> bytes:
        asked = {name: found[0] for name, found in parse_qs(urlparse(path).query).items()}
        self.asked.append(asked)
        if self.body is not None:
            return self.body
        return open_meteo(asked) if "hourly" in asked else power(asked)


@contextmanager
def serving(server: Server) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.agents.append(self.headers["User-Agent"])
            body = server.answer(self.path)
            self.send_response(server.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}/"
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def test_hours_and_days_are_read_in_our_units() -> None:
    server = Server()
    with serving(server) as address:
        hours = fetch("open-meteo", PLACE, date(2026, 1, 1), date(2026, 1, 3), address=address)
        days = fetch("nasa-power", PLACE, date(2026, 1, 1), date(2026, 1, 3), address=address)
    assert isinstance(hours, Hours)
    assert len(hours) == 72
    assert hours.radiation_mj_m2[0] == pytest.approx(1.8)
    assert np.isnan(hours.temperature_c[5])
    assert server.asked[0]["wind_speed_unit"] == "ms"
    assert server.asked[0]["timezone"] == "UTC"
    assert isinstance(days, Days)
    assert days.low_c[:2].tolist() == [11.0, 12.0]
    assert np.isnan(days.low_c[2]), "−999 is no temperature"
    assert all(agent.startswith("agri") for agent in server.agents)


def test_what_is_kept_is_not_asked_for_again(tmp_path: Path) -> None:
    server = Server()
    first, last = date(2025, 12, 1), date(2026, 1, 10)
    with serving(server) as address:
        refresh(tmp_path, "open-meteo", PLACE, first, last, now=NOW, address=address)
        again = refresh(tmp_path, "open-meteo", PLACE, first, last, now=NOW, address=address)
        assert len(server.asked) == 1
        more = refresh(tmp_path, "open-meteo", PLACE, first, date(2026, 2, 9), now=NOW,
                       address=address)  # fmt: skip
    assert [one["start_date"] for one in server.asked] == ["2025-12-01", "2026-01-10"]
    assert server.asked[1]["end_date"] == "2026-01-31", "tomorrow is not asked for"
    assert len(again.weather) == 41 * 24
    assert len(more.weather) == 62 * 24
    back = kept(tmp_path)
    assert back.weather.place == PLACE
    assert isinstance(back.weather, Hours)
    assert isinstance(more.weather, Hours)
    np.testing.assert_allclose(back.weather.temperature_c, more.weather.temperature_c)
    assert back.fetched == NOW


@pytest.mark.parametrize(
    ("server", "key"),
    [
        (Server(status=429), "error.weather_refused"),
        (Server(status=500), "error.weather_refused"),
        (
            Server(
                body=open_meteo(
                    {
                        "start_date": "0001-01-01",
                        "end_date": "0001-01-02",
                        "hourly": "temperature_2m,relative_humidity_2m,precipitation,"
                        "wind_speed_10m",
                    }
                )
            ),
            "error.weather_answer",
        ),
        (Server(body=b"<html>"), "error.weather_answer"),
        (Server(body=b"[]"), "error.weather_answer"),
        (Server(body=b"[" * 100_000), "error.weather_answer"),
        (Server(body=b'{"hourly": {"time": []}}'), "error.weather_answer"),
        (Server(body=b'{"hourly": {"time": ["2026-01-01T00:00"]}}'), "error.weather_answer"),
    ],
)
def test_an_answer_that_is_no_weather_is_one_sentence_and_changes_nothing(
    server: Server, key: str, tmp_path: Path
) -> None:
    with serving(Server()) as address:
        refresh(tmp_path, "open-meteo", PLACE, date(2026, 1, 1), date(2026, 1, 5), now=NOW,
                address=address)  # fmt: skip
    before = (tmp_path / "weather/open-meteo.csv").read_bytes()
    with serving(server) as address, pytest.raises(Unreachable) as raised:
        refresh(tmp_path, "open-meteo", PLACE, date(2026, 1, 1), date(2026, 1, 30), now=NOW,
                address=address)  # fmt: skip
    assert raised.value.message.key == key
    assert (tmp_path / "weather/open-meteo.csv").read_bytes() == before


def test_a_refused_connection_is_one_sentence_and_the_kept_weather_stays(tmp_path: Path) -> None:
    with serving(Server()) as address:
        refresh(tmp_path, "nasa-power", PLACE, date(2026, 1, 1), date(2026, 1, 5), now=NOW,
                address=address)  # fmt: skip
    with pytest.raises(Unreachable) as raised:
        refresh(tmp_path, "nasa-power", PLACE, date(2026, 1, 1), date(2026, 1, 30), now=NOW,
                address=address)  # fmt: skip
    assert raised.value.message.key == "error.weather_unreachable"
    assert "\n" not in raised.value.text("vi")
    assert len(kept(tmp_path).weather) == 5


def test_days_that_cannot_be_and_addresses_that_are_no_service_are_refused() -> None:
    with pytest.raises(BadInput):
        fetch("open-meteo", PLACE, date(2026, 1, 2), date(2026, 1, 1))
    with pytest.raises(BadInput):
        fetch("open-meteo", PLACE, date(2026, 1, 1), date(2026, 1, 1), address="file:///etc/passwd")


def test_without_kept_weather_the_sentence_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as raised:
        kept(tmp_path)
    assert "--fetch" in raised.value.text("en")
    (tmp_path / "weather").mkdir()
    (tmp_path / "weather/open-meteo.json").write_text("{}")
    with pytest.raises(AgriError):
        kept(tmp_path)


def winter() -> Days:
    low = np.linspace(12.0, 16.0, 59)
    return Days(first=date(2026, 1, 1), low_c=low, high_c=low + 8.0, rain_mm=np.full(59, 2.0),
                place=PLACE, source="trạm")  # fmt: skip


def test_a_season_is_told_by_months_and_drawn() -> None:
    season = season_of(winter(), base_c=10.0)
    rows = months(season)
    assert [(one.name, one.known, one.rain_mm) for one in rows] == [
        ("2026-01", 31, 62.0), ("2026-02", 28, 56.0)]  # fmt: skip
    total = sum(one.degree_days for one in rows)
    assert total == pytest.approx((winter().low_c + 4.0 - 10.0).sum())
    assert rows[0].cold_h > rows[1].cold_h
    assert np.isnan(rows[0].wet_h), "days do not tell wet leaves"
    assert 30.0 < rows[0].et0_mm < 120.0
    keys = [one.key for one in season.findings]
    assert "finding.weather_hargreaves" in keys
    picture = draw_season(season, language="vi")
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture == draw_season(season, language="vi")


def test_the_command_shows_a_stations_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tram.csv"
    file.write_bytes(write_table(winter()))
    assert main(["--lang", "vi", "weather", str(file), "--to", "31/01/2026",
                 "--out", str(tmp_path)]) == 0  # fmt: skip
    told = capsys.readouterr().out
    assert "2026-01" in told
    assert "2026-02" not in told
    assert (tmp_path / "tram-weather.png").stat().st_size > 10_000


@pytest.mark.skipif(not HOURLY.exists(), reason="the real weather tables are not here")
def test_the_command_shows_real_hours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lang", "en", "weather", str(HOURLY), "--from", "2024-11-01",
                 "--to", "2025-01-31", "--out", str(tmp_path)]) == 0  # fmt: skip
    assert "2024-12" in capsys.readouterr().out


def test_the_command_shows_what_the_farm_keeps_and_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    farm = make_farm(tmp_path)
    assert main(["--lang", "en", "weather", "--farm", str(farm)]) == 2
    assert "--fetch" in capsys.readouterr().err
    with Workspace.open(farm) as workspace:
        place = workspace.field(PADDY).frame.origin
    with serving(Server()) as address:
        refresh(farm, "open-meteo", place, date(2026, 1, 1), date(2026, 1, 20), now=NOW,
                address=address)  # fmt: skip
    assert main(["--lang", "en", "weather", "--farm", str(farm)]) == 0
    assert "2026-01" in capsys.readouterr().out
    assert (farm / "maps/open-meteo-weather.png").exists()
    for wrong in (["Ruộng không có"], ["--fetch", "radar"], ["--from", "31/31/2026"]):
        assert main(["weather", *wrong, "--farm", str(farm)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_without_a_net_the_command_says_so_and_shows_what_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    farm = make_farm(tmp_path)
    server = Server()
    asked = ["--lang", "en", "weather", "--fetch", "nasa-power", "--field", PADDY, "--from",
             "2026-01-01", "--to", "2026-01-09", "--farm", str(farm)]  # fmt: skip
    with serving(server) as address:
        monkeypatch.setitem(SERVICES, "nasa-power", address)
        assert main(asked) == 0
    assert len(server.asked) == 1
    told = capsys.readouterr()
    assert "cannot be reached" not in told.err
    asked[asked.index("2026-01-09")] = "2026-01-20"
    assert main(asked) == 0, "the service is gone"
    told = capsys.readouterr()
    assert "nasa-power cannot be reached" in told.err
    assert "2026-01" in told.out
