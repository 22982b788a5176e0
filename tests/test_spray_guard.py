"""The spray guard's script read as text, and how agri hands it out.

What it does in flight is tried on a real ArduCopter (`test_spray_guard_flown`); here is what must
hold of every version: it has no way to switch anything on, it starts no sentence the ground would
not know, and every call a firmware may lack goes through the one that survives it.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from agri.cli import main
from agri.words import LANGUAGES
from missions import onboard

ROOT = Path(__file__).resolve().parents[1]
CALL = re.compile(r'\bask\(\s*([\w.]+),\s*"(\w+)"((?:[^()]|\([^()]*\))*)\)')
BINDINGS = ("arming", "battery", "fence", "gcs", "gps", "mission", "param", "rc", "vehicle",
            "SRV_Channels")  # fmt: skip
READS = {
    "arming": {"is_armed"},
    "battery": {"has_failsafed"},
    "fence": {"get_breaches"},
    "mission": {"state", "num_commands", "get_item", "get_current_nav_id",
                "get_current_nav_index"},
    "vehicle": {"get_mode", "has_ekf_failsafed"},
    "gps": {"primary_sensor", "status", "last_fix_time_ms"},
}  # fmt: skip
"""Bindings of which the script may use nothing but these readings."""


def code() -> str:
    """The script without its comments."""
    text = re.sub(r"--\[\[.*?\]\]", "", onboard.script(), flags=re.S)
    return re.sub(r"--[^\n]*", "", text)


def calls() -> list[tuple[str, str, str]]:
    return [(o, m, re.sub(r"\s+", " ", rest).strip(" ,")) for o, m, rest in CALL.findall(code())]


def test_nothing_in_the_script_can_switch_the_sprayer_on():
    """Whatever changes something is listed here with its arguments; there is nothing else."""
    changing = {
        ("rc", "run_aux_function", "SPRAYER_SWITCH, SWITCH_LOW"),
        ("gcs", "run_command_int", "DO_SPRAYER, { p1 = 0 }"),
        ("SRV_Channels", "set_output_pwm_chan", "out.channel, out.rest"),
        ("param", "set", '"SPRAY_ENABLE", 0'),
        ("param", "set", 'TABLE_PREFIX .. "VER", VERSION'),
        ("param", "add_table", "TABLE_KEY, TABLE_PREFIX, 2"),
        ("param", "add_param", 'TABLE_KEY, 1, "VER", VERSION'),
        ("param", "add_param", 'TABLE_KEY, 2, "SERVO", 0'),
    }
    reads = {(o, m) for o, methods in READS.items() for m in methods}
    reads |= {("rc", "has_valid_input"), ("gcs", "last_seen"), ("gcs", "send_text"),
              ("gcs", "send_named_float"), ("param", "get"), ("SRV_Channels", "get_output_pwm"),
              ("item", "command"), ("seen", "tofloat"), ("fixed", "tofloat")}  # fmt: skip
    found = calls()
    assert len(found) == code().count("ask(") - 1, "a call that is not understood here"
    assert {call for call in found if call[:2] not in reads} == changing
    assert "SPRAYER_SWITCH, SWITCH_LOW = 15, 0" in code()


def test_every_constant_that_switches_is_set_once_and_never_again():
    for name in ("SPRAYER_SWITCH", "SWITCH_LOW", "DO_SPRAYER", "PUMP", "SPINNER", "PLAIN", "AUTO"):
        set_to = re.findall(rf"^\s*(?:local\s+)?(?:\w+,\s*)*{name}\b[\w, ]*=[^=]", code(), re.M)
        assert len(set_to) == 1, name


def test_a_plain_output_is_only_driven_to_its_own_least_pulse_and_never_a_motor():
    text = code()
    assert "local own = plain == n and does == PLAIN" in text
    assert 'turned and "MAX" or "MIN"' in text
    assert re.findall(r"rest\s*=\s*math\.floor\(rest\)", text)


def test_no_binding_is_called_but_through_the_call_that_survives_its_absence():
    text = code()
    for binding in BINDINGS:
        assert not re.search(rf"\b{binding}\s*[:.]", text), binding
    assert text.count("millis()") == 1
    assert "pcall(function() return millis():tofloat() end)" in text


def test_the_loop_itself_never_throws_and_always_comes_again():
    text = code()
    assert "pcall(look)" in text
    assert re.search(r"local function guard\(\).*?return guard, SLOW_MS.*?return guard, EVERY_MS",
                     text, re.S)  # fmt: skip
    assert text.rstrip().endswith("return guard, EVERY_MS")
    assert re.search(r"local EVERY_MS = 100\n", text)
    assert not re.search(r"\b(while|repeat|goto|error|assert|require|io|os|dofile|load)\b", text)


def test_blocks_and_brackets_close():
    text = re.sub(r'"[^"\n]*"', '""', code())
    opened = len(re.findall(r"\b(?:function|if|for)\b", text))
    assert opened == len(re.findall(r"\bend\b", text))
    assert len(re.findall(r"\b(?:if|elseif)\b", text)) == len(re.findall(r"\bthen\b", text))
    for left, right in ("()", "{}", "[]"):
        assert text.count(left) == text.count(right)


def test_its_sentences_are_ascii_and_fit_one_status_text():
    text = onboard.script()
    assert text.isascii()
    assert f'"{onboard.TEXT_BEGINS}"' in text
    modes = re.findall(r'\[\d+\] = "([A-Z_]+)"', text)
    reasons = re.findall(r'return "([\w -]+)"', code()) + [f"mode {name}" for name in modes]
    assert len(reasons) > 20
    for reason in (*reasons, "return item", "landing item", "take-off item"):
        assert len(onboard.ACTED_TEXT + reason) <= 50, reason
    for said in re.findall(r'say\(\w+, "([^"]+)"\)', code()):
        assert len(onboard.TEXT_BEGINS + said) <= 50, said


def test_what_the_ground_waits_for_is_what_the_script_says():
    text = onboard.script()
    assert int(re.findall(r"local VERSION = (\d+)", text)[0]) == onboard.VERSION
    assert f'"send_named_float", "{onboard.NAMED_VALUE}"' in text
    assert len(onboard.NAMED_VALUE) <= 10
    prefix = re.findall(r'TABLE_PREFIX = \d+, "(\w+)"', text)[0]
    assert f"{prefix}VER" == onboard.PARAMETER
    assert f"{prefix}SERVO" == onboard.SERVO_PARAMETER
    assert len(onboard.SERVO_PARAMETER) <= 16
    running = re.findall(r'say\(INFO, "version " \.\. VERSION \.\. "( \w+)"\)', text)[0]
    assert f"{onboard.TEXT_BEGINS}version {onboard.VERSION}{running}" == onboard.EXPECTED_TEXT
    assert f'say(WARNING, "{onboard.ACTED_TEXT.removeprefix(onboard.TEXT_BEGINS)}" .. why)' in text


def test_the_script_lies_in_a_package_that_the_wheel_takes_whole():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = told["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "missions" in wheel["packages"]
    assert "exclude" not in wheel
    assert (ROOT / "missions" / "onboard" / onboard.FILE_NAME).read_text() == onboard.script()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_command_writes_the_script_and_tells_three_steps(language, tmp_path, capsys):
    folder = tmp_path / "thẻ nhớ"
    assert main(["guard", "script", "--out", str(folder), "--lang", language]) == 0
    assert (folder / onboard.FILE_NAME).read_text("utf-8") == onboard.script()
    said = capsys.readouterr().out
    assert [line[:2] for line in said.splitlines()[1:]] == ["1.", "2.", "3."]
    told = (onboard.CARD_FOLDER, *onboard.NEEDED_PARAMETERS, onboard.EXPECTED_TEXT,
            onboard.PARAMETER, onboard.SERVO_PARAMETER, str(onboard.LEAST_HEAP_BYTES))  # fmt: skip
    for word in told:
        assert word in said


def test_a_folder_that_cannot_be_written_is_told_in_one_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    assert main(["guard", "script", "--out", str(tmp_path / "file" / "in")]) == 1
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert len(told.err.strip().splitlines()) == 1
