"""Waypoint text has latitude in column nine, and ArduPilot's own library reads what we write."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agri.errors import BadInput
from agri.geo import LonLat
from missions.checks.plan import check_plan
from missions.flightplan import FenceCircle, FencePolygon, RallyPoint
from missions.formats.waypoints import (
    read_fence_waypoints,
    read_rally_waypoints,
    read_waypoints,
    write_fence_waypoints,
    write_rally_waypoints,
    write_waypoints,
)
from missions.items import Command, Frame, MissionItem, digest
from tests.plans import FENCE, PLAN, changed, local, waypoint

HOME = "0\t1\t0\t16\t0\t0\t0\t0\t21.0\t106.5\t12\t1"
ROW = "1\t0\t3\t16\t0\t0\t0\t0\t21.0\t106.5\t30\t1"
CIRCLE = FenceCircle(inclusion=False, centre=local(0.0, 200.0), radius_m=12.5)
FENCED = replace(
    PLAN, fence_polygons=(FENCE, replace(FENCE, inclusion=False)), fence_circles=(CIRCLE,)
)


def text(*rows: str) -> str:
    return "\n".join(["QGC WPL 110", *rows])


def rows_of(written: str) -> list[list[str]]:
    head, *rows = written.splitlines()
    assert head == "QGC WPL 110"
    return [row.split("\t") for row in rows]


def key(content: str | bytes) -> str:
    with pytest.raises(BadInput) as caught:
        read_waypoints(content, "tệp")
    for language in ("vi", "en"):
        assert "{" not in caught.value.text(language)
    return caught.value.message.key.removeprefix("error.")


# --- written ----------------------------------------------------------------------------------


def test_home_is_row_zero_above_the_sea() -> None:
    home = rows_of(write_waypoints(PLAN))[0]
    assert home == [
        "0", "1", "0", "16", "0", "0", "0", "0",
        f"{PLAN.home.lat_deg:.7f}", f"{PLAN.home.lon_deg:.7f}", "12.30", "1",
    ]  # fmt: skip


def test_latitude_stands_in_column_nine() -> None:
    rows = rows_of(write_waypoints(PLAN))
    assert len(rows) == 25
    assert all(len(row) == 12 for row in rows)
    assert [row[0] for row in rows] == [str(n) for n in range(25)]
    assert [row[1] for row in rows] == ["1"] + ["0"] * 24
    first = PLAN.items[2]
    assert rows[3][:4] == ["3", "0", "3", "16"]
    assert rows[3][8:] == [f"{first.x / 1e7:.7f}", f"{first.y / 1e7:.7f}", "40.00", "1"]
    assert float(rows[3][8]) == pytest.approx(21.08, abs=0.01)
    assert rows[4][2:] == ["2", "206", "10", "0", "1", "0", "0", "0", "0", "1"]
    assert rows[24][3] == "20"


def test_a_free_yaw_is_written_as_zero() -> None:
    assert rows_of(write_waypoints(changed(23, param4=math.nan)))[23][7] == "0"


def test_numbers_are_written_without_an_exponent_and_exactly() -> None:
    item = replace(waypoint(0, 0, 0.005), param1=1e-7, param2=0.1, param3=-31.057046979865774)
    row = rows_of(write_waypoints(replace(PLAN, items=(item,))))[1]
    assert row[4:7] == ["0.0000001", "0.1", "-31.057046979865774"]


# --- read back ----------------------------------------------------------------------------------


def test_reading_back_gives_the_same_mission() -> None:
    back = read_waypoints(write_waypoints(PLAN), "back")
    assert back.items == PLAN.items
    assert digest(back.items) == digest(PLAN.items)
    assert back.home == LonLat(lon_deg=PLAN.home.lon_e7 / 1e7, lat_deg=PLAN.home.lat_e7 / 1e7)
    assert back.home_altitude_m == 12.3
    assert back.name == "back"


def test_every_number_survives() -> None:
    items = (
        replace(waypoint(-1.0, 1.0, -9999.99), param1=0.1, param2=1e-7, param3=-1e6),
        MissionItem(command=Command.DO_DIGICAM_CONTROL, x=1, y=-2, z=3.456789),
        MissionItem(command=201, frame=Frame.RELATIVE, x=476035618, y=-1220463910, z=5.0),
        MissionItem(command=201, x=7, y=-7, z=5.0),
        MissionItem(command=Command.NAV_WAYPOINT, frame=Frame.TERRAIN, x=-1, y=1800000000, z=0.07),
    )
    back = read_waypoints(write_waypoints(replace(PLAN, items=items)), "x")
    assert back.items == items


def test_fence_and_rally_points_have_texts_of_their_own() -> None:
    rows = rows_of(write_fence_waypoints(FENCED))
    assert [row[3] for row in rows] == ["5001"] * 4 + ["5002"] * 4 + ["5004"]
    assert rows[0][0:5] == ["0", "0", "0", "5001", "4"]
    assert rows[0][11] == "0"
    assert rows[8][4] == "12.5"
    polygons, circles = read_fence_waypoints(write_fence_waypoints(FENCED))
    assert replace(FENCED, fence_polygons=polygons, fence_circles=circles).digest == FENCED.digest
    points = (RallyPoint(place=local(1.0, 2.0), altitude_m=33.0), *PLAN.rally_points)
    rallying = replace(PLAN, rally_points=points)
    back = read_rally_waypoints(write_rally_waypoints(rallying))
    assert replace(PLAN, rally_points=back).digest == rallying.digest
    assert [p.altitude_m for p in back] == [33.0, 40.0]


def test_empty_lists_are_empty_texts() -> None:
    bare = replace(PLAN, fence_polygons=(), rally_points=())
    assert write_fence_waypoints(bare) == "QGC WPL 110\n"
    assert read_fence_waypoints(write_fence_waypoints(bare)) == ((), ())
    assert read_rally_waypoints(write_rally_waypoints(bare)) == ()


ORACLE = """
import sys
from pymavlink import mavutil, mavwp
mavutil.set_dialect("ardupilotmega")
for kind, name in zip((mavwp.MAVWPLoader, mavwp.MissionItemProtocol_Fence,
                       mavwp.MissionItemProtocol_Rally), sys.argv[1:]):
    loader = kind()
    loader.load(name)
    for i in range(loader.count()):
        w = loader.item(i) if hasattr(loader, "item") else loader.wp(i)
        print(w.seq, w.frame, w.command, w.param1, w.param2, w.param3, w.param4, w.x, w.y, w.z,
              w.get_type())
    print("--")
