"""What every test shares: slow suites run only when asked; where reference data is found."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

from tests import postgres

settings.register_profile(
    "gate",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("gate")
# Hypothesis draws numbers that stand in the modules loaded so far: the same test would draw others
# after another test, or after a change elsewhere. Here a test draws what it draws.
vars(providers)["_get_local_constants"] = lambda: vars(providers)["_local_constants"]


LONGEST = ("test_spray_invariants.py", "test_plan_invariants.py", "test_leases.py",
           "test_notebooks.py", "test_flight_killed.py", "test_first_flight.py",
           "test_preflight_names.py", "test_web_access.py")  # fmt: skip
"""Files of most of a minute and more go first, or one core is still at them when the others are
done; those that wait for aircraft lie between those that reckon."""


def pytest_configure(config: pytest.Config) -> None:
    """Name the folder of a database server, if one is needed, for all workers of this run."""
    if not hasattr(config, "workerinput"):
        os.environ[postgres.FOLDER] = postgres.new_folder()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        postgres.stop(Path(os.environ[postgres.FOLDER]))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    turn = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: turn.get(item.path.name, len(turn)))
    if "slow" in (config.getoption("-m") or ""):
        return
    skip = pytest.mark.skip(reason="slow suite: run with -m slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


def pytest_collection_finish() -> None:
    """Let the collector pass over all that was collected: each of its pauses was a second and more.

    Heartbeats of a link in the same program wait for it meanwhile; the aircraft's failsafe acts.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A Dask cluster of this process's own threads."""
    from imagery import scale

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with scale.connected("threads") as found:
            yield found


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The reference data folder; the test skips where it is absent."""
    root = Path(os.environ.get("AGRI_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    if not (root / "data").is_dir():
        pytest.skip(f"reference data not found at {root / 'data'} (set AGRI_SHARED)")
    return root / "data"


@pytest.fixture(params=["geopackage", "postgis"])
def home(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of the database that a farm is made in: none, so in a file, and PostGIS."""
    if request.param == "geopackage":
        yield ""
        return
    with postgres.signed_in() as address:
        yield address


@pytest.fixture(scope="module")
def command_tree() -> Any:
    """The tree of commands."""
    from agri.cli import commands

    return commands.command_tree()
