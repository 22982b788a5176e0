"""A file of tiles (MBTiles 1.3): read guarded, written whole or not at all.

Theory of operation. An MBTiles is a SQLite database, and a stranger's one may hold anything: views
that call functions, rows of gigabytes, a schema that never ends. So it is opened read-only and
immutable, nothing is trusted in its schema, an authorizer allows reading of tables and no function
at all, a value of more than `LARGEST_TILE` bytes is an error, and a question that takes more than
`MOST_STEPS` of SQLite's steps is broken off. What comes out as a tile must begin as a PNG, JPEG or
WebP does. The file's own words are taken as text, without any mark-up.

Rows count from the south in the file (TMS) and from the north here, as everywhere else.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from agri.errors import BadInput, NotFound
from agri.files import temporary_beside, told
from agri.names import clean

MAGIC = b"SQLite format 3\0"
LARGEST_TILE = 1_000_000
MOST_STEPS = 20_000_000
STEPS_BETWEEN = 100_000
DEEPEST = 22
MOST_WORDS = 200
Tile = tuple[int, int, int]
"""Zoom, column from the west, row from the north."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """What a file of tiles tells of itself.

    Parameters
    ----------
    least, most : int
        Zooms.
    source : str
        Whose the pictures are, "" when it does not say.
    """

    least: int
    most: int
    source: str


def kind_of(data: bytes) -> str:
    """Return the media type of a picture by its first bytes, "" for anything else.

    Examples
    --------
    >>> kind_of(bytes([0xFF, 0xD8, 0xFF, 0xE0])), kind_of(b"<svg>")
    ('image/jpeg', '')
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return ""


class TileStore:
    """An open file of tiles; get it by `opened_tiles`."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._steps = 0
        connection.set_progress_handler(self._count, STEPS_BETWEEN)

    def _count(self) -> bool:
        self._steps += STEPS_BETWEEN
        return self._steps > MOST_STEPS

    def _one(self, question: str, values: tuple[object, ...] = ()) -> tuple[object, ...] | None:
        self._steps = 0
        try:
            found: tuple[object, ...] | None = self._connection.execute(question, values).fetchone()
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            raise BadInput("error.tiles_file", name=self._name) from error
        return found

    def facts(self) -> StoreFacts:
        """Return what the file tells of itself.

        Raises
        ------
        BadInput
            When it holds no tiles.
        """
        zooms = self._one("SELECT zoom_level FROM tiles ORDER BY zoom_level LIMIT 1")
        last = self._one("SELECT zoom_level FROM tiles ORDER BY zoom_level DESC LIMIT 1")
        found = [row[0] for row in (zooms, last) if row is not None]
        if len(found) != 2 or not all(isinstance(z, int) and 0 <= z <= 30 for z in found):
            raise BadInput("error.tiles_file", name=self._name)
        row = self._one("SELECT value FROM metadata WHERE name = 'attribution'")
        source = plain_words(row[0]) if row is not None and isinstance(row[0], str) else ""
        least, most = (int(str(z)) for z in found)
        return StoreFacts(least=least, most=min(most, DEEPEST), source=source)

    def tile(self, tile: Tile) -> bytes | None:
        """Return a tile, None where there is none.

        Raises
        ------
        BadInput
            When what stands there is no picture.
        """
        z, x, y = tile
        if not (0 <= z <= DEEPEST and 0 <= x < 1 << z and 0 <= y < 1 << z):
            return None
        row = self._one(
            "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?",
            (z, x, (1 << z) - 1 - y),
        )
        if row is None or row[0] is None:
            return None
        data = row[0]
        if not isinstance(data, bytes) or len(data) > LARGEST_TILE:
            raise BadInput("error.tiles_file", name=self._name)
        if not kind_of(data):
            drawn = data[:2] == b"\x1f\x8b" or data[:1] == b"\x1a"
            raise BadInput("error.tiles_drawn" if drawn else "error.tiles_file", name=self._name)
        return data


@contextmanager
def opened_tiles(path: Path) -> Iterator[TileStore]:
    """Open a file of tiles, whoever made it.

    Raises
    ------
    NotFound
        When there is no such file.
    BadInput
        When it is no file of tiles.
    """
    name = "".join(c if c.isprintable() else "·" for c in path.name[:60])
    with told(path):
        if not path.is_file():
            raise NotFound("error.no_file", path=str(path))
        with path.open("rb") as file:
            begins = file.read(len(MAGIC))
    if begins != MAGIC:
        raise BadInput("error.tiles_file", name=name)
    try:
        connection = _guarded(path)
    except sqlite3.Error as error:
        raise BadInput("error.tiles_file", name=name) from error
    try:
        yield TileStore(connection, name)
    finally:
        connection.close()


def _guarded(path: Path) -> sqlite3.Connection:
    address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    connection = sqlite3.connect(address, uri=True)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 4 * LARGEST_TILE)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        for words in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0",
                      "query_only = ON"):  # fmt: skip
            connection.execute(f"PRAGMA {words}")
        connection.set_authorizer(_allowed)
    except BaseException:
        connection.close()
        raise
    return connection


def _allowed(action: int, *_: object) -> int:
    reading = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ)
    return sqlite3.SQLITE_OK if action in reading else sqlite3.SQLITE_DENY


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self.silent += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style") and self.silent > 0

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.words.append(data)


def plain_words(text: str) -> str:
    """Return the words of a text that may hold mark-up.

    Examples
    --------
    >>> plain_words('<a href="x">&copy; Bản đồ</a> <script>y()</script>2026')
    '© Bản đồ 2026'
    """
    parser = _Words()
    parser.feed(text[:2000])
    parser.close()
    return clean(" ".join("".join(parser.words).split()))[:MOST_WORDS]


def write_store(path: Path, tiles: Iterable[tuple[Tile, bytes]], *, name: str, source: str) -> int:
    """Write a file of tiles in the place of an older one, and return how many it holds.

    Parameters
    ----------
    path : Path
        The file.
    tiles : iterable of (Tile, bytes)
        Pictures.
    name, source : str
        What it is called and whose the pictures are.

    Raises
    ------
    BadInput
        When there is no tile; an older file then stays.
    StoreError
        When the disk cannot take it.
    """
    temporary = temporary_beside(path)
    try:
        with told(path):
            count = _written(temporary, tiles, name=name, source=source)
            if not count:
                raise BadInput("error.basemap_elsewhere", name=name)
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return count


def _written(path: Path, tiles: Iterable[tuple[Tile, bytes]], *, name: str, source: str) -> int:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE metadata (name TEXT, value TEXT)")
        connection.execute(
            "CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER,"
            " tile_data BLOB, PRIMARY KEY (zoom_level, tile_column, tile_row)) WITHOUT ROWID"
        )
        count, least, most, kind = 0, DEEPEST, 0, "png"
        for (z, x, y), data in tiles:
            connection.execute("INSERT OR REPLACE INTO tiles VALUES (?, ?, ?, ?)",
                               (z, x, (1 << z) - 1 - y, data))  # fmt: skip
            count, least, most = count + 1, min(least, z), max(most, z)
            kind = kind_of(data).rpartition("/")[2]
        rows = {"name": name, "type": "baselayer", "format": kind.replace("jpeg", "jpg"),
                "minzoom": str(least), "maxzoom": str(most), "attribution": source,
                "version": "1"}  # fmt: skip
        connection.executemany("INSERT INTO metadata VALUES (?, ?)", list(rows.items()))
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
    return count
