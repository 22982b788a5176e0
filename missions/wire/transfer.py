"""The two machines that move a list of items over a bad link: `Upload` and `Download`.

They open no socket and know no clock: a message comes in with the time it came, `tick` tells
them that time has passed, and both answer with the messages to send. Each is one table,
state × event → state, action. An event for which the table has no row is ignored: on a link that
doubles and delays, most odd messages are echoes, and taking an echo for a refusal is what
breaks uploads. A model of the protocol with 30 % loss each way gave 0 to 14 % success to
senders that follow the specification's five retries, and 100 % to these rules:

* MISSION_COUNT every 500 ms until the first item is asked for. The aircraft paces the rest.
* Any request for the last item asked for or a later one is answered. A request for an earlier
  one is an echo, unless it comes again after the aircraft's own second of waiting: then the
  aircraft has begun anew (a delayed MISSION_COUNT does that) and is followed.
* 400 ms without progress: the last item is sent again. No item has a limit of its own; 9 s
  without a request end the attempt (ArduPilot gives up after 8).
* INVALID_SEQUENCE is ignored, OPERATION_CANCELLED begins anew, a refusal ends at once and names
  the item.
* An ACK is believed only after the last item was asked for. After the last item, ACK, ERROR
  (what ArduPilot says to an item it no longer expects) and silence all mean the same: the
  aircraft must be asked what it holds. **Sent is not success**; `missions.wire.delivery` downloads
  and compares.

The download asks for the count every 500 ms and for one item at a time, again after 400 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from missions.items import MissionItem, MissionType
from missions.wire.messages import Ack, Body, Clear, Count, Item, ListRequest, Request

COUNT_EVERY_S = 0.5
RESEND_AFTER_S = 0.4
SILENCE_S = 9.0
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
    RETRY = auto()
    SILENT = auto()


class Action(Enum):
    """What a machine does on the way to its next state."""

    SEND_COUNT = auto()
    ANSWER = auto()
    REPEAT = auto()
    ASK_LIST = auto()
    ASK_ITEM = auto()
    THANK = auto()
    NOTHING = auto()


_U, _E, _A = UploadState, UploadEvent, Action

UPLOAD: dict[tuple[UploadState, UploadEvent], tuple[UploadState, Action]] = {
    (_U.COUNTING, _E.RETRY): (_U.COUNTING, _A.SEND_COUNT),
    (_U.COUNTING, _E.ASKED): (_U.SENDING, _A.ANSWER),
    (_U.COUNTING, _E.ASKED_LAST): (_U.ENDING, _A.ANSWER),
    (_U.COUNTING, _E.REFUSED): (_U.REFUSED, _A.NOTHING),
    (_U.COUNTING, _E.SILENT): (_U.BROKEN, _A.NOTHING),
    (_U.SENDING, _E.RETRY): (_U.SENDING, _A.REPEAT),
    (_U.SENDING, _E.ASKED): (_U.SENDING, _A.ANSWER),
    (_U.SENDING, _E.WENT_BACK): (_U.SENDING, _A.ANSWER),
    (_U.SENDING, _E.ASKED_LAST): (_U.ENDING, _A.ANSWER),
    (_U.SENDING, _E.CANCELLED): (_U.BROKEN, _A.NOTHING),
    (_U.SENDING, _E.REFUSED): (_U.REFUSED, _A.NOTHING),
    (_U.SENDING, _E.SILENT): (_U.BROKEN, _A.NOTHING),
    (_U.ENDING, _E.RETRY): (_U.ENDING, _A.REPEAT),
    (_U.ENDING, _E.ASKED_LAST): (_U.ENDING, _A.ANSWER),
    (_U.ENDING, _E.WENT_BACK): (_U.SENDING, _A.ANSWER),
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
        self, items: Sequence[MissionItem], mission_type: MissionType, *, clear: bool = False
    ) -> None:
        self.mission_type = mission_type
        self.state = UploadState.COUNTING if items else UploadState.ENDING
        self.asked = -1
        """Sequence number of the last item asked for, −1 before the first."""
        self.refusal: int | None = None
        """MAV_MISSION_RESULT of a refusal."""
        self._items = tuple(items)
        self._clear = clear
        self._back: tuple[int, float] | None = None
        self._sent_s = self._heard_s = self._began_s = 0.0

    @property
    def finished(self) -> bool:
        """Whether the attempt is over, well or not."""
        return self.state in UPLOAD_ENDS

    @property
    def wake_s(self) -> float:
        """When `tick` has something to do next."""
        return self._sent_s + (RESEND_AFTER_S if self.asked >= 0 else COUNT_EVERY_S)

    def start(self, now_s: float) -> Sends:
        """Begin at `now_s`; return the first message."""
        self._heard_s = self._began_s = now_s
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
                    INVALID_SEQUENCE: None,
                }
                if result not in known:
                    self.refusal = result
                    return UploadEvent.REFUSED
                return known[result]
            case _:
                return None

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
        return event

    def _step(self, event: UploadEvent, now_s: float) -> Sends:
        row = UPLOAD.get((self.state, event))
        if row is None:
            return ()
        self.state, action = row
        match action:
            case Action.SEND_COUNT:
                return self._send(self._announcement(), now_s)
            case Action.ANSWER | Action.REPEAT:
                return self._send(self._item() or self._announcement(), now_s)
            case _:
                return ()

    def _announcement(self) -> Body:
        if self._clear and not self._items:
            return Clear(mission_type=self.mission_type)
        return Count(mission_type=self.mission_type, count=len(self._items))

    def _item(self) -> Body | None:
        if self.asked < 0:
            return None
        return Item(mission_type=self.mission_type, seq=self.asked, item=self._items[self.asked])

    def _send(self, body: Body, now_s: float) -> Sends:
        self._sent_s = now_s
        return (body,)


class DownloadState(Enum):
    """Where a download stands."""

    LISTING = auto()
    FETCHING = auto()
    DONE = auto()
    BROKEN = auto()


class DownloadEvent(Enum):
    """What can happen to a download."""

    COUNTED = auto()
    COUNTED_NONE = auto()
    GOT = auto()
    GOT_LAST = auto()
    TOO_MANY = auto()
    RETRY = auto()
    SILENT = auto()


_D, _F = DownloadState, DownloadEvent

DOWNLOAD: dict[tuple[DownloadState, DownloadEvent], tuple[DownloadState, Action]] = {
    (_D.LISTING, _F.RETRY): (_D.LISTING, _A.ASK_LIST),
    (_D.LISTING, _F.COUNTED): (_D.FETCHING, _A.ASK_ITEM),
    (_D.LISTING, _F.COUNTED_NONE): (_D.DONE, _A.THANK),
    (_D.LISTING, _F.TOO_MANY): (_D.BROKEN, _A.NOTHING),
    (_D.LISTING, _F.SILENT): (_D.BROKEN, _A.NOTHING),
    (_D.FETCHING, _F.RETRY): (_D.FETCHING, _A.ASK_ITEM),
    (_D.FETCHING, _F.GOT): (_D.FETCHING, _A.ASK_ITEM),
    (_D.FETCHING, _F.GOT_LAST): (_D.DONE, _A.THANK),
    (_D.FETCHING, _F.SILENT): (_D.BROKEN, _A.NOTHING),
}
"""The download. A refusal (DENIED while the aircraft still receives) is no event: it is asked
again until the silence ends it."""

MOST_ITEMS = 5000
"""More than any ArduCopter stores (4,368 with an SD card); a larger count is not believed."""


class Download:
    """One attempt to fetch a list of items.

    Parameters
    ----------
    mission_type : MissionType
        Which of the three plans.
    """

    def __init__(self, mission_type: MissionType) -> None:
        self.mission_type = mission_type
        self.state = DownloadState.LISTING
        self.items: list[MissionItem | None] = []
        """What has come so far; None where it is no item agri could build."""
        self.count = 0
        """How many the aircraft says it holds."""
        self._sent_s = self._heard_s = 0.0

    @property
    def finished(self) -> bool:
        """Whether the attempt is over, well or not."""
        return self.state in (DownloadState.DONE, DownloadState.BROKEN)

    @property
    def wake_s(self) -> float:
        """When `tick` has something to do next."""
        listing = self.state is DownloadState.LISTING
        return self._sent_s + (COUNT_EVERY_S if listing else RESEND_AFTER_S)

    def start(self, now_s: float) -> Sends:
        """Begin at `now_s`; return the first message."""
        self._heard_s = self._sent_s = now_s
        return (ListRequest(mission_type=self.mission_type),)

    def receive(self, body: Body, now_s: float) -> Sends:
        """Take one message from the aircraft; return what to answer."""
        event = self._event(body)
        if event is None or (self.state, event) not in DOWNLOAD:
            return ()
        self._heard_s = now_s
        if isinstance(body, Count):
            self.count = body.count
        elif isinstance(body, Item):
            self.items.append(body.item)
        return self._step(event, now_s)

    def tick(self, now_s: float) -> Sends:
        """Let time pass; return what to ask again."""
        if now_s - self._heard_s >= SILENCE_S:
            return self._step(DownloadEvent.SILENT, now_s)
        return self._step(DownloadEvent.RETRY, now_s) if now_s >= self.wake_s else ()

    def _event(self, body: Body) -> DownloadEvent | None:
        match body:
            case Count(mission_type=self.mission_type, count=count):
                if count > MOST_ITEMS:
                    return DownloadEvent.TOO_MANY
                return DownloadEvent.COUNTED if count else DownloadEvent.COUNTED_NONE
            case Item(mission_type=self.mission_type, seq=seq) if seq == len(self.items):
                last = seq == self.count - 1
                return DownloadEvent.GOT_LAST if last else DownloadEvent.GOT
            case _:
                return None

    def _step(self, event: DownloadEvent, now_s: float) -> Sends:
        row = DOWNLOAD.get((self.state, event))
        if row is None:
            return ()
        self.state, action = row
        self._sent_s = now_s
        match action:
            case Action.ASK_LIST:
                return (ListRequest(mission_type=self.mission_type),)
            case Action.ASK_ITEM:
                return (Request(mission_type=self.mission_type, seq=len(self.items)),)
            case Action.THANK:
                return (Ack(mission_type=self.mission_type, result=ACCEPTED),)
            case _:
                return ()
