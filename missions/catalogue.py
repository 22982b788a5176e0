"""The catalogues of cameras, aircraft and sprayers: read, checked, and found under forgiving names.

All are data (``cameras.toml``, ``aircraft.toml``, ``sprayers.toml``), every entry with its source.
What a sprayer's entry must keep to stands in `missions.sprayer.entries`. A camera entry
must make sense before it may plan a flight: a wrong sensor size silently spoils spacing, overlap
and height. Two well-known ground stations ship such entries (a sensor 160 mm wide, a full-frame
camera with a telephone's sensor), so `validate_camera` checks the arithmetic that a true entry
cannot fail (square pixels, a pitch that a sensor can have, an angle of view that a lens can have)
and, for bodies whose sensor everybody can look up, the width of that sensor.

Names are looked up forgivingly: case, spaces and punctuation do not matter, a short name or any
part that fits only one entry will do.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from agri.errors import BadInput
from agri.findings import Finding
from missions.energy import Aircraft
from missions.sprayer.entries import sprayer_from, validate_sprayer
from missions.sprayer.gear import Sprayer
from missions.survey import Camera

__all__ = [
    "aircraft",
    "aircraft_entries",
    "all_aircraft",
    "camera",
    "camera_entries",
    "camera_from",
    "cameras",
    "sprayer",
    "sprayer_entries",
    "sprayers",
    "validate_camera",
    "validate_sprayer",
]

PITCH_UM = (0.8, 15.0)
"""Pixel pitch of sensors that photograph light; telephones begin at 0.8 µm."""
THERMAL_PITCH_UM = (8.0, 20.0)
"""Pixel pitch of microbolometers, 10 to 17 µm on the market."""
PITCH_TOLERANCE = 0.025
"""Width and height may disagree by this before the pixels are taken for not square."""
ASPECT = (0.9, 2.4)
"""Width to height of a sensor."""
FOCAL_MM = (1.0, 200.0)
"""Real focal lengths of survey lenses."""
VIEW_ACROSS_DEG = (5.0, 110.0)
"""Angle of view across: no survey lens sees wider, none as narrow as a telescope."""
FAMILY_TOLERANCE = 0.04
"""A known body's sensor width may differ by this between sources."""
MAX_INTERVAL_S = 30.0
"""A longer shortest interval is taken for a mistake of units."""
CONFIDENCES = ("high", "medium", "low")
"""What an entry may say of its own trustworthiness."""

V = TypeVar("V")


@cache
def _table(name: str) -> dict[str, Any]:
    text = resources.files("missions").joinpath(name).read_text("utf-8")
    return tomllib.loads(text)


def camera_entries() -> tuple[Mapping[str, Any], ...]:
    """Return the raw entries of ``cameras.toml``, in its order."""
    return tuple(_table("cameras.toml")["camera"])


def aircraft_entries() -> tuple[Mapping[str, Any], ...]:
    """Return the raw entries of ``aircraft.toml``, in its order."""
    return tuple(_table("aircraft.toml")["aircraft"])


def sprayer_entries() -> tuple[Mapping[str, Any], ...]:
    """Return the raw entries of ``sprayers.toml``, in its order."""
    return tuple(_table("sprayers.toml")["sprayer"])


@cache
def cameras() -> Mapping[str, Camera]:
    """Return every camera of the catalogue by its name.

    Examples
    --------
    >>> len(cameras()) >= 25
    True
    """
    return {entry["name"]: camera_from(entry) for entry in camera_entries()}


@cache
def all_aircraft() -> Mapping[str, Aircraft]:
    """Return every aircraft of the catalogue by its name.

    Examples
    --------
    >>> sorted(all_aircraft())
    ['450 quad 3S', '650 quad 6S', '860 hexa 6S', 'X500 V2 4S']
    """
    fields = Aircraft.__dataclass_fields__
    return {
        entry["name"]: Aircraft(**{key: entry[key] for key in fields if key in entry})
        for entry in aircraft_entries()
    }


@cache
def sprayers() -> Mapping[str, Sprayer]:
    """Return every sprayer of the catalogue by its name.

    Examples
    --------
    >>> len(sprayers()) >= 7
    True
    """
    return {entry["name"]: sprayer_from(entry) for entry in sprayer_entries()}


def camera(name: str) -> Camera:
    """Return the camera that `name` means.

    Raises
    ------
    BadInput
        When no entry, or more than one, fits; the sentence names the nearest.

    Examples
    --------
    >>> camera("gopro hero4").name
    'GoPro Hero4 Black'
    >>> camera("M3M").name
    'DJI Mavic 3M multispectral'
    """
    return _find(name, cameras(), camera_entries(), "error.camera_unknown")


def aircraft(name: str = "") -> Aircraft:
    """Return the aircraft that `name` means, the default one for an empty name.

    Raises
    ------
    BadInput
        When no entry, or more than one, fits; the sentence names the nearest.

    Examples
    --------
    >>> aircraft().name, aircraft("hexa").name
    ('650 quad 6S', '860 hexa 6S')
    """
    wanted = name or _table("aircraft.toml")["default"]
    return _find(wanted, all_aircraft(), aircraft_entries(), "error.aircraft_unknown")


def sprayer(name: str = "") -> Sprayer:
    """Return the sprayer that `name` means, the default one for an empty name.

    Raises
    ------
    BadInput
        When no entry, or more than one, fits; the sentence names the nearest.

    Examples
    --------
    >>> sprayer().name, sprayer("agras t40").name, sprayer("servo").control.value
    ('16 L hexa', 'DJI Agras T40', 'servo')
    """
    wanted = name or _table("sprayers.toml")["default"]
    return _find(wanted, sprayers(), sprayer_entries(), "error.sprayer_unknown")


