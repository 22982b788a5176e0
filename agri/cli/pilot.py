"""The pilot's part at the terminal: two questions, a live line, three keys and Ctrl+C.

While a question is open nothing flies, and the link is kept awake so that the aircraft does not
take the person's look round for a lost ground station. From the yes to arm onwards the keys work,
and the first Ctrl+C is a Stop; the second leaves the aircraft to its own plan, fence and failsafes.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

from agri.cli.keys import Keys
from agri.cli.show import ask, console, flight_line, show_findings, show_table, tell
from agri.cli.speech import language
from agri.errors import AgriError
from agri.words import Message

if TYPE_CHECKING:
    from agri.findings import Finding
    from agri.operations.fly import Pilot
    from missions.flight.briefing import Briefing
    from missions.flight.launch import FlightProgress
    from missions.link.link import Link
    from missions.preflight.requirements import Requirement

AWAKE_EVERY_S = 0.5
ORDERS: dict[str, Callable[[Link], None]] = {
    "s": lambda link: link.hold(),
    "r": lambda link: link.return_home(),
    "l": lambda link: link.land(),
}
SAID = {"s": "event.asked_stop", "r": "event.asked_return", "l": "event.asked_land"}
"""What the flight's record tells of them."""


class Terminal:
    """What stands between one flight and the person at the terminal."""

    def __init__(self, *, ask_first: bool) -> None:
        from rich.live import Live
        from rich.text import Text

        self._ask_first = ask_first
        self._link: Link | None = None
        self._keys = Keys(self._on_key)
        self._text = Text
        self._live = Live(Text(""), console=console(), refresh_per_second=5, transient=True)
        self.flying = False

    def on_link(self, link: Link) -> None:
        """Take the open link."""
        self._link = link
        tell("cli.fly_connected")

    def on_found(self, found: tuple[Finding, ...]) -> None:
        """Say what earlier flights left and how the aircraft stands."""
        show_findings(found)

    def may_set(self, needs: tuple[Requirement, ...]) -> bool:
        """Ask whether the parameters may be set."""
        return not self._ask_first or self._while_awake(lambda: ask_to_set(needs))

    def may_arm(self, briefing: Briefing) -> bool:
        """Ask whether to arm; with the yes the keys begin to work."""
        self._keys.stop()
        if self._ask_first and not self._while_awake(lambda: ask_to_arm(briefing)):
            return False
        tell("cli.fly_keys")
        self.flying = True
        self._keys.start()
        self._live.start()
        return True

    def on_progress(self, progress: FlightProgress) -> None:
        """Show how it goes."""
        if progress.message is not None:
            console().print("  " + progress.message.text(language.get()), markup=False)
        self._live.update(self._text(flight_line(progress)))

    def close(self) -> None:
        """Give the terminal back."""
        self._keys.stop()
        self._live.stop()

    def order(self, key: str) -> None:
        """Send Stop, Return or Land without waiting for its answer."""
        link = self._link
        if link is None:
            return
        tell(f"cli.key_{key}")
        threading.Thread(target=_send, args=(ORDERS[key], link), daemon=True).start()
        link.remark(Message.of(SAID[key]))

    def _on_key(self, key: str) -> None:
        if key in ORDERS:
            self.order(key)

    def _while_awake(self, question: Callable[[], bool]) -> bool:
        """Ask while the link is kept awake."""
        answered = threading.Event()

        def keep_awake() -> None:
            while self._link is not None and not answered.wait(AWAKE_EVERY_S):
                self._link.telemetry()

        threading.Thread(target=keep_awake, daemon=True).start()
        try:
            return question()
        finally:
            answered.set()


def _send(order: Callable[[Link], None], link: Link) -> None:
    with suppress(AgriError):  # the watch tells what became of the order
        order(link)


@contextmanager
def at_terminal(*, ask_first: bool, pilot: str = "") -> Iterator[tuple[Pilot, Terminal]]:
    """Give the part of the pilot named; Ctrl+C once the motors may turn is first a Stop."""
    from agri.operations.fly import Pilot

    terminal = Terminal(ask_first=ask_first)
    before = signal.getsignal(signal.SIGINT)

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if not terminal.flying:
            signal.default_int_handler(number, frame)
        terminal.order("s")
        tell("cli.interrupt_again")

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield (
            Pilot(
                may_set=terminal.may_set,
                may_arm=terminal.may_arm,
                on_link=terminal.on_link,
                on_progress=terminal.on_progress,
                on_found=terminal.on_found,
                stopped_by=lambda: pilot,
            ),
            terminal,
        )
    finally:
        signal.signal(signal.SIGINT, before)
        terminal.close()


def ask_to_set(needs: tuple[Requirement, ...]) -> bool:
    """Show the parameters that must change and ask."""
    tell("cli.set_parameters")
    show_table(
        ("cli.head_parameter", "cli.head_wanted", "cli.head_reason"),
        [(n.name, f"{n.wanted:g}", n.reason.text(language.get())) for n in needs if n.settable],
    )
    return ask("cli.ask_set")


def ask_to_arm(briefing: Briefing) -> bool:
    """Show the briefing and ask."""
    show_findings(briefing.findings)
    tell("cli.briefing", vehicle=briefing.identity.name, digest=briefing.plan_digest[:12])
    return ask("cli.ask_arm")
