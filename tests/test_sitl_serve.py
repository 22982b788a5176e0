"""The simulator as a process: real sockets on the loopback address, real clients, a clean end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from pymavlink import mavutil

from agri.errors import LinkError, NotFound
from sitl import ardupilot
from sitl.serve import Simulator, main
from tests.ground_station import HOME

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 20.0


def connect(url: str, system: int = 255) -> mavutil.mavfile:
    link = mavutil.mavlink_connection(url, source_system=system)
    if url.startswith("udpout"):
        link.mav.heartbeat_send(6, 8, 0, 0, 4)
    assert link.wait_heartbeat(timeout=PATIENCE_S) is not None
    return link


def wait_until(true, limit_s: float = PATIENCE_S) -> None:
    end_s = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end_s, "it took too long"
        time.sleep(0.02)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_dronekit_connects_reads_sets_and_arms(protocol):
    dronekit = pytest.importorskip("dronekit")
    with Simulator(HOME, speedup=20.0, protocol=protocol, ready_after_s=2.0) as simulator:
        assert simulator.url.startswith("tcp:" if protocol == "tcp" else "udpout:")
        vehicle = dronekit.connect(simulator.url, wait_ready=True, timeout=PATIENCE_S)
        try:
            assert len(vehicle.parameters) > 300
            assert vehicle.parameters["RTL_ALT"] == 1500
            vehicle.parameters["RTL_ALT"] = 2500
            assert vehicle.parameters["RTL_ALT"] == 2500
            wait_until(lambda: vehicle.is_armable)
            vehicle.mode = dronekit.VehicleMode("GUIDED")
            wait_until(lambda: vehicle.mode.name == "GUIDED")
            vehicle.armed = True
            wait_until(lambda: vehicle.armed)
            vehicle.simple_takeoff(5.0)
            wait_until(lambda: (vehicle.location.global_relative_frame.alt or 0.0) > 4.5)
        finally:
            vehicle.close()


def test_two_ground_stations_are_served_side_by_side():
    with Simulator(HOME, speedup=5.0) as simulator:
        first, second = connect(simulator.url), connect(simulator.url, 254)
        first.mav.request_data_stream_send(1, 1, 10, 10, 1)
        assert first.recv_match(type="ATTITUDE", blocking=True, timeout=PATIENCE_S)
        second.mav.param_request_read_send(1, 1, b"RTL_ALT", -1)
        assert second.recv_match(type="PARAM_VALUE", blocking=True, timeout=PATIENCE_S)
        assert second.recv_match(type="ATTITUDE", blocking=False) is None
        first.close()
        assert second.wait_heartbeat(timeout=PATIENCE_S)
        second.close()
        third = connect(simulator.url)
        third.close()


def test_the_clock_follows_sim_speedup_and_can_be_changed_while_it_runs():
    with Simulator(HOME, speedup=1.0) as simulator:
        link = connect(simulator.url)
        link.mav.command_long_send(1, 1, 511, 0, 2, 100_000, 0, 0, 0, 0, 0)

        def pace(seconds: float) -> float:
            boot = []
            end_s = time.monotonic() + seconds
            while time.monotonic() < end_s:
                message = link.recv_match(type="SYSTEM_TIME", blocking=True, timeout=PATIENCE_S)
                boot.append((time.monotonic(), message.time_boot_ms / 1000.0))
            return (boot[-1][1] - boot[0][1]) / (boot[-1][0] - boot[0][0])

        slow = pace(0.7)
        link.mav.param_set_send(1, 1, b"SIM_SPEEDUP", 20.0, 9)
        link.recv_match(type="PARAM_VALUE", blocking=True, timeout=PATIENCE_S)
        assert pace(0.7) > 2.0 * slow
        link.close()


def test_garbage_on_the_socket_changes_nothing():
    with Simulator(HOME, speedup=5.0) as simulator:
        host, port = simulator.url.removeprefix("tcp:").split(":")
        with socket.create_connection((host, int(port))) as raw:
            raw.sendall(os.urandom(5000) + b"\xfd\xff\x00\x00" * 200)
        link = connect(simulator.url)
        link.close()


def test_parameters_wind_and_personality_reach_the_vehicle():
    with Simulator(
        HOME, personality="rover", wind_m_s=4.0, wind_from_deg=90.0, parameters={"RTL_ALT": 3300}
    ) as simulator:
        link = connect(simulator.url)
        assert link.messages["HEARTBEAT"].type == 10
        for name, value in (("RTL_ALT", 3300.0), ("SIM_WIND_SPD", 4.0), ("SIM_WIND_DIR", 90.0)):
            link.mav.param_request_read_send(1, 1, name.encode(), -1)
            told = link.recv_match(type="PARAM_VALUE", blocking=True, timeout=PATIENCE_S)
            assert (told.param_id, told.param_value) == (name, value)
        link.close()


def test_only_the_loopback_address_is_listened_on():
    with Simulator(HOME) as simulator:
        assert ":127.0.0.1:" in simulator.url


def test_stopping_frees_the_port_and_stopping_twice_does_no_harm():
    simulator = Simulator(HOME).start()
    port = int(simulator.url.rsplit(":", 1)[1])
    simulator.stop()
    simulator.stop()
    assert simulator.url == ""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_a_port_that_is_taken_is_said_in_a_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(LinkError):
            Simulator(HOME, port=taken.getsockname()[1]).start()


def test_a_wrong_parameter_is_said_in_a_sentence():
    with pytest.raises(LinkError, match="NO_SUCH"):
        Simulator(HOME, parameters={"NO_SUCH": 1.0}).start()


@pytest.mark.parametrize(
    "arguments",
    [["--home", "21"], ["--home", "a,b,c"], ["--home", "1,2,3", "--param", "RTL_ALT=x"]],
)
def test_the_command_line_says_what_is_wrong(arguments, capsys):
    assert main(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_it_ends_by_itself_when_its_parent_is_gone():
    parent = textwrap.dedent(
        """
        import os, subprocess, sys
        child = subprocess.Popen(
            [sys.executable, "-m", "sitl.serve", "--home", "21.08,106.51,10"],
            stdout=subprocess.PIPE, text=True)
        print(child.pid, child.stdout.readline().strip(), flush=True)
        os._exit(0)
        """
    )
    said = subprocess.run(
        [sys.executable, "-c", parent],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=60,
    ).stdout
    child = int(said.split()[0])
    assert "ready tcp:" in said

    def gone() -> bool:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return True
        stat = Path(f"/proc/{child}/stat")
        return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z"

    wait_until(gone)


def test_ctrl_c_at_the_terminal_leaves_it_flying_and_a_killed_parent_ends_it():
    parent = textwrap.dedent(
        """
        import os, signal, socket, sys, time
        from agri.geo import LonLat
        from sitl.simulator import Simulator

        simulated = Simulator(LonLat(lon_deg=106.51, lat_deg=21.08)).start()
        signal.signal(signal.SIGINT, lambda *_: None)
        os.killpg(0, signal.SIGINT)
        time.sleep(0.5)
        port = int(simulated.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), 5.0) as link:
            link.settimeout(5.0)
            print(port, len(link.recv(1)), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    said = subprocess.run(
        [sys.executable, "-c", parent],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=60,
        start_new_session=True,
    ).stdout.split()
    assert said[1:] == ["1"]

    def gone() -> bool:
        with socket.socket() as link:
            return link.connect_ex(("127.0.0.1", int(said[0]))) != 0

    wait_until(gone)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number):
    with subprocess.Popen(
        [sys.executable, "-m", "sitl.serve", "--home", "21.08,106.51,10"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready tcp:127.0.0.1:")
        process.send_signal(number)
        _, wrong = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, wrong) == (0, "")


def test_without_arducopter_the_sentence_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(ardupilot.VARIABLE, raising=False)
    with pytest.raises(NotFound, match=ardupilot.VARIABLE):
        ardupilot.ArduPilot(HOME).start()
    monkeypatch.setenv(ardupilot.VARIABLE, str(tmp_path / "missing"))
    with pytest.raises(NotFound, match="missing"):
        ardupilot.find_arducopter()


def test_a_program_that_is_not_arducopter_is_said_to_have_failed(monkeypatch, tmp_path):
    fake = tmp_path / "arducopter"
    fake.write_text("#!/bin/sh\necho not a copter\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setenv(ardupilot.VARIABLE, str(fake))
    copter = ardupilot.ArduPilot(HOME)
    with pytest.raises(LinkError, match="not a copter"):
        copter.start()
    assert copter.url == ""
