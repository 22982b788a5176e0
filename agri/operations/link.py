"""The link to an aircraft as a job of its own: measure it, make a key, bring the key on board."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agri.errors import BadInput
from agri.findings import Finding
from agri.operations.keyring import KeptKey, Keyring
from missions.link.diagnosis import diagnose
from missions.link.doctor import OnTime, examine
from missions.link.keying import install_key
from missions.link.link import Link
from missions.link.quality import Examination
from missions.link.signing import DOCTOR_LINK, SigningKey

SHORTEST_S, LONGEST_S = 3.0, 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkReport:
    """What was measured and what it means.

    Parameters
    ----------
    examination : Examination
        The figures.
    findings : tuple of Finding
        What is wrong; an error means that no flight is launched over this link.
    """

    examination: Examination
    findings: tuple[Finding, ...]


def doctor(
    connect: str,
    *,
    keyring: Keyring,
    key: str = "",
    seconds: float = 15.0,
    deadline_s: float = 30.0,
    on_time: OnTime | None = None,
) -> LinkReport:
    """Measure the link to an aircraft; nothing on board is changed.

    Parameters
    ----------
    connect : str
        See `missions.link.address`.
    keyring : Keyring
        Where keys are.
    key : str
        The aircraft whose key is used; "" measures without one.
    seconds : float
        How long.
    deadline_s : float
        For the first heartbeat.
    on_time : callable, optional
        Told how far it is.

    Raises
    ------
    BadInput
        When `seconds` is not between 3 and 600.
    LinkError
        When no aircraft is heard, or the connection ends.
    """
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise BadInput("error.link_seconds", value=seconds, least=SHORTEST_S, most=LONGEST_S)
    signing = keyring.signing(key, link_id=DOCTOR_LINK) if key else None
    with Link.connect(connect, deadline_s=deadline_s, signing=signing, quiet=True) as link:
        examination = examine(link, seconds=seconds, on_time=on_time)
    return LinkReport(examination=examination, findings=diagnose(examination))


def new_key(
    keyring: Keyring,
    aircraft: str,
    *,
    token_bytes: Callable[[int], bytes],
    now: datetime,
    rotate: bool = False,
) -> KeptKey:
    """Make a key for an aircraft; see `Keyring.make`."""
    return keyring.make(aircraft, token_bytes=token_bytes, now=now, rotate=rotate)


def bring_key(
    keyring: Keyring, aircraft: str, *, connect: str, deadline_s: float = 30.0
) -> SigningKey:
    """Install an aircraft's key by cable; return it once the aircraft proved that it has it.

    Raises
    ------
    Refused
        When the way is no cable or the motors run.
    NotFound
        When no key was made.
    LinkError
        When there is no proof.
    """
    signing = keyring.to_install(aircraft)
    with Link.connect(connect, deadline_s=deadline_s) as link:
        install_key(link, signing)
        keyring.took(aircraft, signing.key)
        board = link.identify().uid
    keyring.took(aircraft, signing.key, board=board)
    return signing.key
