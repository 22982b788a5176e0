"""Field records: what was harvested, counted, seen, sprayed, spread, watered, paid and noted.

Theory of operation. A record says one thing that was done or seen on one day: in which field, and
if it is so told on which tree or row, for which lot, by whom, and where the record itself is from
(typed in, or line 12 of a picker's log). There is one value for each kind, all children of
`Record`; each is checked when built, so a harvest of −5 kg or a bloom of 300 % cannot exist.

Decisions. A record is never changed. Who made a mistake writes a new record that names the
earlier one in `replaces`; the earlier one stays to be read. A record entered by mistake is replaced
by a `Note` that says so. A season is told with each record, as the year in which its harvest falls:
no calendar knows whether fertiliser of June is for the fruit just picked or for the next, so who
enters it decides, and where nobody does `season_of` does by the month after the crop's harvest.

What is sprayed by an aircraft stands in the farm as what that flight applied; a `SprayRecord` is
for what was sprayed by hand, or names the `flight` to which it adds what the aircraft does not
know (target, label). Dose and pre-harvest interval are as on the label, and `label` says where they
were read; with no interval told nothing here says that it is safe to harvest.

- `record`: `Record`, what all kinds share
- `crop`: `Harvest`, `Count`, `Bloom`, `Price`, `Note`, and the season a day belongs to
- `inputs`: `SprayRecord`, `Fertiliser`, `Irrigation`
- `tracing`: from a lot to what was done to it, and whether harvests kept the intervals
"""

from __future__ import annotations

from agri.field_records.crop import (
    Bloom,
    Count,
    Counted,
    Harvest,
    Note,
    Price,
    season_of,
    tonnes_per_ha,
)
from agri.field_records.inputs import Fertiliser, Irrigation, RateUnit, SprayRecord
from agri.field_records.record import Record, label

__all__ = [
    "KINDS", "Bloom", "Count", "Counted", "Fertiliser", "Harvest", "Irrigation", "Note", "Price",
    "RateUnit", "Record", "SprayRecord", "label", "season_of", "tonnes_per_ha",
]  # fmt: skip

KINDS: dict[str, type[Record]] = {
    one.kind: one
    for one in (Harvest, Count, Bloom, SprayRecord, Fertiliser, Irrigation, Price, Note)
}
"""The kinds of record by their names."""
