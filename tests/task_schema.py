"""What the published schemas of ISO 11783-10, 3.3 and 4.3, ask of a prescription's elements.

Attribute → (required, pattern or range). Only the elements that agri writes.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as Tree

BYTE = (0, 254)
ULONG = (0, 4294967294)
LONG = (-2147483648, 2147483647)
TEXT = r".{0,32}"
LATITUDE, LONGITUDE = (-90.0, 90.0), (-180.0, 180.0)

Rule = tuple[bool, str | tuple[float, float]]

SHARED: dict[str, dict[str, Rule]] = {
    "PDT": {"A": (True, r"PDT-?\d+"), "B": (True, TEXT)},
    "VPN": {"A": (True, r"VPN-?\d+"), "B": (True, LONG), "C": (True, (1e-9, 1e8)),
            "D": (True, (0, 7)), "E": (False, TEXT)},
    "PFD": {"A": (True, r"PFD-?\d+"), "B": (False, TEXT), "C": (True, TEXT), "D": (True, ULONG)},
    "TSK": {"A": (True, r"TSK-?\d+"), "B": (False, TEXT), "E": (False, r"PFD-?\d+"),
            "H": (False, BYTE), "I": (False, BYTE), "J": (False, BYTE)},
    "TZN": {"A": (True, BYTE), "B": (False, TEXT), "C": (False, BYTE)},
    "PDV": {"A": (True, r"[0-9A-F]{4}"), "B": (True, LONG), "C": (False, r"PDT-?\d+"),
            "D": (False, r"DET-?\d+"), "E": (False, r"VPN-?\d+")},
    "GRD": {"A": (True, LATITUDE), "B": (True, LONGITUDE), "C": (True, (0.0, 1.0)),
            "D": (True, (0.0, 1.0)), "E": (True, (0, 4294967295)), "F": (True, (0, 4294967295)),
            "G": (True, r"GRD\d{5}"), "H": (False, ULONG), "I": (True, "[12]"), "J": (False, BYTE)},
    "PLN": {"A": (True, "[1-8]"), "B": (False, TEXT), "C": (False, ULONG), "D": (False, BYTE)},
}  # fmt: skip
BY_VERSION: dict[int, dict[str, dict[str, Rule]]] = {
    3: {
        "ISO11783_TaskData": {"VersionMajor": (True, "3"), "VersionMinor": (True, "3")},
        "TSK": {"G": (True, "[1-4]")},
        "LSG": {"A": (True, "[1-8]")},
        "PNT": {"A": (True, "[12]"), "C": (True, LATITUDE), "D": (True, LONGITUDE)},
    },
    4: {
        "ISO11783_TaskData": {"VersionMajor": (True, "4"), "VersionMinor": (True, "[0-3]")},
        "TSK": {"G": (True, "[1-6]")},
        "LSG": {"A": (True, "[1-9]")},
        "PNT": {"A": (True, r"[1-9]|1[01]"), "C": (True, LATITUDE), "D": (True, LONGITUDE)},
    },
}
ROOT: dict[str, Rule] = {
    "ManagementSoftwareManufacturer": (True, TEXT),
    "ManagementSoftwareVersion": (True, TEXT),
    "DataTransferOrigin": (True, "[12]"),
}
CHILDREN = {
    "ISO11783_TaskData": {"PDT", "VPN", "PFD", "TSK"},
    "TSK": {"TZN", "GRD"},
    "TZN": {"PLN", "PDV"},
    "PFD": {"PLN", "LSG"},
    "PLN": {"LSG"},
    "LSG": {"PNT"},
}


def faults(root: Tree.Element, version: int) -> list[str]:
    """Return where a document breaks the schema."""
    found, known = [], set()
    for element in root.iter():
        own = BY_VERSION[version].get(element.tag, {})
        rules = {**SHARED.get(element.tag, {}), **own}
        rules |= ROOT if element.tag == "ISO11783_TaskData" else {}
        if not rules:
            found.append(f"{element.tag} is unknown")
        found += [f"{element.tag} lacks {a}" for a, (must, _) in rules.items()
                  if must and a not in element.attrib]  # fmt: skip
        for name, value in element.attrib.items():
            if name not in rules:
                found.append(f"{element.tag}.{name} is unknown")
            elif not _fits(value, rules[name][1]):
                found.append(f"{element.tag}.{name} = {value}")
        found += [f"{child.tag} in {element.tag}" for child in element
                  if child.tag not in CHILDREN.get(element.tag, set())]  # fmt: skip
        if element.tag in ("PDT", "VPN", "PFD", "TSK"):
            known.add(element.attrib["A"])
    refs = [e.attrib[a] for e in root.iter() for a in "CDE"
            if e.tag in ("PDV", "TSK") and a in e.attrib]  # fmt: skip
    return found + [f"{ref} is nowhere" for ref in refs if ref not in known]


def _fits(value: str, rule: str | tuple[float, float]) -> bool:
    if isinstance(rule, str):
        return re.fullmatch(rule, value) is not None
    try:
        return rule[0] <= float(value) <= rule[1]
    except ValueError:
        return False
