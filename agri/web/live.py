"""What the page of a flight under way says of it: figures in words, each with its traffic light.

The same value is drawn by the page when it is made and sent to it afterwards, so what a script
shows never differs from what the server would. A figure nobody told is a dash, never a guess.
Colours are never alone: a symbol stands beside each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from agri.operations.airborne import Airborne
from agri.operations.sight import ON_SHARE, Sight, Stage
from agri.units import INDOCHINA_TIME
from agri.weather import COMPASS
from agri.web.pages import STATE_SYMBOL
from agri.words import Language, say
from missions.drift.limits import DEFAULT_SPRAY_LIMITS
from missions.flight.phases import Phase
from missions.flight.wind_watch import wind_limit_m_s
from missions.flightplan import FlightPlan
from missions.wire.telemetry import CopterMode

SILENT_S, LOST_S = 2.0, 5.0
"""A link that is said to be silent, and one after which the aircraft's own failsafe acts."""
LOW_PCT, EMPTY_PCT = 40.0, 25.0
ASKED = {
    Phase.IDENTIFY: "page.live_asking", Phase.READ: "page.live_asking",
    Phase.READY: "page.live_waits_ready", Phase.UPLOAD: "page.live_uploading",
    Phase.CONFIRM: "page.live_uploading",
}  # fmt: skip
LAUNCHED = {
    Phase.CONFIRM: "page.live_proving", Phase.PROVE: "page.live_proving",
    Phase.GUIDED: "page.live_arming", Phase.ARM: "page.live_arming",
    Phase.AUTO: "page.live_taking_off", Phase.START: "page.live_taking_off",
    Phase.GIVE_UP: "page.live_giving_up", Phase.LOST: "page.live_lost",
    Phase.LANDED: "page.live_landed", Phase.ABORTED: "page.live_landed",
}  # fmt: skip
MODES = {
    CopterMode.BRAKE: "page.live_stopped", CopterMode.RTL: "page.live_returning",
    CopterMode.AUTO_RTL: "page.live_returning", CopterMode.SMART_RTL: "page.live_returning",
    CopterMode.LAND: "page.live_landing",
}  # fmt: skip
OUTCOMES = {"landed": "ok", "aborted": "look", "lost": "stop"}


def shown(flight: Airborne, language: Language, *, after: int = 0) -> dict[str, Any]:
    """Return all that a page shows of a flight now, and what happened after a number.

    Parameters
    ----------
    flight : Airborne
        The flight.
    language : {"vi", "en"}
        Of the words.
    after : int
        The last number that the page has got.

    Returns
    -------
    dict
        Plain values that JSON can carry.
    """
    sight = flight.sight()
    told, spots = flight.since(after)
    state, text = headline(sight, language)
    place = sight.seen.place
    return {
        "number": sight.number,
        "stage": sight.stage.value,
        "state": state,
        "symbol": STATE_SYMBOL[state],
        "text": text,
        "facts": facts(flight.asked.plan, sight, language),
        "place": [place.lat_deg, place.lon_deg] if place else None,
        "yaw": _number(sight.seen.yaw_deg),
        "told": [
            [one.number, f"{one.at_utc.astimezone(INDOCHINA_TIME):%H:%M:%S}",
             one.message.text(language)]
            for one in told if one.number <= sight.number
        ],
        "spots": [
            [one.number, round(one.place.lat_deg, 7), round(one.place.lon_deg, 7), int(one.wet)]
            for one in spots if one.number <= sight.number
        ],
        "flight": sight.flight,
    }  # fmt: skip


def headline(sight: Sight, language: Language) -> tuple[str, str]:
    """Return the traffic light ("ok", "look", "stop") of a flight and what it is doing."""
    if sight.stage is Stage.FAILED:
        return "stop", sight.why.text(language) if sight.why else ""
    if sight.stage is Stage.OVER:
        text = say(f"page.web_outcome_{sight.outcome}", language)
        return OUTCOMES.get(sight.outcome, "stop"), text
    if sight.silence_s > LOST_S:
        return "stop", say("page.live_silent", language, seconds=sight.silence_s)
    return _under_way(sight, language) if sight.stage is Stage.FLYING else _before(sight, language)


def _before(sight: Sight, language: Language) -> tuple[str, str]:
    if sight.stage is not Stage.LOOKING:
        return "look", say(f"page.live_{sight.stage.value}", language)
    if sight.transfer is not None and sight.phase is Phase.UPLOAD:
        return "look", sight.transfer.text(language)
    key = ASKED.get(sight.phase) if sight.phase else None
    return "look", say(key or "page.live_asking", language)


