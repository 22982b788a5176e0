"""The command that opens the farm in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from agri.cli.speech import language
from agri.cli.tree import FarmOption, app, open_farm

if TYPE_CHECKING:
    from agri.workspace import Workspace


@app.command(help="cli.help.serve")
def serve(
    host: Annotated[str, Option("--host", help="cli.help.serve_host", show_default=False)] = "",
    port: Annotated[int, Option("--port", help="cli.help.serve_port", min=1, max=65535)] = 8000,
    lan: Annotated[bool, Option("--lan", help="cli.help.serve_lan")] = False,
    no_tls: Annotated[bool, Option("--no-tls", help="cli.help.serve_plain")] = False,
    database: Annotated[
        str, Option("--database", help="cli.help.serve_database", show_default=False)
    ] = "",
    farm: FarmOption = None,
) -> None:
    """Serve the farm, or all farms of a database, until somebody stops it."""
    from contextlib import ExitStack, suppress
    from datetime import UTC, datetime

    from agri.cli.show import complain, tell
    from agri.web.serving import Listening, Open, serve

    listening = Listening(host=host, port=port, lan=lan, encrypted=not no_tls)

    def opened(told: Open) -> None:
        tell("cli.serve_open", farm=name, url=told.urls[0])
        for url in told.urls[1:]:
            tell("cli.serve_phone", url=url)
        if told.certificate:
            tell("cli.serve_certificate", fingerprint=told.certificate.fingerprint)
        elif listening.open_to_others:
            complain("cli.serve_plain")
        if told.unowned and len(farms) > 1:
            tell("cli.serve_setup_of", farms=", ".join(told.unowned), url=told.urls[0],
                 key=told.setup_key)  # fmt: skip
        elif told.unowned:
            tell("cli.serve_setup", url=f"{told.urls[0]}setup?key={told.setup_key}",
                 key=told.setup_key)  # fmt: skip
        tell("cli.serve_stop")

    with ExitStack() as opening:
        farms = [opening.enter_context(one) for one in _opened(farm, database)]
        name = ", ".join(one.farm_name for one in farms)
        with suppress(KeyboardInterrupt):  # which way the server takes it depends on the moment
            serve(farms, listening, language=language.get(), now=lambda: datetime.now(UTC),
                  on_open=opened, database=database,
                  on_flights=lambda count: complain("cli.serve_flying", count=count))  # fmt: skip
        tell("cli.serve_closed", farm=name)


def _opened(folder: Path | None, database: str) -> tuple[Workspace, ...]:
    """Return the farm asked for, or those of a database that have their folders here."""
    from agri.cli.show import complain
    from agri.errors import NotFound
    from agri.operations.farm import open_all
    from agri.workspace import opening

    if not database:
        try:
            return (open_farm(folder),)
        except NotFound:
            inside = folder or Path.cwd()
            names = sorted(one.name for one in inside.glob("*/") if opening.is_farm(one))
            if not names:
                raise
            raise NotFound("error.serve_farms_inside", folder=inside, names=", ".join(names[:5]),
                           first=inside / names[0]) from None  # fmt: skip
    found, without = open_all(database, folder or Path.cwd())
    for one in without:
        complain("cli.serve_without_folder", farm=one.name, schema=one.schema)
    return found
