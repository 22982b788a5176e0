"""Bands of cameras: what light each one measures, and which part it may play in a formula.

Theory of operation
-------------------
A formula asks for roles (R, N, RE1 …), a file has bands. What joins them is the **wavelength**,
never the position: two makers put near infrared fourth and fifth. So

* what the file itself tells (XMP CentralWavelength, WavelengthFWHM, BandName) wins over any table;
* where it tells no wavelength, the catalogue ``sensors.toml`` gives the camera's, found by make,
  model and the band's name; there every figure has its source;
* where neither is known, a name that means one thing only (blue, green, red, nir) gives a role
  without wavelength. "Red edge" alone does not: it may be 705 nm (RE1) or 740 nm (RE2), and
  indices made of one are not those of the other.

Roles are the short names of the Awesome Spectral Indices catalogue, and so are their ranges. Those
leave gaps (between RE1 and RE2: 715 to 730 nm; MicaSense measures at 717 nm) and overlap (RE3 and
N: 765 to 795 nm). Here a gap is parted in its middle, and 765 to 785 nm is RE3 only where the band
is narrower than 30 nm; Sequoia's 790 nm is near infrared. When a sensor has two bands in the near
infrared and one of them is the narrow one beyond 850 nm (Sentinel-2 B8A), that one is N2; in any
other case two bands that claim one role are refused until somebody chooses.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, Literal

from agri.errors import BadInput

Known = Literal["file", "catalogue", "name", "declared"]
"""Who says so: the file itself, ``sensors.toml``, the band's name alone, or the user."""


class Role(StrEnum):
    """What a band is in a formula (names of the Awesome Spectral Indices catalogue)."""

    A = "A"
    B = "B"
    G1 = "G1"
    G = "G"
    Y = "Y"
    R = "R"
    RE1 = "RE1"
    RE2 = "RE2"
    RE3 = "RE3"
    N = "N"
    N2 = "N2"
    WV = "WV"
    S1 = "S1"
    S2 = "S2"
    T = "T"
    PAN = "PAN"


