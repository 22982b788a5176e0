"""A whole season on made farms: how right it is, and how long it takes. Prints JSON.

``python benchmarks/season.py [--seeds 1 2 3 4 5] [--speedup 40] [--keep FOLDER]`` lives through
`agri.operations.demonstration` for each seed, as ``agri demo`` does, and tells every score with
what was asked of it, the seconds and the processor time of the whole and of each step. The baseline
beside it is the same work without its flights and photos: what only reads and reckons.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

MADE = ("survey", "photos", "spray", "rest", "again")
"""Steps that fly or photograph."""


def spent_s() -> float:
    """Return the processor time of this program and of those it started."""
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in found)


def lived(seed: int, folder: Path, speedup: float) -> dict[str, Any]:
    """Live through one season and return its figures."""
    from agri.operations.demonstration.living import live

    before_s = spent_s()
    found = live(folder, seed=seed, language="en", speedup=speedup, update=lambda *_: None)
    reckoned_s = sum(one.seconds for one in found.told if one.row.key not in MADE)
    return {
        "seed": seed,
        "seconds": round(found.seconds, 1),
        "cpu_s": round(spent_s() - before_s, 1),
        "ratio_to_reckoning": round(found.seconds / reckoned_s, 2),
        "steps_s": {one.row.key: round(one.seconds, 1) for one in found.told},
        "scores": {
            score.key: {"value": round(score.value, 3), "met": score.met} for score in found.scores
        },
    }


def main() -> None:
    """Live, and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    asked.add_argument("--speedup", type=float, default=40.0)
    asked.add_argument("--keep", type=Path, default=None)
    told = asked.parse_args()
    with tempfile.TemporaryDirectory() as spare:
        home = told.keep or Path(spare)
        found = [lived(seed, home / f"farm-{seed}", told.speedup) for seed in told.seeds]
    worst = max(one["seconds"] for one in found)
    met = all(score["met"] for one in found for score in one["scores"].values())
    print(json.dumps({"seasons": found, "longest_s": worst, "all_met": met}, indent=1))


if __name__ == "__main__":
    main()
