"""The commands of spraying: plan a field or its trees, show the sorties, go on after a stop, look
at what was sprayed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from agri.cli.speech import language
from agri.cli.tree import FarmOption, FenceOption, ItemsOption, PlanArgument, app, open_farm, plan

if TYPE_CHECKING:
    from agri.operations.spray import SprayRequest
    from agri.operations.tank import TankRead
    from agri.zone import RateMap

SprayerOption = Annotated[str, Option(help="cli.help.sprayer", show_default=False)]
ProductOption = Annotated[str, Option(help="cli.help.product", show_default=False)]
DoseOption = Annotated[str, Option(help="cli.help.dose", show_default=False)]
PhiOption = Annotated[int, Option(help="cli.help.phi", min=0, max=365, show_default=False)]
LabelOption = Annotated[str, Option(help="cli.help.label_buffer")]
HeightOption = Annotated[str, Option(help="cli.help.spray_height", show_default=False)]
SpeedOption = Annotated[str, Option(help="cli.help.spray_speed", show_default=False)]
SwathOption = Annotated[str, Option(help="cli.help.swath", show_default=False)]
WindOption = Annotated[str, Option(help="cli.help.wind", show_default=False)]
WindFromOption = Annotated[str, Option(help="cli.help.wind_from", show_default=False)]
OverlapOption = Annotated[str, Option(help="cli.help.overlap")]
PadOption = Annotated[str, Option(help="cli.help.pad", show_default=False)]
CeilingOption = Annotated[str, Option(help="cli.help.ceiling")]
NameOption = Annotated[str, Option(help="cli.help.plan_as", show_default=False)]
DemOption = Annotated[Path | None, Option(help="cli.help.dem", show_default=False)]
DsmOption = Annotated[Path | None, Option(help="cli.help.dsm", show_default=False)]
FlightArgument = Annotated[str, Argument(help="cli.help.flight", show_default=False)]
LeftOption = Annotated[str, Option(help="cli.help.left", show_default=False)]
FilledOption = Annotated[str, Option(help="cli.help.filled", show_default=False)]


def _tank(left: str, filled: str) -> TankRead | None:
    """Return what was read at the tank; None when nothing was."""
    from agri.cli.read import read_litres
    from agri.errors import BadInput
    from agri.operations.tank import TankRead

    if not left:
        if filled:
            raise BadInput("error.tank_left_missing")
        return None
    return TankRead(
        left_l=read_litres(left, name="--left"),
        filled_l=read_litres(filled, name="--filled") if filled else None,
    )


@app.command(help="cli.help.sprayers_list")
def sprayers() -> None:
    """List the sprayers."""
    from agri.cli.show import local_number, show_table
    from missions.catalogue import sprayers as catalogue

    rows = [
        (
            one.name,
            local_number(one.tank_l, ".0f"),
            f"{local_number(one.min_flow_l_min, '.1f')}–{local_number(one.max_flow_l_min, '.1f')}",
            f"{local_number(one.min_height_m, '.1f')}–{local_number(one.max_height_m, '.1f')}",
            local_number(one.max_speed_m_s, ".0f"),
        )
        for one in catalogue().values()
    ]
    show_table(
        ("cli.head_sprayer", "cli.head_tank", "cli.head_flow", "cli.head_height", "cli.head_speed"),
        rows,
    )


@plan.command("spray", help="cli.help.plan_spray")
def plan_spray(
    fields: Annotated[list[str], Argument(help="cli.help.spray_fields", show_default=False)],
    rate: Annotated[str, Option(help="cli.help.rate", show_default=False)],
    product: ProductOption,
    dose: DoseOption,
    phi: PhiOption,
    sprayer: SprayerOption = "",
    label_buffer: LabelOption = "0m",
    height: HeightOption = "",
    speed: SpeedOption = "",
    swath: SwathOption = "",
    crop_height: Annotated[str, Option(help="cli.help.crop_height")] = "0m",
    wind: WindOption = "",
    wind_from: WindFromOption = "",
    angle: Annotated[str, Option(help="cli.help.angle", show_default=False)] = "",
    objective: Annotated[str, Option(help="cli.help.objective")] = "time",
    edge_pass: Annotated[bool, Option("--edge-pass/--no-edge-pass", help="cli.help.edge")] = True,
    crosshatch: Annotated[bool, Option("--crosshatch", help="cli.help.crosshatch")] = False,
    clearance: Annotated[str, Option(help="cli.help.clearance")] = "0m",
    edge: Annotated[list[str] | None, Option(help="cli.help.edges", show_default=False)] = None,
    rate_map: Annotated[Path | None, Option(help="cli.help.rate_map", show_default=False)] = None,
    dem: DemOption = None,
    dsm: DsmOption = None,
    terrain_frame: Annotated[bool, Option("--terrain-frame", help="cli.help.frame10")] = False,
    overlap: OverlapOption = "0m",
    pad: PadOption = "",
    ceiling: CeilingOption = "50m",
    fence_points: FenceOption = 60,
    mission_items: ItemsOption = 650,
    name: NameOption = "",
    farm: FarmOption = None,
) -> int:
    """Plan the spraying of fields."""
    from dataclasses import replace

    from agri.cli import read
    from agri.cli.show import progress, show_job
    from agri.operations.heights import Ground
    from agri.operations.spray import plan_job
    from agri.units import read_length_m
    from missions.sprayer.job import EdgeClearance

    request = _request(tuple(fields), rate=rate, product=product, dose=dose, phi=phi,
                       sprayer=sprayer, label_buffer=label_buffer, height=height, speed=speed,
                       swath=swath, wind=wind, wind_from=wind_from, overlap=overlap, pad=pad,
                       ceiling=ceiling, fence_points=fence_points, mission_items=mission_items,
                       name=name)  # fmt: skip
    told = [read.read_edge(text, name="--edge") for text in edge or ()]
    edges = [EdgeClearance(edge=number, clearance_m=metres) for number, metres in told]
    request = replace(
        request,
        crop_height_m=read_length_m(crop_height, name="--crop-height", zero=True),
        angle_deg=read.read_number(angle, name="--angle") % 180.0 if angle else None,
        objective=read.read_objective(objective, name="--objective"),
        edge_pass=edge_pass,
        crosshatch=crosshatch,
        clearance_m=read_length_m(clearance, name="--clearance", zero=True),
        edges=tuple(edges),
        ground=Ground(dem=dem, dsm=dsm, terrain_frame=terrain_frame),
    )
    if rate_map is not None:
        request = replace(request, rate_map=_rates_told(rate_map))
    with open_farm(farm) as workspace, progress("cli.planning") as update:
        job = plan_job(workspace, request, language=language.get(), now=datetime.now(UTC),
                       update=update)  # fmt: skip
    return show_job(job)


def _rates_told(path: Path) -> RateMap:
    """Read a rate map, and tell what was found in it."""
    from agri.cli.show import show_findings
    from agri.operations.rates import read_rates

    rates, found = read_rates(path)
    show_findings(found)
    return rates


@plan.command("all", help="cli.help.plan_all")
def plan_all(
    rate: Annotated[str, Option(help="cli.help.rate", show_default=False)],
    product: ProductOption,
    dose: DoseOption,
    phi: PhiOption,
    fields: Annotated[list[str] | None, Argument(help="cli.help.all_fields")] = None,
    sprayer: SprayerOption = "",
    label_buffer: LabelOption = "0m",
    height: HeightOption = "",
    speed: SpeedOption = "",
    swath: SwathOption = "",
    wind: WindOption = "",
    wind_from: WindFromOption = "",
    ceiling: CeilingOption = "50m",
    fence_points: FenceOption = 60,
    mission_items: ItemsOption = 650,
    dask: Annotated[str, Option(help="cli.help.dask", show_default=False)] = "",
    farm: FarmOption = None,
) -> int:
    """Plan the spraying of every field, each a job of its own."""
    from agri.cli.show import progress, show_batch
    from agri.operations.batch import plan_batch

    request = _request(tuple(fields or ()), rate=rate, product=product, dose=dose, phi=phi,
                       sprayer=sprayer, label_buffer=label_buffer, height=height, speed=speed,
                       swath=swath, wind=wind, wind_from=wind_from, overlap="0m", pad="",
                       ceiling=ceiling, fence_points=fence_points, mission_items=mission_items,
                       name="")  # fmt: skip
    with open_farm(farm) as workspace, progress("cli.planning") as update:
        batch = plan_batch(workspace, request, language=language.get(), now=datetime.now(UTC),
                           update=update, cluster=dask)  # fmt: skip
    return show_batch(batch)


@plan.command("trees", help="cli.help.plan_trees")
def plan_trees(
    field: Annotated[str, Argument(help="cli.help.field", show_default=False)],
    trees: Annotated[Path, Option(help="cli.help.trees", show_default=False)],
    product: ProductOption,
    dose: DoseOption,
    phi: PhiOption,
    rate: Annotated[str, Option(help="cli.help.tree_rate")] = "125",
    per_tree: Annotated[str, Option(help="cli.help.per_tree", show_default=False)] = "",
    per_m3: Annotated[str, Option(help="cli.help.per_m3", show_default=False)] = "",
    radius: Annotated[str, Option(help="cli.help.radius", show_default=False)] = "",
    tree_height: Annotated[str, Option(help="cli.help.tree_height", show_default=False)] = "",
    rate_map: Annotated[
        Path | None, Option(help="cli.help.tree_rate_map", show_default=False)
    ] = None,
    rows: Annotated[bool, Option("--rows", help="cli.help.rows")] = False,
    sprayer: SprayerOption = "",
    label_buffer: LabelOption = "0m",
    height: HeightOption = "",
    speed: SpeedOption = "",
    swath: SwathOption = "",
    wind: WindOption = "",
    wind_from: WindFromOption = "",
    dem: DemOption = None,
    dsm: DsmOption = None,
    pad: PadOption = "",
    ceiling: CeilingOption = "50m",
    fence_points: FenceOption = 60,
    mission_items: ItemsOption = 650,
    name: NameOption = "",
    farm: FarmOption = None,
) -> int:
    """Plan the spraying of the trees of a field."""
    from dataclasses import replace

    from agri.cli import read
    from agri.cli.show import progress, show_job
    from agri.operations.heights import Ground
    from agri.operations.trees import TreesRequest, plan_orchard
    from agri.units import read_length_m

    job = _request((field,), rate=rate, product=product, dose=dose, phi=phi, sprayer=sprayer,
                   label_buffer=label_buffer, height=height, speed=speed, swath=swath, wind=wind,
                   wind_from=wind_from, overlap="0m", pad=pad, ceiling=ceiling,
                   fence_points=fence_points, mission_items=mission_items, name=name)  # fmt: skip
    if rate_map is not None:
        job = replace(job, rate_map=_rates_told(rate_map))
    request = TreesRequest(
        job=replace(job, ground=Ground(dem=dem, dsm=dsm)),
        trees=trees,
        litres_per_tree=read.read_number(per_tree, name="--per-tree") if per_tree else None,
        litres_per_m3=read.read_number(per_m3, name="--per-m3") if per_m3 else None,
        radius_m=read_length_m(radius, name="--radius") if radius else None,
        height_m=read_length_m(tree_height, name="--tree-height") if tree_height else None,
        by_rows=rows,
    )
    with open_farm(farm) as workspace, progress("cli.planning") as update:
        planned = plan_orchard(workspace, request, language=language.get(), now=datetime.now(UTC),
                               update=update)  # fmt: skip
    return show_job(planned)


def _request(
    fields: tuple[str, ...], *, rate: str, product: str, dose: str, phi: int, sprayer: str,
    label_buffer: str, height: str, speed: str, swath: str, wind: str, wind_from: str,
    overlap: str, pad: str, ceiling: str, fence_points: int, mission_items: int, name: str,
) -> SprayRequest:  # fmt: skip
    """Read what both kinds of spraying are asked with."""
    from agri.cli import read
    from agri.operations.spray import PLANNED_WIND, SprayRequest
    from agri.units import read_length_m
    from agri.weather import Wind
    from missions.catalogue import sprayer as find_sprayer
    from missions.flightplan import VehicleLimits
    from missions.sprayer.job import DoseUnit, Product

    amount, unit = read.read_dose(dose, name="--dose")
    return SprayRequest(
        fields=fields,
        sprayer=find_sprayer(sprayer),
        product=Product(
            name=product,
            dose_per_ha=amount,
            unit=DoseUnit(unit),
            phi_days=phi,
            label_buffer_m=read_length_m(label_buffer, name="--label-buffer", zero=True),
        ),
        rate_l_ha=read.read_number(rate, name="--rate"),
        height_m=read_length_m(height, name="--height") if height else None,
        speed_m_s=read.read_number(speed, name="--speed") if speed else None,
        swath_m=read_length_m(swath, name="--swath") if swath else None,
        wind=Wind(
            speed_m_s=read.read_number(wind, name="--wind") if wind else PLANNED_WIND.speed_m_s,
            from_deg=read.read_side(wind_from, name="--wind-from") if wind_from else None,
        ),
        resume_overlap_m=read_length_m(overlap, name="--overlap", zero=True),
        pad=read.read_place(pad, name="--pad") if pad else None,
        ceiling_m=read_length_m(ceiling, name="--ceiling"),
        limits=VehicleLimits(items=mission_items, fence_vertices=fence_points),
        name=name,
    )


@app.command(help="cli.help.sorties")
def sorties(
    plan: PlanArgument,
    aircraft: Annotated[int, Option(help="cli.help.aircraft_count", min=1, max=8)] = 1,
    farm: FarmOption = None,
) -> int:
    """Show the sorties of a spray job, or share it out among several aircraft."""
    from agri.cli.show import show_job, show_sorties
    from agri.operations.sorties import job_named, share_job

    with open_farm(farm) as workspace:
        if aircraft > 1:
            return show_job(share_job(workspace, plan, aircraft, language=language.get(),
                                      now=datetime.now(UTC)))  # fmt: skip
        return show_sorties(job_named(workspace, plan, language=language.get(),
                                      now=datetime.now(UTC)))  # fmt: skip


@app.command(help="cli.help.resume")
def resume(
    flight: FlightArgument = "",
    overlap: OverlapOption = "1m",
    left: LeftOption = "",
    filled: FilledOption = "",
    farm: FarmOption = None,
) -> int:
    """Plan the rest of a spray or survey flight that stopped early."""
    from agri.cli.show import show_job, show_plan, tell
    from agri.operations.pictures_left import survey_flown
    from agri.operations.sorties import flight_named, resume_flight
    from agri.operations.survey_rest import rest_of_survey
    from agri.units import read_length_m

    overlap_m = read_length_m(overlap, name="--overlap", zero=True)
    with open_farm(farm) as workspace:
        flown = flight_named(workspace, flight)
        if survey_flown(workspace, flown) is not None:
            rest = rest_of_survey(workspace, flown, language=language.get(), now=datetime.now(UTC))
            if rest is None:
                tell("cli.nothing_left_survey")
            return 0 if rest is None else show_plan(rest)
        job = resume_flight(workspace, flight, overlap_m=overlap_m, language=language.get(),
                            now=datetime.now(UTC), tank=_tank(left, filled))  # fmt: skip
    if job is None:
        tell("cli.nothing_left")
        return 0
    return show_job(job)


@app.command(help="cli.help.applied")
def applied(
    flight: FlightArgument = "",
    left: LeftOption = "",
    filled: FilledOption = "",
    farm: FarmOption = None,
) -> None:
    """Show where a flight sprayed how much."""
    from agri.cli.show import show_applied
    from agri.operations.applied import map_flight

    with open_farm(farm) as workspace:
        tank = _tank(left, filled)
        show_applied(map_flight(workspace, flight, language=language.get(), tank=tank))
