"""The commands that need an aircraft, real or simulated: fly, sim, demo."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from agri.cli.speech import language
from agri.cli.tree import FarmOption, PlanArgument, app, open_farm

if TYPE_CHECKING:
    from agri.operations.fly import Pilot
    from missions.launch import Briefing, FlightProgress
    from missions.link import Link
    from missions.preflight import Requirement


@app.command(help="cli.help.fly")
def fly(
    plan: PlanArgument,
    connect: Annotated[str, Option(help="cli.help.connect", show_default=False)],
    speedup: Annotated[str, Option(help="cli.help.speedup", show_default=False)] = "",
    yes: Annotated[bool, Option("--yes", help="cli.help.yes")] = False,
    farm: FarmOption = None,
) -> int:
    """Fly a plan."""
    from agri.cli.read import read_number
    from agri.cli.show import show_flight
    from agri.errors import BadInput
    from agri.operations.fly import SIMULATED, fly_plan
    from agri.operations.mission_files import load_plan

    simulated = connect in SIMULATED
    if yes and not simulated:
        raise BadInput("error.yes_real")
    fast = read_number(speedup, name="--speedup") if speedup else (1.0 if simulated else None)
    flight_plan, stored = load_plan(plan, farm)
    with open_farm(farm) as workspace, _watching(ask=not yes) as pilot:
        flown = fly_plan(workspace, flight_plan, stored, connect=connect, pilot=pilot,
                         language=language.get(), now=datetime.now(UTC), speedup=fast)  # fmt: skip
    return show_flight(flown)


@contextmanager
def _watching(*, ask: bool) -> Iterator[Pilot]:
    """Give the pilot's part at the terminal: questions, a live line, and the three keys."""
    from rich.live import Live
    from rich.text import Text

    from agri.cli.keys import listening
    from agri.cli.show import console, flight_line, tell
    from agri.operations.fly import Pilot

    links: list[Link] = []
    live = Live(Text(""), console=console(), refresh_per_second=5, transient=True)

    def on_link(link: Link) -> None:
        links.append(link)
        tell("cli.fly_connected")

    def on_progress(progress: FlightProgress) -> None:
        if progress.message is not None:
            console().print("  " + progress.message.text(language.get()), markup=False)
        live.update(Text(flight_line(progress)))

    def on_key(key: str) -> None:
        orders: dict[str, Callable[[Link], None]] = {
            "s": lambda link: link.hold(),
            "r": lambda link: link.return_home(),
            "l": lambda link: link.land(),
        }
        if key in orders and links:
            tell(f"cli.key_{key}")
            threading.Thread(target=orders[key], args=(links[-1],), daemon=True).start()

    def asked(question: Callable[[], bool]) -> bool:
        live.stop()
        answer = not ask or question()
        tell("cli.fly_keys")
        live.start()
        return answer

    def may_set(needs: tuple[Requirement, ...]) -> bool:
        return asked(lambda: _may_set(needs))

    def may_arm(briefing: Briefing) -> bool:
        return asked(lambda: _may_arm(briefing))

    with listening(on_key), live:
        yield Pilot(may_set=may_set, may_arm=may_arm, on_link=on_link, on_progress=on_progress)


def _may_set(needs: tuple[Requirement, ...]) -> bool:
    from agri.cli.show import ask, show_table, tell

    tell("cli.set_parameters")
    show_table(
        ("cli.head_parameter", "cli.head_wanted", "cli.head_reason"),
        [(n.name, f"{n.wanted:g}", n.reason.text(language.get())) for n in needs if n.settable],
    )
    return ask("cli.ask_set")


def _may_arm(briefing: Briefing) -> bool:
    from agri.cli.show import ask, show_findings, tell

    show_findings(briefing.findings)
    tell("cli.briefing", vehicle=briefing.identity.name, digest=briefing.plan_digest[:12])
    return ask("cli.ask_arm")


@app.command(help="cli.help.sim")
def sim(
    home: Annotated[str, Option(help="cli.help.sim_home")] = "21.0834,106.5121",
    port: Annotated[int, Option(help="cli.help.sim_port")] = 5760,
    speedup: Annotated[str, Option(help="cli.help.speedup", show_default=False)] = "1",
    udp: Annotated[bool, Option("--udp", help="cli.help.sim_udp")] = False,
) -> None:
    """Run the simulator by itself."""
    from agri.cli.read import read_number, read_place
    from agri.cli.show import tell
    from agri.operations.fly import simulate

    place = read_place(home, name="--home")
    with simulate(place, port=port, speedup=read_number(speedup, name="--speedup"), udp=udp) as url:
        tell("cli.sim_ready", url=url)
        threading.Event().wait()


@app.command(help="cli.help.demo")
def demo(
    folder: Annotated[Path, Option("--folder", help="cli.help.demo_folder")] = Path("demo-farm"),
    speedup: Annotated[str, Option(help="cli.help.speedup", show_default=False)] = "100",
) -> int:
    """Show the whole way on a farm of five fields."""
    from agri.cli.read import read_number
    from agri.cli.show import progress, show_demo, tell
    from agri.operations.demo import run_demo

    tell("cli.demo_begins")
    with progress("cli.demo_bar") as update:
        shown = run_demo(folder, language=language.get(), now=datetime.now(UTC),
                         speedup=read_number(speedup, name="--speedup"), update=update)  # fmt: skip
    return show_demo(shown)
