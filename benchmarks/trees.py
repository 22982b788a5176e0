"""How well crowns are found: on hand-drawn boxes of real pictures, on golden tops, and how fast.

``python benchmarks/trees.py [--data DIR] [--side 2000]`` prints one JSON object:

* ``boxes``: for each public picture with hand-drawn crowns (NEON, 10 cm, in the deepforest package)
  precision and recall of crowns from colours alone, a box being found when one of ours overlaps it
  with an intersection over union of 0.4 or more, each taken once. The crown widths asked for are
  told beside, with what they were chosen by. The index and the smoothing were chosen on the first
  picture, so its figures flatter; the third, a savanna with trees that run into one another, was
  not looked at for that;
* ``published``: what published detectors reach on the NEON benchmark of 200 such pictures (README
  of weecology/NeonTreeEvaluation_package, commit 010b9a9), by the same measure, other pictures;
* ``golden``: tops of ForestTools' public canopy model (0.25 m) found, missed and added;
* ``speed``: processor seconds for crowns of a made orchard of `side` × `side` pixels.

Without the data only the speed is measured. ``--data`` is a folder that holds
``trees_deepforest_mit`` and ``chm_foresttools_gpl3``.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agri.grid import Grid
from imagery.metric import pixels_of
from imagery.raster import read_grid
from imagery.trees.colours import find_crowns_by_colour, vegetation
from imagery.trees.crown import Crown
from imagery.trees.finding import find_crowns
from imagery.trees.flooding import CrownRule
from imagery.trees.tops import WindowRule, tree_tops
from tests.canopies import orchard

Boxes = NDArray[np.float64]
SHARED = Path(__file__).resolve().parents[2] / "shared"
DATA = Path(os.environ.get("AGRI_SHARED", SHARED)) / "data" / "imagery"
PICTURES = (
    ("OSBS_029.tif", "OSBS_029.csv", (3.0, 4.2), "rough width of the crowns seen in the picture"),
    ("OSBS_029.tif", "OSBS_029.csv", (2.5, 5.0), "a wide guess"),
    ("2018_SJER_3_252000_4107000_image_477.tif", "2018_SJER_3_252000_4107000_image_477_truth.csv",
     (6.0, 9.0), "rough width of the crowns seen in the picture"),
)  # fmt: skip
PUBLISHED = {
    "Weinstein et al. 2020 (DeepForest, colours, deep learning)": [0.55, 0.65],
    "Silva et al. 2016 (lidar heights)": [0.23, 0.33],
    "Dalponte et al. 2016 (lidar heights)": [0.23, 0.34],
    "Li et al. 2012 (lidar points)": [0.06, 0.12],
}
"""Precision, recall."""


def hand_drawn(path: Path) -> Boxes:
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row[key]) for key in ("xmin", "ymin", "xmax", "ymax")] for row in rows])


def boxes_of(crowns: tuple[Crown, ...], grid: Grid) -> Boxes:
    found = []
    for crown in crowns:
        west, south, east, north = crown.outline.bounds
        (left, top), (right, bottom) = pixels_of(grid, np.array([[west, north], [east, south]]))
        found.append((left, top, right, bottom))
    return np.array(found).reshape(-1, 4)


def overlaps(one: Boxes, other: Boxes) -> Boxes:
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.clip(high - low, 0.0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other)]
    return np.asarray(shared / (areas[0][:, None] + areas[1] - shared))


def picture(data: Path, image: str, truth: str, crown_m: tuple[float, float]) -> dict[str, Any]:
    folder = data / "trees_deepforest_mit"
    bands = {
        name: read_grid(folder / image, band=band)
        for band, name in enumerate(("red", "green", "blue"), start=1)
    }
    drawn = hand_drawn(folder / truth)
    found = boxes_of(find_crowns_by_colour(vegetation(bands), crown_m=crown_m), bands["red"])
    shared = overlaps(found, drawn)
    right = int((shared[linear_sum_assignment(-shared)] >= 0.4).sum())
    return {"drawn": len(drawn), "found": len(found), "right": right,
            "precision": round(right / max(1, len(found)), 3),
            "recall": round(right / len(drawn), 3)}  # fmt: skip


def golden(data: Path) -> dict[str, int]:
    import geopandas

    folder = data / "chm_foresttools_gpl3"
    grid = read_grid(folder / "CHM_test.tif", unit="m")
    tops = geopandas.read_file(folder / "ttops_test.gpkg").geometry
    at = pixels_of(grid, np.column_stack([tops.x, tops.y])).astype(int)
    truth = {(row, column) for column, row in at.tolist()}
    rule = WindowRule(slope=0.05, base_m=0.8, lowest_m=1.5)
    found = {(r, c) for r, c in tree_tops(grid.values, 0.25, rule, equals=True).tolist()}
    return {"golden": len(truth), "found": len(found & truth), "added": len(found - truth)}


def speed(side: int) -> dict[str, float]:
    pixel, apart = 0.1, 6.0
    across = round(side * pixel / apart) - 1
    canopy, places, *_ = orchard(across, across, seed=1, pixel=pixel)
    rule = CrownRule(window=WindowRule(slope=0.05, base_m=1.2, lowest_m=1.0), share=0.2)
    start = time.process_time()
    crowns = find_crowns(canopy, rule, smooth_m=0.2)
    spent = time.process_time() - start
    return {"pixels": canopy.values.size, "trees": len(places), "found": len(crowns),
            "cpu_s": round(spent, 2), "trees_per_s": round(len(crowns) / spent)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--side", type=int, default=2000)
    asked = parser.parse_args()
    result: dict[str, Any] = {"speed": speed(asked.side)}
    if asked.data.is_dir():
        result["golden"] = golden(asked.data)
        result["boxes"] = [
            {"picture": image, "crown_m": crown_m, "chosen_by": by,
             **picture(asked.data, image, truth, crown_m)}
            for image, truth, crown_m, by in PICTURES
        ]  # fmt: skip
        result["published"] = PUBLISHED
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