def camera_from(entry: Mapping[str, Any]) -> Camera:
    """Build a camera from a raw entry.

    Raises
    ------
    BadInput
        When a figure is missing or not a positive number.
    """
    fields = Camera.__dataclass_fields__
    missing = [k for k in fields if k not in entry and k not in ("bands", "mass_g", "source")]
    if missing:
        raise BadInput("error.camera_entry", camera=entry.get("name", "?"), missing=missing[0])
    given = {key: entry[key] for key in fields if key in entry}
    return Camera(**{**given, "bands": tuple(entry.get("bands", ("rgb",)))})


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _find(name: str, values: Mapping[str, V], entries: Iterable[Mapping[str, Any]], key: str) -> V:
    """Look for an exact name, then a short name, then a part that fits only one entry."""
    wanted = _plain(name)
    known = {
        entry["name"]: [_plain(n) for n in (entry["name"], *entry.get("aliases", ()))]
        for entry in entries
    }
    exact = [full for full, names in known.items() if wanted in names]
    parts = [full for full, names in known.items() if wanted and wanted in names[0]]
    words = [_plain(word) for word in name.split()]
    loose = [
        full for full, names in known.items() if words and all(word in names[0] for word in words)
    ]
    for fits in (exact, parts, loose):
        if len(fits) == 1:
            return values[fits[0]]
    near = parts or loose or _nearest(wanted, known)
    raise BadInput(key, name=name, near=", ".join(near[:6]), count=len(values))


def _nearest(wanted: str, known: Mapping[str, list[str]]) -> list[str]:
    by_plain = {plain: full for full, names in known.items() for plain in names}
    close = difflib.get_close_matches(wanted, by_plain, n=6, cutoff=0.3)
    return list(dict.fromkeys(by_plain[plain] for plain in close)) or sorted(known)[:6]


def validate_camera(entry: Mapping[str, Any]) -> list[Finding]:
    """Return what is wrong with a camera entry; an entry without findings may plan flights.

    Parameters
    ----------
    entry : mapping
        Keys as in ``cameras.toml``; `pixel_pitch_um`, `confidence` and `bands` may be missing.

    Returns
    -------
    list of Finding
        All of level ERROR.

    Examples
    --------
    >>> flir = {"name": "Flir Duo R", "sensor_width_mm": 160.0, "sensor_height_mm": 120.0,
    ...         "focal_length_mm": 1.9, "image_width_px": 1920, "image_height_px": 1080,
    ...         "min_interval_s": 0.0, "exposure_s": 0.01, "source": "a ground station's list"}
    >>> sorted(finding.key for finding in validate_camera(flir))[:2]
    ['finding.camera_pitch', 'finding.camera_pixels_not_square']
    """
    name = str(entry.get("name", ""))
    try:
        found = camera_from(entry)
    except BadInput as error:
        return [Finding.error("finding.camera_figures", where=name, why=error.message)]
    return [
        Finding.error(key, where=name, **values)
        for key, values in (*_pixel_faults(found, entry), *_lens_faults(found, entry))
    ]


def _pixel_faults(found: Camera, entry: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return what is wrong with sensor, picture size and pitch."""
    across = found.pixel_pitch_um
    along = found.sensor_height_mm * 1000.0 / found.image_height_px
    low, high = THERMAL_PITCH_UM if "thermal" in found.bands else PITCH_UM
    faults: list[tuple[str, dict[str, Any]]] = []
    if not 1.0 - PITCH_TOLERANCE <= across / along <= 1.0 + PITCH_TOLERANCE:
        faults.append(("finding.camera_pixels_not_square", {"across": across, "along": along}))
    if not low * 0.995 <= across <= high:
        faults.append(("finding.camera_pitch", {"pitch": across, "low": low, "high": high}))
    declared = entry.get("pixel_pitch_um")
    if declared is not None and abs(across / declared - 1.0) > PITCH_TOLERANCE:
        faults.append(("finding.camera_pitch_declared", {"pitch": across, "declared": declared}))
    aspect = found.sensor_width_mm / found.sensor_height_mm
    if not ASPECT[0] <= aspect <= ASPECT[1]:
        faults.append(("finding.camera_aspect", {"aspect": aspect}))
    for family in _table("cameras.toml")["family"]:
        known = family["sensor_width_mm"]
        if family["part"] in _plain(found.name):
            if abs(found.sensor_width_mm / known - 1.0) > FAMILY_TOLERANCE:
                width = found.sensor_width_mm
                faults.append(("finding.camera_body_width", {"width": width, "known": known}))
            break
    return faults


def _lens_faults(found: Camera, entry: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return what is wrong with lens, timing, source and confidence."""
    faults: list[tuple[str, dict[str, Any]]] = []
    focal_mm = found.focal_length_mm
    if not FOCAL_MM[0] <= focal_mm <= FOCAL_MM[1]:
        faults.append(("finding.camera_focal", {"focal": focal_mm}))
    view_deg = 2.0 * math.degrees(math.atan(found.sensor_width_mm / (2.0 * focal_mm)))
    if not VIEW_ACROSS_DEG[0] <= view_deg <= VIEW_ACROSS_DEG[1]:
        faults.append(("finding.camera_view", {"view": view_deg}))
    if found.min_interval_s > MAX_INTERVAL_S:
        faults.append(("finding.camera_interval", {"interval": found.min_interval_s}))
    if not found.source.strip():
        faults.append(("finding.camera_without_source", {}))
    confidence = entry.get("confidence")
    if confidence is not None and confidence not in CONFIDENCES:
        faults.append(("finding.camera_confidence", {"value": confidence}))
    return faults
