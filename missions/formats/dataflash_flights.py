"""Where the flights of a dataflash log begin and end.

Arming and disarming say so. Where a log was kept only while armed they may be missing: then a
silence after a landing parts two flights, and what follows it counts as armed until it is told
otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from missions.formats.dataflash_track import Columns

GAP_S = 10.0
"""A shorter silence is a slow card."""
FLOWN_M = 1.5
"""What never was so high above where it stood has not flown."""
LOW_M = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightTime:
    """One flight, seconds of the aircraft's clock.

    Parameters
    ----------
    start_s, end_s : float
        From arming to disarming.
    took_off_s : float
        When it left the ground.
    down : bool
        Whether it was on the ground again at the end.
    """

    start_s: float
    end_s: float
    took_off_s: float
    down: bool


def flight_times(
    columns: Columns, states: Sequence[tuple[float, str]], gaps: Sequence[tuple[float, float]]
) -> list[FlightTime]:
    """Return the flights of a log, in order.

    Parameters
    ----------
    columns : Columns
        The whole log's.
    states : sequence of (float, str)
        When it was armed, disarmed, landed or flying.
    gaps : sequence of (float, float)
        Silences of the whole log.
    """
    rows = columns.places()
    if len(rows) < 2:
        return []
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    found = [_looked_at(rows, states, *span) for span in _spans(rows, states, gaps)]
    return [time for time in found if time is not None]


def _spans(
    rows: NDArray[np.float64],
    states: Sequence[tuple[float, str]],
    gaps: Sequence[tuple[float, float]],
) -> list[tuple[float, float]]:
    told: list[tuple[float, str, float]] = [(t, state, t) for t, state in states]
    told += [(a, "gap", b) for a, b in gaps if b - a > GAP_S]
    spans: list[tuple[float, float]] = []
    start_s, armed, down = float(rows[0, 0]), None, None
    for time_s, state, until_s in sorted(told, key=lambda one: one[0]):
        if state == "armed" and armed is not True:
            start_s, armed, down = time_s, True, None
        elif state == "disarmed" and armed is not False:
            spans.append((start_s, time_s))
            armed = False
        elif state in ("landed", "flying"):
            down = state == "landed"
            if state == "flying" and armed is False:
                start_s, armed = time_s, None
        elif state == "gap" and armed is False:
            start_s, armed, down = until_s, None, None
        elif state == "gap" and (_low(rows, time_s) if down is None else down):
            spans.append((start_s, time_s))
            start_s, armed, down = until_s, None, None
    if armed is not False:
        spans.append((start_s, float(rows[-1, 0])))
    return spans


def _low(rows: NDArray[np.float64], time_s: float) -> bool:
    last = int(np.searchsorted(rows[:, 0], time_s, side="right")) - 1
    return bool(rows[max(last, 0), 3] < LOW_M)


def _looked_at(
    rows: NDArray[np.float64], states: Sequence[tuple[float, str]], start_s: float, end_s: float
) -> FlightTime | None:
    inside = rows[(rows[:, 0] >= start_s) & (rows[:, 0] <= end_s)]
    if len(inside) < 2 or float(np.ptp(inside[:, 3])) < FLOWN_M:
        return None
    within = [(t, state) for t, state in states if start_s <= t <= end_s]
    ground = [state for _, state in within if state in ("landed", "flying")]
    lifted = inside[inside[:, 3] > float(inside[0, 3]) + FLOWN_M / 3.0]
    took_off_s = next((t for t, state in within if state == "flying"), None)
    return FlightTime(
        start_s=start_s,
        end_s=end_s,
        took_off_s=float(lifted[0, 0])
        if took_off_s is None and len(lifted)
        else took_off_s or start_s,
        down=ground[-1] == "landed" if ground else bool(inside[-1, 3] < LOW_M),
    )
