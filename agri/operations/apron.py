"""All flights that one program has under way: one for each aircraft, and none twice.

Theory of operation. Who asks for a flight gets a key to watch it by. Asked again with the same name
(`LaunchAsked.once`) by the same person it is the same flight, so a form sent twice flies once. An
aircraft has one flight at a time; other programs are kept off it by its lease
(`agri.operations.fly`). Only the newest plan of a name is flown, and only as it was shown.

Nothing here is kept on the disk: a program that starts has no flights, and repeats none. What was
under way when the last one ended is told by the farm's record (`agri.operations.found`).
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from agri.errors import Refused
from agri.names import same
from agri.operations.airborne import ANSWER_S, Airborne, LaunchAsked
from agri.operations.clearance import aircraft_of
from agri.operations.fly import Flown, Pilot, fly_plan
from agri.operations.keyring import Keyring
from agri.workspace import Workspace

MOST_AT_ONCE, MOST_KEPT = 4, 30
"""Flights under way, and flights that may still be looked at."""


class Apron:
    """The flights of one program; several threads may use it.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    now : callable
        The wall clock, UTC.
    keyring : Keyring or None
        The keys of real aircraft.
    held_in : Path or None
        As in `agri.operations.fly.fly_plan`.
    fly : callable
        Flies a plan.
    clock : callable
        Seconds, never going back.
    answer_s : float
        How long a question waits for its answer.
    """

    def __init__(
        self, farm: Workspace, *, now: Callable[[], datetime], keyring: Keyring | None = None,
        held_in: Path | None = None, fly: Callable[..., Flown] = fly_plan,
        clock: Callable[[], float] = time.monotonic, answer_s: float = ANSWER_S,
    ) -> None:  # fmt: skip
        self.keyring = keyring
        self._farm, self._now, self._held_in = farm, now, held_in
        self._fly, self._clock, self._answer_s = fly, clock, answer_s
        self._lock = threading.Lock()
        self._flights: dict[str, Airborne] = {}
        self._aircraft: dict[str, tuple[bool, str]] = {}
        self._closed = False

    def begin(self, asked: LaunchAsked) -> Airborne:
        """Begin to look at an aircraft for a flight, and return the flight.

        Raises
        ------
        Refused
            When the plan is not the newest of its name, the aircraft has a flight already, there
            are too many, or the program is ending.
        """
        self._newest(asked)
        meant = self._meant(asked)
        with self._lock:
            for flight in self._flights.values():
                again = asked.once and flight.asked.once == asked.once
                if again and flight.asked.person_uid == asked.person_uid:
                    return flight
            under_way = [one for one in self._flights.values() if not one.sight().stage.ended]
            held = next((one for one in under_way if self._aircraft[one.uid] == meant), None)
            if held is not None:
                raise Refused("error.aircraft_under_way", aircraft=meant[1] or "–",
                              who=held.asked.launcher.pilot, plan=held.asked.plan.name)  # fmt: skip
            if self._closed or len(under_way) >= MOST_AT_ONCE:
                raise Refused("error.flights_too_many", most=MOST_AT_ONCE)
            flight = Airborne(uuid.uuid4().hex, asked, self._runner(asked), now=self._now,
                              clock=self._clock, answer_s=self._answer_s)  # fmt: skip
            self._forget()
            self._flights[flight.uid], self._aircraft[flight.uid] = flight, meant
            flight.begin()
        return flight

    def find(self, uid: str) -> Airborne | None:
        """Return a flight by its key, None when this program has none such."""
        with self._lock:
            return self._flights.get(uid)

    def under_way(self) -> tuple[Airborne, ...]:
        """Return the flights that have not ended."""
        with self._lock:
            flights = tuple(self._flights.values())
        return tuple(one for one in flights if not one.sight().stage.ended)

    def call_home(self) -> None:
        """End every launch and bring home what flies; nothing is begun any more."""
        with self._lock:
            self._closed = True
        for flight in self.under_way():
            flight.leave()

    def close(self) -> None:
        """Call everything home, and wait until all of it is over."""
        self.call_home()
        for flight in self.under_way():
            flight.join()

    def _forget(self) -> None:
        ended = [uid for uid, one in self._flights.items() if one.sight().stage.ended]
        for uid in ended[: max(0, len(self._flights) + 1 - MOST_KEPT)]:
            del self._flights[uid], self._aircraft[uid]

    def _newest(self, asked: LaunchAsked) -> None:
        name = same(asked.plan.name)
        record = next((one for one in self._farm.plans() if same(one.name) == name), None)
        if record is None or record.uid != asked.stored.uid or record.digest != asked.plan.digest:
            raise Refused("error.launch_old_plan", plan=asked.plan.name)

    def _meant(self, asked: LaunchAsked) -> tuple[bool, str]:
        """Return which aircraft is meant; a simulation never holds up a real one."""
        return asked.simulated, same(aircraft_of(self._farm, asked.plan, asked.launcher))

    def _runner(self, asked: LaunchAsked) -> Callable[[Pilot], Flown]:
        real = not asked.simulated
        ring = self.keyring if real else None

        def run(pilot: Pilot) -> Flown:
            return self._fly(
                self._farm, asked.plan, asked.stored, connect=asked.connect, pilot=pilot,
                language=asked.language, now=self._now(), launcher=asked.launcher,
                speedup=asked.speedup, clock=self._now, keyring=ring,
                signing=ring.signing(asked.key) if ring and asked.key else None,
                held_in=self._held_in if real else None,
            )  # fmt: skip

        return run
