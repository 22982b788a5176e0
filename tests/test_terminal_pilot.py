"""A person at a real terminal: questions are answered in peace, keys work once something flies."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agri.workspace import Workspace

pty = pytest.importorskip("pty", reason="no pseudo-terminals on this system")

BOUNDARIES = Path(__file__).resolve().parents[1] / "agri" / "operations" / "demo_farm.geojson"
PATIENCE_S = 120.0


class Terminal:
    """An agri command on a pseudo-terminal."""

    def __init__(self, *words: str, cwd: Path) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", "import sys; from agri.cli import main; sys.exit(main())",
             "--lang", "en", *words],
            stdin=slave, stdout=slave, stderr=slave, cwd=cwd, start_new_session=True,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
        )  # fmt: skip
        os.close(slave)
        self.said = ""

    def wait_for(self, text: str) -> None:
        end_s = time.monotonic() + PATIENCE_S
        seen = len(self.said)
        while text not in self.said[seen:]:
            assert time.monotonic() < end_s, f"never said {text!r}: {self.said[-2000:]}"
            self._read()

    def finish(self) -> int:
        end_s = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < end_s, self.said[-2000:]
            self._read()
        self._read()
        os.close(self.master)
        return self.process.returncode

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def press_ctrl_c(self) -> None:
        """Interrupt the command and all that stand in its process group, as a terminal does."""
        os.killpg(self.process.pid, signal.SIGINT)

    def _read(self) -> None:
        if select.select([self.master], [], [], 0.2)[0]:
            try:
                self.said += os.read(self.master, 65536).decode("utf-8", "replace")
            except OSError:
                time.sleep(0.1)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from agri.cli import main

    folder = tmp_path_factory.mktemp("pilot") / "farm"
    assert main(["init", str(folder)]) == 0
    assert main(["fields", "add", str(BOUNDARIES), "--farm", str(folder)]) == 0
    words = ["plan", "survey", "cua dinh", "--gsd", "3cm", "--name", "x"]
    assert main([*words, "--farm", str(folder)]) == 0
    return folder


@pytest.fixture
def fly(farm: Path) -> Callable[[], Terminal]:
    return lambda: Terminal("fly", "x", "--connect", "sim", "--speedup", "10", cwd=farm)


def test_two_typed_yes_launch_and_the_key_r_brings_it_home(
    fly: Callable[[], Terminal], farm: Path
) -> None:
    terminal = fly()
    terminal.wait_for("Set these on the aircraft?")
    time.sleep(2.0)
    terminal.type("yes\n")
    terminal.wait_for("Arm and fly?")
    assert "STOP" not in terminal.said
    time.sleep(3.0)
    terminal.type("yes\n")
    terminal.wait_for("Took off")
    terminal.type("r")
    terminal.wait_for("RETURN")
    assert terminal.finish() == 1
    assert "Landed early" in terminal.said
    assert "Traceback" not in terminal.said
    assert "failsafe" not in terminal.said
    with Workspace.open(farm) as flown:
        (flight,) = flown.flights()
        events = [one.message.key for one in flown.load_flight(flight.uid).events]
    assert events.count("event.asked_return") == 1


def test_anything_but_yes_leaves_the_motors_off(fly: Callable[[], Terminal]) -> None:
    terminal = fly()
    terminal.wait_for("Set these on the aircraft?")
    terminal.type("yes\n")
    terminal.wait_for("Arm and fly?")
    terminal.type("no\n")
    assert terminal.finish() == 1
    assert "Motors armed" not in terminal.said


def test_the_first_ctrl_c_in_flight_is_a_stop_and_the_second_says_what_goes_on(
    fly: Callable[[], Terminal],
) -> None:
    terminal = fly()
    for question in ("Set these on the aircraft?", "Arm and fly?"):
        terminal.wait_for(question)
        terminal.type("yes\n")
    terminal.wait_for("Took off")
    terminal.press_ctrl_c()
    terminal.wait_for("STOP")
    terminal.wait_for("BRAKE · ")
    terminal.press_ctrl_c()
    assert terminal.finish() == 130
    assert "take the radio control" in terminal.said
    assert "Traceback" not in terminal.said
