"""Whatever people type stays text: names, crops, remarks, on every page and in every drawing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agri.errors import BadInput
from agri.people import Person, Review, Role, Verdict
from agri.workspace import Workspace
from tests import farms
from tests.markup import HOSTILE, ODD, read
from tests.web_farm import HASH, Served

TYPED = (*HOSTILE, *ODD)
SURVEY = {"camera": "MicaSense RedEdge-P multispectral", "gsd_cm": "3", "aircraft": ""}


def taken(names: tuple[str, ...]) -> list[str]:
    """Those that a person's name may be."""
    found = []
    for name in names:
        try:
            found.append(Person(name=name, role=Role.VIEWER, password_hash=HASH,
                                created_utc=farms.START).name)  # fmt: skip
        except BadInput:
            continue
    return found


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A farm where everything that has a name has a bad one."""
    folder = tmp_path_factory.mktemp("hostile") / "farm"
    with Workspace.create(folder, farm_name=TYPED[0]) as farm:
        fields = farm.add_fields(
            [replace(farms.FIELDS[0], name=f"{name} {at}", crop=TYPED[-at - 1], uid="")
             for at, name in enumerate(TYPED)]
        )  # fmt: skip
        for name in taken(TYPED[:100]):
            if farm.people.named(name) is None:
                farm.people.add(Person(name=name, role=Role.VIEWER, password_hash=HASH,
                                       created_utc=farms.START))  # fmt: skip
        for at, name in enumerate(TYPED[:40]):
            plan = farm.save_plan(farms.plan(f"{name} {at}", camera=TYPED[at + 1]), "{}")
            farm.save_flight(farms.flight(plan_name=plan.name, plan_digest=plan.digest,
                                          vehicle=TYPED[at + 2]), mission_uid=plan.uid)  # fmt: skip
        planner = Served(farm).signed_in(Role.PLANNER)
        for field in fields[:16:8]:
            done = planner.post(f"/fields/{field.uid}/survey", SURVEY)
            assert done.status_code == 303, done.text
    return folder


@pytest.fixture
def served(tmp_path: Path, hostile: Path) -> Iterator[Served]:
    shutil.copytree(hostile, tmp_path / "farm")
    with Workspace.open(tmp_path / "farm") as copy:
        yield Served(copy)


def test_five_hundred_hostile_names_are_five_hundred_names(served: Served) -> None:
    assert len(set(TYPED)) >= 500
    owner = served.signed_in(Role.OWNER)
    seen = read(owner.get("/").text)
    assert seen.strange == []
    text = "\n".join(seen.words)
    for at, name in enumerate(TYPED):
        assert f"{name} {at}" in text
    assert {one["properties"]["label"] for one in owner.get("/fields.geojson").json()["features"]} \
        >= {f"{name} {at}" for at, name in enumerate(TYPED)}  # fmt: skip
    people = read(owner.get("/people").text)
    assert people.strange == []
    for name in taken(TYPED[:100]):
        assert name in "\n".join(people.words)


@pytest.mark.parametrize("path", ["/plans", "/flights"])
def test_plans_and_flights_with_hostile_names_are_lists_of_names(served: Served, path: str) -> None:
    seen = read(served.signed_in(Role.VIEWER).get(path).text)
    assert seen.strange == []
    assert f"{TYPED[3]} 3" in "\n".join(seen.words)


def test_a_page_of_each_bad_thing_is_made_of_what_pages_are_made_of(served: Served) -> None:
    pages(served, range(0, 40, 8))


@pytest.mark.slow
def test_every_page_of_every_bad_thing_is_made_of_what_pages_are_made_of(served: Served) -> None:
    pages(served, range(40))
    owner = served.signed_in(Role.OWNER)
    for field in served.farm.fields():
        assert read(owner.get(f"/fields/{field.uid}").text).strange == []
        served.clock.now_s += 5


def pages(served: Served, numbers: range) -> None:
    agent = served.signed_in(Role.AGENT)
    fields, flights = served.farm.fields(), served.farm.flights()
    plans = [one for one in served.farm.plans() if one.digest != farms.plan().digest]
    assert len(plans) == 2
    for at in numbers:
        plan, remark = plans[at % 2], TYPED[-at - 1]
        served.farm.people.review(
            Review(plan_uid=plan.uid, plan_digest=plan.digest, by=TYPED[at], remark=remark,
                   verdict=Verdict.SENT_BACK, at_utc=farms.START)
        )  # fmt: skip
        for path in (f"/fields/{fields[at].uid}", f"/fields/{fields[at].uid}/survey",
                     f"/plans/{plan.uid}", f"/flights/{flights[at].uid}"):  # fmt: skip
            answer = agent.get(path)
            assert answer.status_code == 200, answer.text
            assert read(answer.text).strange == [], path
            served.clock.now_s += 5
        assert remark in "\n".join(read(agent.get(f"/plans/{plan.uid}").text).words)
