"""Which tests answer for which rooms of `missions`, for the mutation runs.

Those that answer for a room of their own accord and in seconds. The thousand random spray jobs
(`test_spray_invariants`) would take minutes a change and are left out, and so is what flies over
real sockets by a real clock (`test_link` and its kin): what only they would notice is told as
survived, so that a rate errs to the low side. A room's own doctests always belong to it.
"""

from __future__ import annotations

CHECKS = ("tests/test_checks.py",)
EDGES = "tests/test_checks_edges.py"
SPRAY_CHECKS = (EDGES, "tests/test_checks_spray.py")
FLIGHT = ("tests/test_flight.py", "tests/test_flight_limits.py")
LINES = (
    "tests/test_spray_orders.py",
    "tests/test_spray_corners.py",
    "tests/test_spray_choices.py",
    "tests/test_spray_swaths.py",
    "tests/test_spray_lines.py",
    "tests/test_spray_directions.py",
    "tests/test_spray_geometry.py",
    "tests/test_spray.py",
)
PLOT = (
    "tests/test_spray_orders.py",
    "tests/test_spray_choices.py",
    "tests/test_spray_swaths.py",
    "tests/test_spray_plot.py",
    "tests/test_spray_directions.py",
    "tests/test_spray_geometry.py",
    "tests/test_spray.py",
)

TESTS: dict[str, tuple[str, ...]] = {
    "missions.checks.coverage": CHECKS,
    "missions.checks.dose": (*SPRAY_CHECKS, "tests/test_checks_figures.py"),
    "missions.checks.fence": (EDGES, *CHECKS),
    "missions.checks.items": (*CHECKS, *SPRAY_CHECKS, "tests/test_checks_figures.py"),
    "missions.checks.path": (
        *CHECKS,
        *SPRAY_CHECKS,
        "tests/test_checks_terrain.py",
    ),
    "missions.checks.plan": (
        *CHECKS,
        *SPRAY_CHECKS,
        "tests/test_checks_terrain.py",
        "tests/test_storage.py",
    ),
    "missions.checks.site": CHECKS + SPRAY_CHECKS,
    "missions.checks.spray": SPRAY_CHECKS,
    "missions.checks.survey": (EDGES, *CHECKS, "tests/test_checks_figures.py"),
    "missions.checks.switching": (
        *SPRAY_CHECKS,
        "tests/test_passes_items.py",
    ),
    "missions.checks.terrain": ("tests/test_checks_terrain.py",),
    "missions.checks.trace": (
        *SPRAY_CHECKS,
        "tests/test_checks_figures.py",
        "tests/test_passes_energy.py",
    ),
    "missions.checks.work": (*SPRAY_CHECKS, "tests/test_checks_figures.py"),
    "missions.wire.commands": (
        "tests/test_wire_timing.py",
        "tests/test_wire_commands.py",
        "tests/test_wire.py",
        "tests/test_formats_param.py",
    ),
    "missions.wire.delivery": ("tests/test_wire_timing.py", "tests/test_wire.py"),
    "missions.wire.download": ("tests/test_wire_timing.py", "tests/test_wire.py"),
    "missions.wire.messages": ("tests/test_wire.py", "tests/test_wire_commands.py"),
    "missions.wire.pace": ("tests/test_wire_timing.py", "tests/test_wire.py"),
    "missions.wire.pinging": ("tests/test_wire_pinging.py",),
    "missions.wire.pump": ("tests/test_wire_pump.py", "tests/test_preflight_spray.py"),
    "missions.wire.sightings": ("tests/test_wire_telemetry.py", "tests/test_flight.py"),
    "missions.wire.telemetry": (
        "tests/test_wire_telemetry.py",
        "tests/test_flight.py",
        "tests/test_flight_lean_wind.py",
        "tests/test_flight_spray_watch.py",
    ),
    "missions.wire.transfer": ("tests/test_wire_timing.py", "tests/test_wire.py"),
    "missions.spray.directions": LINES,
    "missions.spray.lines": LINES,
    "missions.spray.mission": (
        "tests/test_spray_told.py",
        "tests/test_spray_whole.py",
        "tests/test_spray_geometry.py",
        "tests/test_spray.py",
        "tests/test_checks_spray.py",
        "tests/test_passes_items.py",
    ),
    "missions.spray.order": PLOT,
    "missions.spray.planning": (
        "tests/test_spray_told.py",
        "tests/test_spray_whole.py",
        *LINES,
        "tests/test_spray_plot.py",
    ),
    "missions.spray.plot": PLOT,
    "missions.spray.trimming": LINES,
    "missions.spray.widths": LINES,
    "missions.flight.briefing": ("tests/test_flight_launch.py", "tests/test_preflight_guard.py"),
    "missions.flight.home_watch": (
        "tests/test_flight_limits.py",
        "tests/test_flight_home_watch.py",
        "tests/test_flight.py",
    ),
    "missions.flight.launch": ("tests/test_flight_launch.py", "tests/test_flight_spray_watch.py"),
    "missions.flight.lean_wind": ("tests/test_flight_limits.py", "tests/test_flight_lean_wind.py"),
    "missions.flight.matching": ("tests/test_flight_matching.py",),
    "missions.flight.phases": (*FLIGHT, "tests/test_flight_wind_watch.py"),
    "missions.flight.recording": (*FLIGHT, "tests/test_flight_launch.py"),
    "missions.flight.spray_watch": (
        "tests/test_flight_limits.py",
        "tests/test_flight_spray_watch.py",
    ),
    "missions.flight.steps": (
        *FLIGHT,
        "tests/test_flight_spray_watch.py",
        "tests/test_flight_wind_watch.py",
        "tests/test_flight_home_watch.py",
    ),
    "missions.flight.watching": (
        *FLIGHT,
        "tests/test_flight_spray_watch.py",
        "tests/test_flight_wind_watch.py",
    ),
    "missions.flight.wind_watch": (
        "tests/test_flight_limits.py",
        "tests/test_flight_wind_watch.py",
    ),
}
"""Room: the files whose tests must notice when it goes wrong."""
