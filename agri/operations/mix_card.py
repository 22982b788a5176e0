"""The mix card: one printed page that a farmer follows at the tank.

Wet hands turn no pages and read no screens: the card is one A4 sheet in big letters (two for more
sorties than fit), the same page fits a phone, and it needs neither network nor script. What is
poured in stands first, one row for each filling, with a box to tick.

Where its words come from:

* Litres, product and water are those of `missions.sprayer.mixture`; totals are sums of the rounded
  rows, so that what is bought and carried is what is poured.
* Half the water first, then the product, then the rest while stirring, from a pre-mix in a bucket:
  general good practice, taught with every knapsack; the label goes before it.
* Limits of wind, warmth and dryness are those that go or no go is judged by
  (`missions.drift.limits`); the wind the buffers were reckoned for is the job's. A stricter label
  always wins.
* Distances to what is spared are measured from the ground that may be sprayed.
* First harvest is the day of spraying plus the label's waiting days. How long to stay out of the
  field differs from product to product and is left to the label.
* 115 is the ambulance in Vietnam. Fifteen minutes of clean water for eyes is common first aid.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from pathlib import Path

from agri.crop_cards import crop_told
from agri.errors import BadInput
from agri.field import Field, SensitiveKind, SensitiveSite
from agri.files import write_text
from agri.units import square_metres_to_hectares, square_metres_to_sao
from agri.weather import COMPASS
from agri.words import Language, day_text, say
from agri.workspace import Workspace
from missions.drift.limits import DEFAULT_SPRAY_LIMITS, SprayLimits
from missions.flightplan import FlightPlan, job_of
from missions.sprayer.dose import flow_l_min, rate_per_pass
from missions.sprayer.job import DoseUnit, Product, SpraySettings
from missions.sprayer.mixture import Mixture, mixture

DIGEST_SHOWN = 8
"""Letters of a plan's digest on the card."""
MAX_SPARED = 4
"""Nearest places named on the card."""
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=[^\d\s])")
ONE_PAGE = 6
"""Most fillings that fit on one page."""
SIZES = ((4, "roomy"), (7, "plain"), (11, "full"), (math.inf, "tight"))
"""Load of a card up to which each size of letters keeps it on one page (measured in print)."""
LONG_NAME = 26
"""Letters of a name that run over a line of the card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One filling of the tank, for one sortie.

    Parameters
    ----------
    number : int
        From 1, in the order given.
    field : str
        Where it is sprayed.
    aircraft : str
        What sprays it.
    sortie, sorties : int
        Of its job.
    mixture : Mixture
        What goes in.
    digest : str
        The plan's digest, shortened.
    """

    number: int
    field: str
    aircraft: str
    sortie: int
    sorties: int
    mixture: Mixture
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spared:
    """A place spray must not reach, and how far the spraying stays from it."""

    name: str
    kind: SensitiveKind
    distance_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MixCard:
    """What the card says, in values.

    Parameters
    ----------
    day : date
        Day of spraying.
    language : {"vi", "en"}
        Language it is meant for.
    product : Product
        What is sprayed.
    fields, crops : tuple of str
        Names, each once.
    fills : tuple of Fill
        At least one.
    settings : tuple of SpraySettings
        Each once: one for most cards.
    spared : tuple of Spared
        Nearest first.
    first_harvest : date or None
        None when the label's waiting days were not entered.
    limits : SprayLimits
        When to spray.
    """

    day: date
    language: Language
    product: Product
    fields: tuple[str, ...]
    crops: tuple[str, ...]
    fills: tuple[Fill, ...]
    settings: tuple[SpraySettings, ...]
    spared: tuple[Spared, ...]
    first_harvest: date | None
    limits: SprayLimits = DEFAULT_SPRAY_LIMITS

    @property
    def litres(self) -> float:
        """Mixture of all fillings."""
        return round(sum(fill.mixture.litres for fill in self.fills), 1)

    @property
    def product_amount(self) -> float:
        """Product of all fillings, ml or g."""
        return sum(fill.mixture.product_amount for fill in self.fills)

    @property
    def water_l(self) -> float:
        """Water of all fillings."""
        return round(sum(fill.mixture.water_l for fill in self.fills), 2)

    @property
    def area_m2(self) -> float:
        """Ground treated."""
        return sum(fill.mixture.area_m2 for fill in self.fills)

    @property
    def is_coarse(self) -> bool:
        """Whether an amount is too small to be measured out well."""
        return any(fill.mixture.is_coarse for fill in self.fills)


