"""The catalogue of sprayers: every entry holds, and a wrong one does not pass."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from agri.errors import BadInput
from missions.catalogue import sprayer, sprayer_entries, sprayers, validate_sprayer
from missions.energy import with_payload
from missions.sprayer.entries import hover_min
from missions.sprayer.gear import PumpControl

ENTRIES = {entry["name"]: entry for entry in sprayer_entries()}


def changed(name: str = "16 L hexa", **figures: Any) -> dict[str, Any]:
    entry = copy.deepcopy(dict(ENTRIES[name]))
    for key, value in figures.items():
        if key in entry["aircraft"]:
            entry["aircraft"][key] = value
        else:
            entry[key] = value
    return entry


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_of_the_catalogue_may_plan_flights(name: str) -> None:
    assert [finding.text() for finding in validate_sprayer(ENTRIES[name])] == []


@pytest.mark.parametrize("name", ENTRIES)
def test_the_energy_model_never_promises_more_hover_than_the_figures(name: str) -> None:
    found = sprayers()[name]
    empty = found.aircraft
    full = with_payload(empty, found.tank_l)
    assert full.hover_power_w / empty.hover_power_w == pytest.approx(
        (full.mass_kg / empty.mass_kg) ** 1.5
    )
    for craft, told_min in (
        (empty, found.endurance_empty_min),
        (full, found.endurance_full_min),
    ):
        model_min = 60.0 * craft.battery_wh / craft.hover_power_w
        assert 0.90 <= model_min / told_min <= 1.005


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_tells_its_source_and_what_it_assumes(name: str) -> None:
    entry = ENTRIES[name]
    assert len(entry["source"]) > 100
    assert entry["assumed"]
    assert "assum" in entry["source"]
    if "http" not in entry["source"]:
        assert entry["confidence"] == "low"


def test_the_catalogue_has_the_aircraft_people_fly_and_every_way_to_drive_a_pump() -> None:
    assert {found.control for found in sprayers().values()} == set(PumpControl)
    for maker in ("T30", "T40", "T50", "P100"):
        assert sprayer(maker).control is PumpControl.EXPORT
    assert sprayer("hexa 10").tank_l == 10.0
    assert sprayer("16L").control is PumpControl.SPEED
    assert sprayer().name == "16 L hexa"


@pytest.mark.parametrize("name", ["agras t50", "T50", "dji-agras-T50", "dji t50"])
def test_names_are_looked_up_forgivingly(name: str) -> None:
    assert sprayer(name).name == "DJI Agras T50"


def test_an_unknown_or_ambiguous_name_is_told_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="10 L hexa"):
        sprayer("hexa")
    with pytest.raises(BadInput, match="DJI Agras T30"):
        sprayer("Agras T 90")


@pytest.mark.parametrize(
    ("figures", "key"),
    [
        ({"pump": [[0.2, 60.0], [1.0, 360.0]]}, "finding.sprayer_reach"),
        ({"pump": [[0.2, 0.001], [1.0, 0.006]]}, "finding.sprayer_reach"),
        ({"pump": [[0.2, 1.0], [1.0, 20.0]]}, "finding.sprayer_flow_tank"),
        ({"nozzles": 400}, "finding.sprayer_flow_nozzle"),
        ({"pump": [[0.2, 2.0], [0.5, 1.0], [1.0, 6.0]]}, "finding.sprayer_figures"),
        ({"pump": [[0.2, 1.0], [1.2, 6.0]]}, "finding.sprayer_figures"),
        ({"pump": [[0.5, 3.0]]}, "finding.sprayer_figures"),
        ({"pump": "fast"}, "finding.sprayer_figures"),
        ({"tank_l": float("nan")}, "finding.sprayer_figures"),
        ({"mass_kg": 230.0}, "finding.sprayer_tank_mass"),
        ({"mass_kg": 2.3}, "finding.sprayer_tank_mass"),
        ({"mtow_kg": 38.0}, "finding.sprayer_mtow"),
        ({"hover_power_w": 6500.0}, "finding.sprayer_hover"),
        ({"hover_power_w": 2400.0}, "finding.sprayer_hover"),
        ({"battery_wh": 97.0}, "finding.sprayer_hover"),
        ({"battery_wh": 1500.0}, "finding.sprayer_hover"),
        ({"endurance_full_min": 25.0}, "finding.sprayer_endurance"),
        ({"hover_power_w": 29.5, "battery_wh": 9.768}, "finding.sprayer_power"),
        ({"swath": [[2.0, 3.0, 40.0]]}, "finding.sprayer_swath"),
        ({"swath": [[2.0, 3.0, float("nan")]]}, "finding.sprayer_swath"),
        ({"swath": [[9.0, 3.0, 12.0]]}, "finding.sprayer_swath"),
        ({"swath": [[2.0, 30.0, 4.0]]}, "finding.sprayer_swath"),
        ({"swath": [[2.0, 3.0, 6.0], [3.0, 3.0, 5.0]]}, "finding.sprayer_swath_narrows"),
        ({"source": " "}, "finding.sprayer_without_source"),
        ({"source": "the maker's page"}, "finding.sprayer_assumed_silent"),
        ({"assumed": ["wheels"]}, "finding.sprayer_assumed_unknown"),
        ({"confidence": "sure"}, "finding.sprayer_confidence"),
        ({"confidence": "high"}, "finding.sprayer_confidence"),
        ({"control": "magic"}, "finding.sprayer_figures"),
        ({"droplets": "wet"}, "finding.sprayer_figures"),
        ({"aircraft": {"mass_kg": 23.0}}, "finding.sprayer_figures"),
        ({"aircraft": 23.0}, "finding.sprayer_figures"),
        ({"max_speed_m_s": "fast"}, "finding.sprayer_figures"),
    ],
)  # fmt: skip
def test_a_wrong_entry_does_not_pass(figures: dict[str, Any], key: str) -> None:
    found = validate_sprayer(changed(**figures))
    assert key in {finding.key for finding in found}
    for finding in found:
        assert "{" not in finding.text("vi")
        assert "{" not in finding.text("en")


@pytest.mark.parametrize("key", [k for k in ENTRIES["16 L hexa"] if k not in (
    "aliases", "mtow_kg", "assumed")])  # fmt: skip
def test_an_entry_that_lacks_a_figure_is_told_which(key: str) -> None:
    entry = changed()
    del entry[key]
    found = validate_sprayer(entry)
    assert [finding.key for finding in found] == ["finding.sprayer_figures"]
    assert key in found[0].text()


def test_hovering_times_are_those_of_the_loaded_aircraft() -> None:
    t40 = sprayer("T40")
    assert hover_min(t40, 40.0) == pytest.approx(7.0, rel=0.01)
    assert hover_min(t40, 0.0) > hover_min(t40, 20.0) > hover_min(t40, 40.0)
