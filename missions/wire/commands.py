"""Commands and parameters over a bad link: machines as in `missions.wire.transfer`, tables and no
clock.

**Commands.** COMMAND_LONG is sent again with its `confirmation` one higher until COMMAND_ACK
names the same command. IN_PROGRESS ends the repeating and begins a patient wait. ACCEPTED means
"will try", not "done": whoever called looks at the aircraft's state. What comes after the first
final answer (doubled or late ACKs) is ignored. A command that would do harm twice is given one
try (MISSION_START in the air begins the mission anew). One that arms or changes the mode is given
up rather than repeated once the link was broken, or our own computer asleep, meanwhile; an order to
stop goes on. A command that a newer one undoes is `overtaken` and never sent again: an old order to
return that is repeated after a stop would set off an aircraft that somebody walks up to.

**Parameters.** Read by name, a few at a time, each asked again while it does not come. ArduPilot
says nothing about a name it does not know; a name that stays silent while others answer is told
as absent (value None), and only if none answers is it the link that is broken. Setting compares
what is **read back** after the echo, as float32, the type on the wire.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from agri.errors import AgriError, BadInput, LinkError
from agri.words import Message
from missions.wire.messages import (
    CommandAck,
    CommandLong,
    Pair,
    ParameterRequest,
    ParameterSet,
    ParameterValue,
    Received,
)
from missions.wire.transfer import Sends

COMMAND_EVERY_S = 0.7
COMMAND_TRIES = 10
FRESH_S = 60.0
"""How old a proof of what is on board, and a person's yes, may be when the motors are armed."""
GAP_S = 3.0
"""After so long without a heartbeat a link was broken: what arms or starts needs a new yes."""
PATIENCE_S = 30.0
"""How long a command in progress may say nothing."""
PARAMETER_EVERY_S = 0.6
PARAMETER_TRIES = 10
PARAMETERS_AT_ONCE = 4
SET_ROUNDS = 4

ACCEPTED, IN_PROGRESS = 0, 5
"""MAV_RESULT of an ACK that is not a refusal."""
RESULTS = {
    1: "not_now",
    2: "denied",
    3: "unsupported",
    4: "failed",
    7: "unsupported",
    8: "unsupported",
}
"""MAV_RESULT to the word after ``link.result_`` in the dictionaries."""


class CallState(Enum):
    """Where a command stands."""

    ASKING = auto()
    WORKING = auto()
    ACCEPTED = auto()
    REFUSED = auto()
    SILENT = auto()
    OVERTAKEN = auto()


class CallEvent(Enum):
    """What can happen to a command."""

    ACCEPTED = auto()
    IN_PROGRESS = auto()
    REFUSED = auto()
    RETRY = auto()
    SILENT = auto()
    OVERTAKEN = auto()


_C, _E = CallState, CallEvent

CALL: dict[tuple[CallState, CallEvent], CallState] = {
    (_C.ASKING, _E.RETRY): _C.ASKING,
    (_C.ASKING, _E.SILENT): _C.SILENT,
    (_C.ASKING, _E.ACCEPTED): _C.ACCEPTED,
    (_C.ASKING, _E.IN_PROGRESS): _C.WORKING,
    (_C.ASKING, _E.REFUSED): _C.REFUSED,
    (_C.ASKING, _E.OVERTAKEN): _C.OVERTAKEN,
    (_C.WORKING, _E.IN_PROGRESS): _C.WORKING,
    (_C.WORKING, _E.ACCEPTED): _C.ACCEPTED,
    (_C.WORKING, _E.REFUSED): _C.REFUSED,
    (_C.WORKING, _E.SILENT): _C.SILENT,
    (_C.WORKING, _E.OVERTAKEN): _C.OVERTAKEN,
}
"""The command; entering ASKING by RETRY sends it again. No row: ignored."""