def _field_name(plan: FlightPlan) -> str:
    return plan.site.field.name if plan.site else plan.name


def _fills(plans: Sequence[FlightPlan]) -> tuple[Fill, ...]:
    filled: set[str] = set()
    fills = []
    for number, plan in enumerate(plans, start=1):
        job = job_of(plan)
        aircraft = job.settings.sprayer.name
        fills.append(
            Fill(
                number=number,
                field=_field_name(plan),
                aircraft=aircraft,
                sortie=job.sortie,
                sorties=job.sorties,
                mixture=mixture(job, empty_tank=aircraft not in filled),
                digest=plan.digest[:DIGEST_SHOWN],
            )
        )
        filled.add(aircraft)
    return tuple(fills)


def _distance_m(plan: FlightPlan, field: Field, place: SensitiveSite) -> float:
    frame = field.frame
    sprayed = frame.geometry_to_local(job_of(plan).treatable)
    return float(sprayed.distance(frame.geometry_to_local(place.geometry)))


def _spared(plans: Sequence[FlightPlan]) -> tuple[Spared, ...]:
    nearest: dict[tuple[str, str, bytes], Spared] = {}
    for plan in plans:
        if plan.site is None:
            continue
        for place in plan.site.sensitive_sites:
            key = (place.name, place.kind.value, place.geometry.wkb)
            found = Spared(
                name=place.name,
                kind=place.kind,
                distance_m=_distance_m(plan, plan.site.field, place),
            )
            if key not in nearest or found.distance_m < nearest[key].distance_m:
                nearest[key] = found
    return tuple(sorted(nearest.values(), key=lambda s: (s.distance_m, s.name))[:MAX_SPARED])


def mix_card(
    plans: Sequence[FlightPlan],
    *,
    day: date,
    language: Language,
    limits: SprayLimits = DEFAULT_SPRAY_LIMITS,
) -> MixCard:
    """Return the card for the sorties of a day.

    Parameters
    ----------
    plans : sequence of FlightPlan
        Sorties in the order they are flown, of one field or several, all with one product.
    day : date
        Day of spraying.
    language : {"vi", "en"}
        Language of the card.
    limits : SprayLimits
        Weather to spray in.

    Returns
    -------
    MixCard
        Each aircraft's first filling includes what its pump cannot draw.

    Raises
    ------
    BadInput
        When there is no plan, one sprays nothing, or they spray different products.
    """
    if not plans:
        raise BadInput("error.card_empty")
    jobs = [job_of(plan) for plan in plans]
    product = jobs[0].settings.product
    for job in jobs:
        if job.settings.product != product:
            raise BadInput("error.card_products", one=product.name, other=job.settings.product.name)
    crops = [crop_told(plan.site.field.crop, language) for plan in plans
             if plan.site and plan.site.field.crop]  # fmt: skip
    return MixCard(
        day=day,
        language=language,
        product=product,
        fields=tuple(dict.fromkeys(_field_name(plan) for plan in plans)),
        crops=tuple(dict.fromkeys(crops)),
        fills=_fills(plans),
        settings=tuple(dict.fromkeys(job.settings for job in jobs)),
        spared=_spared(plans),
        first_harvest=day + timedelta(days=product.phi_days) if product.phi_days else None,
        limits=limits,
    )


@cache
def _template(name: str) -> str:
    return resources.files("agri").joinpath(f"operations/templates/{name}").read_text("utf-8")


