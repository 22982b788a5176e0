"""The command that opens the farm in a browser."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from agri.cli.speech import language
from agri.cli.tree import FarmOption, app, open_farm


@app.command(help="cli.help.serve")
def serve(
    host: Annotated[str, Option("--host", help="cli.help.serve_host", show_default=False)] = "",
    port: Annotated[int, Option("--port", help="cli.help.serve_port", min=1, max=65535)] = 8000,
    lan: Annotated[bool, Option("--lan", help="cli.help.serve_lan")] = False,
    no_tls: Annotated[bool, Option("--no-tls", help="cli.help.serve_plain")] = False,
    farm: FarmOption = None,
) -> None:
    """Serve the farm until somebody stops it."""
    from contextlib import suppress
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
        if told.setup_key:
            tell("cli.serve_setup", url=f"{told.urls[0]}setup?key={told.setup_key}",
                 key=told.setup_key)  # fmt: skip
        tell("cli.serve_stop")

    with open_farm(farm) as workspace:
        name = workspace.farm_name
        with suppress(KeyboardInterrupt):  # which way the server takes it depends on the moment
            serve(workspace, listening, language=language.get(), now=lambda: datetime.now(UTC),
                  on_open=opened,
                  on_flights=lambda count: complain("cli.serve_flying", count=count))  # fmt: skip
        tell("cli.serve_closed", farm=name)
