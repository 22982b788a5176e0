"""When and where a photo was taken, and where its camera and aircraft pointed.

Theory of operation
-------------------
**Time.** Best is what says UTC itself: DJI's ``UTCAtExposure``, GPS date and time, senseFly's
``UTCTime``. MicaSense and Parrot Sequoia keep their clocks in UTC. For any other camera EXIF's
time is UTC only with ``OffsetTime``; without one the zone is not known, and the moment is kept as
the camera's own clock, good for the order of its photos and for nothing else.

``SubSecTime`` is a decimal fraction; firmware 5.1.12 of RedEdge writes ``-182458`` and means
0.182458 s **before** the second. A year before 2005 is a clock that was never set (Sequoia writes
1970) and no time.

**Place.** EXIF GPS with the status "V" (void) is none, and so is exactly 0° 0°. DJI's XMP has more
digits than its EXIF and is taken first; one of its firmwares spells ``GpsLongtitude``.

**Attitude.** Gimbals (DJI) tell where the camera points, −90° being down. ``Camera:Yaw`` of
Sequoia and Sentera, and senseFly's heading, tell how the body lies that carries the camera.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

from agri.errors import BadInput
from agri.geo import Height, LonLat
from imagery.intake.told import Told
from imagery.photo import Attitude

FIRST_YEAR = 2005
"""No drone's camera is older."""
UTC_CLOCKS = ("micasense", "parrot")
"""Makers whose cameras keep UTC in DateTimeOriginal."""
MOST_HEIGHT_M = 9_000.0
_FORMS = ("%Y:%m:%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")


def clock(told: Told) -> datetime | None:
    """Return what the camera's own clock said, without a zone; None when it was never set.

    Examples
    --------
    >>> clock(Told({"DateTimeOriginal": "2019:06:01 10:00:01", "SubSecTime": "-182458"}, {}))
    datetime.datetime(2019, 6, 1, 10, 0, 0, 817542)
    """
    for name in ("DateTimeOriginal", "DateTime"):
        moment = _moment(told.text(name))
        if moment is not None:
            fraction = told.text("SubSecTime") or told.text("SubSecTimeOriginal")
            return moment + timedelta(seconds=_fraction(fraction))
    return None


def taken_utc(told: Told) -> datetime | None:
    """Return when the photo was taken, UTC; None when nothing tells it."""
    for words in (told.word("drone-dji:UTCAtExposure"), told.word("sensefly:UTCTime")):
        moment = _moment(words)
        if moment is not None:
            return moment.replace(tzinfo=UTC)
    own = clock(told)
    if own is not None and any(word in told.text("Make").casefold() for word in UTC_CLOCKS):
        return own.replace(tzinfo=UTC)
    offset = _offset(told.text("OffsetTimeOriginal") or told.text("OffsetTime"))
    if own is not None and offset is not None:
        return own.replace(tzinfo=timezone(offset)).astimezone(UTC)
    return _by_satellite(told)


def place(told: Told) -> LonLat | None:
    """Return where the camera was, None when no receiver says so."""
    lat = told.number("drone-dji:GpsLatitude")
    lon = told.number("drone-dji:GpsLongitude", "drone-dji:GpsLongtitude")
    found = _place(lon, lat)
    if found is not None:
        return found
    if told.text("GPSStatus").upper().startswith("V"):
        return None
    return _place(_degrees(told, "GPSLongitude", "W"), _degrees(told, "GPSLatitude", "S"))


def position_sd_m(told: Told) -> float | None:
    """Return the standard deviation of the place, horizontally, as the receiver tells it."""
    spread = [told.number("drone-dji:RtkStdLon"), told.number("drone-dji:RtkStdLat")]
    known = [abs(value) for value in spread if value is not None]
    value = math.hypot(*known) if len(known) == 2 else told.number("GPSXYAccuracy")
    return value if value is not None and 0.0 < value < 1e4 else None


def height_sea(told: Told) -> Height | None:
    """Return the height above sea as the file has it; None when it is not told or impossible."""
    metres = told.number("drone-dji:AbsoluteAltitude", "sensefly:AltitudeAMSL")
    if metres is None:
        metres = told.value("GPSAltitude")
        if metres is not None and told.value("GPSAltitudeRef") == 1.0:
            metres = -metres
        if told.text("GPSStatus").upper().startswith("V"):
            return None
    return Height(metres, "sea") if metres is not None and abs(metres) < MOST_HEIGHT_M else None