class CommandCall:
    """One command, from the first packet to its final answer.

    Parameters
    ----------
    pair : Pair
        Who is listened to.
    command : int
        MAV_CMD.
    params : sequence of float
        Up to seven.
    word : str
        The command's name after ``link.command_`` in the dictionaries.
    tries : int
        How often it may be sent; 1 for a command that must not arrive twice.
    every_s : float
        Time between two sendings.
    silence : callable or None
        Tells for how long the aircraft has been silent; given, the command is not repeated after a
        gap of more than `GAP_S`, neither in that silence nor in our own calls.

    Attributes
    ----------
    command : int
        As given.
    params : tuple of float
        As given.
    error : AgriError or None
        Why it failed, once `finished`.

    Examples
    --------
    >>> from missions.wire.messages import Address
    >>> vehicle, us = Address(1, 1), Address(255, 190)
    >>> call = CommandCall(Pair(vehicle=vehicle, us=us), 400, (1.0,), word="arm")
    >>> call.start(0.0)[0].confirmation, call.tick(0.7)[0].confirmation
    (0, 1)
    >>> call.receive(Received(CommandAck(command=400, result=0), vehicle, us), 0.8)
    ()
    >>> call.finished, call.error
    (True, None)
    """

    def __init__(
        self,
        pair: Pair,
        command: int,
        params: Sequence[float] = (),
        *,
        word: str,
        tries: int = COMMAND_TRIES,
        every_s: float = COMMAND_EVERY_S,
        silence: Callable[[], float] | None = None,
    ) -> None:
        self.state = CallState.ASKING
        self.result: int | None = None
        self.command = command
        self._pair = pair
        self.params = tuple(params)
        self._word = word
        self._tries = tries
        self._every_s = every_s
        self._silence = silence
        self._sent = 0
        self._sent_s = self._heard_s = 0.0

    @property
    def finished(self) -> bool:
        """Whether the final answer is known."""
        return self.state not in (CallState.ASKING, CallState.WORKING)

    @property
    def error(self) -> AgriError | None:
        """Why it failed, None when it did not."""
        command = Message.of(f"link.command_{self._word}")
        if self.state is CallState.SILENT:
            return LinkError("error.link_command_silent", command=command)
        if self.state is CallState.REFUSED:
            reason = Message.of(f"link.result_{RESULTS.get(self.result or 0, 'failed')}")
            return LinkError("error.link_command_refused", command=command, reason=reason)
        if self.state is CallState.OVERTAKEN:
            return LinkError("error.link_command_overtaken", command=command)
        return None

    @property
    def wake_s(self) -> float:
        """When `tick` has something to do next."""
        if self.state is CallState.WORKING:
            return self._heard_s + PATIENCE_S
        return self._sent_s + self._every_s

    def start(self, now_s: float) -> Sends:
        """Send it for the first time."""
        return self._send(now_s)

    def receive(self, received: Received, now_s: float) -> Sends:
        """Take one message."""
        body = received.body
        if not isinstance(body, CommandAck) or not self._pair.admits(received):
            return ()
        if body.command == self.command and not self.finished:
            self.result, self._heard_s = body.result, now_s
            known = {ACCEPTED: CallEvent.ACCEPTED, IN_PROGRESS: CallEvent.IN_PROGRESS}
            self._step(known.get(body.result, CallEvent.REFUSED))
        return ()

    def tick(self, now_s: float) -> Sends:
        """Let time pass; return the command again when it is time."""
        if now_s < self.wake_s or self.finished:
            return ()
        again = self.state is CallState.ASKING and self._sent < self._tries
        again = again and self._may_repeat(now_s)
        self._step(CallEvent.RETRY if again else CallEvent.SILENT)
        return self._send(now_s) if again else ()

    def overtake(self) -> None:
        """Never send it again: a newer command stands."""
        self._step(CallEvent.OVERTAKEN)

    def _may_repeat(self, now_s: float) -> bool:
        """Return whether nothing was broken or asleep since it was last sent."""
        if self._silence is None:
            return True
        slept = now_s - self._sent_s > self._every_s + GAP_S
        return not slept and self._silence() <= GAP_S

    def _step(self, event: CallEvent) -> None:
        self.state = CALL.get((self.state, event), self.state)

    def _send(self, now_s: float) -> Sends:
        self._sent_s = now_s
        confirmation = self._sent
        self._sent += 1
        return (CommandLong(command=self.command, confirmation=confirmation, params=self.params),)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the autopilot; `value` None when it has none of that name."""

    name: str
    value: float | None


def check_name(name: str) -> str:
    """Return `name` when MAVLink can carry it (1 to 16 ASCII letters).

    Raises
    ------
    BadInput
        When it cannot.
    """
    if not 1 <= len(name) <= 16 or not name.isascii():
        raise BadInput("error.parameter_name", name=name)
    return name


class ParameterReading:
    """A machine that reads parameters by name.

    Parameters
    ----------
    pair : Pair
        Who is listened to.
    names : sequence of str
        In the order the answer gives them.

    Attributes
    ----------
    error : AgriError or None
        Set when not one of them was answered.
    """

    def __init__(self, pair: Pair, names: Sequence[str]) -> None:
        self._pair = pair
        self._names = tuple(dict.fromkeys(check_name(name) for name in names))
        self._values: dict[str, float | None] = {}
        self._waiting = deque(self._names)
        self._asked: dict[str, tuple[int, float]] = {}

    @property
    def finished(self) -> bool:
        """Whether every name is answered or given up."""
        return not self._waiting and not self._asked

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What was read, in the order asked."""
        return tuple(Parameter(name, self._values.get(name)) for name in self._names)

    @property
    def error(self) -> AgriError | None:
        """A broken link: nothing at all was answered."""
        if self.finished and self._names and all(v is None for v in self._values.values()):
            return LinkError("error.link_parameters_silent", count=len(self._names))
        return None

    @property
    def wake_s(self) -> float:
        """When `tick` has something to do next."""
        return min((at_s for _, at_s in self._asked.values()), default=0.0) + PARAMETER_EVERY_S

    def start(self, now_s: float) -> Sends:
        """Ask for the first few."""
        return self._fill(now_s)

    def receive(self, received: Received, now_s: float) -> Sends:
        """Take one message; ask for the next name when one was answered."""
        body = received.body
        if not isinstance(body, ParameterValue) or not self._pair.admits(received):
            return ()
        if self._asked.pop(body.name, None) is None:
            return ()
        self._values[body.name] = body.value
        return self._fill(now_s)

    def tick(self, now_s: float) -> Sends:
        """Let time pass; ask again, give up a name that stays silent."""
        sends: Sends = ()
        for name, (tries, at_s) in list(self._asked.items()):
            if now_s - at_s < PARAMETER_EVERY_S:
                continue
            if tries >= PARAMETER_TRIES:
                del self._asked[name]
                self._values[name] = None
            else:
                self._asked[name] = (tries + 1, now_s)
                sends += (ParameterRequest(name=name),)
        return sends + self._fill(now_s)

    def _fill(self, now_s: float) -> Sends:
        sends: Sends = ()
        while self._waiting and len(self._asked) < PARAMETERS_AT_ONCE:
            name = self._waiting.popleft()
            self._asked[name] = (1, now_s)
            sends += (ParameterRequest(name=name),)
        return sends


