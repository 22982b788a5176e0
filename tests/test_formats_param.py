"""Parameter files: what is written loads elsewhere and is what the flight needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.mavparm import MAVParmDict

from agri.errors import BadInput, Refused
from missions.catalogue import sprayer
from missions.formats import FORMATS, export_plan
from missions.formats.param import read_param, write_param
from missions.preflight.vehicle import needed_parameters, unmet
from missions.sprayer.parameters import job_parameters
from missions.wire.commands import Parameter
from tests.spraying import PLAN, asked

SERVO = asked(sprayer=sprayer("servo"), swath_m=4.0, height_m=2.0, speed_m_s=4.0)


def test_the_register_knows_the_format_and_a_plan_that_sprays_nothing_has_none() -> None:
    assert FORMATS["param"] == (".param", write_param)
    assert export_plan(PLAN, "param") == write_param(PLAN)
    with pytest.raises(BadInput, match="sprays nothing"):
        export_plan(replace(PLAN, spray=None), "param")


def test_pymavlink_loads_every_line_as_it_was_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "phun.param"
    path.write_text(write_param(PLAN), encoding="utf-8")
    loaded = MAVParmDict()
    assert loaded.load(str(path), use_excludes=False)
    assert "Invalid" not in capsys.readouterr().out
    assert dict(loaded) == pytest.approx(read_param(path.read_bytes()))
    assert len(loaded) > 15


def test_an_aircraft_set_by_the_file_meets_all_that_the_flight_needs() -> None:
    for plan in (PLAN, SERVO):
        found = read_param(write_param(plan))
        assert unmet(plan, [Parameter(name, value) for name, value in found.items()]) == ()
        needs = [need for need in needed_parameters(plan) if not need.instead_of]
        settable = {need.name for need in needs if need.settable}
        assert set(found) == settable


def test_the_dose_in_the_file_is_the_jobs() -> None:
    assert PLAN.spray is not None
    found, job = read_param(write_param(PLAN)), job_parameters(PLAN.spray)
    for name in ("SPRAY_ENABLE", "SPRAY_PUMP_RATE", "SPRAY_PUMP_MIN", "SPRAY_SPEED_MIN",
                 "WPNAV_SPEED"):  # fmt: skip
        assert found[name] == job[name]
    assert found["FENCE_ACTION"] == 4.0
    assert found["FS_THR_ENABLE"] == found["FS_GCS_ENABLE"] == found["BATT_FS_LOW_ACT"] == 6.0


def test_each_setting_has_its_reason_in_both_languages() -> None:
    lines = write_param(PLAN).splitlines()
    for number, line in enumerate(lines):
        if not line.startswith("#"):
            assert lines[number - 1].startswith("# ")
            assert lines[number - 2].startswith("# ")
    assert any("để bơm cho đúng số lít" in line for line in lines)
    assert any("so that the pump gives the litres" in line for line in lines)


def test_wiring_and_nozzles_are_left_to_the_owner() -> None:
    found = read_param(write_param(PLAN))
    assert not [name for name in found if name.startswith("SERVO") or name == "SPRAY_SPINNER"]
    assert "# SERVO9_FUNCTION,22" in write_param(PLAN).splitlines()
    assert "# SERVO9_FUNCTION,0" in write_param(SERVO).splitlines()
    assert {"SERVO9_MIN": 1100.0, "SERVO9_MAX": 1900.0}.items() <= read_param(
        write_param(SERVO)
    ).items()


def test_another_makers_aircraft_gets_no_such_file() -> None:
    with pytest.raises(Refused, match="DJI Agras T40"):
        write_param(asked(sprayer=sprayer("T40")))


def test_a_plans_name_cannot_smuggle_a_setting_in() -> None:
    evil = replace(PLAN, name="x\nARMING_CHECK,0\r\nFENCE_ENABLE,0\u2028RTL_ALT,0")
    assert read_param(write_param(evil)) == read_param(write_param(PLAN))


@pytest.mark.parametrize(
    "text",
    ["SPRAY_ENABLE", "SPRAY_ENABLE,on", "SPRAY_ENABLE,nan", "SPRAY_ENABLE,1e999", "a,1",
     "SPRAY_ENABLE,1,2", "SPRAY_ENABLE_IS_MUCH_TOO_LONG,1", "9SPRAY,1", "=1+1,2"],
)  # fmt: skip
def test_a_line_that_is_no_setting_is_told_with_its_number(text: str) -> None:
    with pytest.raises(BadInput, match="Line 2"):
        read_param(f"RTL_ALT,1500\n{text}\n")


def test_one_parameter_with_two_values_is_refused_and_the_same_value_twice_is_not() -> None:
    with pytest.raises(BadInput, match="twice"):
        read_param("RTL_ALT,1500\nRTL_ALT,1600")
    assert read_param("RTL_ALT,1500\nRTL_ALT 1500.0") == {"RTL_ALT": 1500.0}


@pytest.mark.parametrize("content", ["", "# only talk\n", b"\xff\xfe\x00", "\x00"])
def test_a_file_without_settings_is_refused(content: str | bytes) -> None:
    with pytest.raises(BadInput):
        read_param(content)


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z][A-Z0-9_]{0,15}", fullmatch=True),
        st.floats(-1e6, 1e6).map(lambda v: float(f"{v:.10g}")),
        min_size=1,
    ),
    st.sampled_from([",", " ", "\t", ", "]),
)
def test_what_is_written_as_lines_is_read_back(found: dict[str, float], between: str) -> None:
    text = "\n".join(f"{name}{between}{value:.10g}" for name, value in found.items())
    assert read_param("\ufeff" + text) == found


@given(st.text(max_size=60))
def test_strange_text_ends_in_one_sentence(text: str) -> None:
    try:
        assert read_param(text)
    except BadInput as error:
        sentence = error.text("vi")
        assert "{" not in sentence or "{" in text
