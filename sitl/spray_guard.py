"""A rule on board that keeps the sprayer off whenever the spray lines are not flown.

On a real aircraft that is a Lua script on the autopilot's card: ArduCopter itself leaves its
sprayer on when AUTO is left. This is the same rule, as its own program and not as that script: the
embedded vehicle has no interpreter, and a second writing of the rule is one more opinion of it.

It is on board when SCR_ENABLE and SPGD_VER are set at the start. SPGD_VER is the parameter by which
a ground station sees that such a script runs; without one it does not exist, here as there.
Ten times a second it orders the sprayer off unless the aircraft is armed and in AUTO, its mission
runs, the item flown to is neither take-off nor return nor landing and lies not behind
DO_LAND_START, no fence is broken, no failsafe is on, and its receiver has a fix (without one the
vehicle itself flies on for a while before its estimator fails). It only ever switches off; on the
ground, from three seconds after disarming, it lets people alone, who fill and try the hoses.

Once a second it tells of itself by a named value: SPGD_VER, or 0 when no output drives a pump.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitl.mission_run import DO_LAND_START, DO_RETURN_PATH_START, LANDINGS, MissionRun, State
from sitl.modes import Mode

if TYPE_CHECKING:
    from sitl.copter import Copter

EVERY_TICKS, TELL_TICKS = 5, 50
GROUND_S = 3.0
NAMED_VALUE = "SPRAYGUARD"
PUMP, OUTPUTS = 22.0, range(1, 17)
AWAY = frozenset({20, 22, *LANDINGS})
"""Items that are no spray lines: the way home, take-off, landing."""
LEGS = frozenset({DO_LAND_START, DO_RETURN_PATH_START})


def on_board(copter: Copter) -> bool:
    """Return whether the rule is on board."""
    return copter.parameters["SCR_ENABLE"] != 0.0 and "SPGD_VER" in copter.parameters


def look(copter: Copter, tick: int) -> None:
    """Switch the sprayer off if nothing may be sprayed now; `tick` counts steps of 0.02 s."""
    if tick % EVERY_TICKS or not on_board(copter):
        return
    if tick % TELL_TICKS == 0:
        copter.named.append((NAMED_VALUE, _told(copter)))
    why = reason(copter)
    if why and copter.sprayer.running:
        wet = copter.sprayer.spraying
        copter.sprayer.order(False)
        if wet:
            copter.say(4, f"Spray guard: sprayer off, {why}")


def _told(copter: Copter) -> float:
    p = copter.parameters
    able = any(p[f"SERVO{output}_FUNCTION"] == PUMP for output in OUTPUTS)
    return p["SPGD_VER"] if able else 0.0


def reason(copter: Copter) -> str:
    """Return why nothing may be sprayed now, empty when it may."""
    if not copter.armed:
        return "disarmed" if copter.now_s - copter.disarmed_s < GROUND_S else ""
    if copter.auto_rtl or copter.mode is not Mode.AUTO:
        return f"mode {Mode.AUTO_RTL.name if copter.auto_rtl else copter.mode.name}"
    if copter.fence.breaches:
        return "fence crossed"
    if copter.failsafes.any_on:
        return "failsafe"
    return _off_the_lines(copter.mission) if copter.ready.gps_fix else "no GPS fix"


def _off_the_lines(mission: MissionRun) -> str:
    if mission.state is not State.RUNNING:
        return "no mission running"
    if not 0 < mission.nav < mission.count:
        return ""
    if mission.item(mission.nav).command in AWAY:
        return "not a line"
    before = {mission.item(seq).command for seq in range(1, mission.nav)}
    return "return leg" if before & LEGS else ""
