"""The commands about the link: what is wrong with it, and the keys that sign it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated

import typer
from typer import Argument, Option

from agri.cli.tree import app

link = typer.Typer(no_args_is_help=True, help="cli.help.link")
key = typer.Typer(no_args_is_help=True, help="cli.help.link_key")
app.add_typer(link, name="link")
link.add_typer(key, name="key")

AircraftArgument = Annotated[str, Argument(help="cli.help.link_aircraft", show_default=False)]
ConnectOption = Annotated[str, Option(help="cli.help.link_connect", show_default=False)]


@link.command("doctor", help="cli.help.link_doctor")
def doctor(
    connect: ConnectOption,
    key: Annotated[str, Option("--key", help="cli.help.key", show_default=False)] = "",
    seconds: Annotated[str, Option("--seconds", help="cli.help.link_seconds")] = "15",
) -> int:
    """Measure a link."""
    from agri.cli.read import read_number
    from agri.cli.show import progress
    from agri.cli.show_link import show_link
    from agri.operations.keyring import user_keyring
    from agri.operations.link import doctor

    how_long = read_number(seconds, name="--seconds")
    with progress("cli.link_bar") as update:
        report = doctor(connect, keyring=user_keyring(), key=key, seconds=how_long, on_time=update)
    return show_link(report)


@key.command("new", help="cli.help.link_key_new")
def new(
    aircraft: AircraftArgument,
    rotate: Annotated[bool, Option("--rotate", help="cli.help.link_rotate")] = False,
) -> None:
    """Make a key."""
    from agri.cli.show import tell
    from agri.operations.keyring import user_keyring
    from agri.operations.link import new_key

    kept = new_key(user_keyring(), aircraft, token_bytes=secrets.token_bytes,
                   now=datetime.now(UTC), rotate=rotate)  # fmt: skip
    made = kept.coming or kept.key
    tell("cli.key_made", aircraft=aircraft, fingerprint=made.fingerprint)


@key.command("install", help="cli.help.link_key_install")
def install(aircraft: AircraftArgument, connect: ConnectOption) -> None:
    """Bring a key on board."""
    from agri.cli.show import tell
    from agri.operations.keyring import user_keyring
    from agri.operations.link import bring_key

    brought = bring_key(user_keyring(), aircraft, connect=connect)
    tell("cli.key_installed", aircraft=aircraft, fingerprint=brought.fingerprint)


@key.command("list", help="cli.help.link_key_list")
def show_keys() -> None:
    """List the keys."""
    from agri.cli.show_link import show_keyring
    from agri.operations.keyring import user_keyring

    show_keyring(user_keyring().all())
