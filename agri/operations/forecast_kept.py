"""The forecast that a farm keeps of a field: figures gate by gate, pictures, the model card.

Theory of operation. `agri.operations.forecast` works for minutes and leaves a list of figures
(``maps/<field>-forecast.json``) and pictures beside it. Here they are read back, for pages, reports
and the week's advice; nothing is worked out anew. A list that another program spoilt is told as
such. The card is that of the model in use, when models of the field were kept; a farm that never
kept any has none, and its forecast says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from agri.errors import BadInput, NotFound
from agri.field import Field
from agri.files import read_bytes_limited, read_json_limited, told
from agri.operations.maps.shelf import Shelf
from agri.operations.report import Facts, fact
from agri.units import square_metres_to_hectares
from agri.words import Language, Message, day_text, dictionary, say
from agri.workspace import Workspace
from agri.workspace.flightlog import read_message
from models.saved.card import Card
from models.saved.registry import Registry

PICTURES = ("forecast-gates", "forecast", "forecast-check")
"""Kinds of pictures a forecast may have left, as their files are called."""
MOST_PICTURE_BYTES = 20_000_000
PARTS = ("flowering", "pattern", "level")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptGate:
    """What was forecast at one gate.

    Parameters
    ----------
    gate : int
        1 to 5.
    about : date
        When that gate is, or was.
    low_kg, kg, high_kg : float
        Of the whole field; 8 times in 10 between low and high.
    error_kg : tuple of float
        From the flowering, from tree to tree, from the season's level: `PARTS`.
    counted, seasons : int
        Trees counted this season, seasons it was learnt from.
    """

    gate: int
    about: date
    low_kg: float
    kg: float
    high_kg: float
    error_kg: tuple[float, float, float]
    counted: int
    seasons: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptForecast:
    """A forecast as it was left.

    Parameters
    ----------
    season, trees : int
        Year of the harvest; how many trees.
    gates : tuple of KeptGate
        Those that had come; the last one is the forecast.
    findings : tuple of Message or str
        What was to be said of it; a text stays in the language it was written in.
    language : str
        Of its pictures, those of other languages apart; "" when it is not told.
    made : datetime
        When, UTC.
    pictures : tuple of (str, Path)
        Kind and file of those that are there.
    """

    season: int
    trees: int
    gates: tuple[KeptGate, ...]
    findings: tuple[Message | str, ...]
    made: datetime
    pictures: tuple[tuple[str, Path], ...]
    language: str = ""

    @property
    def last(self) -> KeptGate:
        """The forecast."""
        return self.gates[-1]

    def said(self, language: Language) -> tuple[str, ...]:
        """Return what was to be said of it in `language`."""
        return tuple(one if isinstance(one, str) else one.text(language) for one in self.findings)

    def picture(self, kind: str, language: Language) -> Path | None:
        """Return the file of a picture, in `language` where there is one; None without any."""
        plain = next((path for name, path in self.pictures if name == kind), None)
        if plain is None or language == self.language:
            return plain
        other = plain.with_name(f"{plain.stem}-{language}.png")
        return other if other.is_file() else plain


def _shelf(farm: Workspace) -> Shelf:
    return Shelf.of(None, farm, "en")


def kept_forecast(farm: Workspace, field: Field) -> KeptForecast | None:
    """Return the forecast kept of a field, None when none was made.

    Raises
    ------
    BadInput
        When what is kept cannot be read.
    """
    try:
        return read_forecast(_shelf(farm).place(field.name, "forecast", ".json"))
    except NotFound:
        return None


def read_forecast(path: Path) -> KeptForecast:
    """Return the forecast of a file that `agri.operations.forecast` left.

    Raises
    ------
    NotFound
        When it is not there.
    BadInput
        When it cannot be read.
    """
    body = read_json_limited(path)
    with told(path):
        made = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        found = KeptForecast(
            season=int(body["season"]), trees=int(body["trees"]), made=made,
            gates=tuple(_gate(one) for one in body["gates"]),
            findings=tuple(_said(one) for one in body["findings"]),
            language=str(body.get("language", "")),
            pictures=tuple(_pictures(path)),
        )  # fmt: skip
        if not found.gates:
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadInput("error.forecast_kept", file=path.name) from None
    return found


def _said(told_of: dict[str, Any]) -> Message | str:
    message = read_message(told_of["message"]) if "message" in told_of else None
    if message is None or message.key not in dictionary("en"):
        return str(told_of["text"])
    return message


def _gate(told_of: dict[str, Any]) -> KeptGate:
    low, middle, high = (float(told_of[name]) for name in ("kg_p10", "kg_p50", "kg_p90"))
    if not 0.0 <= low <= middle <= high or not 1 <= int(told_of["gate"]) <= 5:
        raise ValueError
    flowering, pattern, level = (float(told_of["error_kg"][part]) for part in PARTS)
    return KeptGate(
        gate=int(told_of["gate"]), about=date.fromisoformat(told_of["about"]), low_kg=low,
        kg=middle, high_kg=high, error_kg=(flowering, pattern, level),
        counted=int(told_of["counted"]), seasons=int(told_of["seasons"]),
    )  # fmt: skip


def _pictures(path: Path) -> list[tuple[str, Path]]:
    stem = path.stem.removesuffix("forecast")
    places = [(kind, path.with_name(f"{stem}{kind}.png")) for kind in PICTURES]
    return [(kind, place) for kind, place in places if place.is_file()]


def forecast_picture(farm: Workspace, field: Field, kind: str, language: Language) -> bytes:
    """Return one of the pictures of a field's forecast, PNG.

    Raises
    ------
    NotFound
        When there is none of this kind.
    """
    found = kept_forecast(farm, field)
    path = found.picture(kind, language) if found else None
    if path is None:
        raise NotFound("error.no_picture", name=kind[:40])
    return read_bytes_limited(path, limit_bytes=MOST_PICTURE_BYTES)


def forecast_card(farm: Workspace, field: Field) -> Card | None:
    """Return the card of the field's model in use, None when none was kept.

    Raises
    ------
    Refused
        When the farm's list of models is damaged.
    """
    try:
        return Registry(farm.folder).card(f"forecast {field.name}")
    except NotFound:
        return None


# ------------------------------------------------------------------ in words


def forecast_facts(found: KeptForecast, field: Field, language: Language) -> Facts:
    """Return label and value of a kept forecast, as the terminal tells them."""
    facts: Facts = []
    last, (flowering, pattern, level) = found.last, found.last.error_kg
    fact(facts, language, "page.fact_forecast", season=found.season, kg=last.kg)
    fact(facts, language, "page.fact_forecast_range", low=last.low_kg, high=last.high_kg)
    if found.trees:
        fact(facts, language, "page.fact_forecast_tree", kg=last.kg / found.trees,
             trees=found.trees,
             t_ha=last.kg / 1000.0 / square_metres_to_hectares(field.area_m2))  # fmt: skip
    fact(facts, language, "page.fact_forecast_gate", gate=say(f"page.gate_{last.gate}", language))
    fact(facts, language, "page.fact_forecast_error", flowering=flowering, pattern=pattern,
         level=level)  # fmt: skip
    fact(facts, language, "page.fact_forecast_grounds", seasons=last.seasons, counted=last.counted)
    return facts


GATE_HEADS = ("cli.head_gate", "cli.head_about", "cli.head_kg_p10", "cli.head_kg_p50",
              "cli.head_kg_p90", "cli.head_part_flowering", "cli.head_part_pattern",
              "cli.head_part_level")  # fmt: skip


def gate_rows(found: KeptForecast, language: Language) -> list[tuple[str, ...]]:
    """Return a row of text for each gate, under `GATE_HEADS`; parts of the error in per cent."""
    return [
        (say(f"page.gate_{one.gate}", language), day_text(one.about, language),
         *(say("page.whole", language, value=kg) for kg in (one.low_kg, one.kg, one.high_kg)),
         *(say("page.whole", language, value=100.0 * kg / max(one.kg, 1e-9))
           for kg in one.error_kg))
        for one in found.gates
    ]  # fmt: skip


def card_facts(card: Card, language: Language) -> Facts:
    """Return label and value of a model's card."""
    facts: Facts = []
    fact(facts, language, "page.fact_card_made", day=day_text(card.made, language))
    fact(facts, language, "page.fact_card_data", rows=card.rows, seasons=card.seasons)
    if card.nominal_coverage is not None and card.coverage is not None:
        fact(facts, language, "page.fact_card_held", promised=100.0 * card.nominal_coverage,
             held=100.0 * card.coverage)  # fmt: skip
    facts.append((say("page.fact_card_digest", language), card.data_digest[:16]))
    return facts


def card_rows(card: Card, language: Language) -> list[tuple[str, ...]]:
    """Return a row for each trial: split (the one of its use is marked), measure, model, mean."""

    def number(value: float | None) -> str:
        return "–" if value is None else say("page.number", language, value=value)

    return [
        (say(f"page.split_{one.split}", language), one.measure,
         number(one.value), number(one.baseline))
        for one in card.trials
    ]  # fmt: skip


def card_limits(card: Card, language: Language) -> tuple[str, ...]:
    """Return where a model must not be used; cards say it in English and Vietnamese at once."""
    return tuple(
        dict(zip(("en", "vi"), one.split(" / "), strict=True))[language]
        if one.count(" / ") == 1 else one
        for one in card.limits
    )  # fmt: skip
