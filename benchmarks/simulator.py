"""How much faster than the wall clock the embedded simulator flies: prints one JSON object.

Two measurements of the same survey flight, telemetry at 4 Hz of simulated time throughout:

* ``headless``: the sans-I/O vehicle on one core, every message also packed to bytes; processor
  time counts.
* ``socket``: a `Simulator` process at a speed-up it cannot reach, with a client on the loopback
  address that reads and decodes everything; wall-clock time counts, two processes share the
  machine.

``python benchmarks/simulator.py [--seconds 600]``
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time

from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.geo import LonLat
from sitl.autopilot import Autopilot
from sitl.ground import Ground
from sitl.serve import Simulator
from sitl.storage import Item

HOME = LonLat(lon_deg=106.5122, lat_deg=21.0831)
PARAMETERS = {"CAM1_TYPE": 1.0, "WPNAV_SPEED": 800.0}


def survey() -> list[Item]:
    """Twelve lines of 300 m, 20 m apart, at 60 m, a picture every 12 m."""
    ground = Ground(HOME)

    def place(east_m: float, north_m: float) -> dict[str, int]:
        lat, lon = ground.e7(east_m, north_m)
        return {"x": lat, "y": lon}

    items = [Item(command=16), Item(command=22, frame=3, z=60.0)]
    for line in range(12):
        ends = (20.0, 320.0) if line % 2 == 0 else (320.0, 20.0)
        items.append(Item(command=16, frame=3, z=60.0, **place(20.0 * line, ends[0])))
        items.append(Item(command=206, params=(12.0, 0.0, 1.0, 0.0)))
        items.append(Item(command=16, frame=3, z=60.0, **place(20.0 * line, ends[1])))
        items.append(Item(command=206))
    items.append(Item(command=20))
    return items


def command(number: int, *values: float) -> mavlink.MAVLink_message:
    return mavlink.MAVLink_command_long_message(
        1, 1, number, 0, *values, *[0.0] * (7 - len(values))
    )


def headless(seconds: float) -> dict[str, float]:
    vehicle = Autopilot(home=HOME, ready_after_s=2.0, parameters=PARAMETERS)
    vehicle.copter.mission_plan.replace(survey())
    vehicle.receive(mavlink.MAVLink_request_data_stream_message(1, 1, 0, 4, 1))
    vehicle.advance(5.0)
    for order in (command(176, 1, 4), command(400, 1), command(176, 1, 3), command(300)):
        vehicle.receive(order)
    packer = mavlink.MAVLink(None, 1, 1)
    sent = size = 0
    begun = time.process_time()
    start_s = vehicle.now_s
    while vehicle.now_s - start_s < seconds:
        for message in vehicle.advance(vehicle.now_s + 1.0):
            size += len(message.pack(packer))
            sent += 1
    spent = time.process_time() - begun
    return {
        "simulated_s": round(vehicle.now_s - start_s, 1),
        "cpu_s": round(spent, 2),
        "speedup": round((vehicle.now_s - start_s) / spent, 1),
        "messages_per_simulated_s": round(sent / seconds, 1),
        "bytes_per_simulated_s": round(size / seconds, 1),
        "pictures": vehicle.copter.camera.count,
    }


def over_socket(seconds: float) -> dict[str, float]:
    with Simulator(HOME, speedup=10_000.0, ready_after_s=2.0, parameters=PARAMETERS) as simulator:
        link = mavutil.mavlink_connection(simulator.url, source_system=255)
        link.wait_heartbeat(timeout=10)
        link.mav.request_data_stream_send(1, 1, 0, 4, 1)
        first = link.recv_match(type="SYSTEM_TIME", blocking=True, timeout=10)
        begun = time.monotonic()
        count = 0
        now_s = start_s = first.time_boot_ms / 1000.0
        while now_s - start_s < seconds:
            message = link.recv_match(blocking=True, timeout=10)
            count += 1
            if message.get_type() == "SYSTEM_TIME":
                now_s = message.time_boot_ms / 1000.0
        spent = time.monotonic() - begun
        link.close()
    return {
        "simulated_s": round(now_s - start_s, 1),
        "wall_s": round(spent, 2),
        "speedup": round((now_s - start_s) / spent, 1),
        "messages_read_per_s": round(count / spent, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="simulated seconds to fly")
    seconds = parser.parse_args().seconds
    result = {
        "python": platform.python_version(),
        "headless": headless(seconds),
        "socket": over_socket(seconds),
    }
    print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
