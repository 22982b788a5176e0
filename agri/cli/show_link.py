"""What the terminal shows of a link: its figures, its findings, the keys."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agri.cli.show import complain, local_number, show_findings, show_table, tell
from agri.cli.speech import language
from agri.findings import blocks
from agri.words import say

if TYPE_CHECKING:
    from agri.operations.keyring import KeptKey
    from agri.operations.link import LinkReport
    from missions.link.quality import Examination


def show_link(report: LinkReport) -> int:
    """Print what a link was measured to be; 1 when no flight should be launched over it."""
    seen = report.examination
    _show_figures(seen)
    show_table(
        ("cli.head_message", "cli.head_hz", "cli.head_needed_hz"),
        [
            (rate.message, local_number(rate.hz, ".1f"), local_number(rate.needed_hz, ".1f"))
            for rate in seen.rates
        ],
    )
    show_findings(report.findings)
    stopped = blocks(report.findings)
    complain("cli.link_stop") if stopped else tell("cli.link_ok")
    return int(stopped)


def _show_figures(seen: Examination) -> None:
    tell(
        "cli.link_state",
        number=seen.system,
        version=1 if seen.heard.old else 2,
        signing=say(f"cli.signing_{seen.signing.value}", language.get()),
    )
    tell(
        "cli.link_lost_share",
        down=_told(100.0 * seen.loss_down, ".1f"),
        up=_told(100.0 * seen.loss_up, ".1f"),
        margin=_told(100.0 * seen.loss_up_margin, ".1f"),
    )
    tell(
        "cli.link_trip",
        middle=_told(1000.0 * seen.trip_s, ".0f"),
        most=_told(1000.0 * seen.trip_p95_s, ".0f"),
        answered=seen.answered,
        asked=seen.asked,
        silence=_told(seen.silence_s, ".1f"),
    )
    radio = seen.heard.radio
    if radio is not None:
        signal = _told(radio.margin_db, ".0f")
        tell("cli.link_radio", signal=signal, room=radio.room_pct, errors=radio.errors)


def _told(value: float, spec: str) -> str:
    return "?" if math.isnan(value) else local_number(value, spec)


def show_keyring(keys: Sequence[KeptKey]) -> None:
    """Print which aircraft have a key, by their marks alone."""
    if not keys:
        tell("cli.no_keys")
        return
    show_table(
        ("cli.head_aircraft", "cli.head_mark", "cli.head_made", "cli.head_on_board"),
        [
            (kept.aircraft, kept.key.fingerprint, kept.made, say(_state(kept), language.get()))
            for kept in keys
        ],
    )


def _state(kept: KeptKey) -> str:
    if not kept.installed:
        return "cli.key_not_yet"
    return "cli.key_next" if kept.coming else "cli.key_on_board"
