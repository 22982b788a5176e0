"""A real ArduCopter in ArduPilot's own simulator, started and stopped like `sitl.serve.Simulator`.

The program is not part of agri: it is taken from the environment variable ``AGRI_ARDUCOPTER``,
found as ``arducopter`` on the path, or is the one that `sitl.installing` fetched. The parameters a
simulated quadcopter cannot do without (calibration offsets that make it armable, battery, sticks)
are written here.

It flies ArduPilot's own small quadcopter, or a `frame` told by its figures (the fields of its
simulated frames' JSON files: ``mass``, ``refVoltage``, …), for which the parameters must fit.
Lua scripts for its on-board interpreter are handed over as text: they are written where this build
looks for them (the folder ``scripts`` beside it; on a real autopilot's card ``APM/scripts``), and
SCR_ENABLE is set. Without any, scripting stays as the program has it: off.

It runs in an empty folder of its own, which is thrown away, with its first port open at once
(``--serial0 tcp:0``; by default it waits there for a client before it even boots). The port is
chosen by instance, ten apart, the first whose ports are free. One client at a time per port:
`url` is the first port, `more_urls` two more. **It listens on all interfaces**, with no way to tell
it otherwise: on a machine that others can reach, run it in a network namespace of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from agri.errors import LinkError, NotFound
from agri.geo import LonLat
from sitl.installing import installed, program_folder

VARIABLE = "AGRI_ARDUCOPTER"
START_S = 30.0
STOP_S = 5.0
FIRST_PORT, PORTS_APART, INSTANCES = 5760, 10, 100
PORT_OFFSETS = (0, 2, 3)
FRAME_FILE = "frame.json"
SCRIPTING, SCRIPTS_FOLDER = "SCR_ENABLE", "scripts"
DEFAULTS: Mapping[str, float] = {
    "FRAME_CLASS": 1,
    "FRAME_TYPE": 0,
    "FS_THR_ENABLE": 1,
    "BATT_MONITOR": 4,
    "COMPASS_OFS_X": 5,
    "COMPASS_OFS_Y": 13,
    "COMPASS_OFS_Z": -18,
    "COMPASS_OFS2_X": 5,
    "COMPASS_OFS2_Y": 13,
    "COMPASS_OFS2_Z": -18,
    "COMPASS_OFS3_X": 5,
    "COMPASS_OFS3_Y": 13,
    "COMPASS_OFS3_Z": -18,
    **{f"INS_ACC{n}OFFS_{axis}": 0.001 for n in ("", "2") for axis in "XYZ"},
    **{f"INS_ACC{n}SCAL_{axis}": 1.001 for n in ("", "2") for axis in "XYZ"},
    **{f"RC{n}_MIN": 1000 for n in range(1, 9)},
    **{f"RC{n}_MAX": 2000 for n in range(1, 9)},
    **{f"RC{n}_TRIM": 1500 for n in range(1, 9)},
    "MOT_THST_EXPO": 0.65,
    "MOT_THST_HOVER": 0.39,
    "MOT_BAT_VOLT_MIN": 9.6,
    "MOT_BAT_VOLT_MAX": 12.8,
    "FENCE_RADIUS": 150,
}
"""What a simulated ``+`` quadcopter needs to be armable, and what `sitl` was compared with."""


def find_arducopter() -> Path:
    """Return where the program is.

    Raises
    ------
    NotFound
        When it is not where ``AGRI_ARDUCOPTER`` says, or without that neither on the path nor
        installed.
    """
    named = os.environ.get(VARIABLE)
    found: str | Path | None = shutil.which(named or "arducopter")
    if found is None and not named:
        found = installed(program_folder(os.environ))
    if found is None:
        raise NotFound("error.arducopter_missing", variable=VARIABLE, value=named or "-")
    return Path(found).resolve()


class ArduPilot:
    """A real simulated ArduCopter, to be used in a ``with`` statement.

    Parameters
    ----------
    home : LonLat
        Where it stands.
    home_altitude_m, yaw_deg : float
        Height of that place above sea level; heading.
    speedup : float
        How many times faster than the wall clock it tries to run.
    parameters : mapping of str to float, optional
        Parameters that differ from `DEFAULTS`, in force from the start.
    wind_m_s, wind_from_deg : float
        Mean wind.
    frame : mapping of str to float, optional
        Figures of the aircraft to be simulated; by default ArduPilot's quadcopter of 3 kg.
    shape : str
        Arrangement of that aircraft's motors, by ArduPilot's name.
    scripts : mapping of str to str, optional
        On-board Lua scripts: file name, ending in ``.lua``, and text.

    Attributes
    ----------
    url : str
        Where to connect; empty while it does not run.
    more_urls : tuple of str
        Where further ground stations may connect.

    Raises
    ------
    NotFound
        By `start`, when the program is not found.
    LinkError
        By `start`, when it does not come up.
    """

    def __init__(
        self,
        home: LonLat,
        *,
        home_altitude_m: float = 10.0,
        yaw_deg: float = 0.0,
        speedup: float = 1.0,
        parameters: Mapping[str, float] | None = None,
        wind_m_s: float = 0.0,
        wind_from_deg: float = 0.0,
        frame: Mapping[str, float] | None = None,
        shape: str = "hexa",
        scripts: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self.speedup = speedup
        self.url = ""
        self.more_urls: tuple[str, ...] = ()
        self._place = f"{home.lat_deg!r},{home.lon_deg!r},{home_altitude_m!r},{yaw_deg!r}"
        self._scripts = dict(scripts or {})
        self._parameters: dict[str, float] = {
            **DEFAULTS,
            **({SCRIPTING: 1} if self._scripts else {}),
            "SIM_WIND_SPD": wind_m_s,
            "SIM_WIND_DIR": wind_from_deg,
            **(parameters or {}),
        }
        self._frame = frame
        self._shape = shape
        self._process: subprocess.Popen[str] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> Self:
        """Start the program and wait until it can be connected to."""
        if self._process is not None:
            return self
        program = find_arducopter()
        self._folder = tempfile.TemporaryDirectory(prefix="arducopter-")
        folder = Path(self._folder.name)
        lines = [f"{name} {value!r}\n" for name, value in self._parameters.items()]
        (folder / "defaults.parm").write_text("".join(lines), "ascii")
        model = "+"
        if self._frame is not None:
            (folder / FRAME_FILE).write_text(json.dumps(dict(self._frame)), "ascii")
            model = f"{self._shape}:{FRAME_FILE}"
        self._write_scripts(folder)
        instance = _free_instance()
        self._process = subprocess.Popen(  # noqa: S603  (found by find_arducopter)
            [
                str(program),
                *("--model", model, "--home", self._place, "--speedup", repr(self.speedup)),
                *("--instance", str(instance), "--wipe", "--serial0", "tcp:0"),
                *("--defaults", str(folder / "defaults.parm")),
            ],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        ports = [FIRST_PORT + PORTS_APART * instance + offset for offset in PORT_OFFSETS]
        said = self._wait_for(self._process, f"SERIAL0 on TCP port {ports[0]}")
        if said is not None:
            self.stop()
            raise LinkError("error.simulator_start", reason=said or "-")
        self.url, *more = (f"tcp:127.0.0.1:{port}" for port in ports)
        self.more_urls = tuple(more)
        return self

    def _write_scripts(self, folder: Path) -> None:
        """Put the on-board scripts where the program, working in `folder`, looks for them."""
        for name, text in self._scripts.items():
            place = folder / SCRIPTS_FOLDER / Path(name).name
            place.parent.mkdir(exist_ok=True)
            place.write_text(text, "utf-8")

    @staticmethod
    def _wait_for(process: subprocess.Popen[str], sign: str) -> str | None:
        """Read the program's words until `sign`; return its last ones when it never comes."""
        assert process.stdout is not None  # noqa: S101  (PIPE was asked for)
        alarm = threading.Timer(START_S, process.kill)
        alarm.start()
        last = ""
        try:
            for line in process.stdout:
                if sign in line:
                    _drain(process)
                    return None
                last = line.strip() or last
        finally:
            alarm.cancel()
        return last

    def stop(self) -> None:
        """Stop the program and throw its folder away; stopping twice does no harm."""
        process, self._process = self._process, None
        self.url, self.more_urls = "", ()
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    @property
    def logs(self) -> tuple[Path, ...]:
        """The aircraft's own logs (.BIN) so far, the oldest first; gone with `stop`."""
        if self._folder is None:
            return ()
        return tuple(sorted((Path(self._folder.name) / "logs").glob("*.BIN")))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _drain(process: subprocess.Popen[str]) -> None:
    """Keep reading what the program says, so that it never waits for a reader."""

    def read() -> None:
        assert process.stdout is not None  # noqa: S101  (PIPE was asked for)
        with process.stdout as words:
            for _ in words:
                pass

    threading.Thread(target=read, daemon=True).start()


def _free_instance() -> int:
    """Return the first instance whose ports nobody has.

    Raises
    ------
    LinkError
        When all are taken.
    """
    for instance in range(INSTANCES):
        base = FIRST_PORT + PORTS_APART * instance
        if all(_is_free(base + offset) for offset in PORT_OFFSETS):
            return instance
    raise LinkError("error.simulator_ports", first=FIRST_PORT)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
