"""The catalogues as tables: cameras, sensors, aircraft, sprayers, indices, crops, rules, advice.

The TOML files are what the program itself reads; nothing here is written a second time. Each entry
keeps its source and how sure it is, and what is assumed is said to be.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from agri.rules import rules

Column = tuple[str, Callable[[Any], Any]]


def pages(root: Path) -> dict[str, str]:
    """Return every catalogue's page under its path in the site."""
    made = {
        "cameras": _cameras(root),
        "sensors": _sensors(root),
        "aircraft": _aircraft(root),
        "sprayers": _sprayers(root),
        "indices": _indices(root),
        "crops": _crops(root),
        "rules": _rules(),
        "advice": _advice(root),
    }
    return {f"reference/{name}.md": text for name, text in made.items()}


def _cameras(root: Path) -> str:
    columns: list[Column] = [
        ("camera", lambda e: e["name"]),
        ("sensor, mm", lambda e: f"{e['sensor_width_mm']:g} × {e['sensor_height_mm']:g}"),
        ("lens, mm", lambda e: e["focal_length_mm"]),
        ("picture, px", lambda e: f"{e['image_width_px']} × {e['image_height_px']}"),
        ("least interval, s", lambda e: e["min_interval_s"]),
        ("bands", lambda e: ", ".join(e["bands"])),
        *_grounds(),
    ]
    entries = _read(root / "missions/cameras.toml")["camera"]
    return _page("Cameras", "missions/cameras.toml", columns, entries, "`agri cameras` lists them.")


def _sensors(root: Path) -> str:
    columns: list[Column] = [
        ("camera", lambda e: e["name"]),
        (
            "bands: centre, width in nm",
            lambda e: "; ".join(f"{b[0]} {b[1]:g}, {b[2]:g}" for b in e["bands"]),
        ),
        *_grounds(),
    ]
    entries = _read(root / "imagery/sensors.toml")["sensor"]
    lead = "What a photo file itself tells of its bands wins over this table."
    return _page("Bands of cameras", "imagery/sensors.toml", columns, entries, lead)


def _aircraft(root: Path) -> str:
    columns: list[Column] = [
        ("aircraft", lambda e: e["name"]),
        ("mass, kg", lambda e: e["mass_kg"]),
        ("pack, Wh", lambda e: e["battery_wh"]),
        ("hovering, W", lambda e: e["hover_power_w"]),
        ("cruise, m/s", lambda e: e["cruise_speed_m_s"]),
        ("wind at most, m/s", lambda e: e["max_wind_m_s"]),
        *_grounds(),
    ]
    entries = _read(root / "missions/aircraft.toml")["aircraft"]
    return _page(
        "Survey aircraft", "missions/aircraft.toml", columns, entries, "`agri aircraft` lists them."
    )


def _sprayers(root: Path) -> str:
    columns: list[Column] = [
        ("sprayer", lambda e: e["name"]),
        ("tank, l", lambda e: e["tank_l"]),
        ("pump at most, l/min", lambda e: e["pump"][-1][1]),
        ("swath, m", lambda e: f"{e['swath'][0][2]:g}–{e['swath'][-1][2]:g}"),
        ("height, m", lambda e: f"{e['min_height_m']:g}–{e['max_height_m']:g}"),
        ("speed at most, m/s", lambda e: e["max_speed_m_s"]),
        ("droplets", lambda e: e["droplets"]),
        *_grounds(),
    ]
    entries = _read(root / "missions/sprayers.toml")["sprayer"]
    lead = (
        "`agri sprayers` lists them. Measure your own and replace the figures: a jug under the "
        "nozzles, water-sensitive papers under the swath."
    )
    return _page("Sprayers", "missions/sprayers.toml", columns, entries, lead)


def _indices(root: Path) -> str:
    columns: list[Column] = [
        ("index", lambda e: e["name"]),
        ("name", lambda e: e["long_name"]),
        ("formula", lambda e: f"`{e['formula']}`"),
        ("values", lambda e: f"{e['range'][0]:g} … {e['range'][1]:g}"),
        ("tells of", lambda e: e["purpose"]),
        ("source", lambda e: e.get("source", "Awesome Spectral Indices")),
    ]
    entries = _read(root / "imagery/indices/indices.toml")["index"]
    lead = "Letters are roles of bands: B, G, R, RE1, RE2, RE3, N; RE is the camera's own red edge."
    return _page("Indices", "imagery/indices/indices.toml", columns, entries, lead)


