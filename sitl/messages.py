"""What the vehicle tells: one function per telemetry message, and the streams they belong to.

Each function reads the vehicle and returns a MAVLink message of the ardupilotmega dialect, scaled
and filled as ArduCopter 4.6-dev fills it. Which messages a data stream holds is ArduCopter's list,
less those nobody on the ground plans by (raw IMU, pressures, memory).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sitl import instruments
from sitl.modes import Mode
from sitl.wind_estimate import STILL_M_S

if TYPE_CHECKING:
    from sitl.copter import Copter

PREARM = mavlink.MAV_SYS_STATUS_PREARM_CHECK
GEOFENCE = mavlink.MAV_SYS_STATUS_GEOFENCE
GPS = mavlink.MAV_SYS_STATUS_SENSOR_GPS
PRESENT = 1399979055
"""onboard_control_sensors_present of the real one in simulation."""
ENABLED = 1382128687 & ~GEOFENCE
UNIX_START_US = 1_700_000_000_000_000
"""Simulated time begins at this UNIX time once the GPS has a fix (14 November 2023)."""


def _ms(copter: Copter) -> int:
    return int(copter.now_s * 1000.0) & 0xFFFFFFFF


def _us(copter: Copter) -> int:
    return int(copter.now_s * 1e6)


def _millivolts(copter: Copter) -> int:
    return round(max(0.0, min(65.534, copter.battery.volts)) * 1000.0)


def _centiamperes(copter: Copter) -> int:
    return round(max(0.0, min(327.67, copter.battery.amps)) * 100.0)


def heartbeat(copter: Copter) -> Any:
    """HEARTBEAT."""
    kind, autopilot = copter.personality
    return mavlink.MAVLink_heartbeat_message(
        kind,
        autopilot,
        instruments.base_mode(copter),
        instruments.custom_mode(copter),
        instruments.system_status(copter),
        3,
    )


def sys_status(copter: Copter) -> Any:
    """SYS_STATUS: sensors, pre-arm state, battery."""
    enabled, health = ENABLED, PRESENT & ~PREARM & ~GPS
    enabled |= GEOFENCE if copter.parameters["FENCE_ENABLE"] else 0
    health |= PREARM if copter.prearm.good else 0
    health |= GPS if copter.ready.gps_fix else 0
    health &= ~GEOFENCE if copter.fence.breaches else ~0
    battery = copter.battery
    return mavlink.MAVLink_sys_status_message(
        PRESENT,
        enabled,
        health,
        0,
        _millivolts(copter),
        _centiamperes(copter),
        battery.left_percent(copter.parameters["BATT_CAPACITY"]),
        0,
        0,
        0,
        0,
        0,
        0,
    )


def gps_raw_int(copter: Copter) -> Any:
    """GPS_RAW_INT: no fix at first, then an RTK-like one, as the real simulator says."""
    if not copter.ready.gps_fix:
        return mavlink.MAVLink_gps_raw_int_message(
            _us(copter), 1, 0, 0, 0, 9999, 9999, 0, 0, 0, 0, 0, 0, 0, 0, 0
        )
    body = copter.body
    lat, lon = copter.ground.e7(body.east_m, body.north_m)
    height = round(copter.height_amsl_m * 1000.0)
    course = math.degrees(math.atan2(body.v_east, body.v_north)) % 360.0
    return mavlink.MAVLink_gps_raw_int_message(
        _us(copter),
        6,
        lat,
        lon,
        height,
        121,
        200,
        round(body.speed_m_s * 100.0),
        round(course * 100.0) % 36000,
        10,
        height,
        300,
        300,
        0,
        0,
        0,
    )


def attitude(copter: Copter) -> Any:
    """ATTITUDE."""
    roll, pitch = instruments.lean(copter)
    yaw = (copter.body.yaw_rad + math.pi) % (2.0 * math.pi) - math.pi
    return mavlink.MAVLink_attitude_message(
        _ms(copter), roll, pitch, yaw, 0.0, 0.0, copter.body.yaw_rate
    )


def global_position_int(copter: Copter) -> Any:
    """GLOBAL_POSITION_INT: zeros until the GPS has a fix."""
    body = copter.body
    heading = round(math.degrees(body.yaw_rad) % 360.0 * 100.0) % 36000
    if not copter.ready.gps_fix and not copter.ready.has_origin:
        return mavlink.MAVLink_global_position_int_message(
            _ms(copter), 0, 0, 0, 0, 0, 0, 0, heading
        )
    lat, lon = copter.ground.e7(body.east_m, body.north_m)
    return mavlink.MAVLink_global_position_int_message(
        _ms(copter),
        lat,
        lon,
        round(copter.height_amsl_m * 1000.0),
        round(copter.height_above_home_m * 1000.0),
        round(body.v_north * 100.0),
        round(body.v_east * 100.0),
        round(-body.v_up * 100.0),
        heading,
    )


def local_position_ned(copter: Copter) -> Any:
    """LOCAL_POSITION_NED from the EKF's origin."""
    body = copter.body
    return mavlink.MAVLink_local_position_ned_message(
        _ms(copter),
        body.north_m,
        body.east_m,
        -body.up_m,
        body.v_north,
        body.v_east,
        -body.v_up,
    )


