"""What a reflectance panel reflects, by wavelength.

From generation 4 on the last 14 characters of a panel's code carry its reflectance at two
wavelengths (the maker's library, MIT licence); older ones come with a paper, typed in once. Between
the wavelengths given, straight lines; a little beyond them the nearest value, farther a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agri.errors import BadInput

SERIAL = re.compile(r"RP(\d{2})-\d{7}-[A-Za-z0-9]{2}")
"""A panel's serial number; its first two digits are the generation."""
REACH_NM = 40.0
"""A certificate holds this far beyond its first and last wavelength."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A panel's reflectance by wavelength.

    Parameters
    ----------
    serial : str
        "" when unknown.
    albedo : tuple of (float, float)
        Wavelength (nm) and reflectance (0 to 1), wavelengths rising.

    Raises
    ------
    BadInput
        When empty, not rising, or a reflectance is outside 0 to 1.

    Examples
    --------
    >>> paper = Certificate(albedo=((475.0, 0.67), (560.0, 0.69), (840.0, 0.61)))
    >>> round(paper.at(700.0), 3)
    0.65
    """

    serial: str = ""
    albedo: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        waves = [wave for wave, _ in self.albedo]
        good = bool(waves) and waves == sorted(set(waves)) and 200.0 < waves[0] < waves[-1] + 1.0
        if not good or not all(0.0 < value <= 1.0 for _, value in self.albedo):
            raise BadInput("error.certificate", serial=self.serial, values=str(self.albedo)[:80])

    def at(self, centre_nm: float) -> float:
        """Return the reflectance at a wavelength, by straight lines between those given.

        Raises
        ------
        BadInput
            When the wavelength lies more than 40 nm outside.
        """
        waves, values = zip(*self.albedo, strict=True)
        if not waves[0] - REACH_NM <= centre_nm <= waves[-1] + REACH_NM:
            raise BadInput("error.certificate_reach", nm=centre_nm, low=waves[0], high=waves[-1])
        return float(np.interp(centre_nm, waves, values))


def code_certificate(text: str) -> Certificate | None:
    """Return the reflectances that a panel's code carries, None when it carries none.

    Parameters
    ----------
    text : str
        Of the code: serial, then first wavelength (4 digits), reflectance in thousandths (3),
        last wavelength (4), reflectance (3).

    Examples
    --------
    >>> code_certificate("RP04-1924106-OB 0400490" + "0900488").at(650.0)
    0.489
    >>> code_certificate("RP02-1603036-SC") is None
    True
    """
    serial = SERIAL.search(text)
    tail = re.search(r"(\d{4})(\d{3})(\d{4})(\d{3})$", text.strip())
    if serial is None or int(serial[1]) < 4 or tail is None:
        return None
    low, first, high, last = (int(part) for part in tail.groups())
    try:
        albedo = (float(low), first / 1e3), (float(high), last / 1e3)
        return Certificate(serial=serial[0], albedo=albedo)
    except BadInput:
        return None


def typed_certificate(serial: str, albedo: Mapping[float, float]) -> Certificate:
    """Return a certificate typed in from its paper: wavelength in nm to reflectance."""
    return Certificate(serial=serial, albedo=tuple(sorted(albedo.items())))


def grey_certificate(value: float, serial: str = "") -> Certificate:
    """Return the certificate of a grey target: one reflectance at every wavelength.

    Examples
    --------
    >>> grey_certificate(0.5).at(842.0)
    0.5
    """
    return Certificate(serial=serial, albedo=((340.0, value), (1100.0, value)))
