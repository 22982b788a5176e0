"""Running a mission item by item, as ArduPilot's mission library does.

Two items are active at once: a *navigation* item, which is flown, and a *do* item, which waits in
line behind it. The rules, each of them seen on the real one:

* When a navigation item is done, the search goes on from the next item until a navigation item is
  found; the first do item on the way is started at once, the others one by one while that
  navigation item is flown (a condition holds up those behind it).
* So after the **last** navigation item only the first do item runs; then the mission is complete.
* A stopped mission resumes at its navigation item, from the start of it; a completed one from the
  first item. Item 0 is home and is never run.
* DO_JUMP is followed while searching; each jump counts how often it was taken.

The mission knows nothing of flying: what an item means is asked of a `Crew`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

from sitl.storage import Item, Plan

FIRST = 1
DO_JUMP, DO_RETURN_PATH_START, DO_LAND_START = 177, 188, 189
NAVIGATION = frozenset({*range(16, 23), 30, 31, 82, 83, 84, 85, 92, 93, 94, 213, 42702, 42703})
TAKEOFFS = frozenset({22, 84})
LANDINGS = frozenset({21, 85})
MAX_JUMPS = 64


class State(IntEnum):
    """What the mission is doing."""

    STOPPED = 0
    RUNNING = 1
    COMPLETE = 2


class Crew(Protocol):
    """Who carries out what the mission says."""

    def begin(self, seq: int, item: Item) -> bool:
        """Start an item; return whether it can be done at all."""

    def is_done(self, seq: int, item: Item) -> bool:
        """Return whether an item that was started is done."""

    def mission_over(self) -> None:
        """Hear that the last item is done."""

    def say(self, severity: int, text: str) -> None:
        """Tell the ground."""


class MissionRun:
    """The mission's place in its list of items.

    Parameters
    ----------
    plan : Plan
        The items, home first.
    crew : Crew
        Who carries them out.

    Attributes
    ----------
    state : State
        Stopped, running or complete.
    nav, do : int
        Index of the active navigation and do item, 0 for none.
    landing, returning : bool
        Whether the mission is in its landing sequence or on its return path.
    """

    def __init__(self, plan: Plan, crew: Crew) -> None:
        self.plan = plan
        self.crew = crew
        self.state = State.STOPPED
        self.landing = self.returning = False
        self.nav = self.do = 0
        self._nav_active = self._do_active = self._do_finished = False
        self._jumps: dict[int, int] = {}

    @property
    def count(self) -> int:
        """Number of items, home included."""
        return len(self.plan.items)

    def item(self, seq: int) -> Item:
        """Return an item."""
        return self.plan.items[seq]

    def start(self) -> None:
        """Begin with the first item."""
        self.state = State.RUNNING
        self.reset()
        if not self._advance(0):
            self._complete()

    def stop(self) -> None:
        """Stop where it is."""
        if self.state is State.RUNNING:
            self.state = State.STOPPED

    def resume(self) -> None:
        """Go on with the item it was stopped in."""
        if self.state is State.COMPLETE:
            self.start()
            return
        self.state = State.RUNNING
        if self.nav == 0 or self.nav >= self.count:
            self.start()
        elif self._do_active and self.do:
            self.set_current(self.do)
        elif self._nav_active:
            self.set_current(self.nav)

    def start_or_resume(self, restart: bool) -> None:
        """Resume, or start when MIS_RESTART says so."""
        if restart:
            self.start()
        else:
            self.resume()

    def reset(self) -> None:
        """Go back to before the first item; a running mission begins again by itself."""
        self._nav_active = self._do_active = self._do_finished = False
        self.landing = self.returning = False
        self.nav = self.do = 0
        self._jumps.clear()

    def forget(self) -> None:
        """Lose every item: the mission was cleared."""
        self.reset()
        self.state = State.STOPPED

    def set_current(self, seq: int) -> bool:
        """Make `seq` the item to run next; return whether that can be done."""
        self.landing = self.returning = False
        if seq >= self.count or self.count == 1:
            return False
        self.landing = self.item(seq).command == DO_LAND_START
        self.returning = self.item(seq).command == DO_RETURN_PATH_START
        self._nav_active = self._do_active = self._do_finished = False
        self.do = 0
        if seq == 0 or self.state is State.COMPLETE:
            self._jumps.clear()
            seq = max(seq, FIRST)
        if self.state is State.RUNNING:
            if self._advance(seq):
                return True
            self._complete()
            return False
        return self._aim(seq)

    def restart_item(self) -> bool:
        """Fly the present navigation item anew: the mission under it has changed."""
        if not self._nav_active or not 0 < self.nav < self.count:
            return False
        return self.crew.begin(self.nav, self.item(self.nav))

    def begins_with_takeoff(self) -> bool:
        """Return whether the item it would resume with is a take-off, delays passed over."""
        seq = self.nav or FIRST
        for _ in range(16):
            found = self.next_nav(seq)
            if found is None:
                return False
            seq, item = found
            if item.command != 93:
                return item.command in TAKEOFFS
            seq += 1
        return False

    def next_nav(self, seq: int) -> tuple[int, Item] | None:
        """Return the next navigation item from `seq` on; jumps are followed but not counted."""
        for _ in range(256):
            found = self._find(seq, count=False)
            if found is None:
                return None
            if self.item(found).command in NAVIGATION:
                return found, self.item(found)
            seq = found + 1
        return None

    def update(self) -> None:
        """See whether the active items are done, and go on to the next."""
        if self.state is not State.RUNNING or self.count == 0:
            return
        if not self._nav_active or self.nav == 0 or self.nav >= self.count:
            if not self._advance(0):
                self._complete()
                return
        elif self.crew.is_done(self.nav, self.item(self.nav)):
            self._nav_active = False
            if not self._advance(0):
                self._complete()
                return
        self._update_do()

    # ---- inside

    def _begin(self, seq: int) -> bool:
        item = self.item(seq)
        if item.command in LANDINGS or item.command == DO_LAND_START:
            self.landing = True
        elif item.command == DO_RETURN_PATH_START:
            self.returning = True
        elif item.command in TAKEOFFS:
            self.landing = self.returning = False
        return self.crew.begin(seq, item)

    def _update_do(self) -> None:
        if self._do_active:
            if self.do >= self.count or self.crew.is_done(self.do, self.item(self.do)):
                self._do_active = False
            return
        if self._do_finished or self.state is not State.RUNNING:
            return
        found = self._find(self.do + 1 if self.do else FIRST, count=False)
        if found is None or self.item(found).command in NAVIGATION:
            self._do_finished = True
            return
        self.do, self._do_active = found, True
        self._begin(found)

    def _advance(self, seq: int) -> bool:
        """Find and start the next navigation item, from `seq` or after the present one."""
        if self._nav_active:
            return False
        self.do, self._do_active, self._do_finished = 0, False, False
        seq = seq or (self.nav + 1 if self.nav else FIRST)
        for _ in range(255):
            found = self._find(seq, count=True)
            if found is None:
                return False
            if self.item(found).command in NAVIGATION:
                self.nav = found
                self._nav_active = self._begin(found)
                if self._nav_active:
                    self._do_finished = not self._do_active
                    return True
            elif not self._do_active:
                self.do, self._do_active = found, True
                self._begin(found)
            seq = found + 1
        return False

    def _aim(self, seq: int) -> bool:
        """Set the items to resume with, without starting them."""
        for _ in range(255):
            found = self._find(seq, count=True)
            if found is None or self._nav_active:
                break
            if self.item(found).command in NAVIGATION:
                self.nav, self._nav_active = found, True
            elif not self._do_active:
                self.do, self._do_active = found, True
            seq = found + 1
        if not self._nav_active:
            self.nav = 0
            return False
        self._do_finished = not self._do_active
        self.state = State.STOPPED
        return True

    def _find(self, seq: int, count: bool) -> int | None:
        """Return the first item from `seq` on that is not a jump."""
        taken = 0
        seen: int | None = None
        while seq < self.count:
            item = self.item(seq)
            if item.command != DO_JUMP:
                return seq
            target, times = int(item.params[0]), int(item.params[1])
            taken += 1
            stuck = not count and seen == seq
            if taken > MAX_JUMPS or not 0 < target < self.count or stuck:
                return None
            seen = seq if seen is None else seen
            done = self._jumps.get(seq, 0)
            if times == -1 or done < times:
                if count:
                    self._jumps[seq] = done + 1
                    self.crew.say(6, f"Mission: {seq} Jump {done + 1}/{times}")
                seq = target
            else:
                seq += 1
        return None

    def _complete(self) -> None:
        self.state = State.COMPLETE
        self.crew.mission_over()