def vfr_hud(copter: Copter) -> Any:
    """VFR_HUD."""
    body = copter.body
    air_east, air_north = copter.wind.velocity()
    airspeed = math.hypot(body.v_east - air_east, body.v_north - air_north)
    return mavlink.MAVLink_vfr_hud_message(
        airspeed,
        body.speed_m_s,
        int(math.degrees(body.yaw_rad) % 360.0),
        int(100.0 * instruments.throttle(copter)),
        copter.height_amsl_m if copter.ready.has_origin else 0.0,
        body.v_up,
    )


def mission_current(copter: Copter) -> Any:
    """MISSION_CURRENT: navigation items only, 0 when nothing is flown."""
    count = len(copter.mission_plan.items)
    return mavlink.MAVLink_mission_current_message(
        copter.mission.nav,
        max(0, count - 1),
        instruments.mission_state(copter),
        int(copter.mode is Mode.AUTO),
    )


def servo_output_raw(copter: Copter) -> Any:
    """SERVO_OUTPUT_RAW: motors, pump, spinner and camera."""
    outputs = instruments.servos(copter)
    return mavlink.MAVLink_servo_output_raw_message(
        _us(copter) & 0xFFFFFFFF, 0, *outputs[:8], *outputs[8:]
    )


def rc_channels(copter: Copter) -> Any:
    """RC_CHANNELS: sticks centred, throttle low, as the real simulator's."""
    return mavlink.MAVLink_rc_channels_message(
        _ms(copter), 8, *copter.radio.channels(copter.now_s), 255
    )


def nav_controller_output(copter: Copter) -> Any:
    """NAV_CONTROLLER_OUTPUT: bearing and distance to the target."""
    bearing, distance = instruments.to_target(copter)
    return mavlink.MAVLink_nav_controller_output_message(
        0.0,
        0.0,
        int(bearing),
        int(bearing),
        min(65535, int(distance)),
        0.0,
        0.0,
        0.0,
    )


def fence_status(copter: Copter) -> Any:
    """FENCE_STATUS."""
    state = instruments.fence_report(copter)
    return mavlink.MAVLink_fence_status_message(*state, 0)


def system_time(copter: Copter) -> Any:
    """SYSTEM_TIME."""
    unix = UNIX_START_US + _us(copter) if copter.ready.gps_fix else 0
    return mavlink.MAVLink_system_time_message(unix, _ms(copter))


def wind(copter: Copter) -> Any:
    """WIND: as far as the estimator knows it; without one a speed of 0, from −180°."""
    if not copter.wind_estimate.known:
        return mavlink.MAVLink_wind_message(-180.0, 0.0, 0.0)
    east, north = copter.wind_estimate.velocity
    direction = math.degrees(math.atan2(-east, -north))
    speed = max(STILL_M_S, math.hypot(east, north))
    return mavlink.MAVLink_wind_message(direction, speed, 0.0)


def battery_status(copter: Copter) -> Any:
    """BATTERY_STATUS."""
    battery = copter.battery
    left = battery.left_percent(copter.parameters["BATT_CAPACITY"])
    volts = [_millivolts(copter), *[65535] * 9]
    return mavlink.MAVLink_battery_status_message(
        0,
        0,
        0,
        32767,
        volts,
        _centiamperes(copter),
        round(battery.used_mah),
        round(battery.used_wh * 36.0),
        left,
        0,
        copter.battery_charge_state,
    )


