"""The report of a field for the extension agent."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from agri.cli.speech import language
from agri.cli.tree import FarmOption, app, open_farm


@app.command(help="cli.help.report")
def report(
    field: Annotated[str, Argument(help="cli.help.record_field", show_default=False)],
    pdf: Annotated[bool, Option("--pdf", help="cli.help.report_pdf")] = False,
    remark: Annotated[str, Option(help="cli.help.report_remark", show_default=False)] = "",
    by: Annotated[str, Option(help="cli.help.report_by", show_default=False)] = "",
    farm: FarmOption = None,
) -> int:
    """Write the report of a field, A4."""
    from datetime import UTC, datetime

    from agri.cli.show_maps import show_products
    from agri.operations.field_report import field_report, keep_remark
    from agri.operations.field_report_page import keep_field_report

    now = datetime.now(UTC)
    with open_farm(farm) as workspace:
        place = workspace.field(field)
        if remark:
            keep_remark(workspace, place, remark, by=by, now=now)
        found = field_report(workspace, place, now=now, language=language.get())
        files = keep_field_report(workspace, found, language.get(), pdf=pdf)
    return show_products((), (), files)
