"""Asking something of an aircraft and waiting for the answer, with a deadline.

What all that is asked over a link has in common: a machine is handed to the service thread, the
caller waits until it is over, and its error is raised here. Waiting keeps our heartbeats going.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agri.errors import LinkError
from missions.link.address import LinkAddress
from missions.link.hearing import Heard
from missions.link.radio import Radio
from missions.link.service import Machine, Service
from missions.link.signing import SigningState
from missions.wire.commands import CommandCall
from missions.wire.delivery import Delivery, Fetching, Progress
from missions.wire.messages import Pair

POLL_S = 0.05
HICCUP_S = 1.0

OnProgress = Callable[[Progress], None]


class Asking:
    """A radio, its service thread, and the way to wait for answers.

    Attributes
    ----------
    address : LinkAddress
        Where the aircraft is reached.
    radio : Radio
        The open connection; what flies an aircraft goes by `Link`, not by this.
    service : Service
        Its thread.
    """

    def __init__(
        self, address: LinkAddress, radio: Radio, service: Service, clock: Callable[[], float]
    ) -> None:
        self.address = address
        self.radio = radio
        self.service = service
        self._clock = clock

    def now_s(self) -> float:
        """Return the link's clock, monotonic seconds."""
        return self._clock()

    @property
    def silence_s(self) -> float:
        """Seconds since the aircraft's last heartbeat, in the aircraft's time.

        In a simulation that runs faster, a second of ours is forgiven: it is a busy computer,
        not a broken link.
        """
        rate = self.service.rate
        gap_s = self._clock() - self.service.telemetry.heard_s
        return gap_s if rate <= 1.0 else max(0.0, gap_s - HICCUP_S) * rate

    def heard(self) -> Heard:
        """Return who else was heard on this link, and what was refused."""
        return self.service.heard()

    @property
    def signing(self) -> SigningState:
        """How far this link is signed."""
        return self.service.signing

    def run(
        self, machine: Machine | Delivery | Fetching, on_progress: OnProgress | None = None
    ) -> None:
        """Run a machine to its end and raise its error."""
        self.service.add(machine)
        self.finish(machine, on_progress)

    def wait(
        self, condition: Callable[[], bool], within_s: float, key: str, **values: object
    ) -> None:
        """Wait until something is true.

        Raises
        ------
        LinkError
            `key` when it is not true in time; when the connection is gone.
        """
        until_s = self._clock() + within_s
        while not condition():
            if not self.service.alive:
                raise LinkError("error.link_lost")
            if self._clock() >= until_s:
                raise LinkError(key, **values)
            with self.service.changed:
                self.service.changed.wait(POLL_S)
            self.service.feed()

    def pair(self) -> Pair:
        """Return who talks to whom."""
        if self.service.pair is None:
            raise LinkError("error.link_lost")
        return self.service.pair

    def _call(
        self,
        command: int,
        params: Sequence[float],
        *,
        word: str,
        tries: int = 10,
        every_s: float = 0.7,
        careful: bool = False,
    ) -> None:
        """Give a command; a `careful` one is not repeated over a link that was broken."""
        silence = (lambda: self.silence_s) if careful else None
        self.run(
            CommandCall(
                self.pair(), command, params, word=word, tries=tries, every_s=every_s,
                silence=silence,
            )
        )  # fmt: skip

    def finish(
        self, machine: Machine | Delivery | Fetching, on_progress: OnProgress | None = None
    ) -> None:
        """Wait until a machine that was started is over, and raise its error."""
        told: Progress | None = None

        def tell() -> None:
            nonlocal told
            now = machine.progress if isinstance(machine, Delivery | Fetching) else None
            if on_progress is not None and now is not None and now != told:
                told = now
                on_progress(now)

        try:
            while not machine.finished:
                tell()
                with self.service.changed:
                    self.service.changed.wait(POLL_S)
                self.service.feed()
                if not self.service.alive:
                    raise LinkError("error.link_lost")
        finally:
            self.service.remove(machine)
        if machine.error is not None:
            raise machine.error
        tell()