def ekf_status_report(copter: Copter) -> Any:
    """EKF_STATUS_REPORT."""
    return mavlink.MAVLink_ekf_status_report_message(
        copter.ready.ekf_flags, 0.01, 0.01, 0.01, 0.01, 0.0
    )


def home_position(copter: Copter) -> Any:
    """HOME_POSITION."""
    home = copter.home
    lat, lon, alt_m = (0, 0, 0.0) if home is None else home
    return mavlink.MAVLink_home_position_message(
        lat,
        lon,
        round(alt_m * 1000.0),
        0.0,
        0.0,
        0.0,
        [math.nan] * 4,
        0.0,
        0.0,
        0.0,
        _us(copter),
    )


def gps_global_origin(copter: Copter) -> Any:
    """GPS_GLOBAL_ORIGIN."""
    origin = copter.ground.origin
    return mavlink.MAVLink_gps_global_origin_message(
        origin.lat_e7, origin.lon_e7, round(copter.field_elevation_m * 1000.0), _us(copter)
    )


def autopilot_version(copter: Copter) -> Any:
    """AUTOPILOT_VERSION: its firmware and board; mission, fence, rally by MISSION_ITEM_INT."""
    capabilities = (
        mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_FLOAT
        | mavlink.MAV_PROTOCOL_CAPABILITY_PARAM_FLOAT
        | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_INT
        | mavlink.MAV_PROTOCOL_CAPABILITY_COMMAND_INT
        | mavlink.MAV_PROTOCOL_CAPABILITY_SET_POSITION_TARGET_GLOBAL_INT
        | mavlink.MAV_PROTOCOL_CAPABILITY_MAVLINK2
        | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_FENCE
        | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_RALLY
        | mavlink.MAV_PROTOCOL_CAPABILITY_FLIGHT_TERMINATION
    )
    firmware, zeros = copter.firmware, [0] * 8
    return mavlink.MAVLink_autopilot_version_message(
        capabilities, firmware.number, 0, 0, 0, firmware.build_bytes, zeros, zeros, 0, 0, 0,
        firmware.board_bytes,
    )  # fmt: skip


TELEMETRY: dict[int, Callable[[Copter], Any]] = {
    mavlink.MAVLINK_MSG_ID_HEARTBEAT: heartbeat,
    mavlink.MAVLINK_MSG_ID_SYS_STATUS: sys_status,
    mavlink.MAVLINK_MSG_ID_SYSTEM_TIME: system_time,
    mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: gps_raw_int,
    mavlink.MAVLINK_MSG_ID_ATTITUDE: attitude,
    mavlink.MAVLINK_MSG_ID_LOCAL_POSITION_NED: local_position_ned,
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: global_position_int,
    mavlink.MAVLINK_MSG_ID_SERVO_OUTPUT_RAW: servo_output_raw,
    mavlink.MAVLINK_MSG_ID_MISSION_CURRENT: mission_current,
    mavlink.MAVLINK_MSG_ID_GPS_GLOBAL_ORIGIN: gps_global_origin,
    mavlink.MAVLINK_MSG_ID_NAV_CONTROLLER_OUTPUT: nav_controller_output,
    mavlink.MAVLINK_MSG_ID_RC_CHANNELS: rc_channels,
    mavlink.MAVLINK_MSG_ID_VFR_HUD: vfr_hud,
    mavlink.MAVLINK_MSG_ID_BATTERY_STATUS: battery_status,
    mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION: autopilot_version,
    mavlink.MAVLINK_MSG_ID_FENCE_STATUS: fence_status,
    mavlink.MAVLINK_MSG_ID_WIND: wind,
    mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT: ekf_status_report,
    mavlink.MAVLINK_MSG_ID_HOME_POSITION: home_position,
}
"""Message id → the function that builds it; all of them may be asked for."""

STREAMS: dict[int, tuple[int, ...]] = {
    2: (1, 42, 24, 62, 162),
    3: (36, 65),
    6: (33, 32),
    10: (30,),
    11: (74,),
    12: (2, 168, 147, 193),
}
"""MAV_DATA_STREAM → its messages (SYS_STATUS, MISSION_CURRENT, …)."""
