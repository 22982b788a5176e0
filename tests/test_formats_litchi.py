"""Litchi's table has Mission Hub's columns, the plan's way, and nothing a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import pytest

from agri.errors import BadInput
from missions.flightplan import FlightPlan
from missions.formats.litchi import HEADER, litchi_notes, write_litchi
from missions.items import Command, MissionItem
from tests.plans import PLAN, local, waypoint
from tests.sprays import spray_plan, terrain_plan, tree_plan

PUBLISHED = (
    "latitude,longitude,altitude(m),heading(deg),curvesize(m),rotationdir,gimbalmode,"
    "gimbalpitchangle,actiontype1,actionparam1,actiontype2,actionparam2,actiontype3,actionparam3,"
    "actiontype4,actionparam4,actiontype5,actionparam5,actiontype6,actionparam6,actiontype7,"
    "actionparam7,actiontype8,actionparam8,actiontype9,actionparam9,actiontype10,actionparam10,"
    "actiontype11,actionparam11,actiontype12,actionparam12,actiontype13,actionparam13,"
    "actiontype14,actionparam14,actiontype15,actionparam15,altitudemode,speed(m/s),poi_latitude,"
    "poi_longitude,poi_altitude(m),poi_altitudemode,photo_timeinterval,photo_distinterval"
)
"""The first line of a table that Mission Hub exports in metres."""


def rows(plan: FlightPlan) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(write_litchi(plan))))


def plan_of(*items: MissionItem) -> FlightPlan:
    return FlightPlan(name="x", home=local(0.0, 0.0), items=items)


def test_the_columns_are_those_of_mission_hub() -> None:
    assert ",".join(HEADER) == PUBLISHED
    text = write_litchi(spray_plan())
    assert text.splitlines()[0] == PUBLISHED
    assert text.endswith("\n")
    assert {line.count(",") for line in text.splitlines()} == {45}


def test_places_heights_and_speeds_are_those_of_the_plan() -> None:
    plan = spray_plan(lines=2)
    found = rows(plan)
    flown = [item for item in plan.items if item.command == Command.NAV_WAYPOINT]
    assert [(float(r["latitude"]), float(r["longitude"])) for r in found] == [
        (item.place.lat_deg, item.place.lon_deg) for item in flown
    ]
    assert [float(row["altitude(m)"]) for row in found] == [2.5] * 4 + [10.0]
    assert [float(row["speed(m/s)"]) for row in found] == [4.0, 4.0, 4.0, 7.0, 7.0]
    assert {row["altitudemode"] for row in found} == {"0"}
    assert {row["curvesize(m)"] for row in found} == {"0"}


def test_there_are_no_actions_and_no_point_of_interest() -> None:
    for row in rows(tree_plan()):
        assert {row[f"actiontype{n}"] for n in range(1, 16)} == {"-1"}
        assert {row[f"actionparam{n}"] for n in range(1, 16)} == {"0"}
        assert row["poi_latitude"] == row["poi_longitude"] == "0"
        assert (row["photo_timeinterval"], row["photo_distinterval"]) == ("-1", "-1")
        assert (row["gimbalmode"], row["gimbalpitchangle"]) == ("0", "0")


def test_pictures_go_by_distance_with_the_camera_down() -> None:
    found = rows(PLAN)
    assert [row["photo_distinterval"] for row in found] == ["10", "-1"] * 5 + ["-1"]
    assert {(row["gimbalmode"], row["gimbalpitchangle"]) for row in found} == {("2", "-90")}


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1", "a,b"])
def test_no_cell_can_be_taken_for_a_formula(name: str) -> None:
    plan = replace(spray_plan(), name=name)
    assert write_litchi(plan) == write_litchi(spray_plan())
    for row in rows(plan):
        assert all(re.fullmatch(r"-?\d+(\.\d+)?", cell) for cell in row.values())


def test_what_is_left_out_is_told() -> None:
    keys = {note.key for note in litchi_notes(tree_plan())}
    assert keys == {
        "finding.export_without_pump",
        "finding.export_without_fence",
        "finding.export_without_rally",
        "finding.export_without_waits",
        "finding.litchi_finish",
    }
    fast = MissionItem(command=Command.DO_CHANGE_SPEED, param1=1.0, param2=20.0)
    many = plan_of(fast, *(waypoint(float(n), 0.0) for n in range(120)))
    assert {"finding.litchi_many", "finding.export_slower"} <= {n.key for n in litchi_notes(many)}
    assert {row["speed(m/s)"] for row in rows(many)} == {"15"}
    for note in [*litchi_notes(many), *litchi_notes(tree_plan())]:
        assert "{" not in note.text("vi") + note.text("en")


@pytest.mark.parametrize(
    ("plan", "key"),
    [
        (terrain_plan(), "stops_frame"),
        (plan_of(waypoint(0, 0, 501.0), waypoint(9, 0)), "litchi_height"),
        (plan_of(waypoint(0, 0)), "stops_few"),
        (plan_of(), "stops_few"),
    ],
)
def test_what_the_table_cannot_say_is_refused(plan: FlightPlan, key: str) -> None:
    with pytest.raises(BadInput) as caught:
        write_litchi(plan)
    assert caught.value.message.key == f"error.{key}"
    assert "{" not in caught.value.text("vi") + caught.value.text("en")
