"""How many MAVLink frames a second are heard, with memory: prints one JSON object.

* ``honest``: the messages an aircraft sends, parsed, folded into telemetry and decoded.
* ``senseless``: whole frames of every kind with random fields, as `tests.noisy_frames` makes them.

The baseline is pymavlink's parser alone on the same bytes. Processor time counts.

``python benchmarks/frames.py [--frames 200000]``
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pymavlink.dialects.v20 import ardupilotmega as mavlink  # noqa: E402

from tests.noisy_frames import random_frames  # noqa: E402
from tests.test_wire_noise import heard, honest, listening  # noqa: E402


def rate(work: Callable[[], object], count: int) -> float:
    """Return how many a processor second."""
    began_s = time.process_time()
    work()
    return count / (time.process_time() - began_s)


def parse_alone(frames: list[bytes]) -> None:
    parser: Any = mavlink.MAVLink(None)
    parser.robust_parsing = True
    for data in frames:
        parser.parse_buffer(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=200_000)
    count = parser.parse_args().frames
    rng = random.Random(1)
    ours = honest()
    streams = {
        "honest": [rng.choice(ours) for _ in range(count)],
        "senseless": list(random_frames(rng, count)),
    }
    found: dict[str, Any] = {"frames": count, "python": platform.python_version()}
    for name, frames in streams.items():
        service = listening()
        heard(service, frames[: count // 10])
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        whole = rate(lambda s=service, f=frames: heard(s, f), count)  # type: ignore[misc]
        after_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        alone = rate(lambda f=frames: parse_alone(f), count)  # type: ignore[misc]
        found[name] = {
            "heard_per_s": round(whole),
            "parser_alone_per_s": round(alone),
            "ratio": round(whole / alone, 3),
            "grown_mb": round((after_kb - before_kb) / 1024.0, 1),
            "faults": service.faults,
        }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