class _Speech:
    """Speaks the card's values in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def say(self, key: str, **values: object) -> str:
        """Speak; a number stays on one line with its unit."""
        return _BEFORE_UNIT.sub("\u00a0", say(key, self.language, **values))

    def day(self, when: date) -> str:
        return day_text(when, self.language)

    def litres(self, value: float) -> str:
        tenths = math.isclose(value, round(value, 1), abs_tol=1e-9)
        return self.say("card.litres" if tenths else "card.litres_fine", value=value)

    def amount(self, value: float, unit: DoseUnit) -> str:
        return self.say("card.amount_ml" if unit is DoseUnit.ML else "card.amount_g", value=value)

    def whole(self, value: float, unit: DoseUnit) -> str:
        """An amount, with litres or kilograms beside it where it is large."""
        if value < 1000.0:
            return self.amount(value, unit)
        thousands = math.floor(value / 10.0 + 0.5) / 100.0
        big = self.say("card.big_l" if unit is DoseUnit.ML else "card.big_kg", value=thousands)
        return f"{self.amount(value, unit)} ({big})"

    def area(self, area_m2: float) -> str:
        return self.say(
            "card.area", sao=square_metres_to_sao(area_m2), ha=square_metres_to_hectares(area_m2)
        )

    def wind(self, settings: SpraySettings) -> str:
        wind = settings.wind
        if wind.from_deg is None:
            return self.say("card.wind_any", speed_m_s=wind.speed_m_s)
        point = COMPASS[round(wind.from_deg / 45.0) % 8]
        return self.say(
            "card.wind_from", speed_m_s=wind.speed_m_s, side=self.say(f"card.side_{point}")
        )

    def setup(self, settings: SpraySettings) -> list[tuple[str, str]]:
        rate_l_ha = rate_per_pass(settings)
        values = {
            "rate": {"value": settings.rate_l_ha},
            "flow": {"value": flow_l_min(rate_l_ha, settings.swath_m, settings.speed_m_s)},
            "speed": {"value": settings.speed_m_s},
            "height": {"value": settings.height_m},
            "swath": {"value": settings.swath_m},
        }
        return [
            (self.say(f"card.set_{key}"), self.say(f"card.set_{key}_value", **value))
            for key, value in values.items()
        ]

    def spared(self, place: Spared) -> str:
        kind = say(f"page.layer.sensitive_{place.kind.value}", self.language)
        name = f"{kind}: {place.name}" if place.name else kind
        return self.say("card.spared", name=name, distance_m=place.distance_m)


def _size(card: MixCard) -> str:
    """Return the largest letters that leave the card on one page; on two pages plain ones."""
    if len(card.fills) > ONE_PAGE:
        return "plain"
    names = (card.product.name, *card.fields, *(place.name for place in card.spared))
    long = 3 * any(len(name) > LONG_NAME for name in names)
    load = len(card.fills) + len(card.spared) + 3 * (len(card.settings) - 1) + long
    return next(size for most, size in SIZES if load <= most)


def keep_card(farm: Workspace, stem: str, card: MixCard) -> Path:
    """Write the card into the farm's reports, in its own language, and return its path.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    stem : str
        File name without its ending.
    card : MixCard
        What to write.
    """
    page = farm.reports / f"{stem}.html"
    write_text(page, render_mix_card(card))
    return page


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """Where a card that is a page of the app leads back to, and where style and icon lie there."""

    path: str
    name: str
    style: str
    icon: str


def render_mix_card(
    card: MixCard, language: Language | None = None, *, back: Back | None = None
) -> str:
    """Return the card as a page of its own: HTML with print style, no script, nothing loaded.

    Parameters
    ----------
    card : MixCard
        The card.
    language : {"vi", "en"}, optional
        Another language than the card's.
    back : Back, optional
        Makes it a page of the app, which allows no style within the page.

    Returns
    -------
    str
        One A4 page when printed for up to six fillings, two for up to twelve.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    spoken = language or card.language
    speech = _Speech(spoken)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(_template("mix_card.html.j2"))
    return template.render(
        card=card,
        speech=speech,
        say=speech.say,
        winds=list(dict.fromkeys(speech.wind(settings) for settings in card.settings)),
        language=spoken,
        back=back,
        size=_size(card),
        bees=any(place.kind is SensitiveKind.BEES for place in card.spared),
        # our own files: not text from strangers
        card_css=Markup(_template("mix_card.css")),  # noqa: S704
        pictograms=Markup(_template("mix_card.svg")),  # noqa: S704
    )