def height_home(told: Told) -> Height | None:
    """Return the height above the place of take-off; None when it is not told or impossible."""
    metres = told.number("drone-dji:RelativeAltitude", "sensefly:Height", "Sentera:AltitudeAGL")
    return Height(metres, "home") if metres is not None and abs(metres) < MOST_HEIGHT_M else None


def camera_attitude(told: Told) -> Attitude | None:
    """Return where a gimbal says that the camera points."""
    return _attitude(told, *(f"drone-dji:Gimbal{part}Degree" for part in ("Yaw", "Pitch", "Roll")))


def aircraft_attitude(told: Told) -> Attitude | None:
    """Return how the body lies that carries the camera."""
    return (
        _attitude(told, *(f"drone-dji:Flight{part}Degree" for part in ("Yaw", "Pitch", "Roll")))
        or _attitude(told, "Camera:Yaw", "Camera:Pitch", "Camera:Roll")
        or _attitude(told, "sensefly:Heading", "sensefly:PitchAngle", "sensefly:RollAngle")
    )


def _attitude(told: Told, *names: str) -> Attitude | None:
    yaw, pitch, roll = (told.number(name) for name in names)
    if yaw is None or pitch is None or roll is None or max(map(abs, (yaw, pitch, roll))) > 720.0:
        return None
    return Attitude(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll)


def _moment(words: str) -> datetime | None:
    """Return a moment without zone from EXIF's or XMP's words; None for a clock never set."""
    whole, _, decimals = words.strip().rstrip("Z").partition(".")
    for form in _FORMS:
        try:
            moment = datetime.strptime(whole, form)  # noqa: DTZ007 - the zone comes later
        except ValueError:
            continue
        if not FIRST_YEAR <= moment.year <= 2200:
            return None
        return moment + timedelta(seconds=_fraction(decimals))
    return None


def _fraction(digits: str) -> float:
    """Return the seconds that EXIF's SubSecTime means; some firmware writes a sign before it."""
    sign = -1.0 if digits.strip().startswith("-") else 1.0
    plain = digits.strip().lstrip("+-")
    return sign * float(f"0.{plain[:9]}") if plain.isascii() and plain.isdigit() else 0.0


def _offset(words: str) -> timedelta | None:
    """Return an EXIF offset such as +07:00."""
    if len(words) < 6 or words[0] not in "+-" or words[3] != ":":
        return None
    hours, minutes = words[1:3], words[4:6]
    if not (hours.isdecimal() and minutes.isdecimal() and int(hours) < 15 and int(minutes) < 60):
        return None
    size = timedelta(hours=int(hours), minutes=int(minutes))
    return -size if words[0] == "-" else size


def _by_satellite(told: Told) -> datetime | None:
    """Return GPS date and time, which are UTC."""
    parts = told.values("GPSTimeStamp")
    if len(parts) != 3 or told.text("GPSStatus").upper().startswith("V"):
        return None
    day = _moment(told.text("GPSDateStamp").replace("-", ":") + " 00:00:00")
    seconds = parts[0] * 3600.0 + parts[1] * 60.0 + parts[2]
    if day is None or not 0.0 <= seconds < 86_401.0:
        return None
    return (day + timedelta(seconds=seconds)).replace(tzinfo=UTC)


def _degrees(told: Told, name: str, negative: str) -> float | None:
    """Return degrees from EXIF's degrees, minutes and seconds."""
    parts = told.values(name)
    if not 1 <= len(parts) <= 3 or any(later < 0.0 or later > 60.0 for later in parts[1:]):
        return None
    size = sum(abs(part) / 60.0**power for power, part in enumerate(parts))
    below = parts[0] < 0.0 or told.text(name + "Ref").strip().upper().startswith(negative)
    return -size if below else size


def _place(lon: float | None, lat: float | None) -> LonLat | None:
    if lon is None or lat is None or (lon == 0.0 and lat == 0.0):
        return None
    try:
        return LonLat(lon_deg=lon, lat_deg=lat)
    except BadInput:
        return None
