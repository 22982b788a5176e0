"""The commands that make work of maps: zones, rate maps, and what changed since last time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from agri.cli.shelf import FieldOption, OutOption, field_asked, field_needed, open_shelf, words_in
from agri.cli.tree import FarmOption, app

if TYPE_CHECKING:
    from agri.operations.maps.zones import SprayerReach

ClassesOption = Annotated[
    int | None, Option("--classes", help="cli.help.classes", min=2, max=9, show_default=False)
]
SwathOption = Annotated[str, Option("--swath", help="cli.help.map_swath")]
SpeedOption = Annotated[str, Option("--speed", help="cli.help.map_speed")]
AngleOption = Annotated[
    float | None, Option("--angle", help="cli.help.map_angle", show_default=False)
]


def _reach(swath: str, speed: str, angle: float | None) -> SprayerReach:
    from agri.cli.read import read_number
    from agri.operations.maps.zones import SprayerReach
    from agri.units import read_length_m

    return SprayerReach(swath_m=read_length_m(swath, name="--swath"),
                        speed_m_s=read_number(speed, name="--speed"), angle_deg=angle)  # fmt: skip


@app.command(help="cli.help.zones")
def zones(
    raster: Annotated[Path, Argument(help="cli.help.raster", show_default=False)],
    field: FieldOption = "",
    layers: Annotated[str, Option(help="cli.help.layers_first", show_default=False)] = "",
    classes: ClassesOption = None,
    swath: SwathOption = "4m",
    speed: SpeedOption = "4",
    angle: AngleOption = None,
    out: OutOption = None,
    farm: FarmOption = None,
) -> int:
    """Divide a field into zones that the sprayer can follow."""
    from agri.cli.show import progress
    from agri.cli.show_maps import show_products
    from agri.operations.maps.zones import make_zones

    with open_shelf(out, farm) as shelf:
        wanted = field_needed(shelf, field)
        with progress("cli.finding_zones") as update:
            made = make_zones(
                raster, shelf, wanted, _reach(swath, speed, angle), layers=words_in(layers),
                classes=classes, progress=lambda share: update(share, 1.0),
            )  # fmt: skip
    return show_products(made.facts, made.findings, made.files)


@app.command("rate-map", help="cli.help.rate_map_command")
def rate_map(
    raster: Annotated[Path, Argument(help="cli.help.raster", show_default=False)],
    rule: Annotated[str, Option(help="cli.help.rule", show_default=False)],
    field: FieldOption = "",
    unit: Annotated[str, Option(help="cli.help.rate_unit")] = "l/ha",
    steps: Annotated[bool, Option("--steps", help="cli.help.steps")] = False,
    least: Annotated[float, Option(help="cli.help.least", min=0.0)] = 0.0,
    most: Annotated[float | None, Option(help="cli.help.most", show_default=False)] = None,
    step: Annotated[float, Option(help="cli.help.step", min=0.0)] = 0.5,
    where_none: Annotated[
        float | None, Option("--where-none", help="cli.help.where_none", show_default=False)
    ] = None,
    cells: Annotated[bool, Option("--cells", help="cli.help.cells")] = False,
    classes: ClassesOption = None,
    layers: Annotated[str, Option(help="cli.help.layers_first", show_default=False)] = "",
    to: Annotated[str, Option("--to", help="cli.help.rate_kinds")] = "tif",
    have: Annotated[
        float | None, Option("--have", help="cli.help.have", show_default=False)
    ] = None,
    usual: Annotated[
        float | None, Option("--usual", help="cli.help.usual", show_default=False)
    ] = None,
    swath: SwathOption = "4m",
    speed: SpeedOption = "4",
    angle: AngleOption = None,
    out: OutOption = None,
    farm: FarmOption = None,
) -> int:
    """Make a rate map of an index."""
    from agri.cli.read import read_rule
    from agri.cli.show import progress
    from agri.cli.show_maps import show_products
    from agri.operations.maps.zones import make_rates

    asked = read_rule(rule, unit=unit, steps=steps, least=least, most=most, step=step,
                      where_none=where_none)  # fmt: skip
    with open_shelf(out, farm) as shelf:
        wanted = field_needed(shelf, field)
        with progress("cli.finding_zones") as update:
            made = make_rates(
                raster, shelf, wanted, _reach(swath, speed, angle), asked, layers=words_in(layers),
                by_zone=not cells, classes=classes, kinds=words_in(to), available=have,
                usual_rate=usual, progress=lambda share: update(share, 1.0),
            )  # fmt: skip
    return show_products(made.facts, made.findings, made.files)


@app.command(help="cli.help.change")
def change(
    before: Annotated[Path, Argument(help="cli.help.before", show_default=False)],
    after: Annotated[Path | None, Argument(help="cli.help.after", show_default=False)] = None,
    field: FieldOption = "",
    layer: Annotated[str, Option(help="cli.help.layer", show_default=False)] = "",
    measure: Annotated[str, Option(help="cli.help.measure")] = "NDVI",
    flight: Annotated[str, Option("--flight", help="cli.help.flight_as", show_default=False)] = "",
    least: Annotated[str, Option("--least", help="cli.help.least_patch")] = "5m",
    out: OutOption = None,
    farm: FarmOption = None,
) -> int:
    """Tell what changed between two flights."""
    from agri.cli.show import tell
    from agri.cli.show_maps import show_anomalies, show_products
    from agri.operations.maps.change import map_change, tree_change
    from agri.units import read_length_m

    with open_shelf(out, farm) as shelf:
        wanted = field_asked(shelf, field)
        tell("cli.comparing")
        if after is None:
            found = tree_change(before, shelf, measure=measure, flight=flight)
        else:
            side_m = read_length_m(least, name="--least")
            found = map_change(before, after, shelf, field=wanted, layer=layer,
                               least_m2=side_m**2)  # fmt: skip
    show_anomalies(found.anomalies)
    return show_products(found.facts, found.findings, found.files)


@app.command("catalogue", help="cli.help.catalogue")
def catalogue_command(
    trace: Annotated[str, Option("--trace", help="cli.help.trace", show_default=False)] = "",
    check: Annotated[bool, Option("--check", help="cli.help.catalogue_check")] = False,
    farm: FarmOption = None,
) -> int:
    """List the farm's imagery, trace one product to its photos, or compare every file."""
    from agri.cli.show import show_findings, tell
    from agri.cli.show_maps import show_list
    from agri.cli.tree import open_farm
    from agri.findings import blocks
    from imagery import catalogue

    with open_farm(farm) as workspace:
        folder = workspace.folder
    listed = catalogue.trace(folder, trace) if trace else catalogue.products(folder)
    show_list(listed)
    if not check:
        return 0
    found = catalogue.check(folder)
    show_findings(found)
    if not found:
        tell("cli.catalogue_whole", count=len(listed))
    return int(blocks(found))
