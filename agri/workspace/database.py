"""The one way to a farm's database: short transactions, and plain sentences when they fail.

Theory of operation. SQLAlchemy Core. The farm's books work with a `Database` and do not know which
it is: a GeoPackage in the farm's folder (`geopackage`), or a schema of a PostgreSQL database that a
co-operative shares (`postgis`). What both promise:

- a reader sees one moment of the farm for the length of its transaction;
- a writer waits for its turn before it reads, so it can never find half-way that another was first;
- what `writing` returned from is kept; what it raised from has changed nothing, unless the sentence
  says that this is not known;
- whatever the database cannot do comes as one `agri.errors.StoreError`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from agri.errors import StoreError
from agri.findings import Finding

WRITES = "agri_write"
"""The execution option that tells the beginning of a writer's transaction from a reader's."""


class Database(ABC):
    """One farm's database, opened for reading and writing.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Where connections come from; it begins transactions as promised above.
    name : str
        What the database is called in sentences.
    """

    errors: tuple[type[Exception], ...] = (DBAPIError, OSError)
    """What may come out of the engine and becomes a sentence."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read one moment of the farm.

        Raises
        ------
        StoreError
            When the database cannot be read.
        """
        with self.transaction(write=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Write in one transaction: all of it is on the disk when this returns, or none of it.

        Raises
        ------
        StoreError
            When the database cannot be written; what was there before is still there.
        """
        with self.transaction(write=True) as connection:
            yield connection

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[Connection]:
        """Begin a transaction, end it, and turn what goes wrong into a sentence."""
        ending = False
        try:
            with self.engine.connect() as opened:
                connection = opened.execution_options(**{WRITES: write})
                with connection.begin():
                    yield connection
                    ending = write
        except self.errors as error:
            raise self.sentence(error, ending=ending) from error

    @abstractmethod
    def sentence(self, error: Exception, *, ending: bool = False) -> StoreError:
        """Return the sentence for an error of this database.

        Parameters
        ----------
        error : Exception
            One of `errors`.
        ending : bool
            Whether it came from the end of a writer's transaction.
        """

    @abstractmethod
    def damage(self, layers: Sequence[str]) -> list[Finding]:
        """Look whether the database itself is whole.

        Parameters
        ----------
        layers : sequence of str
            Tables with a column ``geom``, whose spatial index is looked at too.
        """

    @abstractmethod
    def save_to(self, path: Path) -> None:
        """Write all the farm's tables, as of one moment, into a new GeoPackage."""

    @abstractmethod
    def refill(self, saved: Path) -> None:
        """Put what a GeoPackage holds in the place of all tables, in one transaction."""

    def close(self) -> None:
        """Let go of what little is kept between transactions."""
        self.engine.dispose()
