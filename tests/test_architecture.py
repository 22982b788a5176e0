"""The import contract: imports only go down the table, never up and never sideways."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("agri", "missions", "imagery", "models", "sitl")

FLOORS: dict[str, int] = {
    "agri": 0,
    "agri.words": 0,
    "agri.errors": 0,
    "agri.findings": 0,
    "agri.units": 0,
    "agri.geo": 1,
    "agri.field": 1,
    "agri.track": 1,
    "agri.weather": 1,
    "agri.grid": 1,
    "agri.zone": 1,
    "agri.names": 0,
    "agri.files": 2,
    "agri.workspace": 2,
    "agri.boundaries": 2,
    "missions": 3,
    "imagery": 3,
    "models": 3,
    "sitl": 3,
    "agri.operations": 4,
    "agri.cli": 5,
    "agri.web": 5,
}

PURE = (
    "agri.errors", "agri.findings", "agri.units", "agri.geo", "agri.field", "agri.track",
    "agri.boundaries.repair", "agri.boundaries.rings", "agri.boundaries.crs",
    "agri.boundaries.kinds", "agri.boundaries.point_table",
    "missions.items", "missions.flightplan", "missions.energy", "missions.survey",
    "missions.coverage", "missions.checks", "missions.fence", "missions.wire",
    "missions.commands", "missions.flight", "missions.phases", "missions.watching",
    "missions.preflight", "missions.requirements", "missions.spray_preflight", "agri.zone",
    "missions.dose", "missions.rates", "missions.rate_stretches", "missions.spray_parameters",
    "missions.formats.param", "missions.sprayer_entries",
    "missions.delivery", "missions.messages", "missions.telemetry",
    "missions.sightings", "missions.recording", "missions.address", "missions.survey_mission",
    "missions.mixture", "missions.formats.wpml", "missions.formats.litchi",
    "agri.weather", "missions.droplets", "missions.sweep", "missions.drift",
    "missions.spray_limits", "missions.spray_trace", "missions.spray_work",
    "missions.check_switching", "missions.check_spray", "missions.check_dose",
    "missions.crowns", "missions.tree_ground", "missions.orchard", "missions.tour",
    "missions.rows", "missions.row_finding", "missions.row_lines",
    "missions.cutting", "missions.progress", "missions.resume", "missions.sharing",
    "missions.sortie", "missions.spray_energy",
    "missions.spray_pieces", "missions.spray_reach",
    "missions.pump", "missions.stops", "missions.spray_watch", "missions.applied",
    "missions.sprayed_way", "missions.spray_floor", "missions.footprint",
    "agri.grid", "missions.relief", "missions.height_fit", "missions.height_samples",
    "missions.heights", "missions.terrain", "missions.ground_data", "missions.check_terrain",
    "missions.carried_ground", "missions.carrying", "missions.spray_climbs",
    "missions.spray", "missions.spray_lines", "missions.spray_directions", "missions.spray_widths",
    "missions.spray_order", "missions.spray_passes",
    "missions.spray_plot",
    "missions.spray_flight", "missions.spray_items", "missions.spray_mission",
    "missions.deposit",
    "sitl.vehicle", "sitl.chaos", "sitl.autopilot", "sitl.sprayer", "sitl.spray_gear",
    "sitl.faults",
)  # fmt: skip
SEEDED = {"sitl.vehicle", "sitl.chaos"}
"""Rooms that draw from a `random.Random` whose seed they are given."""
IO_MODULES = {"os", "socket", "subprocess", "threading", "sqlite3", "sqlalchemy", "requests",
              "http", "urllib", "random", "time", "shutil", "tempfile"}  # fmt: skip


def modules() -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = path
    return found


def room(name: str) -> str:
    """The longest entry of the table that holds the module."""
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        candidate = ".".join(parts[:size])
        if candidate in FLOORS:
            return candidate
    raise AssertionError(f"{name} stands on no floor")


def imports(name: str, path: Path, known: dict[str, Path], *, typing: bool = True) -> set[str]:
    """What a module imports; `typing` says whether imports for the type checker alone count."""
    found: set[str] = set()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text("utf-8"))
    if not typing:
        tree.body = [
            node
            for node in tree.body
            if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                anchor = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*anchor, *([base] if base else [])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                found.add(full if full in known else base)
    return found


def test_every_module_stands_on_a_floor_of_the_table() -> None:
    for name in modules():
        if name.startswith("agri.") and name not in FLOORS:
            assert room(name) != "agri", f"{name} has no floor: add it to the table"


def test_imports_only_go_down_never_up_and_never_sideways() -> None:
    known = modules()
    broken = []
    for name, path in known.items():
        here = room(name)
        for target in imports(name, path, known):
            if target.split(".")[0] not in PACKAGES:
                continue
            there = room(target)
            same_package = here.split(".")[0] == there.split(".")[0]
            up = FLOORS[there] > FLOORS[here]
            sideways = FLOORS[there] == FLOORS[here] and here != there and not same_package
            if up or sideways:
                broken.append(f"{name} (floor {FLOORS[here]}) -> {target} (floor {FLOORS[there]})")
    assert not broken, "\n".join(broken)


def test_no_two_modules_import_each_other_in_a_circle() -> None:
    known = modules()
    edges = {
        name: {t for t in imports(name, path, known, typing=False) if t in known and t != name}
        for name, path in known.items()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail, name])
        if name in done:
            return
        for target in edges[name]:
            visit(target, (*trail, name))
        done.add(name)

    for name in edges:
        visit(name, ())


@pytest.mark.parametrize("name", PURE)
def test_a_pure_room_imports_no_clock_no_chance_no_files_and_no_sockets(name: str) -> None:
    known = modules()
    if name not in known:
        pytest.fail(f"{name} is gone: take it off the list")
    used = {target.split(".")[0] for target in imports(name, known[name], known)}
    if name in SEEDED:
        used.discard("random")
        drawn = set(re.findall(r"\brandom\.(\w+)", known[name].read_text("utf-8")))
        assert drawn <= {"Random", "random", "gauss"}, drawn
    assert not used & IO_MODULES, used & IO_MODULES


def test_no_room_outgrows_the_house() -> None:
    too_long = {
        name: count
        for name, path in modules().items()
        if (count := len(path.read_text("utf-8").splitlines())) > 500
    }
    assert not too_long, too_long


def test_no_function_is_longer_than_sixty_lines() -> None:
    too_long = []
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body
                first = body[0]
                if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                    body = body[1:]
                if body and (body[-1].end_lineno or 0) - body[0].lineno + 1 > 60:
                    too_long.append(f"{name}.{node.name}")
    assert not too_long, too_long


def test_every_public_thing_is_documented_in_its_module_head() -> None:
    bare = [
        name
        for name, path in modules().items()
        if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert not bare, bare


@pytest.mark.parametrize("package", ["missions", "sitl", "imagery"])
def test_the_map_of_a_package_names_every_room_once_and_no_other(package: str) -> None:
    folder = ROOT / package
    head = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
    named = re.findall(rf"`(?:{package}\.)?([a-z_]+)`", head)
    named = [name for name in named if name not in PACKAGES]
    rooms = {path.stem for path in folder.glob("*.py")} | {
        path.parent.name for path in folder.glob("*/__init__.py")
    }
    assert sorted(named) == sorted(rooms - {"__init__"})