def _under_way(sight: Sight, language: Language) -> tuple[str, str]:
    seen, phase = sight.seen, sight.phase
    if phase in LAUNCHED:
        light = {Phase.LOST: "stop", Phase.GIVE_UP: "stop", Phase.LANDED: "ok"}.get(phase, "look")
        return light, say(LAUNCHED[phase], language)
    if not seen.armed:
        return "look", say("page.live_motors_off", language)
    if seen.mode in MODES:
        return "look", say(MODES[CopterMode(seen.mode)], language)
    if seen.mode != CopterMode.AUTO:
        return "look", say("page.live_taken_over", language, mode=seen.mode_name)
    if sight.no_more:
        return "look", say("page.live_no_more", language)
    sprays = seen.pump_share > ON_SHARE
    return "ok", say("page.live_spraying" if sprays else "page.live_flying", language)


def facts(plan: FlightPlan, sight: Sight, language: Language) -> list[dict[str, str]]:
    """Return the figures of a flight: key, name, value, traffic light and its symbol."""
    rows = [
        ("done", say("page.live_done_value", language, percent=100.0 * sight.done), "ok"),
        *_tank(plan, sight, language),
        _battery(sight, language),
        _wind(plan, sight, language),
        _link(sight, language),
        ("height", _told("page.live_height_value", language, sight.seen.height_m), "ok"),
        ("speed", _told("page.live_speed_value", language, sight.seen.speed_m_s), "ok"),
    ]
    return [
        {"key": key, "name": say(f"page.live_{key}", language), "value": value, "light": light,
         "symbol": "" if light == "ok" else STATE_SYMBOL[light]}
        for key, value, light in rows
    ]  # fmt: skip


def _told(key: str, language: Language, value: float) -> str:
    return say(key, language, value=value) if math.isfinite(value) else "–"


def _tank(plan: FlightPlan, sight: Sight, language: Language) -> list[tuple[str, str, str]]:
    if plan.spray is None:
        return [("photos", str(sight.photos), "ok")] if plan.survey else []
    if not math.isfinite(sight.litres):
        return [("tank", "–", "look")]
    left_l = max(0.0, plan.spray.estimate.litres - sight.litres)
    return [("tank", say("page.live_tank_value", language, left=left_l), "ok")]


def _battery(sight: Sight, language: Language) -> tuple[str, str, str]:
    left = sight.seen.battery_pct
    light = "ok" if left >= LOW_PCT else "stop" if left < EMPTY_PCT else "look"
    return "battery", _told("page.live_battery_value", language, left), light


def _wind(plan: FlightPlan, sight: Sight, language: Language) -> tuple[str, str, str]:
    wind = sight.wind
    if wind is None:
        return "wind", "–", "ok"
    light = "ok"
    if plan.spray is not None:
        most = wind_limit_m_s(plan.spray.settings)
        good = min(DEFAULT_SPRAY_LIMITS.start_m_s, most)
        light = "stop" if wind.speed_m_s > most else "look" if wind.speed_m_s > good else "ok"
    if wind.from_deg is None or wind.speed_m_s < 0.5:
        return "wind", say("page.live_wind_calm", language, value=wind.speed_m_s), light
    side = COMPASS[round(wind.from_deg / 45.0) % 8]
    named = say(f"card.side_{side}", language)
    return "wind", say("page.live_wind_value", language, value=wind.speed_m_s, side=named), light


def _link(sight: Sight, language: Language) -> tuple[str, str, str]:
    if sight.stage.ended or sight.phase is None:
        return "link", "–", "ok"
    if sight.silence_s <= SILENT_S:
        return "link", say("page.live_link_good", language), "ok"
    light = "look" if sight.silence_s <= LOST_S else "stop"
    return "link", say("page.live_link_silent", language, seconds=sight.silence_s), light


def _number(value: float) -> float | None:
    return round(value, 1) if math.isfinite(value) else None


def after_of(told: Mapping[str, str], name: str) -> int:
    """Return the number that a watcher says it has got last; what is none is 0.

    Examples
    --------
    >>> [after_of(told, "after") for told in ({"after": "12"}, {}, {"after": "-1"})]
    [12, 0, 0]
    """
    text = told.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
