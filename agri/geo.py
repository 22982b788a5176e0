"""Places, heights and the local metres that every planner works in.

Three rules keep coordinates honest:

* A place on earth is a `LonLat` with named parts; nothing passes a bare pair around.
* A height is a `Height` that says what it is above; two heights above different things
  cannot be mixed.
* A planner sees only metres of a `LocalFrame`: east and north of an origin, **true on the
  ground**. UTM is the base (WGS 84, the zone of the origin), but UTM metres are up to 0.1 %
  too long or short and its north is the grid's: at 106.51° E in zone 48 it leans 0.54°. The frame
  divides by the point scale factor and turns by the meridian convergence at its origin (both
  from PROJ), so that a distance from the origin is true on the ellipsoid to better than 0.003 %
  within 5 km, at a zone's very edge too (the scale drifts by x/R² a metre: 8 × 10⁻⁹ there), and an
  angle is a true bearing. Heights above sea stretch ground distance by h / 6,371 km, 0.008 %
  at 500 m, which is left out.

VN-2000, the datum of land certificates, comes through PROJ with each province's own central
meridian (EPSG 5899 for Quảng Ninh: TM-3 107°45′).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Proj, Transformer
from pyproj.enums import TransformDirection
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.units import degrees_to_e7, e7_to_degrees

Above = Literal["ground", "home", "sea"]
G = TypeVar("G", bound=BaseGeometry)
FloatArray = NDArray[np.float64]
Segment = Sequence[Sequence[float]] | FloatArray

VN2000_EPSG: dict[str, int] = {"Quảng Ninh": 5899}
"""Provincial VN-2000 / TM-3 zones (EPSG registry); more are added with their source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LonLat:
    """A place on the WGS 84 ellipsoid.

    Parameters
    ----------
    lon_deg, lat_deg : float
        Degrees east, −180 to 180, and north, −90 to 90.

    Raises
    ------
    BadInput
        When a part is not finite or out of range.

    Examples
    --------
    >>> LonLat(lon_deg=106.51, lat_deg=21.08).lat_deg
    21.08
    """

    lon_deg: float
    lat_deg: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lon_deg) and math.isfinite(self.lat_deg)):
            raise BadInput("error.position_not_finite", lon=self.lon_deg, lat=self.lat_deg)
        if abs(self.lon_deg) > 180.0 or abs(self.lat_deg) > 90.0:
            raise BadInput("error.position_range", lon=self.lon_deg, lat=self.lat_deg)

    @classmethod
    def from_e7(cls, *, lon_e7: int, lat_e7: int) -> LonLat:
        """Build a place from MAVLink's integer degrees × 10⁷."""
        return cls(lon_deg=e7_to_degrees(lon_e7), lat_deg=e7_to_degrees(lat_e7))

    @property
    def lon_e7(self) -> int:
        """Longitude as MAVLink carries it."""
        return degrees_to_e7(self.lon_deg)

    @property
    def lat_e7(self) -> int:
        """Latitude as MAVLink carries it."""
        return degrees_to_e7(self.lat_deg)


@dataclass(frozen=True, slots=True)
class Height:
    """A height in metres that says what it is above.

    Parameters
    ----------
    metres : float
        The height.
    above : {"ground", "home", "sea"}
        The ground below, the take-off place, or mean sea level (EGM96, as MAVLink's AMSL).

    Examples
    --------
    >>> Height(50.0, above="home") + 5.0
    Height(metres=55.0, above='home')
    """

    metres: float
    above: Above

    def __post_init__(self) -> None:
        if not math.isfinite(self.metres):
            raise BadInput("error.height_not_finite", value=self.metres)

    def __add__(self, more_m: float) -> Height:
        return Height(self.metres + more_m, self.above)

    def minus(self, other: Height) -> float:
        """Return the difference in metres; both must be above the same thing.

        Raises
        ------
        BadInput
            When the two are above different things.
        """
        if self.above != other.above:
            raise BadInput("error.height_frames", first=self.above, second=other.above)
        return self.metres - other.metres


