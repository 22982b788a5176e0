"""The commands that need an aircraft, real or simulated: fly, sim."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from typer import Option

from agri.cli.speech import language
from agri.cli.tree import FarmOption, PlanArgument, app, open_farm

if TYPE_CHECKING:
    from agri.workspace import Workspace
    from missions.flightplan import FlightPlan

EXIT_STOPPED = 130


@app.command(help="cli.help.fly")
def fly(
    plan: PlanArgument,
    connect: Annotated[str, Option(help="cli.help.connect", show_default=False)],
    pilot: Annotated[str, Option(help="cli.help.pilot", show_default=False)] = "",
    aircraft: Annotated[str, Option(help="cli.help.fly_aircraft", show_default=False)] = "",
    wind: Annotated[str, Option(help="cli.help.wind_now", show_default=False)] = "",
    wind_from: Annotated[str, Option(help="cli.help.wind_from_now", show_default=False)] = "",
    gust: Annotated[str, Option(help="cli.help.gust", show_default=False)] = "",
    temperature: Annotated[str, Option(help="cli.help.temperature", show_default=False)] = "",
    humidity: Annotated[str, Option(help="cli.help.humidity", show_default=False)] = "",
    rain: Annotated[str, Option(help="cli.help.rain", show_default=False)] = "",
    speedup: Annotated[str, Option(help="cli.help.speedup", show_default=False)] = "",
    yes: Annotated[bool, Option("--yes", help="cli.help.yes")] = False,
    key: Annotated[str, Option("--key", help="cli.help.key", show_default=False)] = "",
    farm: FarmOption = None,
) -> int:
    """Fly a plan."""
    from agri.cli.pilot import at_terminal
    from agri.cli.read import read_number, read_weather
    from agri.cli.show import complain, show_findings, show_flight
    from agri.errors import BadInput
    from agri.operations.clearance import Launcher
    from agri.operations.fly import fly_plan
    from agri.operations.keyring import user_keyring, user_leases
    from agri.operations.mission_files import load_plan
    from agri.operations.simulated import SIMULATED
    from missions.flight.briefing import Blocked

    simulated = connect in SIMULATED
    if yes and not simulated:
        raise BadInput("error.yes_real")
    fast = read_number(speedup, name="--speedup") if speedup else (1.0 if simulated else None)
    now = datetime.now(UTC)
    measured = read_weather(wind=wind, wind_from=wind_from, gust=gust, temperature=temperature,
                            humidity=humidity, rain=rain, now=now)  # fmt: skip
    flight_plan, stored = load_plan(plan, farm)
    keyring = user_keyring()
    with (
        open_farm(farm) as workspace,
        at_terminal(ask_first=not yes, pilot=pilot) as (person, terminal),
    ):
        if not yes and _rest_planned(workspace, flight_plan, simulated=simulated):
            return 0
        try:
            flown = fly_plan(
                workspace,
                flight_plan,
                stored,
                connect=connect,
                pilot=person,
                language=language.get(),
                now=now,
                launcher=Launcher(pilot=pilot, aircraft=aircraft, weather=measured),
                speedup=fast,
                signing=keyring.signing(key) if key else None,
                keyring=keyring,
                held_in=user_leases(),
            )
        except Blocked as blocked:
            show_findings(blocked.findings)
            raise
        except KeyboardInterrupt:
            complain("cli.left_flying" if terminal.flying else "cli.left_on_ground")
            return EXIT_STOPPED
    return show_flight(flown)


def _rest_planned(farm: Workspace, plan: FlightPlan, *, simulated: bool) -> bool:
    """Offer the rest of a flight that was broken off, and plan it after a yes."""
    from agri.cli.show import ask, show_findings, show_job, show_plan, tell
    from agri.operations.found import broken_off
    from agri.operations.sorties import SEAM_M, resume_flight
    from agri.operations.survey_rest import rest_of_survey

    found = broken_off(farm, plan, simulated=simulated)
    rest = next((f for f in found if f.key in ("finding.rest_left", "finding.photos_left")), None)
    if rest is None:
        return False
    show_findings(found)
    if not ask("cli.ask_rest"):
        return False
    key, now = str(dict(rest.message.values)["flight"]), datetime.now(UTC)
    if plan.survey is not None:
        survey = rest_of_survey(farm, farm.flight(key), language=language.get(), now=now)
        if survey is None:
            tell("cli.nothing_left_survey")
        elif not show_plan(survey):
            tell("cli.fly_rest", plan=survey.plan.name)
        return True
    job = resume_flight(farm, key, overlap_m=SEAM_M, language=language.get(), now=now)
    if job is None:
        tell("cli.nothing_left")
    elif not show_job(job):
        tell("cli.fly_rest", plan=job.sorties[0].plan.name)
    return True


@app.command(help="cli.help.sim")
def sim(
    plan: Annotated[str, Option(help="cli.help.sim_plan", show_default=False)] = "",
    home: Annotated[str, Option(help="cli.help.sim_home")] = "21.0834,106.5121",
    port: Annotated[str, Option(help="cli.help.sim_port")] = "5760",
    speedup: Annotated[str, Option(help="cli.help.speedup", show_default=False)] = "1",
    udp: Annotated[bool, Option("--udp", help="cli.help.sim_udp")] = False,
    farm: FarmOption = None,
) -> None:
    """Run the simulator by itself."""
    from agri.cli.read import read_number, read_place, read_port
    from agri.cli.show import tell
    from agri.operations.mission_files import load_plan
    from agri.operations.simulated import simulate

    place = load_plan(plan, farm)[0].home if plan else read_place(home, name="--home")
    with simulate(
        place,
        port=read_port(port, name="--port"),
        speedup=read_number(speedup, name="--speedup"),
        udp=udp,
    ) as url:
        tell("cli.sim_ready", url=url, place=f"{place.lat_deg:.6f},{place.lon_deg:.6f}")
        threading.Event().wait()
