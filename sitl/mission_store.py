"""The mission, fence and rally server, as ArduCopter runs it, quirks and all.

One `PlanServer` serves one MAV_MISSION_TYPE. What a sender must survive, all of it seen on
ArduCopter 4.6-dev:

* MISSION_COUNT truncates the stored mission at once and every item then overwrites in place, so
  that a broken upload leaves a mixture of two missions. (A fence is only replaced at the end.)
* Items are asked for one by one with the deprecated MISSION_REQUEST; again after 1 s of silence;
  after 8 s without an item the upload is dropped with OPERATION_CANCELLED.
* An item out of turn earns INVALID_SEQUENCE and the upload goes on; an item when none is asked
  for earns ERROR; a refused item ends the upload.
* The same ground station may start again at any time; another one is DENIED, and so are downloads.
* Item 0 is home: what is sent is thrown away, what is given back is where home is.
* Before the vehicle has initialised there is no space: NO_SPACE.

The server opens no socket and knows no clock. Messages come in with `handle`, time with `tick`
(simulated seconds), and answers go to the `send` that is given, with the channel they are for.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from sitl import item_messages
from sitl.fence_storage import check_fence, fence_bytes, keep_fence, keep_rally
from sitl.item_messages import WITH_PLACE, Sender
from sitl.storage import Item, Plan, Result, keep_mission
from sitl.storage import single as f32

RETRY_S = 1.0
GIVE_UP_S = 8.0
MISSION, FENCE, RALLY = 0, 1, 2
LIMITS = {MISSION: 650, FENCE: 70, RALLY: 46}
"""Items that may be announced on a board without an SD card."""
FENCE_BYTES = 560
"""What a fence may take there: a polygon of 69 corners, or 42 circles."""
_NAMES = {MISSION: "Mission", FENCE: "Fence", RALLY: "Rally"}
_KEEP: dict[int, Callable[[Item], Item | Result]] = {
    MISSION: keep_mission,
    FENCE: keep_fence,
    RALLY: keep_rally,
}

Send = Callable[[Hashable, Any], None]
Say = Callable[[int, str], None]


@dataclass(slots=True)
class _Upload:
    sender: Sender
    next_seq: int
    last_seq: int
    item_s: float
    asked_s: float


class PlanServer:
    """The protocol server and the storage of one kind of plan.

    Parameters
    ----------
    kind : int
        MAV_MISSION_TYPE: 0 mission, 1 fence, 2 rally.
    plan : Plan
        Where the items are stored.
    send : callable
        Takes (channel, message).
    say : callable
        Takes (severity, text): a STATUSTEXT to everyone.
    home : callable
        Returns the `Item` given back as item 0 of a mission.

    Attributes
    ----------
    ready : bool
        False until the vehicle has initialised.
    limit, fence_bytes : int
        Items that may be announced; bytes a fence may take.
    may_clear, cleared : callable
        Returns whether the plan may be cleared now (a mission not while it is flown); is told
        when it was.
    """

    def __init__(
        self,
        kind: int,
        plan: Plan,
        *,
        send: Send,
        say: Say,
        home: Callable[[], Item],
    ) -> None:
        self.kind = kind
        self.plan = plan
        self.ready = False
        self.limit = LIMITS[kind]
        self.fence_bytes = FENCE_BYTES
        self.may_clear: Callable[[], bool] = lambda: True
        self.cleared: Callable[[], None] = lambda: None
        self._send = send
        self._say = say
        self._home = home
        self._upload: _Upload | None = None
        self._pending: list[Item | None] = []
        self._now_s = 0.0
        self._warned = False
        self._handlers: dict[str, Callable[[Any, Sender], None]] = {
            "MISSION_COUNT": self._on_count,
            "MISSION_ITEM_INT": self._on_item_int,
            "MISSION_ITEM": self._on_item,
            "MISSION_REQUEST_LIST": self._on_request_list,
            "MISSION_REQUEST_INT": self._on_request,
            "MISSION_REQUEST": self._on_request,
            "MISSION_CLEAR_ALL": self._on_clear,
            "MISSION_WRITE_PARTIAL_LIST": self._on_partial,
        }

    @property
    def receiving(self) -> bool:
        """Whether an upload is under way."""
        return self._upload is not None

    def handle(self, message: Any, sender: Sender, now_s: float) -> None:
        """Take one mission message that is addressed to this vehicle and of this kind."""
        self._now_s = now_s
        handler = self._handlers.get(message.get_type())
        if handler is not None:
            handler(message, sender)

    def tick(self, now_s: float) -> None:
        """Ask again after a second, give up after eight."""
        self._now_s = now_s
        upload = self._upload
        if upload is None:
            return
        if now_s - upload.item_s > GIVE_UP_S:
            self._say(4, f"{_NAMES[self.kind]} upload timeout")
            self._ack(upload.sender, Result.OPERATION_CANCELLED)
            self._end()
        elif now_s - upload.asked_s > RETRY_S:
            self._ask(upload)

    def _ack(self, sender: Sender, result: int) -> None:
        self._send(sender.channel, item_messages.ack(sender, result, self.kind))

    def _ask(self, upload: _Upload) -> None:
        upload.asked_s = self._now_s
        message = item_messages.request(upload.sender, upload.next_seq, self.kind)
        self._send(upload.sender.channel, message)

    def _begin(self, sender: Sender, first: int, last: int) -> None:
        now_s = self._now_s
        self._warned = False
        self._upload = _Upload(sender, first, last, now_s, now_s)
        self._ask(self._upload)

    def _end(self) -> None:
        self._upload = None
        self._pending = []

    def _on_count(self, message: Any, sender: Sender) -> None:
        if self._upload is not None:
            other = self._upload.sender
            if (other.system, other.component) != (sender.system, sender.component):
                self._ack(sender, Result.DENIED)
                return
            self._pending = []
        limit = self.limit if self.ready else 0
        if message.count > limit or not self.ready:
            self._ack(sender, Result.NO_SPACE)
            self._say(4, f"Only {limit} items are supported")
            return
        if self.kind == FENCE:
            self._pending = [None] * message.count
        else:
            self.plan.truncate(message.count)
        if message.count == 0:
            self._complete(sender)
        else:
            self._begin(sender, 0, message.count - 1)

    def _on_partial(self, message: Any, sender: Sender) -> None:
        first, last, count = message.start_index, message.end_index, len(self.plan.items)
        if not 0 <= first <= last <= count or not self.ready:
            self._say(4, "Flight plan update rejected")
            self._ack(sender, Result.ERROR)
            return
        if self.kind == FENCE:
            self._pending = list(self.plan.items)
        self._begin(sender, first, last)

    def _on_item(self, message: Any, sender: Sender) -> None:
        x, y = f32(message.x), f32(message.y)
        if message.command in WITH_PLACE:
            if not abs(x) <= 90.0 or not abs(y) <= 180.0:
                wrong = Result.INVALID_PARAM6_Y if abs(x) <= 90.0 else Result.INVALID_PARAM5_X
                self._ack(sender, wrong)
                return
            x, y = f32(x * 1.0e7), f32(y * 1.0e7)
        if not self._warned and self.kind == MISSION:
            self._warned = True
            self._say(4, "got MISSION_ITEM; GCS should send MISSION_ITEM_INT")
        self._take(message, sender, _integer(x), _integer(y))

    def _on_item_int(self, message: Any, sender: Sender) -> None:
        self._take(message, sender, message.x, message.y)

    def _take(self, message: Any, sender: Sender, x: int, y: int) -> None:
        upload = self._upload
        if upload is None:
            self._ack(sender, Result.ERROR)
            return
        if message.seq != upload.next_seq:
            self._ack(sender, Result.INVALID_SEQUENCE)
            return
        if (sender.system, sender.component) != (upload.sender.system, upload.sender.component):
            self._ack(sender, Result.DENIED)
            return
        params = (message.param1, message.param2, message.param3, message.param4)
        sent = Item(
            command=message.command, frame=message.frame, params=params, x=x, y=y, z=message.z
        )
        result = self._store(upload.next_seq, sent)
        if result != Result.ACCEPTED:
            self._ack(sender, result)
            self._end()
            return
        upload.sender = sender
        upload.item_s = self._now_s
        upload.next_seq += 1
        if upload.next_seq > upload.last_seq:
            self._complete(sender)
        else:
            self._ask(upload)

    def _store(self, seq: int, sent: Item) -> Result:
        kept = _KEEP[self.kind](sent)
        if isinstance(kept, Result):
            return kept
        if self.kind == FENCE:
            if seq >= len(self._pending):
                return Result.INVALID_SEQUENCE
            self._pending[seq] = kept
            return Result.ACCEPTED
        if kept.command == 177 and self.kind == MISSION and not self._jump_lands(kept):
            return Result.ERROR
        return Result.ACCEPTED if self.plan.put(seq, kept) else Result.ERROR

    def _jump_lands(self, jump: Item) -> bool:
        target = int(jump.params[0])
        last = self._upload.last_seq if self._upload else 0
        return target != 0 and (target < len(self.plan.items) or target <= last)

    def _complete(self, sender: Sender) -> None:
        result = Result.ACCEPTED
        if self.kind == FENCE:
            fence = [item for item in self._pending if item is not None]
            if check_fence(fence) and fence_bytes(fence) <= self.fence_bytes:
                self.plan.replace(fence)
            else:
                result = Result.ERROR
        elif self.kind == MISSION:
            self._say(6, "Flight plan received")
        self._ack(sender, result)
        self._end()

    def _on_clear(self, _: Any, sender: Sender) -> None:
        if self.receiving or not self.may_clear() or not self.ready:
            self._ack(sender, Result.ERROR)
            return
        self.plan.replace([])
        self.cleared()
        self._ack(sender, Result.ACCEPTED)

    def _on_request_list(self, _: Any, sender: Sender) -> None:
        if self.receiving:
            self._ack(sender, Result.DENIED)
        else:
            self._count(sender)

    def _count(self, sender: Sender) -> None:
        message = item_messages.count(sender, len(self.plan.items), self.kind)
        self._send(sender.channel, message)

    def _on_request(self, message: Any, sender: Sender) -> None:
        if self.receiving:
            self._ack(sender, Result.DENIED)
            return
        seq = message.seq
        if self.kind == MISSION and seq == 0:
            item = self._home()
        elif seq < len(self.plan.items):
            item = self.plan.items[seq]
        else:
            self._refuse_request(seq, sender)
            return
        whole = message.get_type() == "MISSION_REQUEST_INT"
        build = item_messages.mission_item_int if whole else item_messages.mission_item
        self._send(sender.channel, build(item, seq, sender, self.kind))

    def _refuse_request(self, seq: int, sender: Sender) -> None:
        if self.kind == MISSION:
            self._count(sender)
            self._ack(sender, Result.ERROR)
        elif self.kind == FENCE and seq == len(self.plan.items):
            self._ack(sender, Result.ERROR)
        else:
            self._ack(sender, Result.INVALID_SEQUENCE)


def _integer(value: float) -> int:
    """Return a C-like int32 of a float: cut, and saturated where C leaves it undefined."""
    if value != value:  # noqa: PLR0124  (NaN)
        return 0
    return int(max(-2147483648.0, min(2147483647.0, value)))
