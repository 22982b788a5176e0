"""What the app serves is inside the wheel, byte for byte what was vendored."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WEB = ROOT / "agri" / "web"


def test_the_wheel_holds_every_file_the_app_serves_and_every_page(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        wanted = {
            path.relative_to(ROOT).as_posix()
            for folder in ("static", "templates")
            for path in (WEB / folder).rglob("*")
            if path.is_file()
        }
        assert len(wanted) > 20
        assert wanted <= names, wanted - names
        sums = packed.read("agri/web/static/vendor/leaflet-1.9.4/SHA256SUMS").decode()
        listed = dict(reversed(line.split(maxsplit=1)) for line in sums.splitlines())
        assert {"leaflet.js", "leaflet.css"} <= {name.strip("*./ ") for name in listed}
        for name, digest in listed.items():
            file = packed.read(f"agri/web/static/vendor/leaflet-1.9.4/{name.strip('*./ ')}")
            assert hashlib.sha256(file).hexdigest() == digest, name
        assert "agri/web/static/vendor/leaflet-1.9.4/LICENSE" in names


def test_the_first_page_is_light() -> None:
    from agri.web.static_files import static_files

    first = ("app.css", "map.js", "icon.svg", "vendor/leaflet-1.9.4/leaflet.js",
             "vendor/leaflet-1.9.4/leaflet.css")  # fmt: skip
    assert sum(len(static_files()[name].packed) for name in first) < 60_000
