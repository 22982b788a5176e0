"""The machine that moves a list of items to an aircraft over a bad link: `Upload`.

It opens no socket and knows no clock: a message comes in with the time it came, `tick` tells it
that time has passed, and both answer with the messages to send. It is one table, state × event →
state, action. An event for which the table has no row is ignored: on a link that doubles and
delays, most odd messages are echoes, and taking an echo for a refusal is what breaks uploads. A
model of the protocol with 30 % loss each way gave 0 to 14 % success to senders that follow the
specification's five retries, and 100 % to these rules:

* MISSION_COUNT every 500 ms until the first item is asked for. The aircraft paces the rest.
* Any request for the last item asked for or a later one is answered, unless the very item left
  less than a round trip ago. A request for an earlier one is an echo, unless it comes again after
  the aircraft's own second of waiting: then the aircraft has begun anew (a delayed MISSION_COUNT
  does that) and is followed.
* No answer in the time the link needs (`missions.wire.pace`): the item is sent again. No item has a
  limit of its own; 9 s without a request end the attempt (ArduPilot gives up 8 s after the last
  item it took, so after 2.5 s of repeating one item it goes every 400 ms, however slow the link).
* INVALID_SEQUENCE to an item that was sent twice says that the aircraft holds it and that its next
  request was lost. ArduPilot would repeat that only after a second; so the next item is sent at
  once. This is the only thing ever sent unasked, it may be wrong (an echo), and it cannot harm: the
  aircraft takes exactly the item it waits for, and its next request says which that is. **The last
  item is never sent unasked.**
* OPERATION_CANCELLED begins anew, a refusal ends at once and names the item.
* An ACK is believed only after the last item was asked for. After the last item, ACK, ERROR
  (what ArduPilot says to an item it no longer expects) and silence all mean the same: the
  aircraft must be asked what it holds. **Sent is not success**; `missions.wire.delivery` downloads
  (`missions.wire.download`) and compares.

A hundred items with fence and rally points, sent and read back through 30 % loss, 5 % doubled and
5 % late each way: 1,000 of 1,000 over real sockets, none of them falsely, in 57 s at the median and
76 s at the 99th percentile (the embedded aircraft; 54 s with the real ArduCopter in the loop). With
a fixed wait of 0.4 s, nothing sent unasked and one item read at a time it was 150 s with a tenth
more messages; a radio that takes a second there and back and loses nothing carried nearly three
times as many as now.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from missions.items import MissionItem, MissionType
from missions.wire.messages import Ack, Body, Clear, Count, Item, Request
from missions.wire.pace import Pace

COUNT_EVERY_S = 0.5
SILENCE_S = 9.0
HURRY_AFTER_S, HURRY_EVERY_S = 2.5, 0.4
"""One item repeated for so long is repeated at least so often: the aircraft's patience ends."""
AIRCRAFT_ASKS_AGAIN_S = 0.8
"""A little less than the second after which ArduPilot repeats a request."""
OVERDUE_S = 60.0
OVERDUE_PER_ITEM_S = 6.0
"""One attempt ends after this long whatever happens: a loop of messages is not progress."""

ACCEPTED, ERROR, INVALID_SEQUENCE, CANCELLED = 0, 1, 13, 15
"""MAV_MISSION_RESULT of an ACK that is not a refusal."""

Sends = tuple[Body, ...]


class UploadState(Enum):
    """Where an upload stands."""

    COUNTING = auto()
    SENDING = auto()
    ENDING = auto()
    SENT = auto()
    BROKEN = auto()
    REFUSED = auto()


class UploadEvent(Enum):
    """What can happen to an upload."""

    ASKED = auto()
    ASKED_LAST = auto()
    WENT_BACK = auto()
    ACCEPTED = auto()
    ERROR = auto()
    CANCELLED = auto()
    REFUSED = auto()
    HAS_IT = auto()
    RETRY = auto()
    SILENT = auto()


class Action(Enum):
    """What an upload does on the way to its next state."""

    SEND_COUNT = auto()
    SEND_ITEM = auto()
    SEND_NEXT = auto()
    NOTHING = auto()


_U, _E, _A = UploadState, UploadEvent, Action

