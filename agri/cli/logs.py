"""The commands about flights that are over: bring in the aircraft's own log."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from agri.cli.speech import language
from agri.cli.tree import FarmOption, flown, open_farm


@flown.command("import", help="cli.help.flight_import")
def import_(
    words: Annotated[list[str], Argument(help="cli.help.flight_and_log", show_default=False)],
    plan: Annotated[str, Option(help="cli.help.import_plan", show_default=False)] = "",
    farm: FarmOption = None,
) -> int:
    """Bring in a dataflash log."""
    from agri.cli.show import show_imported
    from agri.errors import BadInput
    from agri.operations.aircraft_log import import_log, import_unwatched
    from agri.operations.mission_files import load_plan

    *named, file = words
    if len(named) > (0 if plan else 1):
        raise BadInput("error.log_words")
    now = datetime.now(UTC)
    if not plan:
        with open_farm(farm) as workspace:
            one = import_log(workspace, Path(file), wanted="".join(named),
                             language=language.get(), now=now)  # fmt: skip
        return show_imported(one)
    flight_plan, stored = load_plan(plan, farm)
    with open_farm(farm) as workspace:
        found = import_unwatched(workspace, Path(file), flight_plan, stored,
                                 language=language.get(), now=now)  # fmt: skip
    return max(show_imported(one) for one in found)
