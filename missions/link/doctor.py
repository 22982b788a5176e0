"""Measuring a link without touching the aircraft: it is listened to and asked for the time.

The link is opened `quiet`: no heartbeats of ours, since an aircraft that has once heard a ground
station takes its falling silent for a lost link. The only orders are for telemetry on this very
link, and none at all once the motors run.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

from agri.errors import LinkError
from missions.link.link import Link
from missions.link.quality import Examination, FrameCount, quantile, rates
from missions.link.signing import SigningState
from missions.wire.pinging import PATIENCE_S, Pinging, loss_up

EVERY_S = 0.1
"""Ten questions a second: half a kilobyte each way, a tenth of a 57,600-baud radio."""
SETTLE_S = 3.0
"""Telemetry that was asked for begins within this time."""
FAILSAFE = ("FS_GCS_ENABLE", "FS_GCS_TIMEOUT")

OnTime = Callable[[float, float], None]


def examine(link: Link, *, seconds: float = 15.0, on_time: OnTime | None = None) -> Examination:
    """Measure a link.

    Parameters
    ----------
    link : Link
        Opened `quiet`.
    seconds : float
        How long.
    on_time : callable, optional
        Given the seconds done and all of them.

    Raises
    ------
    LinkError
        When the connection ends meanwhile.
    """
    simulated, sprays, failsafe_s = _look(link)
    service, pair = link.service, link.pair()
    count, restarts = FrameCount(), service.restarts
    pinging = Pinging(pair, max(1, round(seconds / EVERY_S)), EVERY_S)

    def over() -> bool:
        if on_time is not None:
            on_time(min(seconds, pinging.sent * EVERY_S), seconds)
        return pinging.finished

    began_s = link.now_s()
    with service.listen(count.take):
        service.add(pinging)
        try:
            link.wait(over, seconds + 2.0 * PATIENCE_S + 1.0, "error.link_lost")
        finally:
            service.remove(pinging)
        passed_s = link.now_s() - began_s
    up, margin = loss_up(pinging.sent, len(pinging.trips_s), count.loss)
    return Examination(
        seconds=passed_s,
        system=pair.vehicle.system,
        frames=count.heard,
        loss_down=count.loss if count.heard else 1.0,
        loss_up=up,
        loss_up_margin=margin,
        asked=pinging.sent,
        answered=len(pinging.trips_s),
        trip_s=quantile(pinging.trips_s, 0.5),
        trip_p95_s=quantile(pinging.trips_s, 0.95),
        silence_s=count.silence_s if count.heard else passed_s,
        rates=rates(count, passed_s * link.rate, sprays=sprays),
        restarts=service.restarts - restarts,
        heard=link.heard(),
        signing=link.signing,
        cable=link.address.is_serial,
        simulated=simulated,
        failsafe_s=failsafe_s,
    )


def _look(link: Link) -> tuple[bool, bool, float]:
    """Return whether it is a simulation, whether it sprays, and after what silence it acts.

    Its telemetry is waited for.
    """
    if link.signing is SigningState.NO_KEY and not link.address.is_serial:
        return False, False, math.nan
    simulated, sprays = link.is_simulation(), False
    with contextlib.suppress(LinkError):
        sprays = not link.telemetry().armed and link.watch_pump() is not None
    failsafe_s = math.nan if link.telemetry().armed else _failsafe_s(link)
    with contextlib.suppress(LinkError):
        link.wait(lambda: link.telemetry().place is not None, SETTLE_S, "error.link_lost")
        if sprays:
            link.wait(
                lambda: not math.isnan(link.telemetry().pump_share), SETTLE_S, "error.link_lost"
            )
    return simulated, sprays, failsafe_s


def _failsafe_s(link: Link) -> float:
    """Return after what silence of a ground station the aircraft acts; 0 never, NaN not told."""
    with contextlib.suppress(LinkError):
        acts, after_s = (p.value for p in link.read_parameters(FAILSAFE))
        if acts == 0.0:
            return 0.0
        if acts is not None and after_s is not None:
            return after_s
    return math.nan
