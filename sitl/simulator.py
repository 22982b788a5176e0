"""Starting and stopping the simulator as a process of its own.

What is fitted and what breaks crosses to the process as its arguments. What leaves the nozzles
comes back by a file in a folder that lives as long as the process; `Simulator.deposits` reads it.

A terminal sends Ctrl+C to every process of its foreground group. There it is an order to the
pilot's command and not the aircraft's end, so the simulator stands apart from that group; it ends
with its parent all the same, for `sitl.serve` looks whether that still lives.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypedDict

from agri.errors import LinkError
from agri.geo import LonLat
from sitl.faults import Fault
from sitl.firmware import Firmware
from sitl.spray_gear import Deposit, SprayHardware
from sitl.vehicle import Airframe

START_S = 30.0
STOP_S = 5.0
DEPOSIT = "<4d"
"""How `sitl.spray_gear.Deposit` is packed in the file that leaves the process."""


class _Apart(TypedDict, total=False):
    start_new_session: bool
    creationflags: int


def _apart() -> _Apart:
    """Return what keeps a process out of the terminal's foreground group."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


class Simulator:
    """A simulated aircraft in a process of its own, to be used in a ``with`` statement.

    Parameters
    ----------
    home : LonLat
        Where it stands.
    home_altitude_m : float
        Height of that place above sea level.
    speedup : float
        How many times faster than the wall clock (SIM_SPEEDUP at the start).
    protocol : {"tcp", "udp"}
        What it listens with.
    port : int or None
        Port on the loopback address; None lets the system choose a free one.
    wind_m_s, wind_from_deg : float
        Mean wind.
    ready_after_s : float or None
        Simulated seconds until it can be armed; None is the real 41.5 s.
    seed : int
        Seed of everything random.
    parameters : mapping of str to float, optional
        Parameters that differ from ArduCopter's defaults.
    personality : {"copter", "plane", "rover", "px4"}
        What its heartbeat says it is.
    airframe : Airframe, optional
        What it is, with an empty tank; ArduPilot's own simulated quadcopter when not given.
    sprayer : SprayHardware, optional
        Tank, pump and nozzles; then `deposits` tells what leaves them.
    faults : iterable of Fault
        What breaks on the way.
    over_radio : bool
        Once a key is set up, take only signed frames, as ArduPilot does on every port but USB.
    firmware : Firmware, optional
        Which ArduCopter it plays; 4.6.0-dev when not given.

    Attributes
    ----------
    url : str
        Where to connect, as pymavlink and dronekit write it; empty while it does not run.

    Raises
    ------
    LinkError
        By `start`, when the process does not come up.
    """

    def __init__(
        self,
        home: LonLat,
        *,
        home_altitude_m: float = 10.0,
        speedup: float = 1.0,
        protocol: Literal["tcp", "udp"] = "tcp",
        port: int | None = None,
        wind_m_s: float = 0.0,
        wind_from_deg: float = 0.0,
        ready_after_s: float | None = None,
        seed: int = 0,
        parameters: Mapping[str, float] | None = None,
        personality: Literal["copter", "plane", "rover", "px4"] = "copter",
        airframe: Airframe | None = None,
        sprayer: SprayHardware | None = None,
        faults: Iterable[Fault] = (),
        over_radio: bool = False,
        firmware: Firmware | None = None,
    ) -> None:
        self.home = home
        self.speedup = speedup
        self.url = ""
        self._process: subprocess.Popen[str] | None = None
        self._arguments = [
            f"--home={home.lat_deg!r},{home.lon_deg!r},{home_altitude_m!r}",
            f"--speedup={speedup!r}",
            f"--protocol={protocol}",
            f"--port={port or 0}",
            f"--wind={wind_m_s!r}",
            f"--wind-from={wind_from_deg!r}",
            f"--seed={seed}",
            f"--personality={personality}",
            *(f"--param={name}={value!r}" for name, value in (parameters or {}).items()),
        ]
        if ready_after_s is not None:
            self._arguments.append(f"--ready-after={ready_after_s!r}")
        if airframe is not None:
            self._arguments.append(f"--airframe={json.dumps(asdict(airframe))}")
        if sprayer is not None:
            self._arguments.append(f"--sprayer={json.dumps(asdict(sprayer))}")
        if over_radio:
            self._arguments.append("--radio")
        if firmware is not None:
            self._arguments.append(f"--firmware={json.dumps(asdict(firmware))}")
        self._arguments += [f"--fault={json.dumps(asdict(fault))}" for fault in faults]
        self._sprays = sprayer is not None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._deposits: tuple[Deposit, ...] = ()

    def start(self) -> Self:
        """Start the process and wait until it can be connected to."""
        if self._process is not None:
            return self
        more = []
        if self._sprays:
            self._folder = tempfile.TemporaryDirectory(prefix="simulator-")
            more = [f"--deposits={Path(self._folder.name, 'deposits')}"]
        above = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, (above, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(  # noqa: S603  (this very module)
            [
                sys.executable,
                "-m",
                "sitl.serve",
                f"--parent={os.getpid()}",
                *self._arguments,
                *more,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
            **_apart(),
        )
        said = self._announcement(self._process)
        if not said.startswith("ready "):
            self.stop()
            raise LinkError("error.simulator_start", reason=said.strip() or "-")
        self.url = said.removeprefix("ready ").strip()
        return self

    @staticmethod
    def _announcement(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None  # noqa: S101  (PIPE was asked for)
        alarm = threading.Timer(START_S, process.kill)
        alarm.start()
        last = ""
        try:
            for line in process.stdout:
                last = line
                if line.startswith("ready "):
                    break
        finally:
            alarm.cancel()
        return last

    def deposits(self) -> tuple[Deposit, ...]:
        """Return what has left the nozzles so far; after `stop`, all that did."""
        if self._folder is not None:
            path = Path(self._folder.name, "deposits")
            data = path.read_bytes() if path.exists() else b""
            whole = len(data) - len(data) % struct.calcsize(DEPOSIT)
            self._deposits = tuple(map(Deposit._make, struct.iter_unpack(DEPOSIT, data[:whole])))
        return self._deposits

    def stop(self) -> None:
        """Stop the process; stopping twice does no harm."""
        process, self._process, self.url = self._process, None, ""
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self.deposits()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
