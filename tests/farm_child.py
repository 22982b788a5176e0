"""A program of its own that works on a farm, for tests of several at once and of sudden death.

``python -m tests.farm_child write|read|fly FOLDER COUNT`` or ``… nursery``. The nursery loads once,
then starts a fresh child for each line ``FOLDER SEED`` it reads, tells its number, and tells when
it is gone: many children without many slow starts.
"""

from __future__ import annotations

import os
import random
import sys
import traceback
from dataclasses import replace
from pathlib import Path

from agri.geo import LonLat
from agri.track import Event
from agri.words import Message
from agri.workspace import Workspace, opening
from tests import farms


def tell(*words: object) -> None:
    """Say a line at once and whole."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def write(folder: Path, count: int) -> None:
    """Add three fields and a plan at a time, `count` times."""
    with Workspace.open(folder) as farm:
        for number in range(count):
            name = f"{os.getpid()}-{number}"
            stored = farm.add_fields(
                [replace(farms.FIELDS[1], name=f"{name}-{part}") for part in range(3)]
            )
            tell("field", *(field.uid for field in stored))
            tell("plan", farm.save_plan(farms.plan(name), f"document {name}").uid)


def read(folder: Path, count: int) -> None:
    """Read the farm `count` times; a moment of it always holds whole transactions."""
    with Workspace.open(folder) as farm:
        for _ in range(count):
            found, findings = farm.farm_with_findings()
            assert len(found.fields) % 3 == 0, "a torn transaction"
            assert not findings
            for plan in farm.plans()[:2]:
                assert farm.plan(plan.uid)[1] == f"document {plan.name}"
            tell("read", len(found.fields))


def work(folder: Path, seed: int) -> None:
    """Keep a farm busy until killed, and tell each thing that is acknowledged."""
    chance = random.Random(seed)
    farm = (
        Workspace.open(folder)
        if opening.is_farm(folder)
        else Workspace.create(folder, farm_name="Trang trại")
    )
    tell("farm")
    number = 0
    while True:
        number += 1
        name = f"{seed}-{number}"
        match chance.choice(("field", "plan", "flight", "save")):
            case "field":
                (field,) = farm.add_fields([replace(farms.FIELDS[0], name=name)])
                tell("field", field.uid, name)
            case "plan":
                document = f"document {name} " + "x" * chance.randint(0, 20_000)
                record = farm.save_plan(farms.plan(name), document)
                tell("plan", record.uid, len(document))
            case "save":
                stored = farm.save_flight(farms.flight(positions=chance.randint(2, 300)))
                tell("flight", stored.uid, "landed")
            case _:
                record_flight(farm, chance.randint(1, 10))


def record_flight(farm: Workspace, events: int, *, endless: bool = False) -> None:
    """Record a flight and end it, unless it is endless."""
    log = farm.begin_flight(plan_name="Đông", plan_digest="ab" * 32, vehicle="copter")
    tell("begun", log.uid)
    place = LonLat(lon_deg=farms.LON, lat_deg=farms.LAT)
    for index in range(events):
        log.position(time_s=float(index), place=place, height_m=50.0, speed_m_s=8.0)
        log.event(Event(float(index), Message.of("unit.hectares", area_ha=float(index))))
        tell("event", log.uid, index)
    while endless:
        log.position(time_s=float(events), place=place, height_m=50.0, speed_m_s=8.0)
    log.finish(farms.flight(plan_name="Đông"))
    tell("flight", log.uid, "landed")


def fly(folder: Path, count: int) -> None:
    """Begin a flight, tell `count` events, then go on without a word until killed."""
    record_flight(Workspace.open(folder), count, endless=True)


def nursery() -> None:
    """Start a worker for each line read; tell its number and its end."""
    for line in sys.stdin:
        folder, seed = line.split()
        child = os.fork()
        if child == 0:
            try:
                work(Path(folder), int(seed))
            finally:
                traceback.print_exc()
                os._exit(1)
        tell("born", child)
        os.waitpid(child, 0)
        tell("gone", child)


if __name__ == "__main__":
    if sys.argv[1] == "nursery":
        nursery()
    else:
        {"write": write, "read": read, "fly": fly}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
