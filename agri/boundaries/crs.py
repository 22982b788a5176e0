"""Which coordinate system a file's numbers are in, and the way from there to WGS 84.

Theory of operation
-------------------
A wrong guess here puts a whole field beside itself: VN-2000 taken for WGS 84 is 224 m off at
Đông Triều, longitude taken for latitude another country. So, in this order:

1. what the user says (``--crs``) holds;
2. else what the file says, unless its own numbers contradict it (metres called degrees, or the
   reverse). EPSG codes are preferred to a file's own wording: shapefiles of VN-2000 often carry a
   datum shift of zero ("VN-2000 nội bộ") or an unnamed datum, and the registry's official shift
   then replaces it. Wording that names grid files is never followed. A system whose datum nobody
   knows is refused rather than shifted by a guess;
3. else the numbers: degrees are WGS 84; metres are the province's VN-2000 / TM-3 zone or UTM 48N
   when, read so, they fall into the province. Within Quảng Ninh the two cannot be confused: their
   eastings (363–590 km and 645–880 km) do not meet. A guess is always a WARNING;
4. else the file is refused, and the sentence asks for ``--crs``.

The order of the axes is looked at feature by feature: what lies in Vietnam only after its two
coordinates are swapped is swapped, with a WARNING. Degrees cannot be swapped wrongly: no place in
Vietnam has a longitude that could be a latitude.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import CRSError, ProjError

from agri.boundaries.rings import Ring
from agri.errors import BadInput
from agri.findings import Finding
from agri.geo import VN2000_EPSG, LonLat, transformer

Box = tuple[float, float, float, float]
"""West, south, east, north."""

VIETNAM: Box = (102.0, 8.0, 110.0, 24.0)
"""Degrees that hold Vietnam's mainland and near islands."""
PROVINCE_BOX: dict[str, Box] = {"Quảng Ninh": (106.4, 20.6, 108.6, 21.7)}
"""Degrees that hold each province: 106°26′–108°31′ E, 20°40′–21°40′ N for Quảng Ninh (province
portal), and a little more."""
DONG_TRIEU = LonLat(lon_deg=106.51, lat_deg=21.08)
"""The town from which "far away" is measured."""
UTM_48N = 32648
_FILES = re.compile(r"grids|EXTENSION|FILE", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A coordinate system chosen for a file.

    Parameters
    ----------
    name : str
        Its name, for people.
    transformer : pyproj.Transformer or None
        The way to WGS 84, x before y; None when the numbers are WGS 84 degrees already and stay
        as they are, to the bit.
    findings : tuple of Finding
        What had to be assumed.
    """

    name: str
    transformer: Transformer | None
    findings: tuple[Finding, ...] = ()

    def to_lonlat(self, xy: Ring) -> Ring:
        """Return (N, 2) WGS 84 degrees for (N, 2) coordinates; not finite where there is none."""
        if self.transformer is None:
            return xy
        lon, lat = self.transformer.transform(xy[:, 0], xy[:, 1])
        return np.column_stack([lon, lat])


def choose_reference(
    stated: str,
    bounds: Box,
    *,
    file: str,
    province: str,
    crs_epsg: int | None = None,
    certificate: bool = False,
) -> Reference:
    """Return the coordinate system of a file.

    Parameters
    ----------
    stated : str
        ``EPSG:…`` or WKT that the file gives, "" when none.
    bounds : tuple of float
        Least and greatest x and y in the file.
    file : str
        The file's name, for findings and errors.
    province : str
        Whose VN-2000 zone is tried.
    crs_epsg : int, optional
        What the user says; holds over all else.
    certificate : bool
        Whether the numbers come from a land certificate, where VN-2000 is no guess.

    Raises
    ------
    BadInput
        When there is no telling.

    Examples
    --------
    >>> box = (371_000.0, 2_332_000.0, 371_200.0, 2_332_300.0)
    >>> choose_reference("", box, file="a.wkt", province="Quảng Ninh").name
    'VN-2000 / TM-3 107-45'
    """
    if province not in VN2000_EPSG:
        raise BadInput("error.province", province=province, known=", ".join(VN2000_EPSG))
    if crs_epsg is not None:
        return _as_told(crs_epsg, stated, file)
    findings: list[Finding] = []
    crs = _stated(stated, file, findings) if stated else None
    if crs is not None and not _contradicts(crs, bounds):
        return Reference(
            name=_name(crs), transformer=_transformer(crs, file), findings=tuple(findings)
        )
    epsg = _from_numbers(bounds, province)
    if epsg is None:
        raise BadInput("error.crs_missing", file=file)
    name = CRS.from_epsg(epsg).name
    if certificate and epsg == VN2000_EPSG[province]:
        findings.append(Finding.info("finding.crs_certificate", file, crs=name))
    else:
        findings.append(Finding.warning("finding.crs_assumed", file, crs=name))
    return Reference(
        name=name, transformer=_transformer(CRS.from_epsg(epsg), file), findings=tuple(findings)
    )


def axes_swapped(reference: Reference, centre: Ring) -> bool:
    """Return whether a (1, 2) centre lies in Vietnam only with x and y swapped."""
    if within(reference.to_lonlat(centre), VIETNAM):
        return False
    return within(reference.to_lonlat(centre[:, ::-1]), VIETNAM)


def within(lonlat: Ring, box: Box) -> bool:
    """Return whether all (N, 2) places lie in a box of degrees.

    Examples
    --------
    >>> within(np.array([[106.5, 21.1]]), VIETNAM)
    True
    """
    west, south, east, north = box
    lon, lat = lonlat.T
    return bool(((west <= lon) & (lon <= east) & (south <= lat) & (lat <= north)).all())


def far_away_m(place: LonLat, province: str) -> float:
    """Return the distance from Đông Triều when `place` is outside the province, else 0.

    Examples
    --------
    >>> far_away_m(DONG_TRIEU, "Quảng Ninh")
    0.0
    >>> round(far_away_m(LonLat(lon_deg=105.85, lat_deg=21.03), "Quảng Ninh") / 1000)
    69
    """
    if within(np.array([[place.lon_deg, place.lat_deg]]), PROVINCE_BOX[province]):
        return 0.0
    _, _, metres = Geod(ellps="WGS84").inv(
        DONG_TRIEU.lon_deg, DONG_TRIEU.lat_deg, place.lon_deg, place.lat_deg
    )
    return float(metres)


def _as_told(epsg: int, stated: str, file: str) -> Reference:
    try:
        crs = CRS.from_epsg(epsg)
    except CRSError:
        raise BadInput("error.crs_unknown", epsg=epsg) from None
    if not (crs.is_geographic or crs.is_projected):
        raise BadInput("error.crs_unknown", epsg=epsg)
    findings: tuple[Finding, ...] = ()
    own = _parsed(stated)
    if own is not None and own != crs:
        findings = (
            Finding.warning("finding.crs_overruled", file, stated=_name(own), given=_name(crs)),
        )
    return Reference(name=_name(crs), transformer=_transformer(crs, file), findings=findings)


def _parsed(stated: str) -> CRS | None:
    """Return a stated system, never one that names files or is not of places on earth."""
    try:
        if match := re.fullmatch(r"EPSG:(\d{4,6})", stated):
            crs = CRS.from_epsg(int(match[1]))
        elif re.match(r"[A-Z_]{3,40}\s?\[", stated):
            crs = CRS.from_wkt(stated)
        else:
            return None
        if _FILES.search(stated):
            code = crs.to_epsg()
            if not code:
                return None
            crs = CRS.from_epsg(code)
    except (CRSError, ProjError, ValueError):
        return None
    return crs if crs.is_geographic or crs.is_projected else None


def _stated(stated: str, file: str, findings: list[Finding]) -> CRS | None:
    """Return the system a file states, and tell what is doubtful about it."""
    crs, doubts = _known(stated)
    for key in doubts:
        findings.append(Finding.warning(key, file, crs="" if crs is None else _name(crs)))
    return crs


@lru_cache(maxsize=64)
def _known(stated: str) -> tuple[CRS | None, tuple[str, ...]]:
    """Return a stated system in the registry's words where it has any, and keys of doubts."""
    crs = _parsed(stated)
    if crs is None:
        return None, ("finding.crs_unreadable",)
    base = crs.source_crs if crs.is_bound else None
    own_shift = base is not None and _way(base.srs) is not None
    if base is not None and own_shift:
        crs = base
    code = crs.to_epsg()
    known = CRS.from_epsg(code) if code else crs
    unnamed = crs.datum is None or crs.datum.name.lower().startswith("unknown")
    doubts = ["finding.crs_taken_as"] if code and (unnamed or own_shift) else []
    if _is_tm3_on_wgs84(known):
        doubts.append("finding.crs_tm3_wgs84")
    return known, tuple(doubts)


@lru_cache(maxsize=64)
def _way(definition: str) -> Transformer | None:
    """Return PROJ's way to WGS 84, None when it would be a guess."""
    try:
        return Transformer.from_crs(definition, 4326, always_xy=True, allow_ballpark=False)
    except ProjError:
        return None


def _name(crs: CRS) -> str:
    """Return a system's name fit for a sentence: a file may have given it."""
    return "".join(sign for sign in crs.name[:60] if sign.isprintable())


def _is_tm3_on_wgs84(crs: CRS) -> bool:
    """Return whether this is a Vietnamese 3° zone drawn on WGS 84 instead of VN-2000."""
    operation = crs.coordinate_operation
    if operation is None or crs.geodetic_crs is None or "WGS 84" not in crs.geodetic_crs.name:
        return False
    values = {parameter.name: parameter.value for parameter in operation.params}
    meridian = float(values.get("Longitude of natural origin", 0.0))
    scale = float(values.get("Scale factor at natural origin", 0.0))
    return VIETNAM[0] <= meridian <= VIETNAM[2] and scale == 0.9999


def _transformer(crs: CRS, file: str) -> Transformer | None:
    if crs == CRS.from_epsg(4326):
        return None
    way = _way(crs.srs)
    if way is None:
        raise BadInput("error.crs_datum", file=file, crs=_name(crs))
    return way


def _contradicts(crs: CRS, bounds: Box) -> bool:
    """Return whether the numbers cannot be in the system that is stated for them."""
    if not np.isfinite(bounds).all():
        return False
    if crs.is_geographic:
        return max(abs(value) for value in bounds) > 400.0
    return _are_degrees(bounds) and _from_degrees_in_vietnam(bounds)


def _are_degrees(bounds: Box) -> bool:
    west, south, east, north = (abs(value) for value in bounds)
    return (
        max(west, south, east, north) <= 180.0 and min(max(west, east), max(south, north)) <= 90.0
    )


def _from_degrees_in_vietnam(bounds: Box) -> bool:
    corners = _corners(bounds)
    return within(corners, VIETNAM) or within(corners[:, ::-1], VIETNAM)


def _corners(bounds: Box) -> Ring:
    west, south, east, north = bounds
    return np.array([[west, south], [east, south], [east, north], [west, north]], dtype=np.float64)


def _from_numbers(bounds: Box, province: str) -> int | None:
    """Return the EPSG code that the numbers speak for, None when they do not."""
    if not np.isfinite(bounds).all():
        return None
    if _are_degrees(bounds):
        return 4326
    corners = _corners(bounds)
    for epsg in (VN2000_EPSG[province], UTM_48N):
        for ordered in (corners, corners[:, ::-1]):
            lon, lat = transformer(epsg, 4326).transform(ordered[:, 0], ordered[:, 1])
            if within(np.column_stack([lon, lat]), PROVINCE_BOX[province]):
                return epsg
    return None