"""


def test_ardupilots_own_library_reads_the_three_texts(tmp_path: Path) -> None:
    """In a process of its own: the library keeps MAVLink's version in the environment."""
    names = []
    for suffix, content in (
        ("waypoints", write_waypoints(FENCED)),
        ("fence", write_fence_waypoints(FENCED)),
        ("rally", write_rally_waypoints(FENCED)),
    ):
        path = tmp_path / f"plan.{suffix}"
        path.write_text(content, "utf-8")
        names.append(str(path))
    done = subprocess.run(
        [sys.executable, "-c", ORACLE, *names],
        env={**os.environ, "MAVLINK20": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    mission, fence, rally, _ = (
        [line.split() for line in part.strip().splitlines()] for part in done.stdout.split("--\n")
    )
    assert len(mission) == 25
    for row, item in zip(mission[1:], FENCED.items, strict=True):
        assert int(row[1]) == item.frame
        assert int(row[2]) == item.command
        assert [float(v) for v in row[3:7]] == pytest.approx(item.params)
        scale = 1e7 if item.is_located else 1.0
        assert float(row[7]) == pytest.approx(item.x / scale, abs=1e-9)
        assert float(row[8]) == pytest.approx(item.y / scale, abs=1e-9)
        assert float(row[9]) == pytest.approx(item.z)
    assert [int(row[2]) for row in fence] == [5001] * 4 + [5002] * 4 + [5004]
    assert [float(row[3]) for row in fence] == [4.0] * 8 + [12.5]
    assert [int(row[2]) for row in rally] == [5100]


# --- other people's texts ------------------------------------------------------------------------


def test_comments_blank_lines_and_carriage_returns_are_passed_over() -> None:
    content = text("# made by hand", HOME, "", ROW).replace("\n", "\r\n")
    assert len(read_waypoints(content).items) == 1
    assert len(read_waypoints("\ufeff" + content).items) == 1


def test_spaces_do_for_tabs_and_mission_planner_writes_its_home_as_command_zero() -> None:
    plan = read_waypoints(text(HOME.replace("16", "0", 1), ROW.replace("\t", "  ")))
    assert plan.home == LonLat(lon_deg=106.5, lat_deg=21.0)
    assert plan.items[0].z == 30.0


def test_not_a_number_is_a_free_yaw_or_zero() -> None:
    cells = ROW.split("\t")
    cells[7] = "nan"
    assert math.isnan(read_waypoints(text(HOME, "\t".join(cells))).items[0].param4)
    cells[5] = "nan"
    assert read_waypoints(text(HOME, "\t".join(cells))).items[0].param2 == 0.0


def cell(column: int, value: str) -> str:
    cells = ROW.split("\t")
    cells[column - 1] = value
    return text(HOME, "\t".join(cells))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "file_kind"),
        ("QGC WPL 100\n", "file_kind"),
        ("hello", "file_kind"),
        (b"\xff\xfe\x00", "file_not_text"),
        ("QGC WPL 110\n\x00", "file_not_text"),
        (text(), "file_missing"),
        (text(HOME.replace("16", "206", 1)), "file_missing"),
        (text(HOME, HOME), "file_value"),
        (text(HOME, ROW + "\t1"), "file_value"),
        (text(HOME, ROW[:-2]), "file_value"),
        (cell(1, "2"), "file_value"),
        (cell(3, "1"), "file_value"),
        (cell(3, "x"), "file_value"),
        (cell(4, "16.5"), "file_value"),
        (cell(4, "nan"), "file_value"),
        (cell(4, "65536"), "file_item"),
        (cell(5, "inf"), "file_item"),
        (cell(5, "1_0"), "file_value"),
        (cell(6, "1e10"), "file_item"),
        (cell(9, "106.5"), "file_value"),
        (cell(9, "106.5").replace("106.5\t106.5", "106.5\t21.0"), "file_swapped"),
        (cell(9, "nan"), "file_value"),
        (cell(10, "181"), "file_value"),
        (cell(11, "inf"), "file_value"),
        (cell(11, "10001"), "file_item"),
        (text(HOME, ROW.replace("\t16\t", "\t5001\t")), "waypoints_not_mission"),
        (text(HOME, ROW.replace("\t16\t", "\t5100\t")), "waypoints_not_mission"),
        (text("0\t0\t0\t5001\t3\t0\t0\t0\t1\t2\t0\t0"), "waypoints_not_mission"),
        ("QGC WPL 110\n" + "x\n" * 5002, "file_too_many_items"),
        ("x" * 10_000_001, "file_too_big"),
    ],
)
def test_what_is_wrong_is_one_sentence(content: str | bytes, expected: str) -> None:
    assert key(content) == expected


