"""Which page and which command asks for which power: one table, and what is not in it is refused.

Theory of operation. The app has no route that does not stand here, by its method and its path as
written (``/plans/{uid}``), and `agri.web.app` refuses to be built otherwise. Pages for everybody
have the power None; all others ask for a signed-in person whose role has the power.

A command (anything but GET) has a kind: under that name it is written into the farm's audit record
before it is done, with those fields of its form that `told` names. Passwords are never told.
Paths of other programs (`for_machines`) are only ever read; who may not is told 401, with no way to
a form. Signing in and setting up are the only commands for people who are not signed in; they write
their own entries, once the password or the key was looked at. Pieces of an upload are commands
whose form is in their headers; beginning and finishing the upload is written down, each piece is
not. Orders to a flight that make it safer are urgent: they are carried out first and written down
after, for no disk may hold up a stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agri.people import Power, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """What one route asks for.

    Parameters
    ----------
    power : Power or None
        What the person's role must have; None is for everybody.
    kind : str
        Under which name a command is written down; "" for pages.
    told : tuple of str
        Fields of the form that are written down with it.
    piece : bool
        Whether its body is a piece of a file, and its token stands in a header.
    quiet : bool
        Whether a page asks it by itself, which is no sign of life of its person.
    urgent : bool
        Whether it writes itself down, after it was done.
    """

    power: Power | None
    kind: str = ""
    told: tuple[str, ...] = ()
    piece: bool = False
    quiet: bool = False
    urgent: bool = False

    def allows(self, role: Role | None) -> bool:
        """Return whether somebody of this role, or nobody known (None), may."""
        if self.power is None:
            return True
        return role is not None and self.power in role.powers


_LOOK = Right(power=Power.LOOK)
_PLAN = Right(power=Power.PLAN)
_FLY = Right(power=Power.FLY)
_RULE = Right(power=Power.RULE)
_OPEN = Right(power=None)

RIGHTS: Mapping[tuple[str, str], Right] = {
    ("GET", "/setup"): _OPEN,
    ("POST", "/setup"): Right(power=None),
    ("GET", "/sign-in"): _OPEN,
    ("POST", "/sign-in"): Right(power=None),
    ("POST", "/sign-out"): Right(power=Power.LOOK, kind="signed_out"),
    ("GET", "/language/{language}"): _OPEN,
    ("GET", "/farms"): _OPEN,
    ("GET", "/farms/{key}"): _OPEN,
    ("GET", "/static/{name:path}"): _OPEN,
    ("GET", "/worker.js"): Right(power=None, quiet=True),
    ("GET", "/unreachable"): Right(power=None, quiet=True),
    ("GET", "/"): _LOOK,
    ("GET", "/fields.geojson"): _LOOK,
    ("GET", "/fields/new"): _PLAN,
    ("POST", "/fields/new"): Right(power=Power.PLAN, kind="field_drawn", told=("name", "crop")),
    ("GET", "/fields/{uid}/edit"): _PLAN,
    ("POST", "/fields/{uid}/edit"): Right(
        power=Power.PLAN, kind="field_changed", told=("name", "crop", "corners")
    ),
    ("POST", "/fields/{uid}/remove"): Right(power=Power.PLAN, kind="field_removed"),
    ("GET", "/fields/{uid}"): _LOOK,
    ("GET", "/fields/{uid}.geojson"): _LOOK,
    ("GET", "/fields/{uid}/survey"): _PLAN,
    ("POST", "/fields/{uid}/survey"): Right(
        power=Power.PLAN, kind="survey_planned", told=("camera", "gsd_cm", "aircraft")
    ),
    ("GET", "/fields/{uid}/spray"): _PLAN,
    ("POST", "/fields/{uid}/spray"): Right(
        power=Power.PLAN,
        kind="spray_planned",
        told=("sprayer", "product", "dose", "unit", "phi_days", "rate_l_ha", "wind", "wind_from"),
    ),
    ("GET", "/week"): _LOOK,
    ("GET", "/fields/{uid}/week"): _LOOK,
    ("GET", "/fields/{uid}/diary"): _LOOK,
    ("GET", "/fields/{uid}/diary.csv"): _LOOK,
    ("GET", "/fields/{uid}/forecast"): _LOOK,
    ("GET", "/fields/{uid}/forecast/{kind}.png"): _LOOK,
    ("GET", "/fields/{uid}/report"): _LOOK,
    ("GET", "/fields/{uid}/report.pdf"): _LOOK,
    ("POST", "/fields/{uid}/report"): Right(power=Power.REVIEW, kind="report_remarked"),
    ("GET", "/fields/{uid}/records/new"): _PLAN,
    ("POST", "/fields/{uid}/records/new"): Right(
        power=Power.PLAN, kind="record_entered", told=("kind", "day", "by")
    ),
    ("GET", "/records/{uid}"): _PLAN,
    ("POST", "/records/{uid}/correct"): Right(power=Power.PLAN, kind="record_corrected"),
    ("POST", "/records/{uid}/withdraw"): Right(
        power=Power.PLAN, kind="record_withdrawn", told=("why",)
    ),
    ("GET", "/basemap.json"): _LOOK,
    ("GET", "/basemap/{z}/{x}/{y}"): _LOOK,
    ("GET", "/table"): _LOOK,
    ("GET", "/compare"): _LOOK,
    ("GET", "/fields/{uid}/pictures/{key}.webp"): _LOOK,
    ("GET", "/fields/{uid}/map"): _LOOK,
    ("GET", "/fields/{uid}/map/{kind}.geojson"): _LOOK,
    ("GET", "/fields/{uid}/at"): _LOOK,
    ("GET", "/fields/{uid}/dates"): _LOOK,
    ("GET", "/difference/{key}/{z}/{x}/{y}.webp"): _LOOK,
    ("GET", "/fields/{uid}/stress"): _LOOK,
    ("GET", "/fields/{uid}/stress.geojson"): _LOOK,
    ("GET", "/fields/{uid}/stress.gpx"): _LOOK,
    ("POST", "/fields/{uid}/notes"): Right(
        power=Power.PLAN, kind="note_written", told=("kind", "text", "photo_day")
    ),
    ("GET", "/fields/{uid}/obstacles"): _LOOK,
    ("GET", "/fields/{uid}/obstacles.geojson"): _LOOK,
    ("POST", "/fields/{uid}/obstacles"): Right(
        power=Power.PLAN, kind="obstacle_entered", told=("what", "height_m", "name", "places")
    ),
    ("POST", "/obstacles/{uid}/remove"): Right(power=Power.REVIEW, kind="obstacle_removed"),
    ("POST", "/notes/{uid}/back"): Right(power=Power.PLAN, kind="note_taken_back"),
    ("GET", "/notes.geojson"): _LOOK,
    ("GET", "/plans"): _LOOK,
    ("GET", "/plans/{uid}"): _LOOK,
    ("GET", "/plans/{uid}.geojson"): _LOOK,
    ("GET", "/plans/{uid}/mix"): _LOOK,
    ("POST", "/plans/{uid}/review"): Right(
        power=Power.REVIEW, kind="plan_reviewed", told=("digest", "verdict", "remark")
    ),
    ("GET", "/plans/{uid}/fly"): _FLY,
    ("POST", "/plans/{uid}/fly"): Right(
        power=Power.FLY,
        kind="flight_asked",
        told=("digest", "where", "link", "aircraft", "link_key", "once"),
    ),
    ("GET", "/flying/{uid}.geojson"): _LOOK,
    ("GET", "/flying/{uid}/state"): Right(power=Power.LOOK, quiet=True),
    ("GET", "/flying/{uid}/events"): Right(power=Power.LOOK, quiet=True),
    ("GET", "/flying/{uid}"): _LOOK,
    ("POST", "/flying/{uid}/parameters"): Right(
        power=Power.FLY, kind="parameters_answered", told=("answer",)
    ),
    ("POST", "/flying/{uid}/launch"): Right(
        power=Power.FLY, kind="launch_asked", told=("digest", "once")
    ),
    ("POST", "/flying/{uid}/stop"): Right(power=Power.LOOK, kind="stop_ordered", urgent=True),
    ("POST", "/flying/{uid}/sprayer-off"): Right(
        power=Power.LOOK, kind="sprayer_off_ordered", urgent=True
    ),
    ("POST", "/flying/{uid}/return"): Right(power=Power.FLY, kind="return_ordered", urgent=True),
    ("POST", "/flying/{uid}/land"): Right(power=Power.FLY, kind="land_ordered", urgent=True),
    ("GET", "/flights/{uid}/rest"): _PLAN,
    ("POST", "/flights/{uid}/rest"): Right(power=Power.PLAN, kind="rest_planned", told=("left_l",)),
    ("GET", "/flights"): _LOOK,
    ("GET", "/flights/{uid}"): _LOOK,
    ("GET", "/flights/{uid}.geojson"): _LOOK,
    ("GET", "/flights/{uid}/applied"): _LOOK,
    ("GET", "/flights/{uid}/applied.geojson"): _LOOK,
    ("POST", "/flights/{uid}/applied"): Right(power=Power.PLAN, kind="applied_mapped"),
    ("GET", "/maps/{name}"): _LOOK,
    ("GET", "/maps/{name}.geojson"): _LOOK,
    ("GET", "/tiles/{name}/{z}/{x}/{y}.webp"): _LOOK,
    ("GET", "/maps/{name}/work"): _PLAN,
    ("GET", "/fields/{uid}/work"): _PLAN,
    ("GET", "/jobs"): _LOOK,
    ("GET", "/jobs.json"): Right(power=Power.LOOK, quiet=True),
    ("POST", "/jobs"): Right(power=Power.PLAN, kind="job_asked", told=("kind", "source", "field")),
    ("GET", "/jobs/{uid}"): _LOOK,
    ("GET", "/jobs/{uid}/files/{number}"): _LOOK,
    ("POST", "/jobs/{uid}/cancel"): Right(power=Power.PLAN, kind="job_cancelled"),
    ("POST", "/jobs/{uid}/again"): Right(power=Power.PLAN, kind="job_asked_again"),
    ("GET", "/uploads/new"): _PLAN,
    ("POST", "/uploads"): Right(power=Power.PLAN, kind="upload_begun", told=("purpose", "field")),
    ("GET", "/uploads/{uid}"): _PLAN,
    ("GET", "/uploads/{uid}.json"): Right(power=Power.PLAN, quiet=True),
    ("POST", "/uploads/{uid}/piece"): Right(power=Power.PLAN, piece=True),
    ("POST", "/uploads/{uid}/discard"): Right(power=Power.PLAN, kind="upload_discarded"),
    ("POST", "/uploads/{uid}/done"): Right(power=Power.PLAN, kind="upload_finished"),
    ("GET", "/downloads"): _LOOK,
    ("GET", "/download/{name}.{form}"): _LOOK,
    ("GET", "/flights/{uid}/track.{form}"): _LOOK,
    ("GET", "/api"): _LOOK,
    ("GET", "/api/"): _LOOK,
    ("GET", "/api/conformance"): _LOOK,
    ("GET", "/api/openapi.json"): _LOOK,
    ("GET", "/api/docs"): _LOOK,
    ("GET", "/api/collections"): _LOOK,
    ("GET", "/api/collections/{collection_id}"): _LOOK,
    ("GET", "/api/collections/{collection_id}/items"): _LOOK,
    ("GET", "/api/collections/{collection_id}/items/{feature_id}"): _LOOK,
    ("GET", "/stac"): _LOOK,
    ("GET", "/stac/"): _LOOK,
    ("GET", "/stac/conformance"): _LOOK,
    ("GET", "/stac/collections"): _LOOK,
    ("GET", "/stac/collections/{collection_id}"): _LOOK,
    ("GET", "/stac/collections/{collection_id}/items"): _LOOK,
    ("GET", "/stac/collections/{collection_id}/items/{item_id}"): _LOOK,
    ("GET", "/stac/assets/{item_id}/{key}"): _LOOK,
    ("GET", "/papers"): _LOOK,
    ("GET", "/papers/new"): _FLY,
    ("POST", "/papers/new"): Right(
        power=Power.FLY,
        kind="paper_entered",
        told=("kind", "number", "holder", "aircraft", "first", "last", "ceiling", "shown"),
    ),
    ("POST", "/papers/{uid}/remove"): Right(power=Power.FLY, kind="paper_removed"),
    ("GET", "/prices"): _RULE,
    ("POST", "/prices"): Right(power=Power.RULE, kind="prices_entered"),
    ("GET", "/people"): _RULE,
    ("POST", "/people"): Right(power=Power.RULE, kind="person_added", told=("name", "role")),
    ("POST", "/people/{uid}/role"): Right(power=Power.RULE, kind="role_changed", told=("role",)),
    ("POST", "/people/{uid}/password"): Right(power=Power.RULE, kind="password_given"),
    ("POST", "/people/{uid}/remove"): Right(power=Power.RULE, kind="person_removed"),
    ("GET", "/account"): _LOOK,
    ("POST", "/account"): Right(power=Power.LOOK, kind="password_changed"),
    ("POST", "/account/tokens"): Right(power=Power.LOOK, kind="token_made", told=("name",)),
    ("POST", "/account/tokens/{uid}/remove"): Right(power=Power.LOOK, kind="token_removed"),
}
"""Method and path to what they ask for."""

MACHINES = ("/api/", "/stac/")
"""Where the pages for other programs begin; the first of each is known without its last slash
too, for programs leave it off."""


def for_machines(path: str) -> bool:
    """Return whether a path is one that other programs read.

    Examples
    --------
    >>> for_machines("/api/collections"), for_machines("/apian"), for_machines("/fields/1")
    (True, False, False)
    """
    return path.startswith(MACHINES) or f"{path}/" in MACHINES
