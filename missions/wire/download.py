"""The machine that fetches a list of items over a bad link: `Download`.

As `missions.wire.transfer`: no socket, no clock, one table. The count is asked for every 500 ms.
Then up to `IN_FLIGHT` items are asked for at a time, each again when its answer is overdue
(`missions.wire.pace`), and the next ones as answers come; so never more than four answers are under
way, whatever the radio. ArduPilot keeps no state of a download: it answers each MISSION_REQUEST_INT
by itself, in any order, so an item that is lost holds up no other.

An item is taken once, and only if it was asked for; what is doubled, late from an earlier download
or beyond the count changes nothing. The list is done when every number is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from missions.items import MissionItem, MissionType
from missions.wire.messages import Ack, Body, Count, Item, ListRequest, Request
from missions.wire.pace import Pace
from missions.wire.transfer import ACCEPTED, COUNT_EVERY_S, SILENCE_S, Sends

IN_FLIGHT = 4
"""So many items are asked for at a time: some 200 bytes of answers."""
MOST_ITEMS = 5000
"""More than any ArduCopter stores (4,368 with an SD card); a larger count is not believed."""


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


class DownloadAction(Enum):
    """What a download does on the way to its next state."""

    ASK_LIST = auto()
    ASK_ITEMS = auto()
    THANK = auto()
    NOTHING = auto()


_D, _F, _A = DownloadState, DownloadEvent, DownloadAction

DOWNLOAD: dict[tuple[DownloadState, DownloadEvent], tuple[DownloadState, DownloadAction]] = {
    (_D.LISTING, _F.RETRY): (_D.LISTING, _A.ASK_LIST),
    (_D.LISTING, _F.COUNTED): (_D.FETCHING, _A.ASK_ITEMS),
    (_D.LISTING, _F.COUNTED_NONE): (_D.DONE, _A.THANK),
    (_D.LISTING, _F.TOO_MANY): (_D.BROKEN, _A.NOTHING),
    (_D.LISTING, _F.SILENT): (_D.BROKEN, _A.NOTHING),
    (_D.FETCHING, _F.RETRY): (_D.FETCHING, _A.ASK_ITEMS),
    (_D.FETCHING, _F.GOT): (_D.FETCHING, _A.ASK_ITEMS),
    (_D.FETCHING, _F.GOT_LAST): (_D.DONE, _A.THANK),
    (_D.FETCHING, _F.SILENT): (_D.BROKEN, _A.NOTHING),
}
"""The download. A refusal (DENIED while the aircraft still receives) is no event: it is asked
again until the silence ends it."""


@dataclass(slots=True)
class _Asked:
    """A question on its way: when it was first and last sent, and whether more than once."""

    first_s: float
    sent_s: float
    repeated: bool = False

    def repeat(self, now_s: float) -> None:
        self.sent_s, self.repeated = now_s, True


class Download:
    """One attempt to fetch a list of items.

    Parameters
    ----------
    mission_type : MissionType
        Which of the three plans.
    pace : Pace, optional
        What is known of the link, and where more of it is learnt.
    """

    def __init__(self, mission_type: MissionType, pace: Pace | None = None) -> None:
        self.mission_type = mission_type
        self.state = DownloadState.LISTING
        self.count = 0
        """How many the aircraft says it holds."""
        self._pace = pace or Pace()
        self._got: dict[int, MissionItem | None] = {}
        self._list = _Asked(0.0, 0.0)
        self._asked: dict[int, _Asked] = {}
        self._next = 0
        self._heard_s = 0.0

    @property
    def items(self) -> tuple[MissionItem | None, ...]:
        """What has come so far, by number; None where it is no item agri could build."""
        return tuple(self._got[seq] for seq in sorted(self._got))

    @property
    def finished(self) -> bool:
        """Whether the attempt is over, well or not."""
        return self.state in (DownloadState.DONE, DownloadState.BROKEN)

    @property
    def wake_s(self) -> float:
        """When `tick` has something to do next."""
        if not self._asked:
            return self._list.sent_s + max(COUNT_EVERY_S, self._pace.wait_s)
        return min(asked.sent_s for asked in self._asked.values()) + self._pace.wait_s

    def start(self, now_s: float) -> Sends:
        """Begin at `now_s`; return the first message."""
        self._heard_s = now_s
        self._list = _Asked(now_s, now_s)
        return (ListRequest(mission_type=self.mission_type),)

    def receive(self, body: Body, now_s: float) -> Sends:
        """Take one message from the aircraft; return what to answer."""
        event = self._event(body)
        if event is None or (self.state, event) not in DOWNLOAD:
            return ()
        self._heard_s = now_s
        asked = self._list
        if isinstance(body, Count):
            self.count = body.count
        elif isinstance(body, Item):
            self._got[body.seq] = body.item
            asked = self._asked.pop(body.seq)
        self._pace.answered(now_s - asked.first_s, repeated=asked.repeated)
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
            case Item(mission_type=self.mission_type, seq=seq) if seq in self._asked:
                last = len(self._got) == self.count - 1
                return DownloadEvent.GOT_LAST if last else DownloadEvent.GOT
            case _:
                return None

    def _step(self, event: DownloadEvent, now_s: float) -> Sends:
        row = DOWNLOAD.get((self.state, event))
        if row is None:
            return ()
        self.state, action = row
        match action:
            case DownloadAction.ASK_LIST:
                self._list.repeat(now_s)
                return (ListRequest(mission_type=self.mission_type),)
            case DownloadAction.ASK_ITEMS:
                return self._ask_items(now_s)
            case DownloadAction.THANK:
                return (Ack(mission_type=self.mission_type, result=ACCEPTED),)
            case _:
                return ()

    def _ask_items(self, now_s: float) -> Sends:
        """Ask again for what is overdue, and for the next ones up to `IN_FLIGHT`."""
        wait_s = self._pace.wait_s
        wanted = [seq for seq, asked in self._asked.items() if asked.sent_s + wait_s <= now_s]
        for seq in wanted:
            self._asked[seq].repeat(now_s)
        while self._next < self.count and len(self._asked) < IN_FLIGHT:
            self._asked[self._next] = _Asked(now_s, now_s)
            wanted.append(self._next)
            self._next += 1
        return tuple(Request(mission_type=self.mission_type, seq=seq) for seq in wanted)
