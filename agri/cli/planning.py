"""The commands that need no aircraft: farm, fields, plan, check, export."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from agri.cli.speech import language
from agri.cli.tree import (
    FarmOption,
    FenceOption,
    ItemsOption,
    PlanArgument,
    app,
    fields,
    open_farm,
    plan,
)


@app.command(help="cli.help.init")
def init(
    folder: Annotated[Path, Argument(help="cli.help.init_folder")] = Path(),
    name: Annotated[str, Option(help="cli.help.init_name", show_default=False)] = "",
    database: Annotated[
        str, Option("--database", help="cli.help.database", show_default=False)
    ] = "",
) -> None:
    """Make a folder a farm."""
    from agri.cli.show import tell
    from agri.operations.farm import start_farm

    with start_farm(folder, name=name, database=database) as farm:
        tell("cli.init_done", farm=farm.farm_name, folder=farm.folder.resolve())


@fields.command("add", help="cli.help.fields_add")
def fields_add(
    files: Annotated[list[Path], Argument(help="cli.help.fields_files", show_default=False)],
    province: Annotated[str, Option(help="cli.help.province")] = "Quảng Ninh",
    crs: Annotated[str, Option(help="cli.help.crs", show_default=False)] = "",
    name: Annotated[str, Option(help="cli.help.field_name", show_default=False)] = "",
    farm: FarmOption = None,
) -> None:
    """Read boundary files into the farm."""
    from agri.cli.read import read_epsg
    from agri.cli.show import show_findings, tell
    from agri.operations.farm import import_boundaries

    with open_farm(farm) as workspace:
        added = import_boundaries(workspace, files, province=province, crs_epsg=read_epsg(crs),
                                  name=name or None)  # fmt: skip
    show_findings(added.findings)
    tell("cli.fields_added", fields=len(added.fields), others=added.others)
    _show_fields(added.fields)


@fields.command("list", help="cli.help.fields_list")
def fields_list(farm: FarmOption = None) -> None:
    """List the farm's fields."""
    from agri.cli.show import show_findings, tell

    with open_farm(farm) as workspace:
        everything, findings = workspace.farm_with_findings()
    show_findings(findings)
    if not everything.fields:
        tell("cli.no_fields")
    _show_fields(everything.fields)


def _show_fields(listed: Any) -> None:
    from agri.cli.show import local_number, show_table
    from agri.crop_cards import crop_told
    from agri.units import square_metres_to_hectares, square_metres_to_sao

    rows = [
        (
            field.name,
            crop_told(field.crop, language.get()),
            local_number(square_metres_to_hectares(field.area_m2), ".2f"),
            local_number(square_metres_to_sao(field.area_m2), ".1f"),
        )
        for field in listed
    ]
    if rows:
        show_table(("cli.head_field", "cli.head_crop", "cli.head_ha", "cli.head_sao"), rows)


@app.command(help="cli.help.cameras")
def cameras() -> None:
    """List the cameras."""
    from agri.cli.show import local_number, show_table
    from missions.catalogue import cameras as catalogue

    rows = [
        (
            camera.name,
            f"{camera.image_width_px} × {camera.image_height_px}",
            local_number(camera.focal_length_mm, ".1f"),
            ", ".join(camera.bands),
        )
        for camera in catalogue().values()
    ]
    show_table(("cli.head_camera", "cli.head_pixels", "cli.head_focal", "cli.head_bands"), rows)


@app.command(help="cli.help.aircraft_list")
def aircraft() -> None:
    """List the aircraft."""
    from agri.cli.show import local_number, show_table
    from missions.catalogue import all_aircraft

    rows = [
        (
            one.name,
            local_number(one.mass_kg, ".1f"),
            local_number(one.battery_wh, ".0f"),
            local_number(one.cruise_speed_m_s, ".0f"),
        )
        for one in all_aircraft().values()
    ]
    show_table(("cli.head_aircraft", "cli.head_mass", "cli.head_battery", "cli.head_speed"), rows)


