"""The plans of a farm: a document in ``plans/`` for each, and a row that names it.

Theory of operation. The document's file name ends in a part of its own SHA-256, so a file never
changes its content: it is written first, the row that names it last, and a crash between the two
leaves a file nobody names. The row keeps the whole SHA-256; a document that was changed by hand is
refused when read, for what was approved is what shall be flown. Saving a plan under a name that is
taken adds to the book and stands in front of the earlier one, which stays for the flights that
flew it. A spray job planned anew, when it takes fewer sorties or more, stands in front of all the
earlier ones: else "1/44" of yesterday's litres would lie beside "1/2" of today's, to be flown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection, select

from agri import files
from agri.errors import BadInput, NotFound, StoreError
from agri.names import choose, near, same, slug
from agri.workspace.book_layers import MISSIONS
from agri.workspace.database import Database
from agri.workspace.records import PlanRecord

FOLDER = "plans"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def save(
    database: Database, root: Path, record: PlanRecord, document: str, new_uid: Callable[[], str]
) -> PlanRecord:
    """Write the document, then its row; saving again what stands returns what is there."""
    sha256 = _sha256(document)
    name = f"{slug(record.name, empty='plan')}-{sha256[:10]}.json"
    files.write_text(files.inside(files.make_folder(root / FOLDER), name), document)
    wanted = replace(record, file=f"{FOLDER}/{name}")
    table = MISSIONS.table
    with database.writing() as connection:
        for stored in _standing(_newest_first(connection)):
            if stored.same_plan(wanted):
                return stored
        uids = connection.execute(select(table.c.uid)).scalars().all()
        stored = wanted if wanted.uid and wanted.uid not in uids else replace(wanted, uid=new_uid())
        MISSIONS.insert(connection, [stored])
        row = table.c.uid == stored.uid
        connection.execute(table.update().where(row).values(sha256=sha256))
    return stored


def save_many(
    database: Database,
    root: Path,
    plans: Sequence[tuple[PlanRecord, str]],
    new_uid: Callable[[], str],
) -> tuple[PlanRecord, ...]:
    """Write many documents, then all their rows in one transaction; each is a new plan."""
    folder = files.make_folder(root / FOLDER)
    shas = [_sha256(document) for _, document in plans]
    stored = []
    for (record, document), sha256 in zip(plans, shas, strict=True):
        name = f"{slug(record.name, empty='plan')}-{sha256[:10]}.json"
        files.write_text(files.inside(folder, name), document)
        stored.append(replace(record, file=f"{FOLDER}/{name}", uid=new_uid()))
    table = MISSIONS.table
    with database.writing() as connection:
        MISSIONS.insert(connection, stored)
        for record, sha256 in zip(stored, shas, strict=True):
            row = table.c.uid == record.uid
            connection.execute(table.update().where(row).values(sha256=sha256))
    return tuple(stored)


def _newest_first(connection: Connection) -> list[PlanRecord]:
    plans, _ = MISSIONS.read(connection)
    return [plan for _, plan in sorted(enumerate(plans), key=lambda p: (p[1].created_utc, p[0]))][
        ::-1
    ]


def _standing(newest_first: Sequence[PlanRecord]) -> tuple[PlanRecord, ...]:
    """Return the plans in front of which no later one stands."""
    standing: dict[str, PlanRecord] = {}
    sorties: dict[tuple[str, str], int] = {}
    for plan in newest_first:
        if plan.kind == "spray":
            job = (plan.field_uid, same(plan.job))
            if sorties.setdefault(job, plan.sorties) != plan.sorties:
                continue
        standing.setdefault(same(plan.name), plan)
    return tuple(standing.values())


def stored_plans(database: Database, *, every: bool) -> tuple[PlanRecord, ...]:
    """Return the plans, newest first; without `every` those that no later one stands before."""
    with database.reading() as connection:
        plans = _newest_first(connection)
    return tuple(plans) if every else _standing(plans)


def find(database: Database, wanted: str) -> PlanRecord:
    """Return the newest plan of a name, or the one with this key.

    Raises
    ------
    NotFound
        When there is none; the sentence tells near names.
    BadInput
        When several names are meant equally.
    """
    for plan in stored_plans(database, every=True):
        if wanted and plan.uid == wanted:
            return plan
    plans = stored_plans(database, every=False)
    names = [plan.name for plan in plans]
    found = choose(wanted, names)
    if not found:
        raise NotFound("error.no_plan", wanted=wanted, names=", ".join(near(wanted, names)) or "–")
    if len(found) > 1:
        raise BadInput("error.ambiguous", wanted=wanted, names=", ".join(names[i] for i in found))
    return plans[found[0]]


def read(database: Database, root: Path, plan: PlanRecord) -> str:
    """Return a plan's document.

    Raises
    ------
    StoreError
        When the document is missing or is not what was stored.
    """
    with database.reading() as connection:
        table = MISSIONS.table
        query = select(table.c.sha256).where(table.c.uid == plan.uid)
        sha256 = connection.execute(query).scalar_one_or_none()
    try:
        path = files.inside(root / FOLDER, plan.file.removeprefix(f"{FOLDER}/"))
        document = files.read_text_limited(path)
    except NotFound as error:
        raise StoreError("error.plan_missing", name=plan.name, path=plan.file) from error
    if _sha256(document) != sha256:
        raise StoreError("error.plan_changed", name=plan.name, path=plan.file)
    return document


def write_beside(root: Path, file: str, suffix: str, data: bytes) -> Path:
    """Write a picture or page beside a plan's document and return its path."""
    stem = file.removeprefix(f"{FOLDER}/").removesuffix(".json")
    path = files.inside(files.make_folder(root / FOLDER), f"{stem}{suffix}")
    files.write_bytes(path, data)
    return path
