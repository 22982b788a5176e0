"""The same mission on the embedded simulator and on real ArduCopter ends in the same state."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agri.errors import NotFound
from sitl.ardupilot import find_arducopter

BENCHMARK = Path(__file__).resolve().parents[1] / "benchmarks" / "differential.py"


@pytest.mark.ardupilot
def test_embedded_and_real_arducopter_fly_the_same_survey() -> None:
    try:
        find_arducopter()
    except NotFound:
        pytest.skip("no arducopter SITL binary (set AGRI_ARDUCOPTER or put it on PATH)")
    measure: Callable[[str, float], dict[str, Any]] = runpy.run_path(str(BENCHMARK))["measure"]
    found = measure("Ruộng Cửa Đình", 10.0)
    both = found["first_is_ardupilot"]
    assert found["end_states"] == {"ardupilot": "landed", "embedded": "landed"}
    assert both["same_outcome"]
    assert both["cross_track_p95_m"] < 2.0
    assert abs(both["first_photos"] - both["second_photos"]) <= 2
    assert found["time_ratio_embedded_to_ardupilot"] == pytest.approx(1.0, abs=0.1)