RANGES_NM: tuple[tuple[Role, float, float], ...] = (
    (Role.A, 400.0, 448.0),
    (Role.B, 448.0, 515.0),
    (Role.G1, 515.0, 540.0),
    (Role.G, 540.0, 590.0),
    (Role.Y, 590.0, 620.0),
    (Role.R, 620.0, 692.0),
    (Role.RE1, 692.0, 723.0),
    (Role.RE2, 723.0, 757.0),
    (Role.RE3, 757.0, 785.0),
    (Role.N, 785.0, 910.0),
    (Role.WV, 930.0, 960.0),
    (Role.S1, 1550.0, 1750.0),
    (Role.S2, 2080.0, 2350.0),
    (Role.T, 7500.0, 14000.0),
)
"""Role of a centre wavelength: from (included) to (excluded), nm. G1 (Sentinel-2 has none; 531 nm
of MicaSense's second camera) needs a narrow band; a broad one there is G."""
NARROW_NM = 30.0
"""A band narrower than this (FWHM) is one that can tell RE3 from N and G1 from G."""
BROAD_NM = 250.0
"""A band broader than this is panchromatic."""
NARROW_NIR_NM = 850.0
"""From here on the narrower of two near infrared bands is N2."""
NAMES: dict[str, Role] = {
    "coastal": Role.A, "coastalaerosol": Role.A, "coastalblue": Role.A,
    "b": Role.B, "blue": Role.B, "g": Role.G, "green": Role.G, "gre": Role.G,
    "r": Role.R, "red": Role.R, "n": Role.N, "nir": Role.N, "nearinfrared": Role.N,
    "nearir": Role.N, "lwir": Role.T, "thermal": Role.T, "pan": Role.PAN, "panchro": Role.PAN,
    "panchromatic": Role.PAN, "re1": Role.RE1, "rededge1": Role.RE1, "re2": Role.RE2,
    "rededge2": Role.RE2, "re3": Role.RE3, "rededge3": Role.RE3, "yellow": Role.Y,
    "swir1": Role.S1, "swir16": Role.S1, "swir2": Role.S2, "swir22": Role.S2,
}  # fmt: skip
"""Names that mean one role only. "Red edge" is not among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One band of a camera or of an orthomosaic.

    Parameters
    ----------
    name : str
        As the file or the catalogue has it.
    role : Role or None
        What it is in formulas; None when nothing tells, or when another band of the same sensor
        plays that part.
    centre_nm, fwhm_nm : float or None
        Centre wavelength and full width at half maximum, nanometres.
    known : {"file", "catalogue", "name", "declared"}
        Who says so.

    Raises
    ------
    BadInput
        When a wavelength is not positive.

    Examples
    --------
    >>> Band.at("Red edge", 717.0, 10.0).role.value
    'RE1'
    >>> Band.named("NIR").role.value, Band.named("Red edge").role
    ('N', None)
    """

    name: str
    role: Role | None = None
    centre_nm: float | None = None
    fwhm_nm: float | None = None
    known: Known = "declared"

    def __post_init__(self) -> None:
        for value in (self.centre_nm, self.fwhm_nm):
            if value is not None and not 0.0 < value < 1e5:
                raise BadInput("error.band_wavelength", name=self.name[:40], value=value)

    @classmethod
    def at(
        cls, name: str, centre_nm: float, fwhm_nm: float | None = None, known: Known = "file"
    ) -> Band:
        """Build a band whose role follows from its wavelength."""
        role = role_at(centre_nm, fwhm_nm)
        return cls(name=name, role=role, centre_nm=centre_nm, fwhm_nm=fwhm_nm, known=known)

    @classmethod
    def named(cls, name: str) -> Band:
        """Build a band of which only the name is known; no role when the name is ambiguous."""
        return cls(name=name, role=NAMES.get(_plain(name)), known="name")

    @property
    def label(self) -> str:
        """Name with wavelength, as products carry it: "Red edge 717 nm"."""
        told = "" if self.centre_nm is None else f"{self.centre_nm:g} nm"
        return self.name if told in self.name else f"{self.name} {told}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """A camera's bands.

    Parameters
    ----------
    name : str
        Catalogue name.
    make : str
        Maker as EXIF has it.
    models : tuple of str
        What EXIF calls the model.
    aliases : tuple of str
        Short names people use.
    bands : tuple of Band
        In the order of the camera's own files or layers.
    confidence : {"high", "medium", "low"}
        Of the figures.
    source : str
        Where they come from.
    """

    name: str
    make: str
    models: tuple[str, ...]
    aliases: tuple[str, ...]
    bands: tuple[Band, ...]
    confidence: str
    source: str


def role_at(centre_nm: float, fwhm_nm: float | None = None) -> Role | None:
    """Return the role of a wavelength, None where no formula asks for it.

    Parameters
    ----------
    centre_nm : float
        Centre wavelength, nanometres.
    fwhm_nm : float, optional
        Full width at half maximum; unknown counts as narrow.

    Examples
    --------
    >>> [str(role_at(nm)) for nm in (475.0, 560.0, 668.0, 717.0, 730.0, 790.0, 842.0)]
    ['B', 'G', 'R', 'RE1', 'RE2', 'N', 'N']
    """
    width = 0.0 if fwhm_nm is None else fwhm_nm
    if width > BROAD_NM and centre_nm < 1000.0:
        return Role.PAN
    role = next((role for role, low, high in RANGES_NM if low <= centre_nm < high), None)
    if width >= NARROW_NM:
        return {Role.RE3: Role.N, Role.G1: Role.G}.get(role, role) if role else None
    return role


def roles_of(
    bands: Sequence[Band | None], chosen: Mapping[Role, int] | None = None
) -> dict[Role, int]:
    """Return which band plays which role.

    Parameters
    ----------
    bands : sequence of Band or None
        None for a layer that is no band (alpha).
    chosen : mapping of Role to int, optional
        What the user decided: index into `bands`. It wins.

    Returns
    -------
    dict of Role to int
        Index into `bands`, from 0.

    Raises
    ------
    BadInput
        When two bands claim one role and nobody chose, or a choice names no band.

    Examples
    --------
    >>> roles_of([Band.at("Red", 650.0, 32.0), None, Band.at("NIR", 860.0, 52.0)])
    {<Role.R: 'R'>: 0, <Role.N: 'N'>: 2}
    """
    chosen = dict(chosen or {})
    for role, index in chosen.items():
        if not 0 <= index < len(bands) or bands[index] is None:
            raise BadInput("error.band_choice", role=role.value, band=index + 1, count=len(bands))
    claims: dict[Role, list[int]] = {}
    for index, band in enumerate(bands):
        if band is not None and band.role is not None and index not in chosen.values():
            claims.setdefault(band.role, []).append(index)
    _part_near_infrared(bands, claims)
    for role, indices in claims.items():
        if role in chosen:
            continue
        if len(indices) > 1:
            names = ", ".join(band.label for i in indices if (band := bands[i]) is not None)
            raise BadInput("error.band_ambiguous", role=role.value, bands=names)
        chosen[role] = indices[0]
    return chosen


def sensor_bands(names: Sequence[str], sensor: Sensor) -> tuple[Band | None, ...]:
    """Return the sensor's bands that layer names mean, None for a name it does not have.

    Examples
    --------
    >>> [b and b.centre_nm for b in sensor_bands(["NIR", "alpha"], sensor("M3M"))]
    [860.0, None]
    """
    return tuple(_by_name(name, sensor) for name in names)


def band_from(
    name: str,
    centre_nm: float | None,
    fwhm_nm: float | None,
    found: Sensor | None = None,
) -> Band:
    """Return the band that a file's own words mean; they win over the catalogue.

    Parameters
    ----------
    name : str
        XMP BandName, "" when there is none.
    centre_nm, fwhm_nm : float or None
        XMP CentralWavelength and WavelengthFWHM, nanometres.
    found : Sensor, optional
        The camera, from `sensor_for`; fills what the file does not tell.

    Examples
    --------
    >>> band_from("NIR", 840.0, 40.0, sensor("RedEdge-MX")).centre_nm
    840.0
    >>> band_from("NIR", None, None, sensor("RedEdge-MX")).centre_nm
    842.0
    """
    listed = _by_name(name, found) if found is not None else None
    if centre_nm is not None:
        band = Band.at(name or f"{centre_nm:g} nm", centre_nm, fwhm_nm)
        near = listed is not None and listed.centre_nm is not None
        if near and listed is not None and abs((listed.centre_nm or 0.0) - centre_nm) <= 5.0:
            return replace(band, role=listed.role, fwhm_nm=fwhm_nm or listed.fwhm_nm)
        return band
    return listed if listed is not None else Band.named(name)


@cache
def sensors() -> Mapping[str, Sensor]:
    """Return every sensor of the catalogue by its name.

    Examples
    --------
    >>> len(sensors()) >= 12
    True
    """
    text = resources.files("imagery").joinpath("sensors.toml").read_text("utf-8")
    return {entry["name"]: _sensor(entry) for entry in tomllib.loads(text)["sensor"]}


def sensor(name: str) -> Sensor:
    """Return the sensor that `name` means: its name, a short name, a model name.

    Raises
    ------
    BadInput
        When none, or more than one, fits.

    Examples
    --------
    >>> sensor("p4m").name
    'DJI Phantom 4 Multispectral'
    """
    wanted = _plain(name)
    exact = [
        entry
        for entry in sensors().values()
        if wanted in {_plain(word) for word in (entry.name, *entry.aliases, *entry.models)}
    ]
    part = [entry for entry in sensors().values() if wanted and wanted in _plain(entry.name)]
    for fits in (exact, part):
        if len(fits) == 1:
            return fits[0]
    near = ", ".join(entry.name for entry in part or sensors().values())
    raise BadInput("error.sensor_unknown", name=name[:60], near=near)


def sensor_for(make: str, model: str) -> Sensor | None:
    """Return the sensor that EXIF Make and Model mean, None when the catalogue lacks it.

    Examples
    --------
    >>> sensor_for("DJI", "FC6360").name, sensor_for("Canon", "EOS R5")
    ('DJI Phantom 4 Multispectral', None)
    """
    for entry in sensors().values():
        same_make = _plain(entry.make) in _plain(make) or not make
        if same_make and _plain(model) in {_plain(word) for word in entry.models}:
            return entry
    return None


def _part_near_infrared(bands: Sequence[Band | None], claims: dict[Role, list[int]]) -> None:
    """Of two bands in the near infrared, make the narrow one beyond 850 nm N2."""
    both = claims.get(Role.N, [])
    if len(both) != 2 or Role.N2 in claims:
        return
    widths = {
        i: band.fwhm_nm for i in both if (band := bands[i]) is not None and band.fwhm_nm is not None
    }
    if len(widths) < 2:
        return
    narrow = min(both, key=lambda i: widths[i])
    band = bands[narrow]
    beyond = band is not None and (band.centre_nm or 0.0) >= NARROW_NIR_NM
    if beyond and widths[narrow] < NARROW_NM <= max(widths.values()):
        claims[Role.N] = [i for i in both if i != narrow]
        claims[Role.N2] = [narrow]


def _by_name(name: str, found: Sensor) -> Band | None:
    wanted = _plain(name)
    if not wanted:
        return None
    exact = [band for band in found.bands if _plain(band.name) == wanted]
    role = NAMES.get(wanted)
    fits = exact or [band for band in found.bands if role is not None and band.role is role]
    if not fits and wanted in ("rededge", "re", "reg", "edge"):
        fits = [b for b in found.bands if b.role in (Role.RE1, Role.RE2, Role.RE3)]
    return fits[0] if len(fits) == 1 else None


def _sensor(entry: Mapping[str, Any]) -> Sensor:
    return Sensor(
        name=entry["name"],
        make=entry["make"],
        models=tuple(entry["models"]),
        aliases=tuple(entry["aliases"]),
        bands=tuple(_listed(row) for row in entry["bands"]),
        confidence=entry["confidence"],
        source=entry["source"],
    )


def _listed(row: Sequence[Any]) -> Band:
    """Return a row's band; its fourth word says that it plays another part than its range's."""
    band = Band.at(str(row[0]), float(row[1]), float(row[2]), "catalogue")
    if len(row) < 4:
        return band
    return replace(band, role=None if row[3] == "none" else Role(row[3]))


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
