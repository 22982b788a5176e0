"""AUTO: what each mission item means in flight.

`AutoCrew` carries out the items that `sitl.mission_run` hands it. Flown as they are: waypoints
(with delay), loiter for a time or for ever, take-off, land (here or there), return, delay; spline
waypoints are flown as straight legs. Navigation items that ArduCopter flies but this simulator
does not (circles, payload, guided) cannot be started and are passed over with a message. Do items:
speed, sprayer, camera, servo, home, fence, and the conditions delay, distance and yaw; items for a
gimbal, a relay, a region of interest or a resume distance are accepted without effect.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from sitl import instruments, orders
from sitl.item_names import NAMES, REACHED_TEXT, ROUNDED, SILENT_DO
from sitl.legs import Place
from sitl.mission_run import State
from sitl.motions import Task
from sitl.storage import Item

if TYPE_CHECKING:
    from sitl.copter import Copter


class AutoCrew:
    """Carries out mission items with the copter's pilot and payload.

    Attributes
    ----------
    reached : list of int
        Items done since last asked, for MISSION_ITEM_REACHED.
    waiting : bool
        Whether AUTO has been entered but the mission not yet started.
    """

    def __init__(self, copter: Copter) -> None:
        self._copter = copter
        self.reached: list[int] = []
        self.waiting = False
        self._version = -1
        self._seen: tuple[Item | None, ...] = ()
        self._seen_nav = -1
        self._since_s: float | None = None
        self._wait_s = 0.0
        self._landing = False
        self._condition = 0.0
        self._begin: dict[int, Callable[[int, Item], bool]] = {
            16: self._waypoint,
            82: self._waypoint,
            17: self._loiter,
            19: self._loiter,
            20: self._return,
            21: self._land,
            22: self._take_off,
            93: self._delay,
            112: self._condition_delay,
            114: self._condition_distance,
            115: self._condition_yaw,
            178: self._speed,
            179: self._home,
            183: self._servo,
            203: self._shoot,
            206: self._trigger,
            207: self._fence,
            216: self._spray,
            2000: self._shoot_by_time,
            2001: self._stop_shooting,
        }
        self._done: dict[int, Callable[[Item], bool]] = {
            16: self._waited,
            82: self._waited,
            17: lambda _: False,
            19: self._waited,
            20: lambda _: self._copter.returned,
            21: self._landed,
            22: lambda _: self._copter.took_off,
            93: self._delay_over,
            112: self._delay_over_do,
            114: self._near,
            115: self._turned,
        }

    # ---- the mode

    def wait_to_start(self) -> None:
        """Start or resume the mission as soon as the EKF knows where it is."""
        self.waiting = True

    def run(self) -> None:
        """Let the mission go on by one step of time."""
        copter = self._copter
        mission = copter.mission
        if self.waiting:
            if copter.ready.has_origin:
                self.waiting = False
                self._version, self._seen_nav = copter.mission_plan.version, -1
                mission.start_or_resume(copter.parameters["MIS_RESTART"] == 1.0)
            return
        self._notice_change()
        mission.update()
        over = mission.state is State.COMPLETE
        if copter.auto_rtl and not (mission.landing or mission.returning or over):
            copter.auto_rtl = False

    def _ahead(self) -> tuple[Item | None, ...]:
        """Return the present navigation item and the two after it."""
        mission = self._copter.mission
        found: list[Item | None] = []
        seq = mission.nav
        for _ in range(3):
            following = mission.next_nav(seq) if seq else None
            found.append(following[1] if following else None)
            seq = following[0] + 1 if following else 0
        return tuple(found)

    def _notice_change(self) -> None:
        """Fly the present leg anew when what is flown was changed by an upload."""
        copter, mission = self._copter, self._copter.mission
        fresh = copter.mission_plan.version != self._version
        if not fresh and mission.nav == self._seen_nav:
            return
        ahead, before = self._ahead(), self._seen
        same_item = mission.nav == self._seen_nav
        self._version, self._seen_nav = copter.mission_plan.version, mission.nav
        self._seen = ahead
        flown = mission.state is State.RUNNING and copter.pilot.task is Task.LEGS
        if fresh and same_item and ahead != before and flown:
            done = mission.restart_item()
            what = ", restarted command" if done else " but failed to restart command"
            self.say(2, f"Auto mission changed{what}")

    # ---- what the mission asks

    def say(self, severity: int, text: str) -> None:
        """Tell the ground."""
        self._copter.say(severity, text)

    def begin(self, seq: int, item: Item) -> bool:
        """Start an item."""
        self.say(6, f"Mission: {seq} {NAMES.get(item.command, '?')}")
        start = self._begin.get(item.command)
        if start is not None:
            return start(seq, item)
        return item.command not in (18, 30, 31, 92, 94)

    def is_done(self, seq: int, item: Item) -> bool:
        """Return whether an item is done, and report it once it is."""
        check = self._done.get(item.command)
        if check is not None and not check(item):
            return False
        if item.command in REACHED_TEXT:
            self.say(6, f"Reached command #{seq}")
        if item.command not in SILENT_DO:
            self.reached.append(seq)
        return True

    def mission_over(self) -> None:
        """Hover when the mission ends in the air; disarm when it ends on the ground."""
        copter = self._copter
        if copter.landed:
            copter.disarm()
        elif copter.pilot.task is not Task.LEGS:
            copter.pilot.hold()

    # ---- places

    def place(self, item: Item) -> Place:
        """Return where an item is: metres east, north, up of the origin."""
        copter = self._copter
        target = copter.pilot.target
        up_m = copter.up_of(item.frame, item.z)
        if item.x == 0 and item.y == 0:
            return target.east_m, target.north_m, up_m if item.z else target.up_m
        east_m, north_m = copter.ground.metres(item.x, item.y)
        return east_m, north_m, up_m if item.z else target.up_m

    def _go(self, item: Item, then: Place | None) -> None:
        pilot = self._copter.pilot
        pilot.fly_legs()
        pilot.legs.go(self.place(item), pilot.limits(), then)
        self._since_s = None

    # ---- navigation

    def _waypoint(self, seq: int, item: Item) -> bool:
        self._wait_s = item.params[0]
        then = None
        if self._wait_s == 0.0:
            found = self._copter.mission.next_nav(seq + 1)
            if found is not None and found[1].command in ROUNDED and (found[1].x or found[1].y):
                then = self.place(found[1])
        self._go(item, then)
        return True

    def _loiter(self, _: int, item: Item) -> bool:
        self._wait_s = item.params[0]
        self._go(item, None)
        return True

    def _waited(self, item: Item) -> bool:
        copter = self._copter
        stop = item.command == 19 or self._wait_s > 0.0 or not self._corner_ahead()
        if not copter.pilot.arrived(stop):
            return False
        if self._since_s is None:
            self._since_s = copter.now_s
        return math.floor(copter.now_s - self._since_s + 1e-9) >= self._wait_s

    def _corner_ahead(self) -> bool:
        return self._copter.pilot.legs.has_next

    def _return(self, *_: object) -> bool:
        self._copter.begin_return()
        return True

    def _take_off(self, _: int, item: Item) -> bool:
        copter = self._copter
        up_m = max(copter.up_of(item.frame, item.z), copter.body.up_m)
        copter.order_take_off(up_m)
        return True

    def _land(self, _: int, item: Item) -> bool:
        pilot = self._copter.pilot
        self._landing = item.x == 0 and item.y == 0
        if self._landing:
            pilot.land()
        else:
            east_m, north_m = self._copter.ground.metres(item.x, item.y)
            pilot.fly_legs()
            pilot.legs.go((east_m, north_m, pilot.target.up_m), pilot.limits())
        return True

    def _landed(self, _: Item) -> bool:
        copter = self._copter
        if not self._landing:
            if copter.pilot.arrived(stop=True):
                self._landing = True
                copter.pilot.land()
            return False
        if not copter.landed:
            return False
        if copter.goes_on_after_landing:
            return True
        copter.disarm()
        return False

    def _delay(self, _: int, item: Item) -> bool:
        self._since_s, self._wait_s = self._copter.now_s, max(0.0, item.params[0])
        return True

    def _delay_over(self, _: Item) -> bool:
        return self._copter.now_s - (self._since_s or 0.0) >= self._wait_s

    # ---- conditions

    def _condition_delay(self, _: int, item: Item) -> bool:
        self._condition = self._copter.now_s + item.params[0]
        return True

    def _delay_over_do(self, _: Item) -> bool:
        return self._copter.now_s >= self._condition

    def _condition_distance(self, _: int, item: Item) -> bool:
        self._condition = item.params[0]
        return True

    def _near(self, _: Item) -> bool:
        return instruments.to_target(self._copter)[1] < max(0.0, self._condition)

    def _condition_yaw(self, _: int, item: Item) -> bool:
        degrees, _rate, direction, relative = item.params
        orders.turn_to(self._copter, degrees, direction, relative == 1.0)
        return True

    def _turned(self, _: Item) -> bool:
        pilot = self._copter.pilot
        if pilot.fixed_yaw_rad is None:
            return True
        error = pilot.fixed_yaw_rad - self._copter.body.yaw_rad
        return abs((error + math.pi) % (2.0 * math.pi) - math.pi) < math.radians(2.0)

    # ---- do

    def _speed(self, _: int, item: Item) -> bool:
        return orders.change_speed(self._copter, item.params[0], item.params[1])

    def _home(self, _: int, item: Item) -> bool:
        copter = self._copter
        if item.params[0] == 1.0 or (item.x == 0 and item.y == 0):
            return orders.set_home_here(copter)
        return orders.set_home(copter, item.x, item.y, copter.amsl_of(item.frame, item.z))

    def _servo(self, _: int, item: Item) -> bool:
        return orders.set_servo(self._copter, int(item.params[0]), int(item.params[1]))

    def _shoot(self, _: int, item: Item) -> bool:
        return self._copter.camera.shoot() if item.x == 1 else True

    def _trigger(self, _: int, item: Item) -> bool:
        return self._copter.camera.trigger_every(item.params[0], now=item.params[2] == 1.0)

    def _fence(self, _: int, item: Item) -> bool:
        return self._copter.parameters.set("FENCE_ENABLE", float(item.params[0] == 1.0))

    def _spray(self, _: int, item: Item) -> bool:
        self._copter.sprayer.order(item.params[0] == 1.0)
        return True

    def _shoot_by_time(self, _: int, item: Item) -> bool:
        return self._copter.camera.trigger_by_time(item.params[1], int(item.params[2]))

    def _stop_shooting(self, *_: object) -> bool:
        return self._copter.camera.stop()
