"""Giving the orders that stop a flight, over a bad radio and from several hands at once.

**Only the newest order is repeated.** Over a bad radio an order to return may still be repeated
when somebody orders a stop: repeated once more after it, it would set the aircraft off again. So an
order drops whatever the aircraft must not do any more: an older order, and what arms and starts.

**An answer does not say to which order it is.** COMMAND_ACK names the command alone, and every
mode is the same command: the late answer to an older order looks like the newest one's. After an
older order the answer is therefore believed only when the aircraft is seen in another mode than
the older one's; seen in that mode, the newest is sent again. A mode that nobody here ordered is the
pilot's, who is never argued with.
"""

from __future__ import annotations

import math
import time

from agri.errors import LinkError
from agri.words import Message
from missions.link.asking import Asking
from missions.link.stops import SET_MODE, STOP_EVERY_S, mode_call, off_calls, undone
from missions.wire.commands import CallState, CommandCall
from missions.wire.sightings import Sighting, SightingKind
from missions.wire.telemetry import CopterMode, PumpServo, mode_name

STATE_WAIT_S = 15.0
NO_MODE = -1
DOUBT_S = 3.0
"""How long after an older order a refusal may be the answer to that one."""


class Orders:
    """The orders to hold, return and land of one link; any thread may give one.

    Parameters
    ----------
    link : Asking
        What they go out by.
    """

    def __init__(self, link: Asking) -> None:
        self._link = link
        self._newest: CommandCall | None = None
        self._mode = NO_MODE
        self._given_s = -math.inf

    def give(self, mode: CopterMode, plain_pump: PumpServo | None = None) -> None:
        """Order a mode, sprayer and camera off; wait until the aircraft is in it.

        Parameters
        ----------
        mode : CopterMode
            BRAKE, RTL or LAND.
        plain_pump : PumpServo or None
            See `off_calls`.

        Raises
        ------
        LinkError
            When it does not answer, refuses, stays in another mode, or a newer order was given.
        """
        link, service = self._link, self._link.service
        pair = link.pair()
        service.feed()
        order = mode_call(pair, mode)
        with service.changed:
            now_s, before = link.now_s(), self._mode
            doubt_s = self._given_s + DOUBT_S
            dropped = service.overtake(undone, (*off_calls(pair, plain_pump), order))
            older = {int(one.params[1]) for one in dropped if one.command == SET_MODE}
            older = (older | {before}) - {int(mode)}
            self._newest, self._mode, self._given_s = order, int(mode), now_s
        service.tell(Sighting(kind=SightingKind.ORDER, telemetry=service.telemetry, mode=mode))
        while not self._obeyed(order, mode, older, doubt_s):
            again = mode_call(pair, mode)
            with service.changed:
                self._look(order)
                service.add(again)
                self._newest = order = again
            if link.now_s() > now_s + STATE_WAIT_S:
                service.remove(order)
                raise LinkError("error.link_mode", mode=mode_name(mode))

    def _obeyed(
        self, order: CommandCall, mode: CopterMode, older: set[int], doubt_s: float
    ) -> bool:
        """Return whether the aircraft is in the mode; False when it must be told again."""
        link = self._link
        try:
            link.finish(order)
        except LinkError:
            self._look(order)
            if order.state is CallState.REFUSED and link.now_s() < doubt_s:
                time.sleep(STOP_EVERY_S)
                return False
            raise
        answered_s = link.now_s()

        def settled() -> bool:
            self._look(order)
            seen = link.service.telemetry
            return seen.mode == mode or (seen.heard_s > answered_s and seen.mode in older)

        link.wait(settled, STATE_WAIT_S, "error.link_mode", mode=mode_name(mode))
        return link.service.telemetry.mode == mode

    def _look(self, order: CommandCall) -> None:
        """Look whether a newer order was given."""
        if self._newest is not order:
            raise LinkError("error.link_command_overtaken", command=Message.of("link.command_mode"))
