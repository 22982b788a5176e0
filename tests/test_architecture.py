"""The import contract: imports only go down the table, never up and never sideways."""

from __future__ import annotations

import ast
import re
from functools import cache
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
    "agri.rules": 1,
    "agri.crop": 1,
    "agri.advising": 1,
    "agri.labels": 1,
    "agri.field_records": 1,
    "agri.papers": 1,
    "agri.people": 1,
    "agri.prices": 1,
    "agri.map_notes": 1,
    "agri.jobs": 1,
    "agri.paper_checks": 1,
    "agri.audit_chain": 1,
    "agri.names": 0,
    "agri.amounts": 0,
    "agri.files": 2,
    "agri.crop_cards": 2,
    "agri.advice_rules": 2,
    "agri.locks": 2,
    "agri.leases": 2,
    "agri.audit": 2,
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

MISSIONS = (
    "items", "energy", "survey", "carried_ground", "sprayer", "flightplan", "legs", "catalogue",
    "wire", "airspace", "onboard", "preflight", "coverage", "terrain", "drift", "passes", "spray",
    "orchard", "sortie", "applied", "checks", "formats", "link", "flight",
)  # fmt: skip
"""The packages and rooms directly under missions, from low to high: each imports only what
stands before it."""

PURE = (
    "imagery.extras", "imagery.metric", "imagery.stac", "imagery.change.registration",
    "imagery.overlap", "imagery.intake.heights",
    "imagery.change.zone_history",
    "imagery.change.significance", "imagery.change.series", "imagery.change.tree_change",
    "imagery.change.area_change", "imagery.change.anomalies",
    "imagery.trees.canopy", "imagery.trees.tops", "imagery.trees.crown",
    "imagery.trees.flooding", "imagery.trees.finding", "imagery.trees.colours",
    "imagery.trees.measuring", "imagery.trees.lattice", "imagery.trees.gaps",
    "imagery.trees.aligning", "imagery.trees.passport", "imagery.trees.numbering",
    "agri.errors", "agri.findings", "agri.units", "agri.geo", "agri.field", "agri.track",
    "agri.rules", "agri.papers", "agri.paper_checks", "agri.people", "agri.prices",
    "agri.map_notes", "agri.jobs",
    "agri.audit_chain",
    "agri.boundaries.repair", "agri.boundaries.rings", "agri.boundaries.crs",
    "agri.boundaries.kinds", "agri.boundaries.point_table", "missions.items", "missions.flightplan",
    "missions.energy", "missions.survey", "missions.coverage.planning", "missions.checks.plan",
    "missions.airspace.fence", "missions.wire.transfer", "missions.wire.commands",
    "missions.wire.download", "missions.wire.pace",
    "missions.flight.steps", "missions.flight.phases", "missions.flight.watching",
    "missions.preflight.vehicle", "missions.preflight.requirements", "missions.preflight.spray",
    "missions.preflight.safeguards",
    "agri.zone", "missions.sprayer.dose", "missions.passes.rates", "missions.passes.rate_stretches",
    "missions.sprayer.parameters", "missions.formats.param", "missions.sprayer.entries",
    "missions.formats.dataflash_fence", "sitl.program_file",
    "missions.wire.delivery", "missions.wire.messages", "missions.wire.telemetry",
    "missions.wire.sightings", "missions.flight.recording", "missions.link.address",
    "missions.coverage.survey", "missions.sprayer.mixture", "missions.formats.wpml",
    "missions.formats.litchi", "agri.weather", "agri.weather.now", "agri.weather.series",
    "agri.weather.warmth", "agri.weather.water", "agri.weather.quality", "agri.weather.filling",
    "agri.weather.table", "models.saved.arrays", "models.saved.card", "models.saved.document",
    "missions.drift.droplets", "missions.drift.sweep",
    "missions.drift.buffers", "missions.drift.limits", "missions.checks.trace",
    "missions.checks.work", "missions.checks.switching", "missions.checks.spray",
    "missions.checks.dose", "missions.orchard.crowns", "missions.orchard.tree_ground",
    "missions.orchard.trees", "missions.orchard.tour", "missions.orchard.rows",
    "missions.orchard.row_finding", "missions.orchard.row_lines", "missions.sortie.cutting",
    "missions.sortie.along", "missions.sortie.progress", "missions.sortie.resume",
    "missions.sortie.sharing",
    "missions.sortie", "missions.passes.energy", "missions.passes.pieces", "missions.sortie.reach",
    "missions.wire.pump", "missions.link.stops", "missions.flight.spray_watch",
    "missions.link.signing", "missions.link.hearing", "missions.link.trust",
    "missions.link.quality", "missions.link.diagnosis", "missions.wire.pinging",
    "missions.applied.account", "missions.applied.sprayed_way", "missions.applied.floor",
    "missions.applied.footprint", "agri.grid", "missions.terrain.relief", "missions.terrain.fit",
    "missions.terrain.samples", "missions.terrain.heights", "missions.terrain.model",
    "missions.terrain.ground_data", "missions.checks.terrain", "missions.carried_ground",
    "missions.terrain.carrying", "missions.passes.climbs", "missions.spray.planning",
    "missions.spray.lines", "missions.spray.directions", "missions.spray.widths",
    "missions.spray.order", "missions.spray.trimming", "missions.spray.plot",
    "missions.passes.flight", "missions.passes.timing", "missions.passes.items",
    "missions.spray.mission",
    "missions.applied.deposit", "sitl.vehicle", "sitl.chaos", "sitl.autopilot", "sitl.sprayer",
    "sitl.spray_gear", "sitl.faults", "sitl.signing", "sitl.spray_guard", "sitl.scenarios",
    "sitl.firmware", "missions.preflight.guard",
    "missions.formats.dataflash",
    "missions.formats.dataflash_records", "missions.formats.dataflash_flights",
    "missions.formats.dataflash_track", "missions.formats.dataflash_words",
    "missions.flight.matching", "missions.flight.wind_watch", "sitl.wind_estimate",
    "missions.flight.lean_wind", "missions.flight.home_watch",
    "missions.applied.balance", "imagery.photo", "imagery.zonal.coverage",
    "imagery.zonal.order", "imagery.zonal.tally", "imagery.zonal.places",
    "imagery.zonal.gathering", "imagery.zonal.pieces", "imagery.zonal.refining",
    "imagery.zonal.placing",
    "imagery.zonal.statistics", "imagery.zonal.sao", "imagery.zones.lattice",
    "imagery.zones.clustering", "imagery.zones.shaping", "imagery.zones.stability",
    "imagery.zones.rules", "imagery.zones.management", "imagery.zones.prescription",
    "imagery.calibration.radiance", "imagery.calibration.sun", "imagery.calibration.light",
    "imagery.calibration.certificate", "imagery.calibration.reflectance",
    "imagery.calibration.light_series",
    "imagery.decoding.headers", "imagery.decoding.xmp", "imagery.intake.told",
    "imagery.intake.moments", "imagery.intake.optics", "imagery.intake.lights",
    "imagery.intake.quality", "imagery.intake.coverage", "imagery.intake.captures",
    "imagery.mosaic.block", "imagery.mosaic.layout", "imagery.mosaic.tracks",
    "imagery.mosaic.matching", "imagery.mosaic.adjustment", "imagery.mosaic.ground",
    "imagery.mosaic.exposure", "imagery.mosaic.accuracy", "sitl.scene.land",
    "sitl.scene.orchard", "sitl.scene.paddy", "sitl.scene.light", "sitl.camera.lens",
    "sitl.camera.rendering", "sitl.camera.stations", "sitl.camera.sensor", "sitl.camera.exif",
    "sitl.camera.packets", "models.features", "models.validation.variogram",
    "models.validation.splits", "models.validation.baselines", "models.validation.comparing",
    "models.yields.ridge", "models.yields.season", "models.yields.challengers",
    "agri.amounts", "agri.field_records.record", "agri.field_records.crop",
    "agri.field_records.inputs", "agri.field_records.tracing",
    "agri.crop", "models.phenology.temperatures",
    "models.phenology.induction", "models.phenology.clock", "models.phenology.season",
    "models.intervals", "models.novelty", "models.yields.kriging", "models.yields.sampling",
    "agri.advising", "agri.labels", "models.advice.outcome", "models.advice.situation",
    "models.advice.air", "models.advice.blight", "models.advice.allowed",
    "models.advice.spraying", "models.advice.pests", "models.advice.feeding",
    "models.advice.watering", "models.advice.picking", "models.advice.week",
    "models.advice.economics",
    "models.yields.trees", "models.yields.totals", "models.yields.gates", "models.yields.spreads",
    "models.yields.learning", "models.yields.forecasting", "models.yields.measuring",
    "models.yields.hindcast", "sitl.scene.bearing", "models.yields.kept",
    "models.harvest_logs.pickers",
    "models.harvest_logs.passes", "models.harvest_logs.monitor",
)  # fmt: skip
SEEDED = {"sitl.vehicle", "sitl.chaos"}
"""Rooms that draw from a `random.Random` whose seed they are given."""
IO_MODULES = {"os", "socket", "subprocess", "threading", "sqlite3", "sqlalchemy", "requests",
              "http", "urllib", "random", "time", "shutil", "tempfile"}  # fmt: skip


