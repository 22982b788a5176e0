"""How much of a field a spray plan covers, what it sprays beyond, and how far it flies.

``python benchmarks/coverage.py [FIELDS.geojson] [--widths 4,6,9] [--json]`` plans every field of a
GeoJSON file (EPSG:4326, property ``name``) with an edge pass and judges the working lines as
anyone could: each buffered by half the width, flat at its ends, round at its bends.

Without a file it takes the reference fields shared beside the project, or at ``AGRI_SHARED``, and
prints Fields2Cover's figures for them (no headland, undecomposed; its routed path) beside ours.
Parts that nothing joins are planned one by one and added up.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import LineString, shape
from shapely.geometry.base import BaseGeometry

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agri.errors import AgriError, BadInput
from agri.field import Field
from missions.coverage.planning import Coverage, plan_coverage

ROOT = Path(__file__).resolve().parents[1]
WIDTHS_M = (4.0, 6.0, 9.0)
OUTSIDE_M = 0.01
"""A leg this near to the border counts as inside, as in the figures it is set beside."""


class Unusable(Exception):
    """What was given cannot be measured; the sentence says why."""


def shared() -> Path:
    return Path(os.environ.get("AGRI_SHARED", ROOT.parent / "shared")) / "data" / "missions"


def read_fields(path: Path) -> list[Field]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Unusable(f"{path} cannot be read as GeoJSON: {error}") from error
    if not isinstance(document, dict):
        raise Unusable(f"{path} is not GeoJSON; give a file of fields.")
    features = document.get("features", [document])
    fields = []
    for number, feature in enumerate(features, start=1):
        told = feature.get("properties") or {}
        if told.get("kind", "field") != "field":
            continue  # a farm's file holds pads and obstacles too
        name = str(told.get("name") or f"field {number}")
        try:
            boundary = shape(feature.get("geometry") or feature)
            fields.append(Field(name=name, boundary=boundary))
        except (AgriError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise Unusable(f"{name} in {path} cannot be planned: {error}") from error
    if not fields:
        raise Unusable(f"{path} holds no field.")
    return fields


def plans(area: BaseGeometry, width_m: float) -> list[Coverage]:
    """Plan the whole at once where its parts join, else part by part."""
    try:
        return [plan_coverage(area, width_m=width_m)]
    except BadInput:
        parts = getattr(area, "geoms", [area])
        if len(parts) == 1:
            raise
        return [plan_coverage(part, width_m=width_m) for part in parts]


def measure(field: Field, width_m: float) -> dict[str, Any]:
    """Plan one field at one width and judge the plan by its legs alone."""
    area = field.frame.geometry_to_local(field.boundary)
    begin = time.perf_counter()
    planned = plans(area, width_m)
    plan_s = time.perf_counter() - begin
    legs = [leg for plan in planned for leg in plan.legs]
    working = [LineString(leg.points) for leg in legs if leg.works]
    swaths = shapely.buffer(working, width_m / 2.0, cap_style="flat", join_style="round")
    covered = shapely.union_all(swaths, grid_size=1e-6)  # rounding has lost swaths without
    roomy = area.buffer(OUTSIDE_M, join_style="mitre")
    outside = shapely.difference([LineString(leg.points) for leg in legs], roomy)
    return {
        "field": field.name,
        "width_m": width_m,
        "coverage": round(covered.intersection(area).area / area.area, 5),
        "overspray": round(covered.difference(area).area / covered.area, 5),
        "overlap": round(shapely.length(working).sum() * width_m / covered.area - 1.0, 5),
        "path_m": round(sum(plan.path_m for plan in planned), 1),
        "outside_m": round(float(shapely.length(outside).sum()), 3),
        "plan_s": round(plan_s, 3),
    }


def rivals(path: Path) -> dict[tuple[str, float], dict[str, Any]]:
    """Return Fields2Cover's run of each field and width, none where there are no figures."""
    if not path.is_file():
        return {}
    runs = json.loads(path.read_text(encoding="utf-8"))["runs"]
    return {
        (run["field"], float(run["swath_m"])): run
        for run in runs
        if run["headland"] == "none" and run["decomposition"] == "none" and "route_length_m" in run
    }


def table(rows: list[dict[str, Any]], beside: dict[tuple[str, float], Any]) -> Iterator[str]:
    yield (
        f"{'field':28} {'m':>4} {'cover%':>7} {'over%':>6} {'lap%':>5} {'path m':>8} {'out m':>6}"
        f" {'s':>5}" + (f" | {'F2C m':>8} {'cover%':>7} {'ratio':>6}" if beside else "")
    )
    for row in rows:
        line = (
            f"{row['field'][:28]:28} {row['width_m']:4g} {100 * row['coverage']:7.2f}"
            f" {100 * row['overspray']:6.3f} {100 * row['overlap']:5.1f} {row['path_m']:8.0f}"
            f" {row['outside_m']:6.2f} {row['plan_s']:5.2f}"
        )
        rival = beside.get((row["field"], row["width_m"]))
        if rival:
            ratio = row["path_m"] / rival["route_length_m"]
            cover = 100 * rival["coverage_fraction_of_field"]
            line += f" | {rival['route_length_m']:8.0f} {cover:7.2f} {ratio:6.3f}"
        yield line
    mean = sum(row["coverage"] for row in rows) / len(rows)
    least = min(row["coverage"] for row in rows)
    yield f"coverage: mean {100 * mean:.2f} %, least {100 * least:.2f} %"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("fields", nargs="?", type=Path, help="GeoJSON file of fields, EPSG:4326")
    parser.add_argument("--widths", default=",".join(f"{w:g}" for w in WIDTHS_M), help="metres")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    path = options.fields or shared() / "fields.geojson"
    try:
        if options.fields is None and not path.is_file():
            raise Unusable("The shared reference fields are not here; give a GeoJSON file.")
        try:
            widths = [float(width) for width in options.widths.split(",")]
        except ValueError as error:
            raise Unusable("--widths are metres between commas, as 4,6,9.") from error
        fields = read_fields(path)
        rows = [measure(field, width_m) for width_m in widths for field in fields]
    except (Unusable, AgriError) as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({"rows": rows}, ensure_ascii=False, indent=1))
    else:
        print(*table(rows, rivals(shared() / "rival_results.json")), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
