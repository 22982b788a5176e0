"""Uploads through real sockets and a radio that loses a third of everything.

Whatever agri says of an upload is held against what a clean link then reads from the aircraft:
said to be on board and not so is a false success, and there may be none.

``pytest -m slow tests/test_chaos_uploads.py --junitxml=uploads.xml`` sends a thousand to `FLEET`
aircraft at a time and keeps the times. A link waits by the wall's clock, so the aircraft's runs no
faster: an upload is a minute of waiting.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest

from agri.errors import LinkError
from missions.items import MissionType, digest
from missions.link.link import Link
from sitl.chaos import Chaos
from sitl.simulator import Simulator
from tests.chaos_proxy import ChaosProxy
from tests.sizes import of_full
from tests.virtual_air import HOME, plan_of

FLEET = 32


def bad_way(seed: int) -> Chaos[bytes]:
    return Chaos(loss=0.3, duplicate=0.05, late=0.05, late_s=1.5, corrupt=0.01, delay_s=0.03,
                 jitter_s=0.02, seed=seed)  # fmt: skip


@contextlib.contextmanager
def flown() -> Iterator[Simulator]:
    changed = {"SERVO11_FUNCTION": 10.0, "FS_GCS_TIMEOUT": 120.0}
    with Simulator(HOME, ready_after_s=4.0, parameters=changed) as running:
        yield running


def upload(aircraft: Simulator, seed: int, items: int = 100) -> float | None:
    """Send one plan; return the seconds it took, None when it failed."""
    plan = plan_of(items, offset_m=float(seed % 40))
    host, port = aircraft.url.split(":")[-2:]
    ways = bad_way(2 * seed), bad_way(2 * seed + 1)
    took_s = None
    with (
        ChaosProxy((host, int(port)), *ways) as proxy,
        Link.connect(proxy.url) as link,
    ):
        began_s = time.monotonic()
        with contextlib.suppress(LinkError):
            proof = link.upload(plan)
            took_s = time.monotonic() - began_s
            assert proof.plan_digest == plan.digest
    with Link.connect(aircraft.url) as clean:
        onboard = clean.download()
    if took_s is not None:
        for kind, held in (
            (MissionType.MISSION, onboard.mission),
            (MissionType.FENCE, onboard.fence),
            (MissionType.RALLY, onboard.rally),
        ):
            assert digest(held) == digest(plan.wire_items(kind)), f"seed {seed}: false success"
    return took_s


def test_uploads_over_a_bad_radio_and_real_sockets_end_in_the_truth() -> None:
    with flown() as aircraft:
        assert upload(aircraft, seed=1, items=4) is not None


@pytest.mark.slow
def test_a_thousand_uploads_over_a_bad_radio_and_real_sockets_end_in_the_truth(
    record_property: Callable[[str, object], None],
) -> None:
    with contextlib.ExitStack() as hangar, ThreadPoolExecutor(FLEET) as pilots:
        fleet: SimpleQueue[Simulator] = SimpleQueue()
        for _ in range(FLEET):
            fleet.put(hangar.enter_context(flown()))

        def one(seed: int) -> float | None:
            aircraft = fleet.get()
            try:
                return upload(aircraft, seed)
            finally:
                fleet.put(aircraft)

        took_s = list(pilots.map(one, range(of_full(1000))))
    done = sorted(s for s in took_s if s is not None)
    p99_s = done[int(0.99 * len(done))]
    record_property("socket_uploads", len(took_s))
    record_property("socket_uploads_done", len(done))
    record_property("socket_median_s", done[len(done) // 2])
    record_property("socket_p99_s", p99_s)
    assert len(done) >= 0.999 * len(took_s)
    assert p99_s <= 120.0