def test_the_largest_file_is_read() -> None:
    rows = (f"{n}{ROW[1:]}" for n in range(1, 5001))
    assert len(read_waypoints(text(HOME, *rows)).items) == 5000


def test_an_item_is_told_by_its_number() -> None:
    with pytest.raises(BadInput) as caught:
        read_waypoints(cell(5, "1e10"), "a.waypoints")
    assert dict(caught.value.message.values)["item"] == 1


@pytest.mark.parametrize(
    "content",
    [
        "1 2\n",
        "1 2\n3 4\n5 6\n",
        "1 2\n100 4\n5 6\n7 8\n",
        "1 2\na b\n5 6\n7 8\n",
        text("0\t0\t0\t5001\t3\t0\t0\t0\t1\t2\t0\t0"),
        text("0\t0\t0\t5003\t0.1\t0\t0\t0\t1\t2\t0\t0"),
        "1 2\n" * 5001,
        "RALLY 1 2 3 4 5 6",
    ],
)
def test_a_fence_that_is_not_whole_is_refused(content: str) -> None:
    with pytest.raises(BadInput):
        read_fence_waypoints(content)


@pytest.mark.parametrize(
    "content",
    [
        "RALLY 1 2 3 4 5",
        "RALLY 91 2 3 4 5 6",
        "RALLY 1 2 x 4 5 6",
        "RALLY 1 2 1e9 4 5 6",
        "RALLY 1 2 3 4 5 6\n" * 5001,
        "1 2\n3 4\n",
    ],
)
def test_rally_points_that_cannot_be_are_refused(content: str) -> None:
    with pytest.raises(BadInput):
        read_rally_waypoints(content)


