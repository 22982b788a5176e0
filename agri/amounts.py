"""Amounts as farmers write them: kilograms, tạ, sào, doses by the tank, thousands of đồng.

Theory of operation. Text becomes SI only here and where files are read. A comma or a point may
stand for the decimals. Three digits after a single one can mean two things: ``1.250`` is a thousand
and more to who learnt to write in Vietnam, and a little over one to a keyboard's. No guess is made
between the two, the sentence asks; only where the writer is known (the rest of a file, or đồng,
which have no decimals) is it read. 1 yến = 10 kg, 1 tạ = 100 kg, 1 tấn = 1000 kg.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Literal

from agri.errors import BadInput
from agri.names import fold
from agri.units import HECTARE_M2, MAU_M2, SAO_M2

Decimal = Literal["", ",", "."]
"""What stands for decimals, "" when not known."""

LONGEST = 40
"""Letters of an amount; longer texts are none."""
NUMBER = r"[0-9][0-9 .,\u00a0]*"
MASS_KG = {"g": 0.001, "kg": 1.0, "can": 1.0, "ky": 1.0, "ki": 1.0, "yen": 10.0, "ta": 100.0,
           "tan": 1000.0, "t": 1000.0}  # fmt: skip
AREA_M2 = {"m2": 1.0, "m²": 1.0, "sao": SAO_M2, "mau": MAU_M2, "ha": HECTARE_M2}
_VND = {"": 1.0, "d": 1.0, "dong": 1.0, "vnd": 1.0, "k": 1e3, "nghin": 1e3, "ngan": 1e3,
        "trieu": 1e6, "tr": 1e6}  # fmt: skip
LEAST_VND = 100.0
"""The smallest note there still is: nothing sold costs less."""
_PRODUCT = {"ml": ("ml", 1.0), "cc": ("ml", 1.0), "l": ("l", 1.0), "lit": ("l", 1.0),
            "g": ("g", 1.0), "gam": ("g", 1.0), "kg": ("kg", 1.0)}  # fmt: skip


def two_ways(text: str) -> tuple[int, float] | None:
    """Return what a number with one mark may mean, in thousands and in parts; None for one sense.

    Examples
    --------
    >>> two_ways("1.250"), two_ways("0,250"), two_ways("1,25")
    ((1250, 1.25), None, None)
    """
    found = re.fullmatch(r"(?!0[.,])([0-9]{1,3})[.,]([0-9]{3})", text)
    return (int(found[1] + found[2]), float(f"{found[1]}.{found[2]}")) if found else None


def read_amount(text: str, *, name: str, decimal: Decimal = "") -> float:
    """Read a number that is not negative.

    Parameters
    ----------
    text : str
        Such as ``46,5``, ``1.250,5`` or ``1 250``.
    name : str
        The option's or column's name, for the error sentence.
    decimal : {"", ",", "."}
        What stands for decimals, when it is known.

    Raises
    ------
    BadInput
        When it is no number, or can be two.

    Examples
    --------
    >>> read_amount("46,5", name="--mass"), read_amount("1.250,5", name="--mass")
    (46.5, 1250.5)
    >>> read_amount("1.250", name="--mass", decimal=",")
    1250.0
    >>> read_amount("1.250", name="--mass")
    Traceback (most recent call last):
    ...
    agri.errors.BadInput: --mass: '1.250' can mean 1250 or 1.25; write it the one way or the other.
    """
    plain = re.sub(r"(?<=[0-9])[ \u00a0](?=[0-9]{3}(?![0-9]))", "", text.strip())
    marks = re.findall(r"[.,]", plain)
    if not re.fullmatch(r"[0-9]+(?:[.,][0-9]+)*", plain):
        raise BadInput("error.not_a_number", name=name, value=text.strip()[:40])
    if marks and len(set(marks)) == 1 and not decimal:
        if len(marks) > 1:
            decimal = "," if marks[0] == "." else "."
        elif both := two_ways(plain):
            raise BadInput("error.amount_two_ways", name=name, value=text.strip(),
                           whole=both[0], parts=both[1])  # fmt: skip
    decimal = decimal or (marks[-1] if marks else ",")
    whole, _, part = plain.partition(decimal)
    groups = re.split(r"[.,]", whole)
    if any(len(one) != 3 for one in groups[1:]) or (not part.isdecimal() and part):
        raise BadInput("error.not_a_number", name=name, value=text.strip()[:40])
    return float("".join(groups) + "." + (part or "0"))


def _parts(text: str, units: dict[str, float], default: str, name: str, decimal: Decimal) -> float:
    """Return the sum of amounts with their units, as 2 tạ 35 kg."""
    letters = fold(text).replace("²", "2")
    shape = rf"(?:\s*{NUMBER}[a-z]+2?)+\s*|\s*{NUMBER}"
    if len(letters) > LONGEST or not re.fullmatch(shape, letters):
        raise BadInput("error.not_a_number", name=name, value=text.strip()[:40])
    total = 0.0
    for amount, unit in re.findall(rf"({NUMBER})([a-z]+2?)?", letters):
        if (unit or default) not in units:
            raise BadInput("error.unknown_unit", name=name, value=text.strip()[:40],
                           units=", ".join(units))  # fmt: skip
        total += read_amount(amount, name=name, decimal=decimal) * units[unit or default]
    return round(total, 6)


def read_mass_kg(text: str, *, name: str, default: str = "kg", decimal: Decimal = "") -> float:
    """Read a mass in kilograms.

    Examples
    --------
    >>> read_mass_kg("2 tạ 35 kg", name="--mass"), read_mass_kg("1,2 tấn", name="--mass")
    (235.0, 1200.0)
    """
    return _parts(text, MASS_KG, default, name, decimal)


def read_area_m2(text: str, *, name: str, default: str = "m2") -> float:
    """Read an area in square metres.

    Examples
    --------
    >>> read_area_m2("2,5 sào", name="--area"), read_area_m2("0,5 ha", name="--area")
    (900.0, 5000.0)
    """
    return _parts(text, AREA_M2, default, name, "")


def read_rate(text: str, *, name: str) -> tuple[float, str]:
    """Read a product's dose: by the hectare or sào, by the litre of water or the tank, or per cent.

    Returns
    -------
    tuple of float and str
        The amount, and ml/ha, l/ha, g/ha, kg/ha, ml/l or g/l.

    Examples
    --------
    >>> read_rate("20 ml/16 lít", name="--dose"), read_rate("18ml/sào", name="--dose")
    ((1.25, 'ml/l'), (500.0, 'ml/ha'))
    >>> read_rate("0,1 %", name="--dose"), read_rate("1,5 kg/ha", name="--dose")
    ((1.0, 'ml/l'), (1.5, 'kg/ha'))
    """
    letters = fold(text)
    percent = re.fullmatch(rf"({NUMBER})\s*%", letters)
    if percent:
        return round(10.0 * read_amount(percent[1], name=name), 6), "ml/l"
    match = re.fullmatch(rf"({NUMBER})(ml|cc|lit|l|gam|g|kg)\s*/\s*({NUMBER})?\s*"
                         r"(ha|sao|l|lit|l nuoc|lit nuoc)", letters)  # fmt: skip
    if match is None or len(letters) > LONGEST:
        raise BadInput("error.rate_text", name=name, value=text.strip()[:40])
    unit, _ = _PRODUCT[match[2]]
    amount = read_amount(match[1], name=name)
    of = read_amount(match[3], name=name) if match[3] else 1.0
    if not of:
        raise BadInput("error.rate_text", name=name, value=text.strip()[:40])
    if match[4] in ("ha", "sao"):
        hectares = of * (1.0 if match[4] == "ha" else SAO_M2 / HECTARE_M2)
        return round(amount / hectares, 6), f"{unit}/ha"
    small = {"l": ("ml", 1000.0), "kg": ("g", 1000.0)}.get(unit, (unit, 1.0))
    return round(amount * small[1] / of, 6), f"{small[0]}/l"


def read_vnd_kg(text: str, *, name: str) -> float:
    """Read a price in đồng for a kilogram.

    Examples
    --------
    >>> read_vnd_kg("35.000 đ/kg", name="--price"), read_vnd_kg("35k", name="--price")
    (35000.0, 35000.0)
    >>> read_vnd_kg("3,5 triệu/tạ", name="--price")
    35000.0
    """
    return read_vnd_per(text, MASS_KG, "kg", name=name)


def read_vnd_per(text: str, units: Mapping[str, float], default: str, *, name: str) -> float:
    """Read a price in đồng for one of something, "120k/sào".

    Parameters
    ----------
    text : str
        What was written.
    units : mapping of str to float
        What it may be for, folded, and how much that is.
    default : str
        The unit when none is written.
    name : str
        What the figure is called, for the error sentence.

    Raises
    ------
    BadInput
        When it is no price, or less for one of `default` than money there is: of "40,5" nobody
        knows whether 40 500 is meant. Nothing at all is a price.

    Examples
    --------
    >>> read_vnd_per("36k/sào", AREA_M2, "ha", name="hire") * 10_000
    1000000.0
    >>> read_vnd_per("20.000", {"": 1.0}, "", name="a charge")
    20000.0
    """
    match = re.fullmatch(rf"({NUMBER})\s*([a-z]*)\s*(?:/\s*([a-z0-9²]+))?", fold(text))
    if match is None or match[2] not in _VND or (match[3] or default) not in units:
        raise BadInput("error.price_text", name=name, value=text.strip()[:40])
    grouped = re.fullmatch(r"\s*[0-9]{1,3}(?:[., \u00a0][0-9]{3})+\s*", match[1])
    plain = re.sub(r"[., \u00a0]", "", match[1]) if grouped else match[1]
    vnd = read_amount(plain, name=name) * _VND[match[2]] / units[match[3] or default]
    if 0.0 < vnd * units[default] < LEAST_VND:
        raise BadInput("error.price_small", name=name, value=text.strip()[:40], least=LEAST_VND)
    return vnd


def read_npk(text: str, *, name: str) -> tuple[float, float, float]:
    """Read what a fertiliser holds, N–P₂O₅–K₂O in per cent.

    Examples
    --------
    >>> read_npk("16-16-8", name="--npk")
    (16.0, 16.0, 8.0)
    """
    parts = re.split(r"\s*[-–:+]\s*", text.strip())
    if len(parts) != 3:
        raise BadInput("error.npk_text", name=name, value=text.strip()[:40])
    n, p, k = (read_amount(part, name=name) for part in parts)
    return n, p, k


def read_day(text: str, *, name: str) -> date:
    """Read a day: ``2026-12-31``, or day, month and year as people here write them.

    Examples
    --------
    >>> read_day("31/12/2026", name="--last") == read_day("2026-12-31", name="--last")
    True
    """
    parts = [int(part) for part in re.findall(r"[0-9]+", text)]
    if re.fullmatch(r"\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}\s*", text):
        parts = parts[::-1]
    elif not re.fullmatch(r"\s*[0-9]{1,2}([/.-])[0-9]{1,2}\1[0-9]{4}\s*", text):
        raise BadInput("error.not_a_day", name=name, value=text)
    day, month, year = parts
    try:
        return date(year, month, day)
    except ValueError:
        raise BadInput("error.not_a_day", name=name, value=text) from None
