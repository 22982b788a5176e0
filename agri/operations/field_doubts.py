"""What is odd about where a field lies: far from here, or on the ground of another field.

Neither forbids anything. Whoever drew it is asked to look: a corner typed with two figures changed
about lies in another country, and a field imported twice is sprayed twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from shapely import STRtree

from agri.boundaries.crs import far_away_m
from agri.field import Field
from agri.findings import Finding
from agri.units import square_metres_to_sao

PROVINCE = "Quảng Ninh"
OVERLAP = 0.05
"""Share of the smaller of two fields above which their common ground is more than the strip that
two people's drawings of one border differ by."""
MOST_TOLD = 5


def field_doubts(
    field: Field, others: Sequence[Field], *, province: str = PROVINCE
) -> tuple[Finding, ...]:
    """Return what is odd about where a field lies.

    Parameters
    ----------
    field : Field
        The field.
    others : sequence of Field
        All of its farm; itself among them or not.
    province : str
        Where the farm is.
    """
    far_m = far_away_m(field.frame.origin, province)
    far = [Finding.warning("finding.far_away", field.name, km=far_m / 1000.0)] if far_m else []
    return (*far, *overlaps([field], others))


def overlaps(fields: Sequence[Field], others: Sequence[Field]) -> tuple[Finding, ...]:
    """Return which of `fields` lie on the ground of `others`, each pair once.

    Parameters
    ----------
    fields, others : sequence of Field
        Fields with keys; what has the same key is the same.
    """
    tree = STRtree([one.boundary for one in others])
    found: list[tuple[float, Finding]] = []
    told: set[frozenset[str]] = set()
    for field in fields:
        for at in tree.query(field.boundary, predicate="intersects").tolist():
            other, pair = others[at], frozenset((field.uid, others[at].uid))
            common_m2 = 0.0 if len(pair) == 1 or pair in told else _common_m2(field, other)
            if common_m2 > OVERLAP * min(field.area_m2, other.area_m2):
                told.add(pair)
                finding = Finding.warning("finding.fields_overlap", field.name, other=other.name,
                                          sao=square_metres_to_sao(common_m2))  # fmt: skip
                found.append((common_m2, finding))
    found.sort(key=lambda pair: -pair[0])
    return tuple(finding for _, finding in found[:MOST_TOLD])


def _common_m2(field: Field, other: Field) -> float:
    mine, theirs = (field.frame.geometry_to_local(one.boundary) for one in (field, other))
    return float(mine.intersection(theirs).area)
