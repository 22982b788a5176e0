"""Who is at the other end of the link, asked before anything on it is set or flown.

An aircraft that agri may not fly, one with too old a firmware, one that is not the one the papers
mean, and one that has its key while the link is not signed with it: each is refused as it stands,
with its parameters untouched. What an aircraft seen for the first time tells of itself is kept
with the yes to arm, after that yes stands in the farm's record.
"""

from __future__ import annotations

from dataclasses import dataclass

from agri.findings import Finding, blocks
from agri.operations.clearance import Launcher, Record, aircraft_of, names_of
from agri.operations.keyring import Keyring
from agri.operations.recognition import FIRST, is_known, recognise, registered
from agri.workspace import Workspace
from missions.flight.briefing import Blocked, Briefing, trust_in
from missions.flightplan import FlightPlan
from missions.link.link import Link
from missions.preflight.firmware import check_firmware
from missions.preflight.vehicle import check_identity
from missions.wire.sightings import VehicleIdentity


@dataclass(frozen=True, slots=True)
class Ours:
    """What is known of the real aircraft that is meant: its registration, its key.

    Parameters
    ----------
    farm : Workspace
        The open farm, whose papers count.
    plan : FlightPlan
        What is to be flown.
    launcher : Launcher
        Who flies what.
    keyring : Keyring or None
        The keys that aircraft were given; None knows of no keys.
    """

    farm: Workspace
    plan: FlightPlan
    launcher: Launcher
    keyring: Keyring | None

    def key_on_board(self, identity: VehicleIdentity) -> str:
        """Return the name of the key that the aircraft was given, "" for none."""
        if self.keyring is None:
            return ""
        names = names_of(self.farm, self.plan, self.launcher)
        kept = self.keyring.on_board(identity.uid, names)
        return kept.aircraft if kept else ""

    def recognised(self, link: Link, identity: VehicleIdentity) -> tuple[Finding, ...]:
        """Judge whether it is the one meant; a simulation at an address stands for any."""
        if link.is_simulation():
            return ()
        registrations = self.farm.papers.read()[0].registrations
        meant = aircraft_of(self.farm, self.plan, self.launcher)
        return recognise(registrations, meant, identity)


def meet(
    link: Link, ours: Ours | None, judged: tuple[Finding, ...]
) -> tuple[str, tuple[Finding, ...]]:
    """Look who is at the other end, before anything on it is set.

    Parameters
    ----------
    link : Link
        To the aircraft.
    ours : Ours or None
        What is known of it; None for a simulation that was started for this flight.
    judged : tuple of Finding
        What was judged before.

    Returns
    -------
    str
        The name of the key that the aircraft was given, "" for none.
    tuple of Finding
        `judged`, and whether the aircraft is the one meant.

    Raises
    ------
    Refused
        When it signs and no key was given, when agri may not fly it or not over this link, or when
        it is another one.
    """
    link.require_key()
    identity, keyed, who = link.identify(), "", judged
    if ours is not None:
        keyed = ours.key_on_board(identity)
        who = (*judged, *ours.recognised(link, identity))
    found = (
        *who,
        *check_identity(identity),
        *check_firmware(identity),
        *trust_in(link, keyed=keyed),
    )
    if blocks(found):
        raise Blocked(found)
    return keyed, who


def keep_aircraft(yes: Record, briefing: Briefing) -> None:
    """Keep what an aircraft seen for the first time tells of itself, after the yes to it."""
    if not any(finding.key == FIRST for finding in briefing.findings):
        return
    registrations = yes.farm.papers.read()[0].registrations
    paper = registered(registrations, aircraft_of(yes.farm, yes.plan, yes.launcher))
    identity = briefing.identity
    if paper is None or is_known(paper, identity):
        return
    yes.aircraft(paper, identity)
    yes.farm.papers.keep_autopilot(paper.uid, system=identity.system, board=identity.uid)
