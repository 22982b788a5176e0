"""What is wrong with a link, in plain words, and what to do next.

The limits: a plan is brought on board through 30 % loss each way (tested), but at a tenth something
is wrong already; an order to stop must be there and back well within the three seconds after which
an aircraft counts as silent; a telemetry radio should hear its partner 10 dB above the noise, since
turning the aircraft alone costs that much.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from agri.findings import Finding, Severity
from agri.words import Message
from missions.link.quality import Examination
from missions.link.trust import check_trust

LOSS_POOR, LOSS_BAD = 0.10, 0.30
TRIP_POOR_S, TRIP_BAD_S = 1.0, 2.5
SILENCE_POOR_S, SILENCE_BAD_S = 1.5, 3.0
MARGIN_POOR_DB = 10.0
ROOM_POOR_PCT = 20
FAILSAFE_SHARE = 0.5
"""A silence longer than this share of what the aircraft takes for a lost link is near one."""
ALIKE = 2
"""A clock that goes back this often belongs to two aircraft with the same number."""
WATCHED_BY = ("HEARTBEAT", "GLOBAL_POSITION_INT", "SYS_STATUS")
"""Without these no flight can be watched at all."""


def diagnose(seen: Examination) -> tuple[Finding, ...]:
    """Return what is wrong with a link; an error means that no flight is launched over it.

    An aircraft that does not hear us was not asked for its telemetry, so its absence is not told.
    """
    deaf = seen.asked > 0 and not seen.answered
    found = (
        *check_trust(seen.heard, seen.signing, cable=seen.cable, simulated=seen.simulated),
        *_losses(seen),
        *_times(seen),
        *(_rates(seen) if not deaf else ()),
        *_radio(seen),
        *_failsafe(seen),
    )
    return found or (Finding.info("finding.link_good"),)


def _graded(value: float, poor: float, bad: float, key: str, **values: object) -> Iterable[Finding]:
    if value >= poor:
        severity = Severity.ERROR if value >= bad else Severity.WARNING
        yield Finding(severity, Message.of(key, **values))


def _losses(seen: Examination) -> Iterable[Finding]:
    down = 100.0 * seen.loss_down
    yield from _graded(seen.loss_down, LOSS_POOR, LOSS_BAD, "finding.link_loss_down", share=down)
    if seen.asked and not seen.answered:
        yield Finding.error("finding.link_unanswered", count=seen.asked)
        return
    sure = seen.loss_up - seen.loss_up_margin
    if sure > 0.0:
        up, margin = 100.0 * seen.loss_up, 100.0 * seen.loss_up_margin
        yield from _graded(
            seen.loss_up, LOSS_POOR, LOSS_BAD, "finding.link_loss_up", share=up, margin=margin
        )


def _times(seen: Examination) -> Iterable[Finding]:
    yield from _graded(
        seen.trip_p95_s, TRIP_POOR_S, TRIP_BAD_S, "finding.link_slow", seconds=seen.trip_p95_s
    )
    yield from _graded(
        seen.silence_s, SILENCE_POOR_S, SILENCE_BAD_S, "finding.link_silence",
        seconds=seen.silence_s,
    )  # fmt: skip
    if seen.restarts >= ALIKE:
        yield Finding.error("finding.link_two_alike", number=seen.system)


def _rates(seen: Examination) -> Iterable[Finding]:
    for rate in seen.rates:
        if rate.hz < rate.needed_hz:
            grave = rate.hz == 0.0 and rate.message in WATCHED_BY
            severity = Severity.ERROR if grave else Severity.WARNING
            values = {"message": rate.message, "hz": rate.hz, "needed": rate.needed_hz}
            yield Finding(severity, Message.of("finding.link_rate", **values))


def _radio(seen: Examination) -> Iterable[Finding]:
    radio = seen.heard.radio
    if radio is None:
        return
    if radio.margin_db < MARGIN_POOR_DB:
        yield Finding.warning("finding.link_radio_weak", margin=radio.margin_db)
    if radio.room_pct < ROOM_POOR_PCT:
        yield Finding.warning("finding.link_radio_full", room=radio.room_pct)


def _failsafe(seen: Examination) -> Iterable[Finding]:
    """What is set on board for a lost link, against the silences that were measured.

    A simulation's clock is faster than the one by which silences are measured: of it nothing is
    told.
    """
    if seen.simulated or math.isnan(seen.failsafe_s):
        return
    if seen.failsafe_s == 0.0:
        yield Finding.warning("finding.link_no_failsafe")
    elif seen.silence_s > FAILSAFE_SHARE * seen.failsafe_s:
        yield Finding.warning(
            "finding.link_failsafe_near", silence=seen.silence_s, limit=seen.failsafe_s
        )
