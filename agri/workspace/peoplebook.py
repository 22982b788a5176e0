"""The farm's people and reviews, kept: entered, read, changed and taken out.

Theory of operation. Names are unique however they are cased. The first person of a farm is its
owner, entered only while there is nobody, in one transaction: of two who try at once one is told
that it is done. The last owner can neither be taken out nor made anything else, so nobody can lock
everybody out. A row that another program spoilt (no such role, no hash) is nobody: it cannot sign
in, but its name stays taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection, Table, select

from agri.errors import AgriError, BadInput, NotFound, Refused
from agri.names import same
from agri.people import Person, ReadToken, Review, Role, Verdict
from agri.workspace.database import Database
from agri.workspace.people_tables import PEOPLE, REVIEWS, TOKENS

MOST_TOKENS = 20
"""Of one person."""


class PeopleBook:
    """The people of one farm; get it by `agri.workspace.Workspace.people`.

    Parameters
    ----------
    database : Database
        The farm's.
    new_uid : callable
        Where stable keys come from.
    """

    def __init__(self, database: Database, new_uid: Callable[[], str]) -> None:
        self._database = database
        self._new_uid = new_uid

    def all(self) -> tuple[Person, ...]:
        """Return everybody who may sign in, in the order they were entered."""
        with self._database.reading() as connection:
            return _people(connection)

    def named(self, name: str) -> Person | None:
        """Return the person of this name, however it is cased; None when there is none."""
        wanted = same(name)
        return next((one for one in self.all() if same(one.name) == wanted), None)

    def with_key(self, uid: str) -> Person | None:
        """Return the person with this key, None when there is none."""
        return next((one for one in self.all() if one.uid == uid), None)

    def add_first(self, person: Person) -> Person:
        """Enter a farm's first person, its owner.

        Raises
        ------
        Refused
            When somebody is entered already.
        """
        stored = replace(person, role=Role.OWNER, uid=self._new_uid())
        with self._database.writing() as connection:
            if connection.execute(select(PEOPLE.c.fid).limit(1)).first() is not None:
                raise Refused("error.owner_there")
            connection.execute(PEOPLE.insert(), [_row(stored)])
        return stored

    def add(self, person: Person) -> Person:
        """Enter a person and return them with their key.

        Raises
        ------
        BadInput
            When the name is taken.
        """
        stored = replace(person, uid=self._new_uid())
        with self._database.writing() as connection:
            taken = connection.execute(select(PEOPLE.c.name)).scalars()
            if same(person.name) in map(same, taken):
                raise BadInput("error.person_taken", name=person.name)
            connection.execute(PEOPLE.insert(), [_row(stored)])
        return stored

    def change(self, uid: str, *, role: Role | None = None, password_hash: str = "") -> Person:
        """Give a person another role or password and return them.

        Raises
        ------
        NotFound
            When there is nobody with this key.
        Refused
            When it would leave the farm without an owner.
        """
        with self._database.writing() as connection:
            person = _with_key(connection, uid)
            kept = replace(person, role=role or person.role,
                           password_hash=password_hash or person.password_hash)  # fmt: skip
            if kept.role is not Role.OWNER:
                _keep_an_owner(connection, person)
            connection.execute(PEOPLE.update().where(PEOPLE.c.uid == uid).values(_row(kept)))
        return kept

    def remove(self, uid: str) -> Person:
        """Take a person out and return who it was.

        Raises
        ------
        NotFound
            When there is nobody with this key.
        Refused
            When it is the last owner.
        """
        with self._database.writing() as connection:
            person = _with_key(connection, uid)
            _keep_an_owner(connection, person)
            connection.execute(PEOPLE.delete().where(PEOPLE.c.uid == uid))
            connection.execute(TOKENS.delete().where(TOKENS.c.person_uid == uid))
        return person

    def add_token(self, token: ReadToken) -> ReadToken:
        """Keep what lets a program of somebody's read, and return it with its key.

        Raises
        ------
        NotFound
            When there is no such person.
        Refused
            When they have too many.
        """
        stored = replace(token, uid=self._new_uid())
        with self._database.writing() as connection:
            _with_key(connection, token.person_uid)
            own = select(TOKENS.c.fid).where(TOKENS.c.person_uid == token.person_uid)
            if len(connection.execute(own).all()) >= MOST_TOKENS:
                raise Refused("error.tokens_many", most=MOST_TOKENS)
            connection.execute(TOKENS.insert(), [_cells(TOKENS, stored)])
        return stored

    def tokens(self, person_uid: str) -> tuple[ReadToken, ...]:
        """Return what lets programs of a person read, in the order they were made."""
        query = select(TOKENS).where(TOKENS.c.person_uid == person_uid).order_by(TOKENS.c.fid)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        names = ("uid", "person_uid", "name", "digest", "created_utc")
        return tuple(ReadToken(**{name: row[name] for name in names}) for row in rows)

    def drop_token(self, person_uid: str, uid: str) -> None:
        """Take one of a person's tokens away: from now on it opens nothing.

        Raises
        ------
        NotFound
            When this person has no such token.
        """
        mine = (TOKENS.c.person_uid == person_uid) & (TOKENS.c.uid == uid)
        with self._database.writing() as connection:
            if connection.execute(TOKENS.delete().where(mine)).rowcount != 1:
                raise NotFound("error.no_token")

    def with_token(self, digest: str) -> Person | None:
        """Return whose token it is, None when it is nobody's."""
        query = select(TOKENS.c.person_uid).where(TOKENS.c.digest == digest)
        with self._database.reading() as connection:
            uid = connection.execute(query).scalar()
        return self.with_key(uid) if uid else None

    def review(self, review: Review) -> Review:
        """Keep what an adviser said of a plan; what was said before stays."""
        stored = replace(review, uid=self._new_uid())
        with self._database.writing() as connection:
            connection.execute(REVIEWS.insert(), [_review_row(stored)])
        return stored

    def reviews(self, plan_uid: str = "") -> tuple[Review, ...]:
        """Return what was said of a plan, or of all plans, the latest first."""
        with self._database.reading() as connection:
            query = select(REVIEWS).order_by(REVIEWS.c.fid.desc())
            if plan_uid:
                query = query.where(REVIEWS.c.plan_uid == plan_uid)
            rows = connection.execute(query).mappings().all()
        return tuple(
            Review(
                uid=row["uid"],
                plan_uid=row["plan_uid"],
                plan_digest=row["plan_digest"],
                verdict=Verdict(row["verdict"]),
                remark=row["remark"],
                by=row["reviewed_by"],
                at_utc=row["at_utc"],
            )
            for row in rows
        )


