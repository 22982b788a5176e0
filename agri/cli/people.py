"""The people of the app, from the terminal: who they are, and a new password for who lost theirs.

Who can run a command in the farm's folder has the farm; nothing is asked of them here. The password
is made of chance, shown this once, and written into the audit record as given, without its text.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from typer import Argument, Option

from agri.cli.tree import FarmOption, app, open_farm

people = typer.Typer(no_args_is_help=True, help="cli.help.people")
app.add_typer(people, name="people")


@people.command("list", help="cli.help.people_list")
def people_list(farm: FarmOption = None) -> None:
    """List who may sign in to the app."""
    from agri.cli.show import show_table, tell
    from agri.cli.speech import language
    from agri.words import day_text, say

    with open_farm(farm) as workspace:
        found = workspace.people.all()
    if not found:
        tell("cli.people_none")
        return
    spoken = language.get()
    rows = [(one.name, say(f"page.web_role_{one.role.value}", spoken),
             day_text(one.created_utc.date(), spoken)) for one in found]  # fmt: skip
    show_table(("page.web_name", "page.web_role", "cli.head_since"), rows)


@people.command("password", help="cli.help.people_password")
def people_password(
    name: Annotated[str, Argument(help="cli.help.people_name", show_default=False)],
    by: Annotated[str, Option(help="cli.help.people_by")] = "terminal",
    farm: FarmOption = None,
) -> None:
    """Give somebody a new password made of chance."""
    from agri import audit
    from agri.audit import Confirmed
    from agri.cli.show import tell
    from agri.errors import NotFound
    from agri.web.passwords import Passwords, setup_key

    with open_farm(farm) as workspace:
        person = workspace.people.named(name)
        if person is None:
            names = ", ".join(one.name for one in workspace.people.all()) or "–"
            raise NotFound("error.no_such_person", name=name[:80], names=names)
        made = setup_key()
        hashed = Passwords().hash_of(made)
        audit.append(workspace.folder, kind="password_given", who=by, at_utc=datetime.now(UTC),
                     what=Confirmed(note=person.name))  # fmt: skip
        workspace.people.change(person.uid, password_hash=hashed)
    tell("cli.password_given", name=person.name, password=made)
