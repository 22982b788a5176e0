"""What the aircraft says about itself, as one frozen value.

`fold` takes the value so far and one MAVLink message and returns the next value; it keeps no
state, opens nothing and knows no clock (`now_s` is passed in). The link filters by aircraft
before it folds, so the messages of two aircraft never mix.

Time is the aircraft's own (`time_boot_ms`): a simulation that runs fifty times faster counts
simulated seconds. Only `heard_s`, for judging silence, is on the link's clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from agri.errors import BadInput
from agri.geo import LonLat

TEXTS_KEPT, NAMED_KEPT = 30, 30
SENSOR_PREARM = 0x10000000
"""MAV_SYS_STATUS_PREARM_CHECK."""
EKF_POS_HORIZ_ABS, EKF_CONST_POS_MODE = 16, 128
GRAVITY_M_S2, LEAST_UPRIGHT = 9.80665, 0.2
ARMED = 128
"""MAV_MODE_FLAG_SAFETY_ARMED."""
MICROSECONDS_S = 2.0**32 / 1e6
"""SERVO_OUTPUT_RAW counts microseconds in 32 bits, and begins anew so often (71.6 minutes)."""
MAVLINK_1, OLD_SERVOS = 0xFE, 8
"""First byte of a MAVLink 1 frame, and how many servos its SERVO_OUTPUT_RAW tells of."""


class CopterMode(IntEnum):
    """ArduCopter's flight modes, as far as agri meets them."""

    STABILIZE = 0
    ACRO = 1
    ALT_HOLD = 2
    AUTO = 3
    GUIDED = 4
    LOITER = 5
    RTL = 6
    CIRCLE = 7
    LAND = 9
    DRIFT = 11
    SPORT = 13
    FLIP = 14
    AUTOTUNE = 15
    POSHOLD = 16
    BRAKE = 17
    THROW = 18
    AVOID_ADSB = 19
    GUIDED_NOGPS = 20
    SMART_RTL = 21
    FLOWHOLD = 22
    FOLLOW = 23
    ZIGZAG = 24
    SYSTEMID = 25
    AUTOROTATE = 26
    AUTO_RTL = 27


class MissionState(IntEnum):
    """MISSION_STATE of MISSION_CURRENT."""

    UNKNOWN = 0
    NO_MISSION = 1
    NOT_STARTED = 2
    ACTIVE = 3
    PAUSED = 4
    COMPLETE = 5


