"""Figures of field records turned from text into values."""

from __future__ import annotations

import re
from typing import Any

from agri.amounts import (
    read_amount,
    read_area_m2,
    read_day,
    read_mass_kg,
    read_npk,
    read_rate,
    read_vnd_kg,
)
from agri.errors import BadInput
from agri.field_records import Counted, RateUnit
from agri.names import fold
from agri.units import SAO_M2, read_length_m

_COUNTED = {"qua": Counted.FRUIT, "trai": Counted.FRUIT, "chum": Counted.PANICLE,
            "chum hoa": Counted.PANICLE, "loc": Counted.FLUSH, "cay": Counted.TREE}  # fmt: skip


def read_share(text: str, *, name: str) -> float:
    """Read a share, ``0,4`` or ``40 %``.

    Examples
    --------
    >>> read_share("40 %", name="--share"), read_share("0,4", name="--share")
    (0.4, 0.4)
    """
    plain = text.strip()
    if plain.endswith("%"):
        return read_amount(plain[:-1], name=name) / 100.0
    return read_amount(plain, name=name)


def read_counted(text: str, *, name: str) -> Counted:
    """Read what was counted, in Vietnamese or English.

    Examples
    --------
    >>> read_counted("Quả", name="WHAT"), read_counted("panicle", name="WHAT")
    (<Counted.FRUIT: 'fruit'>, <Counted.PANICLE: 'panicle'>)
    """
    word = fold(text)
    if word in list(Counted):
        return Counted(word)
    if word not in _COUNTED:
        choices = "quả (fruit), chùm (panicle), lộc (flush), cây (tree)"
        raise BadInput("error.not_a_choice", name=name, value=text[:40], choices=choices)
    return _COUNTED[word]


def read_whole(text: str, *, name: str) -> int:
    """Read a whole number.

    Examples
    --------
    >>> read_whole("18", name="--trees")
    18
    """
    if not re.fullmatch(r"\s*[0-9]{1,9}\s*", text):
        raise BadInput("error.not_a_number", name=name, value=text[:40])
    return int(text)


def read_spread_kg(text: str, *, area_m2: float | None, trees: int | None, name: str) -> float:
    """Read how much was spread: in all, by the sào or hectare, or by the tree.

    Examples
    --------
    >>> read_spread_kg("12 kg/sào", area_m2=720.0, trees=None, name="MASS")
    24.0
    >>> read_spread_kg("0,5kg/cây", area_m2=None, trees=40, name="MASS")
    20.0
    """
    amount, slash, by = text.partition("/")
    mass_kg = read_mass_kg(amount, name=name)
    if not slash:
        return mass_kg
    times = {"sao": area_m2 and area_m2 / SAO_M2, "ha": area_m2 and area_m2 / 10_000.0,
             "cay": trees, "goc": trees, "tree": trees}  # fmt: skip
    if fold(by) not in times:
        raise BadInput("error.unknown_unit", name=name, value=text[:40], units=", ".join(times))
    of = times[fold(by)]
    if not of:
        raise BadInput("error.record_spread", name=name, value=text[:40])
    return round(mass_kg * of, 6)


def read_change(name: str, text: str) -> dict[str, Any]:
    """Read one figure of a correction, by the figure's name.

    Examples
    --------
    >>> read_change("mass_kg", "1 tạ"), read_change("tree", "A-13")
    ({'mass_kg': 100.0}, {'tree': 'A-13'})
    """
    shown = f"--set {name}"
    if name == "dose":
        amount, unit = read_rate(text, name=shown)
        return {"dose": amount, "unit": RateUnit(unit)}
    if name == "npk":
        return dict(zip(("n_pct", "p2o5_pct", "k2o_pct"), read_npk(text, name=shown), strict=True))
    readers: dict[str, Any] = {
        "day": read_day, "mass_kg": read_mass_kg, "area_m2": read_area_m2, "share": read_share,
        "vnd_kg": read_vnd_kg, "what": read_counted,
        **dict.fromkeys(("season", "trees", "bbch", "phi_days"), read_whole),
        **dict.fromkeys(("crates", "moisture_pct", "number", "size_mm", "water_l_ha", "volume_m3",
                         "hours"), read_amount),
    }  # fmt: skip
    if name == "organic":
        return {name: fold(text) in ("1", "co", "yes", "true")}
    if name in readers:
        return {name: readers[name](text, name=shown)}
    return {name: text}


def read_size_mm(text: str, *, name: str) -> float:
    """Read a fruit's diameter, in millimetres when no unit is written.

    Examples
    --------
    >>> read_size_mm("2cm", name="--size"), read_size_mm("20", name="--size")
    (20.0, 20.0)
    """
    return round(1000.0 * read_length_m(text, name=name, default_unit="mm"), 6)


def read_volume_m3(text: str, *, name: str) -> float:
    """Read a volume of water in cubic metres; litres are taken too.

    Examples
    --------
    >>> read_volume_m3("36 m3", name="--volume"), read_volume_m3("500 lít", name="--volume")
    (36.0, 0.5)
    """
    match = re.fullmatch(r"(.*?)\s*(m3|m³|khoi|l|lit)?", fold(text))
    assert match is not None  # noqa: S101 - anything matches
    return read_amount(match[1], name=name) / (1000.0 if match[2] in ("l", "lit") else 1.0)
