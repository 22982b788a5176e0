"""The farm's papers from forms: what is asked of each kind, and what was written, as values.

Theory of operation. A form is a list of `agri.operations.record_forms.Asked`; what comes back is
text by their names. A page asks for a place as people know it: the farm's fields, all or one, with
so much ground around, or a middle and a radius as permits tell it. The middle counts when it is
told. Who looked at the official map is whoever is signed in, and when is now: nobody notes the look
of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time

from agri.amounts import read_amount, read_day, read_mass_kg
from agri.errors import BadInput
from agri.geo import LonLat
from agri.operations.papers import Place, locate
from agri.operations.record_forms import Asked
from agri.papers import END_OF_DAY, Licence, MapCheck, Permit, Registration, Shown
from agri.rules import Authority, LicenceClass
from agri.units import read_length_m
from agri.words import Language, say
from agri.workspace import Workspace

Paper = Permit | Licence | Registration | MapCheck
AROUND_M = 500.0
"""Ground around a field that a look at the map is usually for: more than any flight reaches."""
_FORMS = {
    "permit": "number! authority!:choice holder! first!:date last!:date from:time to:time "
              "ceiling!:decimal fields:choice around:decimal centre radius:decimal aircraft "
              "purpose",
    "licence": "holder! number! class!:choice last!:date",
    "aircraft": "aircraft! number! serial mass! last:date",
    "map": "fields!:choice around!:decimal shown!:choice",
}  # fmt: skip
KINDS = tuple(_FORMS)
EVERY = "every"
"""The choice that means every field."""
HINTS = {
    "permit": {"number": "paper", "ceiling": "paper", "around": "paper", "fields": "fields",
               "centre": "centre", "aircraft": "aircraft"},
    "licence": {"class": "class"},
    "aircraft": {"mass": "mass"},
    "map": {"around": "around", "shown": "shown"},
}  # fmt: skip
USUAL = {"map": {"around": f"{AROUND_M:.0f}", "fields": EVERY}}
"""What a form says when it is opened; what a permit allows is never said beforehand."""


def form_of(kind: str, farm: Workspace, language: Language) -> tuple[Asked, ...]:
    """Return what the form of a kind of paper asks.

    Raises
    ------
    BadInput
        When there is no such kind.
    """
    if kind not in _FORMS:
        raise BadInput("error.not_a_choice", name=say("page.papers", language), value=kind[:40],
                       choices=", ".join(KINDS))  # fmt: skip
    asked = []
    for word in _FORMS[kind].split():
        told, _, mode = word.partition(":")
        name = told.rstrip("!")
        hint = HINTS[kind].get(name, "")
        asked.append(
            Asked(
                name=name, label=f"page.paper_{name}", need=told.endswith("!"),
                mode=mode or "text", hint=f"page.paper_hint_{hint}" if hint else "",
                options=_options(name, farm, language) if mode == "choice" else (),
            )
        )  # fmt: skip
    return tuple(asked)


def _options(name: str, farm: Workspace, language: Language) -> tuple[tuple[str, str], ...]:
    if name == "authority":
        return tuple((one.value, say(f"page.authority_{one.value}", language)) for one in Authority)
    if name == "class":
        order = (LicenceClass.INSTRUMENT, LicenceClass.VISUAL)
        return tuple((one.value, say(f"page.licence_{one.value}", language)) for one in order)
    if name == "shown":
        told = tuple((one.value, say(f"cli.shown_{one.value}", language)) for one in Shown)
        return (("", "–"), *told)
    every = say("page.paper_every_field", language)
    own = tuple((one.uid, one.name) for one in farm.fields())
    return (("", "–"), (EVERY, every), *own)


def paper_told(
    kind: str,
    texts: Mapping[str, str],
    farm: Workspace,
    *,
    by: str,
    now: datetime,
    language: Language,
) -> Paper:
    """Return the paper that a form tells.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    texts : mapping of str to str
        By the names of `form_of`.
    farm : Workspace
        The open farm.
    by : str
        Who is signed in.
    now : datetime
        With its time zone.
    language : {"vi", "en"}
        In which a refusal names what is meant.

    Raises
    ------
    BadInput
        When a text cannot be read, or what must be told is not.
    """
    told = {}
    for one in form_of(kind, farm, language):
        told[one.name] = texts.get(one.name, "").strip()
        if one.need and not told[one.name]:
            raise BadInput("error.record_untold", name=say(one.label, language))
        if one.mode == "choice" and told[one.name] not in {value for value, _ in one.options}:
            raise BadInput("error.not_a_choice", name=say(one.label, language),
                           value=told[one.name][:40],
                           choices=", ".join(words for _, words in one.options))  # fmt: skip
    label = {name: say(f"page.paper_{name}", language) for name in told}
    if kind == "licence":
        return Licence(holder=told["holder"], number=told["number"],
                       licence_class=LicenceClass(told["class"]),
                       last_day=read_day(told["last"], name=label["last"]))  # fmt: skip
    if kind == "aircraft":
        return Registration(
            aircraft=told["aircraft"], number=told["number"], serial=told["serial"],
            takeoff_kg=read_mass_kg(told["mass"], name=label["mass"]),
            last_day=read_day(told["last"], name=label["last"]) if told["last"] else None,
        )  # fmt: skip
    name, area = locate(farm, _place(told, label, farm))
    if kind == "map":
        return MapCheck(by=by, place=name, area=area, looked_utc=now, shown=Shown(told["shown"]))
    return Permit(
        number=told["number"], authority=Authority(told["authority"]), holder=told["holder"],
        aircraft=told["aircraft"], area=area,
        first_day=read_day(told["first"], name=label["first"]),
        last_day=read_day(told["last"], name=label["last"]),
        from_time=_clock(told["from"], label["from"]) or time(0, 0),
        to_time=_clock(told["to"], label["to"]) or END_OF_DAY,
        ceiling_m=read_length_m(told["ceiling"], name=label["ceiling"]),
        purpose=told["purpose"],
    )  # fmt: skip


def _place(told: Mapping[str, str], label: Mapping[str, str], farm: Workspace) -> Place:
    if told.get("centre"):
        parts = told["centre"].replace(";", ",").split(",")
        if len(parts) != 2:
            raise BadInput("error.not_a_place", name=label["centre"], value=told["centre"][:40])
        lat_deg, lon_deg = (read_amount(part, name=label["centre"], decimal=".") for part in parts)
        return Place(
            centre=LonLat(lon_deg=lon_deg, lat_deg=lat_deg),
            radius_m=read_length_m(told["radius"], name=label["radius"]),
        )
    if not told["fields"]:
        raise BadInput("error.record_untold", name=label["fields"])
    every = tuple(one.uid for one in farm.fields())
    fields = every if told["fields"] == EVERY else (told["fields"],)
    if not fields:
        raise BadInput("error.paper_no_field")
    if not told["around"]:
        raise BadInput("error.record_untold", name=label["around"])
    around_m = read_length_m(told["around"], name=label["around"], zero=True)
    return Place(fields=fields, radius_m=around_m)


def _clock(text: str, label: str) -> time | None:
    """Return a time of day as browsers send it, None when none is told."""
    if not text:
        return None
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise BadInput("error.not_a_time", name=label, value=text[:40]) from None
