"""How many changes the tests notice: counts, rates and how far a rate of a sample may be off.

A rate has Wilson's interval, in which the truth lies 19 times of 20; unlike the plain one it holds
near 100 % too (Newcombe 1998, method 3). Several packages are one stratified sample: each weighs as
many changes as it has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Fate = dict[str, Any]


def told(fate: Fate, judged: Sequence[Mapping[str, Any]]) -> Fate:
    """A fate as it stands in the report, with what a person judged of it."""
    left_out = {"room", "rests_on", "stamp", "settled"}
    shown = {name: value for name, value in fate.items() if name not in left_out}
    if not fate["settled"]:
        shown["met"] = "quick tests"
    for one in judged if fate["fate"] == "survived" else ():
        if all(one[name] == fate[name] for name in ("file", "source", "column", "before", "after")):
            shown |= {"judged": one["judged"], "reason": one["reason"]}
    return shown


def summed_up(fates: Sequence[Fate], *, drawn_: int, all_: int) -> dict[str, Any]:
    """Count a package's fates; survivors are told whole, kills in short."""
    killed = [fate for fate in fates if fate["fate"] == "killed"]
    survivors = [fate for fate in fates if fate["fate"] == "survived"]
    same = sum(fate.get("judged") == "no difference" for fate in survivors)
    short = ("file", "line", "column", "operator", "before", "after", "killed_by")
    return {
        "changes": all_,
        "drawn": drawn_,
        "not_run": drawn_ - len(fates),
        "killed": len(killed),
        "survived": len(survivors),
        "no_difference": same,
        **rates(len(killed), len(fates), "killed_percent"),
        **rates(len(killed), len(fates) - same, "killed_percent_of_real"),
        "survivors": survivors,
        "kills": [{name: fate[name] for name in short} for fate in killed],
    }


def rates(killed: float, of: float, name: str) -> dict[str, Any]:
    """A rate in percent with Wilson's 95 % interval; None where nothing was run.

    >>> rates(41, 53, "killed_percent")
    {'killed_percent': 77.4, 'killed_percent_95': [64.5, 86.5]}
    """
    if not of:
        return {name: None, f"{name}_95": None}
    z, share = 1.96, killed / of
    middle = (share + z * z / (2.0 * of)) / (1.0 + z * z / of)
    half = z * math.sqrt(share * (1.0 - share) / of + z * z / (4.0 * of * of)) / (1.0 + z * z / of)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return {
        name: round(100.0 * share, 1),
        f"{name}_95": [round(100.0 * low, 1), round(100.0 * high, 1)],
    }


def weighed(packages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The rate over all packages, each weighing as many changes as it has.

    The interval is Wilson's for the sample that, drawn from all alike, would have this variance.
    """
    run = [one for one in packages if one["killed"] + one["survived"]]
    found: dict[str, Any] = {
        name: sum(one[name] for one in packages)
        for name in ("changes", "drawn", "not_run", "killed", "survived", "no_difference")
    }
    for name, left_out in (("killed_percent", 0), ("killed_percent_of_real", 1)):
        strata = [
            (
                one["changes"],
                one["killed"],
                one["killed"] + one["survived"] - left_out * one["no_difference"],
            )
            for one in run
        ]
        strata = [one for one in strata if one[2]]
        whole = sum(size for size, _, _ in strata)
        share = sum(size / whole * killed / of for size, killed, of in strata)
        variance = sum(
            (size / whole) ** 2 * (killed / of) * (1.0 - killed / of) / of
            for size, killed, of in strata
        )
        count = share * (1.0 - share) / variance if variance else sum(of for _, _, of in strata)
        found |= rates(share * count, count, name)
    return found