def utm_epsg(place: LonLat) -> int:
    """Return the EPSG code of the WGS 84 / UTM zone that holds `place`.

    Examples
    --------
    >>> utm_epsg(LonLat(lon_deg=106.51, lat_deg=21.08))
    32648
    """
    if not -80.0 <= place.lat_deg <= 84.0:
        raise BadInput("error.outside_utm", lat=place.lat_deg)
    zone = int((place.lon_deg + 180.0) // 6.0) % 60 + 1
    return (32600 if place.lat_deg >= 0.0 else 32700) + zone


@lru_cache(maxsize=256)
def transformer(source_epsg: int, target_epsg: int) -> Transformer:
    """Return PROJ's transformer between two EPSG codes, x before y (east or longitude first)."""
    return Transformer.from_crs(source_epsg, target_epsg, always_xy=True)


def projected(geometry: G, source_epsg: int, target_epsg: int) -> G:
    """Return a geometry in another CRS, its coordinates in traditional GIS order.

    Examples
    --------
    >>> round(projected(shapely.Point(500_000.0, 0.0), 32648, 4326).x, 6)
    105.0
    """
    turn = transformer(source_epsg, target_epsg)
    moved: G = shapely.transform(geometry, lambda xy: np.column_stack(turn.transform(*xy.T)))
    return moved


@lru_cache(maxsize=128)
def _projection(epsg: int) -> Proj:
    return Proj(epsg)


@lru_cache(maxsize=4096)
def _anchor(place: LonLat) -> tuple[int, float, float, float, float]:
    epsg = utm_epsg(place)
    east, north = transformer(4326, epsg).transform(place.lon_deg, place.lat_deg)
    factors = _projection(epsg).get_factors(place.lon_deg, place.lat_deg)
    return epsg, east, north, factors.meridional_scale, math.radians(factors.meridian_convergence)


@dataclass(frozen=True, slots=True)
class LocalFrame:
    """Metres east and north of an origin, true on the ground.

    Parameters
    ----------
    origin : LonLat
        Where east and north are zero; best within the field.

    Examples
    --------
    >>> frame = LocalFrame(LonLat(lon_deg=106.51, lat_deg=21.08))
    >>> place = frame.place(100.0, 200.0)
    >>> east_m, north_m = frame.metres(place)
    >>> round(east_m, 3), round(north_m, 3), frame.utm_epsg
    (100.0, 200.0, 32648)
    """

    origin: LonLat

    @classmethod
    def around(cls, geometry: BaseGeometry) -> LocalFrame:
        """Return the frame at the centre of the bounds of `geometry` (lon/lat degrees)."""
        west, south, east, north = geometry.bounds
        return cls(LonLat(lon_deg=(west + east) / 2.0, lat_deg=(south + north) / 2.0))

    @property
    def utm_epsg(self) -> int:
        """EPSG code of the UTM zone beneath the frame."""
        return _anchor(self.origin)[0]

    def to_local(self, lon_deg: Any, lat_deg: Any) -> tuple[FloatArray, FloatArray]:
        """Convert degrees to local metres.

        Parameters
        ----------
        lon_deg, lat_deg : (N,) array_like of float
            WGS 84 degrees.

        Returns
        -------
        east_m, north_m : (N,) float64
            Metres from the origin.
        """
        epsg, east0, north0, scale, turn = _anchor(self.origin)
        east, north = transformer(4326, epsg).transform(
            np.asarray(lon_deg, dtype=np.float64), np.asarray(lat_deg, dtype=np.float64)
        )
        grid_e, grid_n = (east - east0) / scale, (north - north0) / scale
        cos, sin = math.cos(turn), math.sin(turn)
        return cos * grid_e + sin * grid_n, cos * grid_n - sin * grid_e

    def to_lonlat(self, east_m: Any, north_m: Any) -> tuple[FloatArray, FloatArray]:
        """Convert local metres to degrees; the inverse of `to_local`.

        Returns
        -------
        lon_deg, lat_deg : (N,) float64
            WGS 84 degrees.
        """
        epsg, east0, north0, scale, turn = _anchor(self.origin)
        local_e = np.asarray(east_m, dtype=np.float64)
        local_n = np.asarray(north_m, dtype=np.float64)
        cos, sin = math.cos(turn), math.sin(turn)
        lon, lat = transformer(4326, epsg).transform(
            (cos * local_e - sin * local_n) * scale + east0,
            (cos * local_n + sin * local_e) * scale + north0,
            direction=TransformDirection.INVERSE,
        )
        return np.asarray(lon), np.asarray(lat)

    def metres(self, place: LonLat) -> tuple[float, float]:
        """Return (east_m, north_m) of one place."""
        # as `to_local`, without arrays of one: a plan asks this hundreds of times
        epsg, east0, north0, scale, turn = _anchor(self.origin)
        east, north = transformer(4326, epsg).transform(place.lon_deg, place.lat_deg)
        grid_e, grid_n = (east - east0) / scale, (north - north0) / scale
        cos, sin = math.cos(turn), math.sin(turn)
        return cos * grid_e + sin * grid_n, cos * grid_n - sin * grid_e

    def place(self, east_m: float, north_m: float) -> LonLat:
        """Return the place at local metres."""
        epsg, east0, north0, scale, turn = _anchor(self.origin)
        cos, sin = math.cos(turn), math.sin(turn)
        lon, lat = transformer(4326, epsg).transform(
            float((cos * east_m - sin * north_m) * scale + east0),
            float((cos * north_m + sin * east_m) * scale + north0),
            direction=TransformDirection.INVERSE,
        )
        return LonLat(lon_deg=lon, lat_deg=lat)

    def geometry_to_local(self, geometry: G) -> G:
        """Return a shapely geometry in lon/lat degrees as local metres."""
        return shapely.transform(geometry, lambda xy: np.column_stack(self.to_local(*xy.T)))

    def geometry_to_lonlat(self, geometry: G) -> G:
        """Return a shapely geometry in local metres as lon/lat degrees."""
        return shapely.transform(geometry, lambda xy: np.column_stack(self.to_lonlat(*xy.T)))


def distance_m(first: LonLat, second: LonLat) -> float:
    """Return the ground distance between two places, true to 0.003 % within 5 km.

    Examples
    --------
    >>> here = LonLat(lon_deg=106.51, lat_deg=21.08)
    >>> round(distance_m(here, LonLat(lon_deg=106.52, lat_deg=21.08)), 1)
    1039.3
    """
    return math.hypot(*LocalFrame(first).metres(second))


def turn_deg(into: Segment, out: Segment) -> float:
    """Return the angle between two straight ways, 0 to 180°, whichever side the turn is to.

    Parameters
    ----------
    into, out : ((east, north), (east, north))
        Beginning and end of the ways before and after the turn, in one local frame.

    Examples
    --------
    >>> turn_deg(((0.0, 0.0), (5.0, 0.0)), ((5.0, 0.0), (5.0, -2.0)))
    90.0
    """
    east, north = into[1][0] - into[0][0], into[1][1] - into[0][1]
    east_out, north_out = out[1][0] - out[0][0], out[1][1] - out[0][1]
    cross, along = east * north_out - north * east_out, east * east_out + north * north_out
    return abs(math.degrees(math.atan2(cross, along)))


def vn2000_to_lonlat(northing_m: float, easting_m: float, *, epsg: int = 5899) -> LonLat:
    """Convert a corner of a Vietnamese land certificate to WGS 84.

    Parameters
    ----------
    northing_m : float
        The certificate's X, metres north of the equator.
    easting_m : float
        The certificate's Y, metres east with the false easting of 500 km.
    epsg : int
        The province's VN-2000 / TM-3 zone; 5899 is Quảng Ninh's (107°45′).

    Returns
    -------
    LonLat
        WGS 84, through the seven parameters that Decision 05/2007/QĐ-BTNMT makes official
        (−191.90441429 m, −39.30318279 m, −111.45032835 m, −0.00928836″, 0.01975479″,
        −0.00427372″, 1.000000252906278), coordinate frame rotation: EPSG operation 6960, which
        PROJ takes for all of Vietnam. The shift is 224 m at Đông Triều.

    Examples
    --------
    >>> corner = vn2000_to_lonlat(2_332_000.0, 371_000.0)
    >>> round(corner.lon_deg, 8), round(corner.lat_deg, 8)
    (106.51044477, 21.07716649)
    """
    lon, lat = transformer(epsg, 4326).transform(easting_m, northing_m)
    return LonLat(lon_deg=float(lon), lat_deg=float(lat))
