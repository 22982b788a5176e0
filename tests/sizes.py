"""How large the slow suites are: whole, or by AGRI_SUITE_SHARE a share of it, to look at quickly.

What a suite really did, it tells with ``record_property``; `benchmarks.under_fire` reads it there.
"""

from __future__ import annotations

import math
import os

SHARE = float(os.environ.get("AGRI_SUITE_SHARE", "1"))


def of_full(count: int, at_least: int = 1) -> int:
    """So many of what a whole suite tries or must find."""
    return count if SHARE == 1.0 else max(at_least, round(count * SHARE))


def p99(values: list[float]) -> float:
    """What 99 of 100 stay within."""
    return sorted(values)[math.ceil(0.99 * len(values)) - 1]