@cache
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


@cache
def _walked(path: Path, *, typing: bool) -> tuple[ast.Import | ast.ImportFrom, ...]:
    tree = parsed(path)
    counted = [
        node
        for node in tree.body
        if typing or not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ]
    return tuple(
        node
        for top in counted
        for node in ast.walk(top)
        if isinstance(node, ast.Import | ast.ImportFrom)
    )


@cache
def parsed(path: Path) -> ast.Module:
    """The tree of a module, read once for all tests; nobody may change it."""
    return ast.parse(path.read_text("utf-8"))


def imports(name: str, path: Path, known: dict[str, Path], *, typing: bool = True) -> set[str]:
    """What a module imports; `typing` says whether imports for the type checker alone count."""
    found: set[str] = set()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in _walked(path, typing=typing):
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
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body
                first = body[0]
                if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                    body = body[1:]
                if body and (body[-1].end_lineno or 0) - body[0].lineno + 1 > 60:
                    too_long.append(f"{name}.{node.name}")
    assert not too_long, too_long


def test_every_public_thing_is_documented_in_its_module_head() -> None:
    bare = [name for name, path in modules().items() if not ast.get_docstring(parsed(path))]
    assert not bare, bare


def in_missions(name: str) -> str:
    """The package or room directly under missions that holds the module."""
    return name.split(".")[1]


