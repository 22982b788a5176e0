"""What the app sends first is light."""

from __future__ import annotations


def test_the_first_page_is_light() -> None:
    from agri.web.static_files import static_files

    first = ("app.css", "map.js", "icon.svg", "vendor/leaflet-1.9.4/leaflet.js",
             "vendor/leaflet-1.9.4/leaflet.css")  # fmt: skip
    letters = [name for name in static_files() if name.endswith(".woff2")]
    assert len(letters) == 4
    assert sum(len(static_files()[name].plain) for name in letters) < 70_000
    assert sum(len(static_files()[name].packed) for name in first) < 60_000