@dataclass(frozen=True, slots=True)
class StatusText:
    """A sentence of the autopilot: its time and severity (0 emergency to 7 debug)."""

    time_s: float
    severity: int
    text: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class NamedValue:
    """A number that a script on board tells by a name of its own, and when, on its clock."""

    time_s: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpServo:
    """How a sprayer's pump hangs on the autopilot, as its parameters tell.

    Parameters
    ----------
    channel : int
        Servo output, 1 to 16.
    min_us, max_us : float
        Pulses of no and of full output (SERVOx_MIN, SERVOx_MAX).
    reversed : bool
        Whether the short pulse is the full output (SERVOx_REVERSED).

    Examples
    --------
    >>> pump = PumpServo(channel=9, min_us=1100.0, max_us=1900.0)
    >>> pump.share(1500.0), pump.share(0.0), pump.share(2000.0)
    (0.5, 0.0, 1.0)
    """

    channel: int
    min_us: float
    max_us: float
    reversed: bool = False

    def share(self, pulse_us: float) -> float:
        """Return the output, 0 to 1, of a pulse; no pulse (0) is no output."""
        if pulse_us <= 0.0 or self.max_us == self.min_us:
            return 0.0
        share = max(0.0, min(1.0, (pulse_us - self.min_us) / (self.max_us - self.min_us)))
        return 1.0 - share if self.reversed else share


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """The aircraft as far as it has told.

    Parameters
    ----------
    time_s : float
        Its clock: seconds since it was switched on.
    heard_s : float
        When its last heartbeat came, on the link's clock; −inf before the first.
    heartbeats : int
        How many have come.
    vehicle_type, autopilot : int
        MAV_TYPE and MAV_AUTOPILOT, −1 before the first heartbeat.
    mode : int
        ArduCopter's custom mode, −1 before the first heartbeat.
    armed : bool
        Whether the motors may turn.
    place : LonLat or None
        Where it is.
    height_m : float
        Above home; NaN before it is told.
    speed_m_s, climb_m_s : float
        Over the ground, and upwards.
    yaw_deg : float
        Heading, degrees clockwise from true north.
    battery_pct, voltage_v, current_a : float
        Left in the pack (0 to 100), and at its terminals; NaN when not told.
    fix_type, satellites : int
        GPS_FIX_TYPE (3 and more is a three-dimensional fix), satellites seen.
    hdop : float
        Horizontal dilution of precision; NaN when not told.
    ekf_ok : bool
        Whether the position estimate is absolute and good.
    prearm_ok : bool
        Whether the autopilot's own checks before arming pass.
    mission_current, mission_total : int
        Item flown to (home is 0), items on board without home (−1 when not told).
    mission_state : int
        `MissionState`, 0 when not told.
    item_reached : int
        Last item reached, −1 before the first.
    home : LonLat or None
        Where it will return to.
    home_amsl_m : float
        How high above the sea that is; NaN when not told.
    fence_breached : bool
        Whether it is outside its fence.
    landed : bool or None
        Whether it is on the ground; None when not told.
    texts : tuple of StatusText
        The last sentences of the autopilot, oldest first.
    named : mapping of str to NamedValue
        The last of each named value that was heard.
    pump : PumpServo or None
        Where a sprayer's pump is; None when it was not asked for or there is none.
    pump_share : float
        The pump's output, 0 to 1; NaN when not told.
    pump_s : float
        Its clock when the output was that; −inf before it told.
    v_east_m_s, v_north_m_s : float
        Velocity over the ground.
    thrust_east_m_s2, thrust_north_m_s2 : float
        What its thrust does sideways while that carries it: g times the tangent of its lean.
    wind_m_s, wind_from_deg : float
        The wind it estimates, and where that comes from, degrees clockwise from true north, −180
        to 180; NaN when it estimates none.
    wind_s : float
        Its clock when it told that; −inf before it did.
    """

    time_s: float = 0.0
    heard_s: float = -math.inf
    heartbeats: int = 0
    vehicle_type: int = -1
    autopilot: int = -1
    mode: int = -1
    armed: bool = False
    place: LonLat | None = None
    height_m: float = math.nan
    speed_m_s: float = math.nan
    climb_m_s: float = math.nan
    yaw_deg: float = math.nan
    battery_pct: float = math.nan
    voltage_v: float = math.nan
    current_a: float = math.nan
    fix_type: int = 0
    satellites: int = 0
    hdop: float = math.nan
    ekf_ok: bool = False
    prearm_ok: bool = False
    mission_current: int = 0
    mission_total: int = -1
    mission_state: int = 0
    item_reached: int = -1
    home: LonLat | None = None
    home_amsl_m: float = math.nan
    fence_breached: bool = False
    landed: bool | None = None
    texts: tuple[StatusText, ...] = ()
    named: Mapping[str, NamedValue] = field(default_factory=dict)
    pump: PumpServo | None = None
    pump_share: float = math.nan
    pump_s: float = -math.inf
    v_east_m_s: float = math.nan
    v_north_m_s: float = math.nan
    thrust_east_m_s2: float = math.nan
    thrust_north_m_s2: float = math.nan
    wind_m_s: float = math.nan
    wind_from_deg: float = math.nan
    wind_s: float = -math.inf

    @property
    def mode_name(self) -> str:
        """The mode's name in ArduCopter's own words.

        Examples
        --------
        >>> Telemetry(mode=17).mode_name, Telemetry(mode=99).mode_name
        ('BRAKE', 'MODE 99')
        """
        return mode_name(self.mode)


def mode_name(mode: int) -> str:
    """Return the name of an ArduCopter mode."""
    try:
        return CopterMode(mode).name
    except ValueError:
        return f"MODE {mode}"


def fold(telemetry: Telemetry, message: Any, now_s: float) -> Telemetry:
    """Return `telemetry` with one pymavlink message taken in; other messages change nothing."""
    reader = _READERS.get(message.get_type())
    return telemetry if reader is None else reader(telemetry, message, now_s)


def _place(lat_e7: int, lon_e7: int) -> LonLat | None:
    if lat_e7 == 0 and lon_e7 == 0:
        return None
    try:
        return LonLat.from_e7(lon_e7=lon_e7, lat_e7=lat_e7)
    except BadInput:
        return None


def _heartbeat(t: Telemetry, m: Any, now_s: float) -> Telemetry:
    return replace(
        t,
        heard_s=now_s,
        heartbeats=t.heartbeats + 1,
        vehicle_type=m.type,
        autopilot=m.autopilot,
        mode=m.custom_mode,
        armed=bool(m.base_mode & ARMED),
    )


def _position(t: Telemetry, m: Any, _: float) -> Telemetry:
    return replace(
        t,
        time_s=m.time_boot_ms / 1000.0,
        place=_place(m.lat, m.lon) or t.place,
        height_m=m.relative_alt / 1000.0,
        speed_m_s=math.hypot(m.vx, m.vy) / 100.0,
        v_east_m_s=m.vy / 100.0,
        v_north_m_s=m.vx / 100.0,
        climb_m_s=-m.vz / 100.0,
        yaw_deg=m.hdg / 100.0 if m.hdg != 65535 else t.yaw_deg,
    )


def _system(t: Telemetry, m: Any, _: float) -> Telemetry:
    return replace(
        t,
        battery_pct=float(m.battery_remaining) if m.battery_remaining >= 0 else math.nan,
        voltage_v=m.voltage_battery / 1000.0 if m.voltage_battery != 65535 else math.nan,
        current_a=m.current_battery / 100.0 if m.current_battery >= 0 else math.nan,
        prearm_ok=bool(m.onboard_control_sensors_health & SENSOR_PREARM),
    )


