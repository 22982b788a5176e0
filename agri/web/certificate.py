"""A certificate made on the spot, so that passwords do not cross the Wi-Fi readable.

Theory of operation. Nobody vouches for a computer at the edge of a field, so it vouches for itself:
a key (ECDSA, P-256) and a certificate for its own names and addresses, made once and kept in the
user's configuration, for its owner alone, not in the farm, which is copied and handed on. Browsers
warn of it once; the terminal shows its fingerprint, the same one the browser's warning shows, so
that it can be compared. It is made anew when an address is missing in it or it ends within
`SPARE`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from agri.errors import AgriError, BadInput
from agri.files import make_folder, read_private, write_private

if TYPE_CHECKING:
    from cryptography.x509 import Certificate as X509Certificate
    from cryptography.x509 import GeneralName

LIFE, SPARE = timedelta(days=365), timedelta(days=30)
KEY_FILE, CERTIFICATE_FILE = "key.pem", "certificate.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Where key and certificate lie, and the certificate's SHA-256 as browsers show it."""

    key: Path
    certificate: Path
    fingerprint: str


def certificate_folder(environment: Mapping[str, str]) -> Path:
    """Return where this user's certificate is.

    Examples
    --------
    >>> certificate_folder({"XDG_CONFIG_HOME": "/home/an/.config"}).as_posix()
    '/home/an/.config/agri/certificate'
    """
    above = environment.get("XDG_CONFIG_HOME") or environment.get("APPDATA")
    return (Path(above) if above else Path.home() / ".config") / "agri" / "certificate"


def certificate_for(folder: Path, names: frozenset[str], *, now: datetime) -> Certificate:
    """Return a certificate for all of `names`, the one kept or a new one.

    Parameters
    ----------
    folder : Path
        Where it is kept.
    names : set of str
        Host names and addresses.
    now : datetime
        Wall clock, UTC.

    Raises
    ------
    BadInput
        When the extra “web” is not installed.
    StoreError
        When the disk cannot take it.
    """
    try:
        from cryptography import x509
    except ImportError:
        raise BadInput("error.extra_missing", library="cryptography", extra="web") from None
    key, path = folder / KEY_FILE, folder / CERTIFICATE_FILE
    try:
        read_private(key)
        kept = x509.load_pem_x509_certificate(read_private(path))
        if names <= _names_in(kept) and kept.not_valid_after_utc - now > SPARE:
            return Certificate(key=key, certificate=path, fingerprint=_fingerprint(kept))
    except (AgriError, ValueError, x509.ExtensionNotFound):
        pass  # none, or one that cannot be used: a new one takes its place
    make_folder(folder)
    return _made(key, path, names, now)


def _made(key: Path, path: Path, names: frozenset[str], now: datetime) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    private = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "agri")])
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName([_name(one) for one in sorted(names)]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(private, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    write_private(
        key,
        private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    write_private(path, made.public_bytes(pem))
    return Certificate(key=key, certificate=path, fingerprint=_fingerprint(made))


def _name(name: str) -> GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return x509.DNSName(name)


def _names_in(certificate: X509Certificate) -> frozenset[str]:
    """Return the names and addresses a certificate is for, addresses of version 6 in brackets."""
    from cryptography import x509

    told = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = told.get_values_for_type(x509.IPAddress)
    shown = (f"[{one}]" if one.version == 6 else str(one) for one in addresses)
    return frozenset({*told.get_values_for_type(x509.DNSName), *shown})


def _fingerprint(certificate: X509Certificate) -> str:
    from cryptography.hazmat.primitives import hashes

    digest = certificate.fingerprint(hashes.SHA256()).hex().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