def test_an_older_fence_leaves_out_the_return_point_and_the_closing_one() -> None:
    polygons, circles = read_fence_waypoints("9 9\n1 1\n1 2\n2 2\n1 1\n")
    assert circles == ()
    assert polygons == (
        FencePolygon(
            inclusion=True,
            vertices=tuple(
                LonLat(lon_deg=lon, lat_deg=lat) for lat, lon in ((1.0, 1.0), (1, 2), (2, 2))
            ),
        ),
    )
    opened, _ = read_fence_waypoints("9 9\n1 1\n1 2\n2 2\n")
    assert opened == polygons


# --- reference files ----------------------------------------------------------------------------


def test_the_reference_missions_are_read(shared_data: Path) -> None:
    counts = {}
    for folder in ("qgc", "ardupilot"):
        for path in sorted((shared_data / "missions" / folder).iterdir()):
            if path.read_bytes().startswith(b"QGC WPL 110") and "fence" not in path.name:
                counts[path.name] = len(read_waypoints(path.read_bytes(), path.name).items)
    assert counts == {
        "100Waypoints.waypoints.txt": 99,
        "MissionPlanner.waypoints": 5,
        "ArduCopter_Tests__CopterMission__copter_mission.txt": 12,
        "ArduCopter_Tests__DO_CHANGE_SPEED__mission.txt": 10,
        "ArduCopter_Tests__SplineTerrain__wp.txt": 4,
        "ArduCopter_Tests__copter_terrain_mission.txt": 4,
        "Generic_Missions__CMAC-copter-navtest.txt": 20,
        "Generic_Missions__CMAC-grid.txt": 17,
    }


def test_the_reference_fences_and_rally_points_are_read(shared_data: Path) -> None:
    folder = shared_data / "missions/ardupilot"
    (old,), _ = read_fence_waypoints((folder / "Generic_Missions__CMAC-fence.txt").read_bytes())
    assert len(old.vertices) == 4
    rover = "ArduRover_Tests__PolyFenceObjectAvoidanceAuto__rover-path-planning-fence.txt"
    (inside, outside), (circle,) = read_fence_waypoints((folder / rover).read_bytes())
    assert (inside.inclusion, len(inside.vertices)) == (True, 19)
    assert (outside.inclusion, len(outside.vertices)) == (False, 4)
    assert (circle.inclusion, circle.radius_m) == (False, 20.0)
    rally = read_rally_waypoints(
        (folder / "ArduRover_Tests__Rally__rover-test-rally.txt").read_bytes()
    )
    assert [p.altitude_m for p in rally] == [0.0, 0.0]
    assert rally[0].place == LonLat(lon_deg=-105.229401, lat_deg=40.071553)


def test_the_faulty_sample_with_swapped_columns_is_refused(shared_data: Path) -> None:
    """Another planner writes longitude where latitude belongs; nothing of it is taken."""
    content = (shared_data / "missions/hot_1.0.0_sample.waypoints").read_bytes()
    assert key(content) == "file_swapped"


def test_the_faulty_sample_set_right_is_found_faulty_by_the_checks(shared_data: Path) -> None:
    content = (shared_data / "missions/hot_1.0.0_sample.waypoints").read_text("utf-8")
    head, *rows = content.splitlines()
    cells = [row.split("\t") for row in rows]
    turned = ["\t".join([*c[:8], c[9], c[8], *c[10:]]) for c in cells]
    found = {f.key for f in check_plan(read_waypoints("\n".join([head, *turned]), "hot"))}
    assert {"finding.command_refused", "finding.above_ceiling", "finding.no_fence"} <= found


def test_the_reference_grid_that_loops_for_ever_is_found_faulty(shared_data: Path) -> None:
    path = shared_data / "missions/ardupilot/Generic_Missions__CMAC-grid.txt"
    found = {f.key for f in check_plan(read_waypoints(path.read_bytes(), "grid"))}
    assert {"finding.jump", "finding.no_return", "finding.above_ceiling"} <= found
