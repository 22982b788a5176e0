"""Mission files: one room for each format, and the register that finds them by name.

Reading tells what a file is from its content, not from its name: names are strangers' too.

* `document`: agri's own file, read back as an equal value;
* `plan`: QGroundControl's ``.plan``, written;
* `plan_reader`: and read;
* `waypoints`: waypoint text, fence and rally points too;
* `param`: ArduPilot's parameter file;
* `kml`: for Google Earth;
* `geojson`: for maps and notebooks;
* `wpml`: DJI's route file;
* `wpml_rules`: what DJI publishes about it, and the judge that holds files to it;
* `litchi`: Litchi's table;
* `dataflash`: ArduPilot's own log of its flights, read;
* `dataflash_records`: and its records, from a file that may be damaged;
* `dataflash_flights`: where its flights begin and end;
* `dataflash_track`: their tracks, from its columns;
* `dataflash_words`: and what it tells in words;
* `dataflash_fence`: the fence and the rally points it tells of;
* `stops`: a flight as a plain list of stops, for programs that know no items;
* `circles`: a fence circle as a ring of places;
* `item_numbers`: which numbers of an item mean a place;
* `guard`: what every stranger's file must pass.
"""

from __future__ import annotations

from collections.abc import Callable

from agri.errors import BadInput
from agri.findings import Finding
from missions.flightplan import FlightPlan
from missions.formats.document import KIND, read_document, write_document
from missions.formats.geojson import write_geojson
from missions.formats.guard import checked_text, read_json
from missions.formats.kml import write_kml
from missions.formats.litchi import litchi_notes, write_litchi
from missions.formats.param import write_param
from missions.formats.plan import write_plan
from missions.formats.plan_reader import read_plan
from missions.formats.waypoints import (
    HEADER,
    read_waypoints,
    write_fence_waypoints,
    write_rally_waypoints,
    write_waypoints,
)
from missions.formats.wpml import wpml_notes, write_wpml
from missions.sprayer.gear import PumpControl

FORMATS: dict[str, tuple[str, Callable[[FlightPlan], str | bytes]]] = {
    "agri": (".agri.json", write_document),
    "plan": (".plan", write_plan),
    "waypoints": (".waypoints", write_waypoints),
    "fence": (".fence.waypoints", write_fence_waypoints),
    "rally": (".rally.waypoints", write_rally_waypoints),
    "kml": (".kml", write_kml),
    "geojson": (".geojson", write_geojson),
    "param": (".param", write_param),
    "wpml": (".kmz", write_wpml),
    "litchi": (".litchi.csv", write_litchi),
}
"""Name of a format to its file suffix and its writer, of text or of bytes."""

NOTES: dict[str, Callable[[FlightPlan], list[Finding]]] = {
    "wpml": wpml_notes,
    "litchi": litchi_notes,
}
"""Name of a format to what tells which parts of a plan it cannot carry."""
ARDUPILOT = frozenset({"plan", "waypoints", "fence", "rally"})
"""Formats that only ground stations of ArduPilot aircraft read."""


def export_notes(plan: FlightPlan, to: str) -> list[Finding]:
    """Return what the format called `to` leaves out of `plan`, and whether its sprayer reads it."""
    found = NOTES[to](plan) if to in NOTES else []
    if to in ARDUPILOT and plan.spray is not None:
        sprayer = plan.spray.settings.sprayer
        if sprayer.control is PumpControl.EXPORT:
            found.append(Finding.warning("finding.export_other_controller", sprayer=sprayer.name))
    return found


def export_plan(plan: FlightPlan, to: str) -> str | bytes:
    """Return `plan` in the format called `to`.

    Parameters
    ----------
    plan : FlightPlan
        A plan whose checks found no error; that is for the caller to see to.
    to : str
        A key of `FORMATS`.

    Returns
    -------
    str or bytes
        The file: text, or bytes where the format is no text.

    Raises
    ------
    BadInput
        When there is no such format.
    """
    if to not in FORMATS:
        raise BadInput("error.unknown_format", value=to, formats=", ".join(FORMATS))
    return FORMATS[to][1](plan)


def read_mission_file(
    content: str | bytes, *, name: str = "mission", suffix: str = ""
) -> FlightPlan:
    """Return the flight plan that a mission file holds: agri's own, ``.plan`` or waypoint text.

    Parameters
    ----------
    content : str or bytes
        The file.
    name : str
        The plan's name where the file does not tell one, and the file's in error sentences.
    suffix : str
        The file's suffix, only for error sentences; what the file is, its content tells.

    Returns
    -------
    FlightPlan
        What the file tells; for strangers' files without site, aircraft and survey.

    Raises
    ------
    BadInput
        When it is none of these, or something in it is wrong.
    """
    text = checked_text(name + suffix, content)
    if text.lstrip().startswith(HEADER):
        return read_waypoints(text.lstrip(), name)
    if not text.lstrip().startswith("{"):
        raise BadInput("error.file_kind", name=name + suffix)
    if read_json(name + suffix, text).get("kind") == KIND:
        return read_document(text, name)
    return read_plan(text, name)