UPLOAD: dict[tuple[UploadState, UploadEvent], tuple[UploadState, Action]] = {
    (_U.COUNTING, _E.RETRY): (_U.COUNTING, _A.SEND_COUNT),
    (_U.COUNTING, _E.ASKED): (_U.SENDING, _A.SEND_ITEM),
    (_U.COUNTING, _E.ASKED_LAST): (_U.ENDING, _A.SEND_ITEM),
    (_U.COUNTING, _E.REFUSED): (_U.REFUSED, _A.NOTHING),
    (_U.COUNTING, _E.SILENT): (_U.BROKEN, _A.NOTHING),
    (_U.SENDING, _E.RETRY): (_U.SENDING, _A.SEND_ITEM),
    (_U.SENDING, _E.ASKED): (_U.SENDING, _A.SEND_ITEM),
    (_U.SENDING, _E.WENT_BACK): (_U.SENDING, _A.SEND_ITEM),
    (_U.SENDING, _E.ASKED_LAST): (_U.ENDING, _A.SEND_ITEM),
    (_U.SENDING, _E.HAS_IT): (_U.SENDING, _A.SEND_NEXT),
    (_U.SENDING, _E.CANCELLED): (_U.BROKEN, _A.NOTHING),
    (_U.SENDING, _E.REFUSED): (_U.REFUSED, _A.NOTHING),
    (_U.SENDING, _E.SILENT): (_U.BROKEN, _A.NOTHING),
    (_U.ENDING, _E.RETRY): (_U.ENDING, _A.SEND_ITEM),
    (_U.ENDING, _E.ASKED_LAST): (_U.ENDING, _A.SEND_ITEM),
    (_U.ENDING, _E.WENT_BACK): (_U.SENDING, _A.SEND_ITEM),
    (_U.ENDING, _E.ACCEPTED): (_U.SENT, _A.NOTHING),
    (_U.ENDING, _E.ERROR): (_U.SENT, _A.NOTHING),
    (_U.ENDING, _E.CANCELLED): (_U.BROKEN, _A.NOTHING),
    (_U.ENDING, _E.REFUSED): (_U.REFUSED, _A.NOTHING),
    (_U.ENDING, _E.SILENT): (_U.SENT, _A.NOTHING),
}
"""The upload; with nothing to send it begins at ENDING, where only the ACK is awaited."""

UPLOAD_ENDS = frozenset({UploadState.SENT, UploadState.BROKEN, UploadState.REFUSED})


