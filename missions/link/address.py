"""Where the aircraft is reached: connection strings, checked before anything is opened.

A wrong string must end in one clear sentence. The libraries below end the whole program on some
of them, so only these forms pass:

``udp:HOST:PORT``, ``udpin:HOST:PORT``
    Wait for the aircraft's packets on this port (HOST is this computer: 0.0.0.0 or 127.0.0.1).
``udpout:HOST:PORT``
    Send to the aircraft first, answers come back.
``tcp:HOST:PORT``
    Connect to it.
``serial:DEVICE:BAUD``, ``DEVICE``, ``DEVICE,BAUD``
    A radio or a cable, for example ``/dev/ttyUSB0`` or ``COM5,57600``; 57600 baud when not told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agri.errors import BadInput

DEFAULT_BAUD = 57_600
"""What telemetry radios are set to when they are sold."""
_NETWORK = re.compile(r"(udp|udpin|udpout|tcp):([A-Za-z0-9.\-_]+):([0-9]{1,5})")
_SERIAL = re.compile(r"(?:serial:)?(/dev/[A-Za-z0-9._/\-]+|COM[0-9]{1,3})(?:[,:]([0-9]{3,7}))?")


@dataclass(frozen=True, slots=True)
class LinkAddress:
    """A checked address: `device` as the connection library takes it, and the baud rate."""

    device: str
    baud: int = DEFAULT_BAUD

    @property
    def is_serial(self) -> bool:
        """Whether it is a serial port: a cable, or a telemetry radio on one.

        Examples
        --------
        >>> LinkAddress("/dev/ttyACM0").is_serial, LinkAddress("udpin:0.0.0.0:14550").is_serial
        (True, False)
        """
        return self.device.startswith(("/dev/", "COM"))

    @property
    def is_this_computer(self) -> bool:
        """Whether it is a program on this computer, such as a simulator.

        Examples
        --------
        >>> LinkAddress("tcp:127.0.0.1:5760").is_this_computer
        True
        """
        return not self.is_serial and self.device.split(":")[1] in ("127.0.0.1", "localhost")


def read_address(url: str) -> LinkAddress:
    """Check a connection string.

    Raises
    ------
    BadInput
        When it is none of the forms above.

    Examples
    --------
    >>> read_address("udp:127.0.0.1:14550").device
    'udpin:127.0.0.1:14550'
    >>> read_address("/dev/ttyUSB0,115200")
    LinkAddress(device='/dev/ttyUSB0', baud=115200)
    """
    text = url.strip()
    network = _NETWORK.fullmatch(text)
    if network is not None and 1 <= int(network[3]) <= 65535:
        kind = "udpin" if network[1] == "udp" else network[1]
        return LinkAddress(f"{kind}:{network[2]}:{int(network[3])}")
    serial = _SERIAL.fullmatch(text)
    if serial is not None and ".." not in serial[1]:
        return LinkAddress(serial[1], int(serial[2] or DEFAULT_BAUD))
    raise BadInput("error.link_address", value=url)