@plan.command("survey", help="cli.help.plan_survey")
def plan_survey(
    field: Annotated[str, Argument(help="cli.help.field", show_default=False)],
    camera: Annotated[str, Option(help="cli.help.camera")] = "MicaSense RedEdge-P multispectral",
    gsd: Annotated[str, Option(help="cli.help.gsd", show_default=False)] = "",
    height: Annotated[str, Option(help="cli.help.height", show_default=False)] = "",
    front: Annotated[str, Option(help="cli.help.front")] = "75",
    side: Annotated[str, Option(help="cli.help.side")] = "70",
    speed: Annotated[str, Option(help="cli.help.speed", show_default=False)] = "",
    angle: Annotated[str, Option(help="cli.help.angle", show_default=False)] = "",
    edge_pass: Annotated[bool, Option("--edge-pass", help="cli.help.edge_pass")] = False,
    lead_in: Annotated[str, Option(help="cli.help.lead_in")] = "0m",
    pad: Annotated[str, Option(help="cli.help.pad", show_default=False)] = "",
    aircraft: Annotated[str, Option(help="cli.help.aircraft", show_default=False)] = "",
    ceiling: Annotated[str, Option(help="cli.help.ceiling")] = "50m",
    fence_points: FenceOption = 60,
    mission_items: ItemsOption = 650,
    name: Annotated[str, Option(help="cli.help.plan_as", show_default=False)] = "",
    farm: FarmOption = None,
) -> int:
    """Plan a survey of a field."""
    from agri.cli import read
    from agri.cli.show import show_plan
    from agri.operations.survey import SurveyRequest, plan_field
    from agri.units import read_length_m
    from missions.catalogue import aircraft as find_aircraft
    from missions.catalogue import camera as find_camera
    from missions.flightplan import VehicleLimits

    request = SurveyRequest(
        field=field,
        camera=find_camera(camera),
        aircraft=find_aircraft(aircraft),
        gsd_m=read_length_m(gsd, name="--gsd", default_unit="cm") if gsd else None,
        height_m=read_length_m(height, name="--height") if height else None,
        front_overlap=read.read_percent(front, name="--front"),
        side_overlap=read.read_percent(side, name="--side"),
        speed_m_s=read.read_number(speed, name="--speed") if speed else None,
        angle_deg=read.read_number(angle, name="--angle") % 180.0 if angle else None,
        edge_pass=edge_pass,
        lead_in_m=read_length_m(lead_in, name="--lead-in", zero=True),
        pad=read.read_place(pad, name="--pad") if pad else None,
        ceiling_m=read_length_m(ceiling, name="--ceiling"),
        limits=VehicleLimits(items=mission_items, fence_vertices=fence_points),
        name=name,
    )
    with open_farm(farm) as workspace:
        planned = plan_field(workspace, request, language=language.get(), now=datetime.now(UTC))
    return show_plan(planned)


@app.command(help="cli.help.check")
def check(plan: PlanArgument, farm: FarmOption = None) -> int:
    """Check a plan by every rule."""
    from agri.cli.show import show_verdict
    from agri.operations.mission_files import check_named

    found = check_named(plan, farm)
    return show_verdict(found.plan.name, found.findings)


@app.command(help="cli.help.export")
def export(
    plan: PlanArgument,
    to: Annotated[str, Option("--to", help="cli.help.export_to")] = "plan",
    out: Annotated[Path | None, Option(help="cli.help.export_out", show_default=False)] = None,
    simple: Annotated[bool, Option("--simple", help="cli.help.export_simple")] = False,
    farm: FarmOption = None,
) -> None:
    """Write a plan for other programs."""
    from agri.cli.show import show_findings, tell
    from agri.operations.mission_files import export_named, export_notes_named, load_plan

    written = export_named(plan, to, folder_or_file=out, farm=farm, simple=simple)
    for file in written:
        tell("cli.exported", file=file)
    show_findings(export_notes_named(plan, to, farm=farm))
    survey = to == "plan" and not simple and load_plan(plan, farm)[0].survey is not None
    if survey and '"ComplexItem"' not in written[0].read_text("utf-8"):
        tell("cli.exported_simple")