class Upload:
    """One attempt to send a list of items.

    Parameters
    ----------
    items : sequence of MissionItem
        In wire order, home included where the aircraft expects it.
    mission_type : MissionType
        Which of the three plans.
    clear : bool
        With no items: send MISSION_CLEAR_ALL instead of MISSION_COUNT 0 (some autopilots know
        only one of them).
    pace : Pace, optional
        What is known of the link, and where more of it is learnt.

    Examples
    --------
    >>> upload = Upload([MissionItem(command=20)], MissionType.MISSION)
    >>> upload.start(0.0)
    (Count(mission_type=<MissionType.MISSION: 0>, count=1),)
    >>> _ = upload.receive(Request(mission_type=MissionType.MISSION, seq=0), 0.1)
    >>> _ = upload.receive(Ack(mission_type=MissionType.MISSION, result=0), 0.2)
    >>> upload.state
    <UploadState.SENT: 4>
    """

    def __init__(
        self,
        items: Sequence[MissionItem],
        mission_type: MissionType,
        *,
        clear: bool = False,
        pace: Pace | None = None,
    ) -> None:
        self.mission_type = mission_type
        self.state = UploadState.COUNTING if items else UploadState.ENDING
        self.asked = -1
        """Sequence number of the last item asked for, −1 before the first."""
        self.offered = -1
        """The item sent last: the one asked for, or one the aircraft must be waiting for."""
        self.refusal: int | None = None
        """MAV_MISSION_RESULT of a refusal."""
        self._items = tuple(items)
        self._clear = clear
        self._pace = pace or Pace()
        self._back: tuple[int, float] | None = None
        self._sends = 0
        self._guessed = False
        self._first_s = self._sent_s = self._heard_s = self._began_s = 0.0

    @property
    def finished(self) -> bool:
        """Whether the attempt is over, well or not."""
        return self.state in UPLOAD_ENDS

    @property
    def wake_s(self) -> float:
        """When `tick` has something to do next."""
        wait_s = self._pace.wait_s
        if self.offered < 0:
            wait_s = max(COUNT_EVERY_S, wait_s)
        elif self._sent_s - self._first_s >= HURRY_AFTER_S:
            wait_s = min(HURRY_EVERY_S, wait_s)
        return self._sent_s + wait_s

    def start(self, now_s: float) -> Sends:
        """Begin at `now_s`; return the first message."""
        self._first_s = self._heard_s = self._began_s = now_s
        return self._send(self._announcement(), now_s)

    def receive(self, body: Body, now_s: float) -> Sends:
        """Take one message from the aircraft; return what to answer."""
        event = self._event(body, now_s)
        return () if event is None else self._step(event, now_s)

    def tick(self, now_s: float) -> Sends:
        """Let time pass; return what to send again."""
        overdue_s = OVERDUE_S + OVERDUE_PER_ITEM_S * len(self._items)
        if now_s - self._heard_s >= SILENCE_S or now_s - self._began_s >= overdue_s:
            return self._step(UploadEvent.SILENT, now_s)
        return self._step(UploadEvent.RETRY, now_s) if now_s >= self.wake_s else ()

    def _event(self, body: Body, now_s: float) -> UploadEvent | None:
        match body:
            case Request(mission_type=self.mission_type, seq=seq):
                return self._asked_for(seq, now_s)
            case Ack(mission_type=self.mission_type, result=result):
                known = {
                    ACCEPTED: UploadEvent.ACCEPTED,
                    ERROR: UploadEvent.ERROR,
                    CANCELLED: UploadEvent.CANCELLED,
                    INVALID_SEQUENCE: UploadEvent.HAS_IT if self._may_go_on() else None,
                }
                if result not in known:
                    self.refusal = result
                    return UploadEvent.REFUSED
                return known[result]
            case _:
                return None

    def _may_go_on(self) -> bool:
        """Whether INVALID_SEQUENCE may be the answer to a repeated item; never to the last two."""
        return self._sends > 1 and self.offered + 1 < len(self._items) - 1

    def _asked_for(self, seq: int, now_s: float) -> UploadEvent | None:
        last = len(self._items) - 1
        if not 0 <= seq <= last or (self.state is UploadState.COUNTING and seq != 0):
            return None
        event = UploadEvent.ASKED_LAST if seq == last else UploadEvent.ASKED
        if seq < self.asked:
            if self._back is None or self._back[0] != seq:
                self._back = (seq, now_s)
            if now_s - self._back[1] < AIRCRAFT_ASKS_AGAIN_S:
                return None
            event = UploadEvent.WENT_BACK
        self.asked, self._back, self._heard_s = seq, None, now_s
        if seq == self.offered:
            on_its_way = now_s - self._sent_s < self._pace.trip_s
            return None if on_its_way else event
        if seq == self.offered + 1 and not self._guessed:
            self._pace.answered(now_s - self._first_s, repeated=self._sends > 1)
        self._offer(seq, now_s, guessed=seq < self.offered)
        return event

    def _offer(self, seq: int, now_s: float, *, guessed: bool) -> None:
        self.offered, self._guessed = seq, guessed
        self._sends, self._first_s = 0, now_s

    def _step(self, event: UploadEvent, now_s: float) -> Sends:
        row = UPLOAD.get((self.state, event))
        if row is None:
            return ()
        self.state, action = row
        match action:
            case Action.SEND_COUNT:
                return self._send(self._announcement(), now_s)
            case Action.SEND_NEXT:
                self._offer(self.offered + 1, now_s, guessed=True)
                return self._send(self._item(), now_s)
            case Action.SEND_ITEM:
                return self._send(self._item(), now_s)
            case _:
                return ()

    def _announcement(self) -> Body:
        if self._clear and not self._items:
            return Clear(mission_type=self.mission_type)
        return Count(mission_type=self.mission_type, count=len(self._items))

    def _item(self) -> Body:
        """The item on offer; with nothing to send, that there is nothing."""
        if self.offered < 0:
            return self._announcement()
        item = self._items[self.offered]
        return Item(mission_type=self.mission_type, seq=self.offered, item=item)

    def _send(self, body: Body, now_s: float) -> Sends:
        self._sent_s = now_s
        self._sends += 1
        return (body,)
