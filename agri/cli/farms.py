"""The commands for whole farms: to and from a database, backed up, brought back, looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from agri.cli.tree import FarmOption, app, open_farm

DatabaseOption = Annotated[str, Option("--database", help="cli.help.database", show_default=False)]

farms = typer.Typer(no_args_is_help=True, help="cli.help.farms")
app.add_typer(farms, name="farm")


@farms.command("list", help="cli.help.farm_list")
def farm_list(
    database: Annotated[str, Argument(help="cli.help.database", show_default=False)],
    beside: Annotated[Path, Option("--in", help="cli.help.farm_in")] = Path(),
) -> None:
    """List the farms of a database."""
    from agri.cli.show import show_table, tell
    from agri.cli.speech import language
    from agri.operations.farm import farms_of
    from agri.words import say

    found = farms_of(database, beside)
    if not found:
        tell("cli.farm_list_none")
        return
    nowhere = say("cli.farm_no_folder", language.get())
    rows = [(one.name, one.schema, str(folder or nowhere)) for one, folder in found]
    show_table(("cli.head_farm", "cli.head_schema", "cli.head_folder"), rows)


@farms.command("copy", help="cli.help.farm_copy")
def farm_copy(
    folder: Annotated[Path, Argument(help="cli.help.farm_copy_folder", show_default=False)],
    database: DatabaseOption = "",
    farm: FarmOption = None,
) -> None:
    """Copy the farm into a database, or into a folder of its own."""
    from agri.cli.show import tell

    with open_farm(farm) as workspace:
        workspace.copy_to(folder, database=database)
        tell("cli.farm_copied", farm=workspace.farm_name, folder=folder.resolve())


@farms.command("attach", help="cli.help.farm_attach")
def farm_attach(
    folder: Annotated[Path, Argument(help="cli.help.farm_attach_folder", show_default=False)],
    schema: Annotated[str, Argument(help="cli.help.farm_schema", show_default=False)],
    database: Annotated[str, Argument(help="cli.help.database", show_default=False)],
) -> None:
    """Give a farm of a database a folder for its files."""
    from agri.cli.show import tell
    from agri.operations.farm import attach_farm

    with attach_farm(folder, schema=schema, database=database) as workspace:
        tell("cli.init_done", farm=workspace.farm_name, folder=folder.resolve())


@farms.command("backup", help="cli.help.farm_backup")
def farm_backup(farm: FarmOption = None) -> None:
    """Back the farm up."""
    from agri.cli.show import tell

    with open_farm(farm) as workspace:
        tell("cli.farm_backed_up", folder=workspace.backup().resolve())


@farms.command("restore", help="cli.help.farm_restore")
def farm_restore(
    backup: Annotated[Path, Argument(help="cli.help.farm_restore_folder", show_default=False)],
    farm: FarmOption = None,
) -> None:
    """Bring the farm back to a backup."""
    from agri.cli.show import tell

    with open_farm(farm) as workspace:
        tell("cli.farm_restored", folder=workspace.restore(backup).resolve())


@farms.command("look", help="cli.help.farm_look")
def farm_look(farm: FarmOption = None) -> int:
    """Look whether the farm's database and files are whole."""
    from agri.cli.show import show_findings, tell
    from agri.findings import blocks

    with open_farm(farm) as workspace:
        findings = workspace.check()
    show_findings(findings)
    if not findings:
        tell("cli.farm_whole")
    return 1 if blocks(findings) else 0
