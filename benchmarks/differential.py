"""One survey flown on the embedded simulator and on real ArduCopter, side by side.

Prints one JSON object: end states, flight times, pictures, and the 95th percentile of the
cross-track difference of the embedded simulator's track from ArduCopter's and of both from the
plan. Needs an ``arducopter`` SITL binary (AGRI_ARDUCOPTER or on PATH); without one it says so.

    python benchmarks/differential.py [FIELD] [--speedup 10]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from agri.errors import AgriError
from agri.operations.compare import compare_flights, off_plan_p95_m, planned_photos
from agri.operations.farm import import_boundaries, start_farm
from agri.operations.fly import Pilot, fly_plan
from agri.operations.survey import SurveyRequest, plan_field
from agri.track import FlightRecord
from agri.workspace import Workspace
from missions.catalogue import aircraft, camera
from missions.flightplan import FlightPlan

PILOT = Pilot(
    may_set=lambda _: True,
    may_arm=lambda _: True,
    on_link=lambda _: None,
    on_progress=lambda _: None,
)


def plan_one(farm: Workspace, field: str) -> FlightPlan:
    source = resources.files("agri.operations").joinpath("demo_farm.geojson")
    with resources.as_file(source) as file:
        import_boundaries(farm, [file])
    request = SurveyRequest(
        field=field,
        camera=camera("MicaSense RedEdge-P multispectral"),
        aircraft=aircraft(),
        gsd_m=0.03,
    )
    return plan_field(farm, request, language="en", now=datetime.now(UTC)).plan


def fly_on(farm: Workspace, plan: FlightPlan, connect: str, speedup: float) -> FlightRecord:
    return fly_plan(
        farm, plan, None, connect=connect, pilot=PILOT, language="en", now=datetime.now(UTC),
        speedup=speedup,
    ).record  # fmt: skip


def measure(field: str, speedup: float) -> dict[str, object]:
    """Fly one field of the demonstration farm on both and compare."""
    with (
        tempfile.TemporaryDirectory() as folder,
        start_farm(Path(folder) / "farm", name="differential") as farm,
    ):
        plan = plan_one(farm, field)
        real = fly_on(farm, plan, "ardupilot", speedup)
        embedded = fly_on(farm, plan, "sim", speedup)
    return {
        "field": field,
        "end_states": {"ardupilot": real.outcome, "embedded": embedded.outcome},
        "planned": {"photos": planned_photos(plan), "time_s": plan.survey.estimate.time_s}
        if plan.survey
        else {},
        "first_is_ardupilot": asdict(compare_flights(plan, real, embedded)),
        "off_plan_p95_m": {
            "ardupilot": round(off_plan_p95_m(plan, real), 3),
            "embedded": round(off_plan_p95_m(plan, embedded), 3),
        },
        "time_ratio_embedded_to_ardupilot": round(embedded.duration_s / real.duration_s, 4),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("field", nargs="?", default="Ruộng Cửa Đình")
    parser.add_argument("--speedup", type=float, default=10.0)
    arguments = parser.parse_args()
    try:
        print(json.dumps(measure(arguments.field, arguments.speedup), ensure_ascii=False))
    except AgriError as error:
        print(error.text("en"), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