def _crops(root: Path) -> str:
    parts = ["# Crop cards", "", "Each number with its range, its source and how sure it is."]
    for path in sorted((root / "agri/crops").glob("*.toml")):
        card = _read(path)
        parts += ["", f"## {card['name_en']} · {card['name_vi']}", ""]
        parts += [f"`agri/crops/{path.name}`", ""]
        rows = [{"name": name, **entry} for name, entry in card["numbers"].items()]
        columns: list[Column] = [
            ("number", lambda e: e["name"].replace("_", " ")),
            ("value", lambda e: e["value"]),
            ("range", lambda e: f"{e['low']} … {e['high']}"),
            ("unit", lambda e: e["unit"].replace("_", " ")),
            (
                "source",
                lambda e, s=card["sources"]: s.get(e.get("source"), e.get("source", "none")),
            ),
            ("sure", _sure),
        ]
        parts += _table(columns, rows)
    return "\n".join(parts) + "\n"


def _rules() -> str:
    columns: list[Column] = [
        ("rule", lambda r: r.message.text("en")),
        ("text", lambda r: r.source.text("en")),
        ("since", lambda r: r.dated if r.in_force else f"issued {r.dated}"),
        ("how it was read", lambda r: r.reading.value),
        ("seen at", lambda r: r.seen),
        ("sure", lambda r: r.confidence.value),
    ]
    lead = (
        "Not legal advice. None of these texts was read in full; the law's own words win over this "
        "table, and the permit in the pilot's hand over both. *quoted*: the article's words as a "
        "newspaper or a portal quotes them; *reported*: a summary; *missing*: looked for and not "
        "found. `agri rules` lists them."
    )
    return _page("Vietnam's rules", "agri/rules_vn.toml", columns, rules(), lead)


def _advice(root: Path) -> str:
    read = _read(root / "agri/advice_rules.toml")
    rows = [
        {"rule": rule["id"], "name": name, "topic": rule["topic"], **number}
        for rule in read["rule"]
        for name, number in rule.get("numbers", {}).items()
    ]
    columns: list[Column] = [
        ("topic", lambda e: e["topic"]),
        ("rule", lambda e: e["rule"].replace("_", " ")),
        ("number", lambda e: e["name"].replace("_", " ")),
        ("value", lambda e: f"{e['value']} {e.get('unit', '')}".replace("_", " ")),
        ("range", lambda e: f"{e.get('low', '')} … {e.get('high', '')}"),
        ("source", lambda e: read["sources"].get(e.get("source"), e.get("source", "none"))),
        ("sure", _sure),
    ]
    lead = (
        "Doses and days before harvest are not here: they come only from labels that people enter."
    )
    return _page("Numbers of the week's advice", "agri/advice_rules.toml", columns, rows, lead)


def _grounds() -> list[Column]:
    return [
        ("assumed", lambda e: ", ".join(one.replace("_", " ") for one in e.get("assumed", ()))),
        ("sure", lambda e: e.get("confidence", "")),
        ("source", lambda e: e["source"]),
    ]


def _sure(entry: Any) -> str:
    return "assumed" if entry.get("assumed") else str(entry.get("confidence", ""))


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _page(title: str, path: str, columns: list[Column], entries: Iterable[Any], lead: str) -> str:
    rows = list(entries)
    head = [
        f"# {title}",
        "",
        f"{len(rows)} entries of `{path}`, read when this page was built. {lead}",
    ]
    return "\n".join([*head, "", *_table(columns, rows)]) + "\n"


def _table(columns: list[Column], entries: Iterable[Any]) -> list[str]:
    lines = ["| " + " | ".join(name for name, _ in columns) + " |", "|" + "---|" * len(columns)]
    for entry in entries:
        lines.append("| " + " | ".join(_cell(told(entry)) for _, told in columns) + " |")
    return lines


def _cell(value: Any) -> str:
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;")