def _people(connection: Connection) -> tuple[Person, ...]:
    found = []
    for row in connection.execute(select(PEOPLE).order_by(PEOPLE.c.fid)).mappings():
        try:
            person = Person(
                uid=row["uid"],
                name=row["name"],
                role=Role(row["role"]),
                password_hash=row["password_hash"],
                created_utc=row["created_utc"],
            )
        except (AgriError, ValueError):
            continue
        found.append(person)
    return tuple(found)


def _with_key(connection: Connection, uid: str) -> Person:
    for person in _people(connection):
        if uid and person.uid == uid:
            return person
    raise NotFound("error.no_person")


def _keep_an_owner(connection: Connection, person: Person) -> None:
    owners = [one for one in _people(connection) if one.role is Role.OWNER]
    if [one.uid for one in owners] == [person.uid]:
        raise Refused("error.last_owner")


def _row(person: Person) -> dict[str, object]:
    return _cells(PEOPLE, person) | {"role": person.role.value}


def _review_row(review: Review) -> dict[str, object]:
    return _cells(REVIEWS, review, reviewed_by=review.by) | {"verdict": review.verdict.value}


def _cells(table: Table, value: Person | Review | ReadToken, **others: object) -> dict[str, object]:
    names = [column.name for column in table.columns if column.name != "fid"]
    return {name: others[name] if name in others else getattr(value, name) for name in names}
