"""Simulated aircraft: what a plan's aircraft carries, given to a simulation of it.

A real aircraft is wired by people; a simulated one is fitted here with what its plan needs: a
camera, or pump, tank and nozzles with what the sprayer's catalogue entry says of them, and the
spray guard (`missions.onboard`) where it can stop that pump by itself. Parameters that the plan
sets are left to the pre-flight, so that a simulated launch goes the real one's way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agri.geo import LonLat
from missions import onboard
from missions.flightplan import FlightPlan
from missions.sprayer.dose import PUMP_CHANNEL
from missions.sprayer.gear import PumpControl
from missions.sprayer.job import SprayJob
from missions.sprayer.parameters import PUMP_FUNCTION, SPINNER_CHANNEL

if TYPE_CHECKING:
    from sitl.simulator import Simulator
    from sitl.spray_gear import SprayHardware
    from sitl.vehicle import Airframe

SIMULATED = ("sim", "ardupilot")
"""Words for ``--connect`` that start a simulation instead of naming an address."""
CAMERA_FITTED = {"CAM1_TYPE": 1.0, "SERVO11_FUNCTION": 10.0}
"""A simulated aircraft carries a camera on servo 11."""
SPINNER_FUNCTION = 23
"""SERVOn_FUNCTION of the disc that makes the droplets."""
GROUND_SPEEDUP = 10.0
"""How fast a simulation runs on the ground: all its time limits run with it, and at 10 the eight
seconds it waits for a mission item are still 0.8 s by the clock. The speed asked for comes once it
has taken off."""
READY_AFTER_S = 5.0
"""The embedded simulator's receiver finds its position sooner than ArduCopter's 41.5 s."""
SIMULATED_HOVER_A = 30.0
"""Current a simulated copter draws in hover, whatever its frame (seen on ArduCopter's own)."""
SIMULATED_V, SIMULATED_CRITICAL_V = 12.6, 10.2
"""Voltage of a simulated pack (SIM_BATT_VOLTAGE), and at which it lands where it is."""
LINK_PATIENCE_S = 2.0
"""A busy computer may be silent for this long by the wall clock (1.2 s were seen while memory was
tidied up); a sped-up simulation counts that many times longer, so its FS_GCS_TIMEOUT grows with the
speed-up (ArduPilot allows 120 s)."""

PATIENT = ("FS_GCS_TIMEOUT",)
"""Parameters that the pre-flight leaves a simulation as they were fitted."""


@contextmanager
def simulate(home: LonLat, *, port: int, speedup: float, udp: bool) -> Iterator[str]:
    """Run the embedded simulator at `home` and give its address.

    Parameters
    ----------
    home : LonLat
        Where it stands.
    port : int
        Port on this machine.
    speedup : float
        How much faster than the clock.
    udp : bool
        Listen with UDP instead of TCP.
    """
    from sitl.simulator import Simulator

    with Simulator(home, port=port, speedup=speedup, protocol="udp" if udp else "tcp",
                   parameters=CAMERA_FITTED) as simulated:  # fmt: skip
        yield simulated.url


@contextmanager
def vehicle_at(connect: str, plan: FlightPlan, *, speedup: float | None = None) -> Iterator[str]:
    """Give the address of the aircraft, starting a simulation where ``connect`` asks for one.

    Parameters
    ----------
    connect : str
        ``sim``, ``ardupilot`` or an address (`missions.link.address`).
    plan : FlightPlan
        A simulation stands at its home and carries what it needs.
    speedup : float, optional
        How fast a simulation will fly.

    Raises
    ------
    NotFound
        When no real ArduCopter simulator is on this machine.
    """
    if connect == "sim":
        with simulator_for(plan, speedup=speedup) as simulated:
            yield simulated.url
    elif connect == "ardupilot":
        from sitl.ardupilot import ArduPilot

        scripts = {onboard.FILE_NAME: onboard.script()} if _guarded(plan) else None
        with ArduPilot(plan.home, speedup=GROUND_SPEEDUP, scripts=scripts,
                       parameters=_fitted(plan, speedup)) as real:  # fmt: skip
            yield real.url
    else:
        yield connect


def simulator_for(
    plan: FlightPlan, *, speedup: float | None = None, udp: bool = False
) -> Simulator:
    """Return the embedded simulator, not started yet, standing ready at a plan's home.

    Parameters
    ----------
    plan : FlightPlan
        It stands at its home and carries what it needs.
    speedup : float, optional
        How fast it will fly; on the ground it runs at `GROUND_SPEEDUP`.
    udp : bool
        Listen with UDP instead of TCP.
    """
    from sitl.simulator import Simulator

    job, aircraft = plan.spray, plan.aircraft
    return Simulator(
        plan.home,
        speedup=GROUND_SPEEDUP,
        protocol="udp" if udp else "tcp",
        ready_after_s=READY_AFTER_S,
        parameters={**_fitted(plan, speedup), **_guarded(plan)},
        airframe=_airframe(plan) if job and aircraft else None,
        sprayer=_gear(job) if job else None,
    )


def _fitted(plan: FlightPlan, speedup: float | None) -> dict[str, float]:
    """Return the parameters of a simulated aircraft that are its wiring, not the plan's wish."""
    patience_s = LINK_PATIENCE_S * max(GROUND_SPEEDUP, speedup or 1.0)
    fitted = {**CAMERA_FITTED, "FS_GCS_TIMEOUT": min(120.0, max(5.0, patience_s))}
    aircraft, job = plan.aircraft, plan.spray
    if aircraft:
        hover_h = aircraft.battery_wh / aircraft.hover_power_w
        fitted["BATT_CAPACITY"] = float(round(1000.0 * SIMULATED_HOVER_A * hover_h))
    if job:
        held = job.settings.sprayer.control is PumpControl.SERVO
        fitted |= {
            "BATT_CRT_VOLT": SIMULATED_CRITICAL_V,
            "SPRAY_ENABLE": 0.0 if held else 1.0,
            f"SERVO{PUMP_CHANNEL}_FUNCTION": 0.0 if held else float(PUMP_FUNCTION),
            f"SERVO{SPINNER_CHANNEL}_FUNCTION": float(SPINNER_FUNCTION),
        }
    if job and aircraft:
        fitted["BATT_CAPACITY"] = float(round(1000.0 * aircraft.battery_wh / SIMULATED_V))
    return fitted


def _guarded(plan: FlightPlan) -> dict[str, float]:
    """Return what puts the spray guard on board; {} for a pump that it must first be told of."""
    if plan.spray is None or plan.spray.settings.sprayer.control is not PumpControl.SPEED:
        return {}
    return {**onboard.NEEDED_PARAMETERS, onboard.PARAMETER: float(onboard.VERSION)}


def _airframe(plan: FlightPlan) -> Airframe:
    from sitl.vehicle import Airframe

    assert plan.aircraft is not None  # noqa: S101 - the caller looked
    return Airframe(mass_kg=plan.aircraft.mass_kg, hover_power_w=plan.aircraft.hover_power_w)


def _gear(job: SprayJob) -> SprayHardware:
    """Return tank, pump and nozzles, the tank filled for this sortie."""
    from sitl.spray_gear import SprayHardware

    sprayer = job.settings.sprayer
    held = sprayer.control is PumpControl.SERVO
    return SprayHardware(
        tank_l=min(sprayer.tank_l, job.estimate.litres + sprayer.dead_l),
        pump=tuple((point.output, point.flow_l_min) for point in sprayer.pump),
        hose_s=sprayer.hose_s,
        nozzles=sprayer.nozzles,
        channel=PUMP_CHANNEL if held else 0,
    )