def _gps(t: Telemetry, m: Any, _: float) -> Telemetry:
    hdop = m.eph / 100.0 if m.eph != 65535 else math.nan
    return replace(t, fix_type=m.fix_type, satellites=m.satellites_visible, hdop=hdop)


def _ekf(t: Telemetry, m: Any, _: float) -> Telemetry:
    good = bool(m.flags & EKF_POS_HORIZ_ABS) and not m.flags & EKF_CONST_POS_MODE
    return replace(t, ekf_ok=good)


def _mission(t: Telemetry, m: Any, _: float) -> Telemetry:
    total = m.total if m.total != 65535 else -1
    return replace(t, mission_current=m.seq, mission_total=total, mission_state=m.mission_state)


def _text(t: Telemetry, m: Any, _: float) -> Telemetry:
    raw = m.text.decode("utf-8", "replace") if isinstance(m.text, bytes) else m.text
    text = StatusText(t.time_s, m.severity, raw.rstrip("\x00"), m.id)
    earlier = t.texts
    if m.id and m.chunk_seq and earlier and earlier[-1].number == m.id:
        text = replace(earlier[-1], text=earlier[-1].text + text.text)
        earlier = earlier[:-1]
    return replace(t, texts=(*earlier, text)[-TEXTS_KEPT:])


def _named(t: Telemetry, m: Any, _: float) -> Telemetry:
    raw = m.name.decode("ascii", "replace") if isinstance(m.name, bytes) else m.name
    name = raw.rstrip("\x00")
    if name not in t.named and len(t.named) >= NAMED_KEPT:
        return t
    told = NamedValue(m.time_boot_ms / 1000.0, m.value)
    return replace(t, named={**t.named, name: told})


def _servos(t: Telemetry, m: Any, _: float) -> Telemetry:
    if t.pump is None or m.port != 0 or (t.pump.channel > OLD_SERVOS and _is_old(m)):
        return t
    pulse_us = float(getattr(m, f"servo{t.pump.channel}_raw"))
    told_s = m.time_usec / 1e6
    turns = round((t.time_s - told_s) / MICROSECONDS_S)
    return replace(t, pump_share=t.pump.share(pulse_us), pump_s=told_s + turns * MICROSECONDS_S)


def _home(t: Telemetry, m: Any, _: float) -> Telemetry:
    place = _place(m.latitude, m.longitude)
    return t if place is None else replace(t, home=place, home_amsl_m=m.altitude / 1000.0)


def _attitude(t: Telemetry, m: Any, _: float) -> Telemetry:
    """Take the lean; near a quarter turn (a rolled-over aircraft) it tells nothing."""
    known = all(map(math.isfinite, (m.roll, m.pitch, m.yaw)))
    upright = math.cos(m.roll) * math.cos(m.pitch) if known else 0.0
    if not upright > LEAST_UPRIGHT:
        return replace(t, thrust_east_m_s2=math.nan, thrust_north_m_s2=math.nan)
    ahead = -GRAVITY_M_S2 * math.tan(m.pitch)
    right = GRAVITY_M_S2 * math.tan(m.roll) / math.cos(m.pitch)
    sin, cos = math.sin(m.yaw), math.cos(m.yaw)
    return replace(
        t,
        thrust_east_m_s2=ahead * sin + right * cos,
        thrust_north_m_s2=ahead * cos - right * sin,
    )


def _wind(t: Telemetry, m: Any, _: float) -> Telemetry:
    """Take a wind; one of exactly 0 is how ArduCopter 4.6 tells that it estimates none."""
    if not (0.0 < m.speed < math.inf and math.isfinite(m.direction)):
        return replace(t, wind_m_s=math.nan, wind_from_deg=math.nan)
    return replace(t, wind_m_s=float(m.speed), wind_from_deg=float(m.direction), wind_s=t.time_s)


def _is_old(m: Any) -> bool:
    """Return whether it came as MAVLink 1, which leaves out the ninth servo and all after it."""
    frame = m.get_msgbuf()
    return bool(frame) and frame[0] == MAVLINK_1


_READERS: dict[str, Callable[[Telemetry, Any, float], Telemetry]] = {
    "HEARTBEAT": _heartbeat,
    "GLOBAL_POSITION_INT": _position,
    "SYS_STATUS": _system,
    "GPS_RAW_INT": _gps,
    "EKF_STATUS_REPORT": _ekf,
    "MISSION_CURRENT": _mission,
    "MISSION_ITEM_REACHED": lambda t, m, _: replace(t, item_reached=m.seq),
    "HOME_POSITION": _home,
    "FENCE_STATUS": lambda t, m, _: replace(t, fence_breached=m.breach_status != 0),
    "EXTENDED_SYS_STATE": lambda t, m, _: replace(
        t, landed={1: True, 2: False, 3: False, 4: False}.get(m.landed_state)
    ),
    "STATUSTEXT": _text,
    "NAMED_VALUE_FLOAT": _named,
    "SERVO_OUTPUT_RAW": _servos,
    "ATTITUDE": _attitude,
    "WIND": _wind,
}
"""MAVLink message name to the function that takes it in."""
