"""Where a PostgreSQL database is, as a person writes it: postgresql://user@host/database.

The password may stand in the address that agri is started with, in PGPASSWORD or in ``~/.pgpass``
(PostgreSQL's own ways). It is neither shown nor written anywhere: `Address.shown` leaves it out,
and that is what a farm's folder keeps and what sentences tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from agri.errors import BadInput

SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
PORT = 5432
OPTIONS = frozenset({"host", "sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout"})
"""What may follow a question mark; ``host`` names the folder of a socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A database, and who opens it.

    Parameters
    ----------
    user, host : str
        "" leaves it to PostgreSQL: the system's user, the socket of this computer.
    port : int
        1 to 65535.
    database : str
        Its name.
    options : tuple of (str, str)
        Of `OPTIONS`.
    password : str
        "" leaves it to PGPASSWORD and ``~/.pgpass``.
    """

    user: str
    host: str
    port: int
    database: str
    options: tuple[tuple[str, str], ...] = ()
    password: str = field(default="", repr=False, compare=False)

    @classmethod
    def read(cls, text: str) -> Address:
        """Return the address that a person wrote.

        Raises
        ------
        BadInput
            When it is none; the sentence does not repeat it, for it may hold a password.

        Examples
        --------
        >>> Address.read("postgresql://an:secret@db.xa.vn/hop_tac_xa").shown
        'postgresql://an@db.xa.vn:5432/hop_tac_xa'
        """
        try:
            parts = urlsplit(text.strip())
            options = tuple(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)
                            if parts.query else ())  # fmt: skip
            found = cls(
                user=unquote(parts.username or ""),
                host=unquote(parts.hostname or ""),
                port=parts.port or PORT,
                database=unquote(parts.path.removeprefix("/")),
                options=options,
                password=unquote(parts.password or ""),
            )
        except ValueError:
            raise BadInput("error.database_address") from None
        odd = "/" in found.database or "\0" in unquote(text) or bool(parts.fragment)
        if parts.scheme not in SCHEMES or not found.database or odd:
            raise BadInput("error.database_address")
        for name, _ in options:
            if name not in OPTIONS:
                raise BadInput("error.database_option", name=name[:40],
                               known=", ".join(sorted(OPTIONS)))  # fmt: skip
        return found

    @property
    def shown(self) -> str:
        """The address without the password."""
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else quote(self.host, safe="")
        place = f"{host}:{self.port}" if self.host or self.port != PORT else ""
        options = f"?{urlencode(self.options, safe='/')}" if self.options else ""
        return f"postgresql://{user}{place}/{quote(self.database, safe='')}{options}"

    def same_place(self, other: Address) -> bool:
        """Return whether both are the same database, whoever opens it."""
        mine = (self.host, self.port, self.database, dict(self.options).get("host"))
        return mine == (other.host, other.port, other.database, dict(other.options).get("host"))

    def with_secret_of(self, other: Address) -> Address:
        """Return this database opened as `other` opens it, when that is the same database."""
        if not self.same_place(other) or (self.user and other.user and self.user != other.user):
            raise BadInput("error.database_other", there=self.shown, given=other.shown)
        return replace(self, user=other.user or self.user, options=other.options or self.options,
                       password=other.password)  # fmt: skip

    def arguments(self) -> dict[str, Any]:
        """Return what libpq is to be told; what is left out it finds by its own rules."""
        told = {"user": self.user, "host": self.host, "dbname": self.database,
                "password": self.password, **dict(self.options)}  # fmt: skip
        return {"port": self.port} | {name: value for name, value in told.items() if value}
