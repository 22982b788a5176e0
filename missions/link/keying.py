"""Giving an aircraft its signing key: by cable only, proved, and written nowhere.

SETUP_SIGNING carries the key in the clear, so it may only go where nobody listens: a serial port
that is a cable. A telemetry radio hangs on a serial port too, but it gives itself away by
RADIO_STATUS, which is waited for first. A network address is refused unless it is a simulation on
this computer. Nothing is sent to an aircraft whose motors run.

The message goes out and this end signs at once, refusing everything that is not signed with the new
key. So a heartbeat that still comes proves that the aircraft has it; a setting asked for and
answered proves the whole way there and back. Without that proof it is not known which key the
aircraft holds, and the old one is kept beside the new (`agri.operations.keyring`). Doing it again
does no harm.
"""

from __future__ import annotations

import contextlib
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.errors import LinkError, Refused
from missions.link.link import Link
from missions.link.signing import Signing

LISTEN_S = 3.0
"""A telemetry radio tells of itself about once a second."""
TRIES, PROOF_S = 4, 3.0
ASKED_FOR = "FRAME_CLASS"
"""The setting that is read to prove the key; every ArduCopter has it, by this name."""


def install_key(link: Link, signing: Signing) -> None:
    """Give the aircraft at the other end of a cable its key, and prove that it took it.

    Parameters
    ----------
    link : Link
        Opened without a key.
    signing : Signing
        The key and what it must remember; from here on the link signs with it.

    Raises
    ------
    Refused
        When the way is no cable, or the motors run; nothing was sent.
    LinkError
        When there is no proof; which key the aircraft holds is then not known.
    StoreError
        When what signing must remember cannot be written; nothing was sent.
    """
    _refuse_the_air(link)
    for _ in range(TRIES):
        _send(link, signing)
        if not link.radio.signs:
            link.radio.sign(signing)
        with contextlib.suppress(LinkError):
            _hear_signed(link)
            link.read_parameters([ASKED_FOR])
            return
    raise LinkError("error.key_unproved")


def _refuse_the_air(link: Link) -> None:
    if link.address.is_this_computer:
        link.require_simulation()
    elif not link.address.is_serial:
        raise Refused("error.key_over_air", address=link.address.device)
    else:
        with contextlib.suppress(LinkError):
            link.wait(lambda: link.heard().radio is not None, LISTEN_S, "error.link_lost")
        if not link.service.alive:
            raise LinkError("error.link_lost")
        if link.heard().radio is not None:
            raise Refused("error.key_over_radio", address=link.address.device)
    if link.telemetry().armed:
        raise Refused("error.key_armed")


def _send(link: Link, signing: Signing) -> None:
    to = link.pair().vehicle
    secret = list(signing.key.secret)
    message = mavlink.MAVLink_setup_signing_message(
        to.system, to.component, secret, link.radio.next_timestamp(signing)
    )
    link.radio.send(message)


def _hear_signed(link: Link) -> None:
    """Wait until the aircraft says something that is signed."""
    signed: list[str] = []

    def listen(message: Any, _: float) -> None:
        if message.get_signed():
            signed.append(message.get_type())

    with link.service.listen(listen):
        link.wait(lambda: bool(signed), PROOF_S, "error.key_unproved")
