"""The signing keys of the aircraft, one file each, for their owner alone.

They lie in the user's own configuration (``~/.config/agri/keys``, XDG_CONFIG_HOME, or APPDATA on
Windows), not in the farm: a farm's folder is copied, backed up, handed to an adviser and opened by
other programs, and none of them shall fly the aircraft. A key file has mode 0600 and is refused
when others may read it.

A key is changed in two steps, so that there is no moment in which the aircraft holds a key that
nobody has: `make` with ``rotate`` puts the new one beside the old, and only when the aircraft has
proved that it took it (`took`) is the old one forgotten. Beside a key that is on board stands the
serial number of its board, so that an aircraft is known to have a key whatever it is called
(`on_board`). What signing must remember is kept in a
file for each link id, as a flight and a measurement may go on at the same time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from agri.errors import BadInput, NotFound, Refused
from agri.files import inside, make_folder, read_private, write_private
from agri.names import fold
from missions.link.signing import (
    DOCTOR_LINK,
    FLIGHT_LINK,
    LAST_TIMESTAMP,
    Memory,
    Signing,
    SigningKey,
)

KEY_ENDING = ".key"
LIMIT_BYTES = 100_000
LINKS = (FLIGHT_LINK, DOCTOR_LINK)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptKey:
    """An aircraft's key as it is kept.

    Parameters
    ----------
    aircraft : str
        Its name.
    key : SigningKey
        What signs now.
    made : str
        When it was made, UTC.
    installed : bool
        Whether the aircraft proved that it has it.
    coming : SigningKey or None
        The next one, not yet on board.
    board : str
        Serial number of the board that has it, hexadecimal; "" when that did not tell one.
    """

    aircraft: str
    key: SigningKey
    made: str
    installed: bool = False
    coming: SigningKey | None = None
    board: str = ""


def key_folder(environment: Mapping[str, str]) -> Path:
    """Return where this user's keys are.

    Examples
    --------
    >>> key_folder({"XDG_CONFIG_HOME": "/home/an/.config"}).as_posix()
    '/home/an/.config/agri/keys'
    """
    above = environment.get("XDG_CONFIG_HOME") or environment.get("APPDATA")
    return (Path(above) if above else Path.home() / ".config") / "agri" / "keys"


class Keyring:
    """The keys in one folder.

    Parameters
    ----------
    folder : Path
        It is made, for its owner alone, with the first key.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __contains__(self, aircraft: str) -> bool:
        return self._file(aircraft).exists()

    def all(self) -> tuple[KeptKey, ...]:
        """Return every key, by aircraft.

        Raises
        ------
        Refused
            When others may read one.
        """
        found = sorted(self._folder.glob(f"*{KEY_ENDING}")) if self._folder.is_dir() else []
        return tuple(self.find(path.name.removesuffix(KEY_ENDING)) for path in found)

    def find(self, aircraft: str) -> KeptKey:
        """Return an aircraft's key.

        Raises
        ------
        NotFound
            When it has none.
        Refused
            When others may read it.
        BadInput
            When the file is no key file.
        """
        path = self._file(aircraft)
        if not path.exists():
            raise NotFound("error.key_missing", aircraft=aircraft)
        try:
            told = json.loads(read_private(path, limit_bytes=LIMIT_BYTES))
            coming = told["coming"]
            return KeptKey(
                aircraft=str(told["aircraft"]),
                key=SigningKey(bytes.fromhex(told["key"])),
                made=str(told["made"]),
                installed=bool(told["installed"]),
                coming=SigningKey(bytes.fromhex(coming)) if coming else None,
                board=str(told.get("board", "")),
            )
        except (ValueError, KeyError, TypeError):
            raise BadInput("error.key_file", path=str(path)) from None

    def make(
        self,
        aircraft: str,
        *,
        token_bytes: Callable[[int], bytes],
        now: datetime,
        rotate: bool = False,
    ) -> KeptKey:
        """Make a key for an aircraft; with `rotate` the one that comes after its present one.

        Raises
        ------
        Refused
            When it has a key and `rotate` was not asked for.
        StoreError
            When it cannot be written.
        """
        key = SigningKey.made_by(token_bytes)
        kept = KeptKey(aircraft=aircraft, key=key, made=f"{now:%Y-%m-%d %H:%M}")
        if aircraft in self:
            before = self.find(aircraft)
            if not rotate:
                raise Refused("error.key_exists", aircraft=aircraft)
            if before.installed:
                kept = replace(before, coming=key)
        self._write(kept)
        return kept

    def took(self, aircraft: str, key: SigningKey, *, board: str = "") -> None:
        """Note that the aircraft with this `board` proved to have `key`; an older is forgotten."""
        before = self.find(aircraft)
        self._write(
            KeptKey(aircraft=aircraft, key=key, made=before.made, installed=True, board=board)
        )

    def on_board(self, board: str, names: Iterable[str]) -> KeptKey | None:
        """Return the key that an aircraft was given, None when it was given none.

        Parameters
        ----------
        board : str
            Its board's serial number, "" when it does not tell one.
        names : iterable of str
            What it is called; spaces, capitals and diacritics do not count.

        Raises
        ------
        Refused
            When others may read a key.
        """
        called = {_bare(name) for name in names} - {""}
        installed = [kept for kept in self.all() if kept.installed]
        by_board = [kept for kept in installed if board and kept.board == board]
        by_name = [kept for kept in installed if _bare(kept.aircraft) in called]
        return next(iter((*by_board, *by_name)), None)

    def signing(self, aircraft: str, *, link_id: int = FLIGHT_LINK) -> Signing:
        """Return what a link to the aircraft needs to sign.

        Raises
        ------
        NotFound
            When it has no key.
        Refused
            When others may read the key, or the aircraft never got it.
        """
        kept = self.find(aircraft)
        if not kept.installed:
            raise Refused("error.key_not_installed", aircraft=aircraft)
        return self._signing(aircraft, kept.key, link_id)

    def to_install(self, aircraft: str) -> Signing:
        """Return the key that the aircraft shall get next: a new one before the present one."""
        kept = self.find(aircraft)
        return self._signing(aircraft, kept.coming or kept.key, FLIGHT_LINK)

    def _signing(self, aircraft: str, key: SigningKey, link_id: int) -> Signing:
        memories = [self._memory(aircraft, link) for link in LINKS]
        newest = max(memory.timestamp for memory in memories)
        streams = memories[LINKS.index(link_id)].streams
        return Signing(
            key=key,
            memory=Memory(timestamp=newest, streams=streams),
            keep=partial(self._keep, aircraft, link_id),
            link_id=link_id,
        )

    def _memory(self, aircraft: str, link_id: int) -> Memory:
        path = self._file(aircraft, f".{link_id}.memory")
        try:
            told = json.loads(read_private(path, limit_bytes=LIMIT_BYTES))
            streams = tuple(((a, b, c), t) for a, b, c, t in told["streams"])
            numbers = [told["timestamp"], *(t for _, t in streams)]
        except NotFound:
            return Memory()
        except (ValueError, KeyError, TypeError):
            raise BadInput("error.key_file", path=str(path)) from None
        if not all(isinstance(n, int) and 0 <= n <= LAST_TIMESTAMP for n in numbers):
            raise BadInput("error.key_file", path=str(path))
        return Memory(timestamp=told["timestamp"], streams=streams)

    def _keep(self, aircraft: str, link_id: int, memory: Memory) -> None:
        streams = [[*stream, newest] for stream, newest in memory.streams]
        path = self._file(aircraft, f".{link_id}.memory")
        _write(path, {"timestamp": memory.timestamp, "streams": streams})

    def _write(self, kept: KeptKey) -> None:
        if not self._folder.is_dir():
            make_folder(self._folder)
            self._folder.chmod(0o700)
        value = {
            "aircraft": kept.aircraft,
            "key": kept.key.secret.hex(),
            "made": kept.made,
            "installed": kept.installed,
            "coming": kept.coming.secret.hex() if kept.coming else None,
            "board": kept.board,
        }
        _write(self._file(kept.aircraft), value)

    def _file(self, aircraft: str, ending: str = KEY_ENDING) -> Path:
        if not aircraft or "/" in aircraft or aircraft.startswith("."):
            raise BadInput("error.file_name", name=aircraft[:60])
        return inside(self._folder, aircraft + ending)


def _bare(name: str) -> str:
    return fold(name).replace(" ", "")


def _write(path: Path, value: Any) -> None:
    write_private(path, json.dumps(value, indent=1).encode("utf-8"))


def user_keyring() -> Keyring:
    """Return the keys of the user who runs agri."""
    return Keyring(key_folder(os.environ))


def user_leases() -> Path:
    """Return where the aircraft held by this user's programs are, whatever farm they fly for."""
    return key_folder(os.environ).parent / "leases"
