"""What a spray flight was asked and what came of it: the part of a `FlightPlan` that is spraying.

Every sortie's plan carries the whole job's settings, so that any of its files can tell what it is
part of, and the rest can be planned again from it alone. Products are the user's: name, dose and
pre-harvest interval are entered from the label.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shapely.geometry import MultiPolygon

from agri.errors import BadInput
from agri.geo import LonLat
from agri.weather import Wind
from agri.words import Message
from missions.carried_ground import CarriedGround
from missions.sprayer.gear import Sprayer

UNITS = {
    "rate_l_ha": "L/ha", "height_m": "m", "speed_m_s": "m/s", "swath_m": "m",
    "crop_height_m": "m", "clearance_m": "m", "resume_overlap_m": "m",
}  # fmt: skip
"""Units of settings, as people write them."""


class DoseUnit(StrEnum):
    """What a product is measured in."""

    ML = "ml"
    G = "g"


class Objective(StrEnum):
    """What the direction of the lines is chosen for."""

    TIME = "time"
    ENERGY = "energy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What is sprayed, as its label says.

    Parameters
    ----------
    name : str
        As on the label; not empty.
    dose_per_ha : float
        Amount per hectare; 0 for clear water.
    unit : DoseUnit
        Millilitres or grams.
    phi_days : int
        Pre-harvest interval, days, 0 to 365.
    label_buffer_m : float
        Distance the label asks from water and houses; the stricter one always wins.
    """

    name: str
    dose_per_ha: float
    unit: DoseUnit = DoseUnit.ML
    phi_days: int = 0
    label_buffer_m: float = 0.0

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise BadInput("error.product_without_name")
        if not 0.0 <= self.dose_per_ha <= 1e6:
            raise BadInput("error.product_dose", name=self.name, value=self.dose_per_ha)
        if not 0 <= self.phi_days <= 365:
            raise BadInput("error.product_phi", name=self.name, value=self.phi_days)
        if not 0.0 <= self.label_buffer_m <= 1000.0:
            raise BadInput("error.product_buffer", name=self.name, value=self.label_buffer_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeClearance:
    """Distance the spray keeps from one edge of the field.

    Parameters
    ----------
    edge : int
        The edge's number, from 1, along the border as it is drawn: rings in the order of the
        boundary, outer ring first, part after part.
    clearance_m : float
        Metres between the border and the edge of the swath.
    """

    edge: int
    clearance_m: float

    def __post_init__(self) -> None:
        if self.edge < 1 or not 0.0 <= self.clearance_m <= 500.0:
            raise BadInput("error.edge_clearance", edge=self.edge, value=self.clearance_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpraySettings:
    """What is asked of a spraying of a field or of trees.

    Parameters
    ----------
    sprayer : Sprayer
        What sprays.
    product : Product
        With what.
    rate_l_ha : float
        Litres of mixture per hectare of treated ground.
    height_m : float
        Above the crop's top.
    speed_m_s : float
        Ground speed on swaths.
    swath_m : float
        Swath width.
    crop_height_m : float
        The crop's own height above the ground, 0 for a paddy.
    wind : Wind
        The wind it is planned for.
    angle_deg : float, optional
        Direction of the lines, degrees clockwise from north; None chooses by the objective.
    objective : Objective
        What the direction is chosen for.
    edge_pass : bool
        Whether the edge is flown.
    crosshatch : bool
        Whether every place is sprayed twice at half the rate, the second time at right angles.
    clearance_m : float
        Distance kept from every edge that `edges` does not name.
    edges : tuple of EdgeClearance
        Distances kept from single edges.
    resume_overlap_m : float
        How far before a stop spraying begins again.
    """

    sprayer: Sprayer
    product: Product
    rate_l_ha: float
    height_m: float
    speed_m_s: float
    swath_m: float
    crop_height_m: float = 0.0
    wind: Wind
    angle_deg: float | None = None
    objective: Objective = Objective.TIME
    edge_pass: bool = True
    crosshatch: bool = False
    clearance_m: float = 0.0
    edges: tuple[EdgeClearance, ...] = ()
    resume_overlap_m: float = 0.0

    def __post_init__(self) -> None:
        sprayer = self.sprayer
        ranges = {
            "rate_l_ha": (self.rate_l_ha, 0.1, 2000.0),
            "height_m": (self.height_m, sprayer.min_height_m, sprayer.max_height_m),
            "speed_m_s": (self.speed_m_s, 0.3, sprayer.max_speed_m_s),
            "swath_m": (self.swath_m, 0.5, 30.0),
            "crop_height_m": (self.crop_height_m, 0.0, 40.0),
            "clearance_m": (self.clearance_m, 0.0, 500.0),
            "resume_overlap_m": (self.resume_overlap_m, 0.0, 20.0),
        }
        for name, (value, low, high) in ranges.items():
            if not low <= value <= high:
                raise BadInput("error.spray_setting", name=Message.of(f"page.setting_{name}"),
                               unit=UNITS[name], value=value, low=low, high=high)  # fmt: skip

    @property
    def flying_height_m(self) -> float:
        """Height above the ground."""
        return self.crop_height_m + self.height_m


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayPass:
    """A `missions.passes.route.Pass` on the earth.

    Parameters
    ----------
    places : tuple of LonLat
        One for a spot.
    width_m, rate_l_ha, speed_m_s, spot_l, dwell_s : float
        As there.
    """

    places: tuple[LonLat, ...]
    width_m: float
    rate_l_ha: float = 0.0
    speed_m_s: float = 0.0
    spot_l: float = 0.0
    dwell_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayEstimate:
    """What one sortie takes, from take-off to disarm.

    Parameters
    ----------
    length_m, sprayed_m : float
        Whole path, and the part with the sprayer on.
    time_s, energy_wh : float
        Whole flight; the mass falls as the tank empties.
    litres : float
        Mixture sprayed.
    area_m2 : float
        Ground treated.
    """

    length_m: float
    sprayed_m: float
    time_s: float
    energy_wh: float
    litres: float
    area_m2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayJob:
    """One sortie of a spray job.

    Parameters
    ----------
    settings : SpraySettings
        As asked, of the whole job.
    treatable : shapely.MultiPolygon
        What may be sprayed, WGS 84 (lon, lat) degrees.
    passes : tuple of SprayPass
        What this sortie sprays, in order.
    angle_deg : float
        Direction of the lines, degrees clockwise from true north; 0 where there is none.
    estimate : SprayEstimate
        Of this sortie.
    kind : {"field", "part", "trees", "rows"}
        What was planned; "part" is a share or the rest of a field, of which less is sprayed than
        may be.
    job : str
        Name common to all sorties.
    sortie, sorties : int
        Number of this one, from 1, and of all.
    ground : CarriedGround or None
        What the heights were planned over; None for level ground.
    """

    settings: SpraySettings
    treatable: MultiPolygon
    passes: tuple[SprayPass, ...]
    angle_deg: float
    estimate: SprayEstimate
    kind: str = "field"
    job: str = ""
    sortie: int = 1
    sorties: int = 1
    ground: CarriedGround | None = None
