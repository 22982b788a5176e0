"""Uploads through real sockets and a radio that loses a third of everything.

Whatever agri says of an upload is held against what a clean link then reads from the aircraft:
said to be on board and not so is a false success, and there may be none.

``pytest -m slow tests/test_chaos_uploads.py -s`` sends a thousand and prints the times.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from agri.errors import LinkError
from missions.items import digest
from missions.link.link import Link
from sitl.chaos import Chaos
from sitl.simulator import Simulator
from tests.chaos_proxy import ChaosProxy
from tests.virtual_air import HOME, plan_of

ITEMS = 100
SPEEDUP = 25.0


def bad_way(seed: int) -> Chaos[bytes]:
    return Chaos(loss=0.3, duplicate=0.05, late=0.05, late_s=1.5, corrupt=0.01, delay_s=0.03,
                 jitter_s=0.02, seed=seed)  # fmt: skip


@pytest.fixture(scope="module")
def aircraft() -> Iterator[Simulator]:
    changed = {"SERVO11_FUNCTION": 10.0, "FS_GCS_TIMEOUT": 120.0}
    with Simulator(HOME, speedup=SPEEDUP, ready_after_s=4.0, parameters=changed) as running:
        yield running


def upload(aircraft: Simulator, seed: int) -> float | None:
    """Send one plan; return the seconds of the aircraft's clock it took, None when it failed."""
    plan = plan_of(ITEMS, offset_m=float(seed % 40))
    host, port = aircraft.url.split(":")[-2:]
    ways = bad_way(2 * seed), bad_way(2 * seed + 1)
    took_s = None
    with ChaosProxy((host, int(port)), *ways, speedup=SPEEDUP) as proxy:
        with Link.connect(proxy.url) as link:
            began_s = link.telemetry().time_s
            try:
                proof = link.upload(plan)
                took_s = link.telemetry().time_s - began_s
                assert proof.plan_digest == plan.digest
            except LinkError:
                pass
    with Link.connect(aircraft.url) as clean:
        onboard = clean.download()
    if took_s is not None:
        assert digest(onboard.mission) == digest(plan.items), f"seed {seed}: false success"
    return took_s


def test_uploads_over_a_bad_radio_and_real_sockets_end_in_the_truth(aircraft: Simulator) -> None:
    assert [seed for seed in range(3) if upload(aircraft, seed) is None] == []


@pytest.mark.slow
def test_a_thousand_uploads_over_a_bad_radio_and_real_sockets_end_in_the_truth(
    aircraft: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    took_s = [upload(aircraft, seed) for seed in range(1000)]
    done = sorted(s for s in took_s if s is not None)
    with capsys.disabled():
        print(json.dumps({"uploads": 1000, "succeeded": len(done), "median_s": done[len(done) // 2],
                          "p99_s": done[int(0.99 * len(done))], "most_s": done[-1]}))  # fmt: skip
    assert len(done) >= 999
    assert done[int(0.99 * len(done))] <= 200.0