class SetState(Enum):
    """Where the setting of a parameter stands."""

    SETTING = auto()
    READING = auto()
    DONE = auto()
    REFUSED = auto()
    SILENT = auto()


class SetEvent(Enum):
    """What can happen to it."""

    ECHO = auto()
    SAME = auto()
    OTHER = auto()
    STUBBORN = auto()
    RETRY = auto()
    SILENT = auto()


SET: dict[tuple[SetState, SetEvent], SetState] = {
    (SetState.SETTING, SetEvent.RETRY): SetState.SETTING,
    (SetState.SETTING, SetEvent.SILENT): SetState.SILENT,
    (SetState.SETTING, SetEvent.ECHO): SetState.READING,
    (SetState.READING, SetEvent.RETRY): SetState.READING,
    (SetState.READING, SetEvent.SILENT): SetState.SILENT,
    (SetState.READING, SetEvent.SAME): SetState.DONE,
    (SetState.READING, SetEvent.OTHER): SetState.SETTING,
    (SetState.READING, SetEvent.STUBBORN): SetState.REFUSED,
}
"""Setting a parameter; the echo of PARAM_SET proves nothing, the read-back does."""


class ParameterSetting:
    """A machine that sets one parameter and proves it by reading it back.

    Parameters
    ----------
    pair : Pair
        Who is listened to.
    name : str
        The parameter.
    value : float
        What it shall be; compared as float32.
    """

    def __init__(self, pair: Pair, name: str, value: float) -> None:
        self.state = SetState.SETTING
        self._pair = pair
        self._name = check_name(name)
        self._value = _float32(value)
        self._rounds = 0
        self._tries = 0
        self._sent_s = 0.0
        self._seen: float | None = None

    @property
    def finished(self) -> bool:
        """Whether it is over, well or not."""
        return self.state in (SetState.DONE, SetState.REFUSED, SetState.SILENT)

    @property
    def error(self) -> AgriError | None:
        """Why it failed, None when it did not."""
        if self.state is SetState.SILENT:
            return LinkError("error.link_parameter_silent", name=self._name)
        if self.state is SetState.REFUSED:
            return LinkError(
                "error.link_parameter_refused", name=self._name, value=self._value, seen=self._seen
            )
        return None

    @property
    def wake_s(self) -> float:
        """When `tick` has something to do next."""
        return self._sent_s + PARAMETER_EVERY_S

    def start(self, now_s: float) -> Sends:
        """Send it for the first time."""
        return self._send(now_s)

    def receive(self, received: Received, now_s: float) -> Sends:
        """Take one message."""
        body = received.body
        if not isinstance(body, ParameterValue) or not self._pair.admits(received):
            return ()
        if body.name != self._name or self.finished:
            return ()
        self._seen = body.value
        return self._step(self._event(body.value), now_s)

    def tick(self, now_s: float) -> Sends:
        """Let time pass; send again, or give up."""
        if self.finished or now_s < self.wake_s:
            return ()
        return self._step(
            SetEvent.SILENT if self._tries >= PARAMETER_TRIES else SetEvent.RETRY, now_s
        )

    def _event(self, value: float) -> SetEvent:
        if self.state is SetState.SETTING:
            return SetEvent.ECHO
        if _float32(value) == self._value:
            return SetEvent.SAME
        self._rounds += 1
        return SetEvent.STUBBORN if self._rounds >= SET_ROUNDS else SetEvent.OTHER

    def _step(self, event: SetEvent, now_s: float) -> Sends:
        following = SET.get((self.state, event), self.state)
        if following is not self.state:
            self._tries = 0
        self.state = following
        return () if self.finished else self._send(now_s)

    def _send(self, now_s: float) -> Sends:
        self._sent_s = now_s
        self._tries += 1
        if self.state is SetState.SETTING:
            return (ParameterSet(name=self._name, value=self._value),)
        return (ParameterRequest(name=self._name),)


def _float32(value: float) -> float:
    try:
        kept: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        raise BadInput("error.not_a_number", name="PARAM_SET", value=value) from None
    return kept