def test_the_packages_of_missions_import_one_way_only() -> None:
    known = {name: path for name, path in modules().items() if name.startswith("missions.")}
    assert sorted({in_missions(name) for name in known}) == sorted(MISSIONS)
    broken = [
        f"{name} -> {target}"
        for name, path in known.items()
        for target in sorted(imports(name, path, known))
        if target.startswith("missions.")
        and MISSIONS.index(in_missions(target)) > MISSIONS.index(in_missions(name))
    ]
    assert not broken, "\n".join(broken)


MAPPED = ("imagery", "sitl", "missions", "agri.web", *(
    ".".join(path.parent.relative_to(ROOT).parts)
    for package in ("missions", "imagery")
    for path in sorted((ROOT / package).glob("*/__init__.py"))
))  # fmt: skip


@pytest.mark.parametrize("package", MAPPED)
def test_the_map_of_a_package_names_every_room_once_and_no_other(package: str) -> None:
    folder = ROOT.joinpath(*package.split("."))
    head = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
    named = re.findall(rf"(?<!`)`(?:{re.escape(package)}\.)?([a-z_]+)`(?!`)", head)
    named = [name for name in named if name not in PACKAGES]
    rooms = {path.stem for path in folder.glob("*.py")} | {
        path.parent.name for path in folder.glob("*/__init__.py")
    }
    assert sorted(named) == sorted(rooms - {"__init__"})
