"""Management zones, and what each of them is to get.

Rasters and a field go in; zones that the sprayer can follow come out, a rule gives them rates, and
the rates go to the planner (`agri.zone.RateMap`), to spreaders (`agri.zone.SpreadMap`) and to other
programs' files. The rooms, from low to high:

* `lattice`: cells as wide as the swath, along the passes, and the rasters' means in them;
* `clustering`: how many kinds of ground there are, and which cell is of which;
* `shaping`: zones that an aircraft can follow;
* `stability`: whether zones are the same from date to date;
* `management`: from rasters to named zones;
* `rules`: from an index to a rate;
* `prescription`: rates over a field, their total, rate maps;
* `isoxml`: task data after ISO 11783-10;
* `exports`: GeoTIFF, shapefile, GeoJSON, ISOXML and DJI's files.
"""

from imagery.zones.clustering import Choice, Classes, agreement, classify
from imagery.zones.exports import (
    write_dji,
    write_isoxml,
    write_rate_geojson,
    write_rate_shapefile,
    write_rate_tiff,
)
from imagery.zones.lattice import Lattice, cell_values, lattice, run_length_m
from imagery.zones.management import ZoneMap, find_zones
from imagery.zones.prescription import (
    Prescription,
    check_total,
    prescribe_cells,
    prescribe_zones,
    zone_rates,
)
from imagery.zones.rules import RateRule
from imagery.zones.shaping import shaped
from imagery.zones.stability import Stability, stability

__all__ = ["Choice", "Classes", "Lattice", "Prescription", "RateRule", "Stability", "ZoneMap",
           "agreement", "cell_values", "check_total", "classify", "find_zones", "lattice",
           "prescribe_cells", "prescribe_zones", "run_length_m", "shaped", "stability",
           "write_dji", "write_isoxml", "write_rate_geojson", "write_rate_shapefile",
           "write_rate_tiff", "zone_rates"]  # fmt: skip
