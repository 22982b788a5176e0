"""The table of background work, and how a row becomes a `agri.jobs.Job` and a job a row.

It is a table of agri's own, not told to GeoPackage: QGIS does not offer it. What was asked and what
came out stand in it as JSON, sentences by their key, so that they are spoken in the language of
whoever reads them.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Column, Connection, Integer, RowMapping, Table, Text

from agri.errors import AgriError
from agri.findings import Finding, Severity
from agri.jobs import Asked, Job, Kind, Result, State
from agri.workspace.columns import Instant, Real
from agri.workspace.flightlog import plain, read_message
from agri.workspace.layers import metadata

_BROKEN = (AgriError, ValueError, TypeError, LookupError, AttributeError, RecursionError)

JOBS = Table(
    "agri_jobs",
    metadata,
    Column("fid", Integer, primary_key=True),
    Column("uid", Text, unique=True, nullable=False),
    Column("kind", Text, nullable=False),
    Column("asked", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("share", Real, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("runner", Text, nullable=False),
    Column("lease_utc", Instant()),
    Column("created_utc", Instant(), nullable=False),
    Column("started_utc", Instant()),
    Column("ended_utc", Instant()),
    Column("result", Text, nullable=False),
    Column("why", Text, nullable=False),
    sqlite_autoincrement=True,
)


def make(connection: Connection) -> None:
    """Make the table where it is not there yet."""
    JOBS.create(connection, checkfirst=True)


def row_of(job: Job) -> dict[str, Any]:
    """Return a job as a row."""
    asked = {"field": job.asked.field_uid, "source": job.asked.source,
             "options": dict(job.asked.options)}  # fmt: skip
    return {
        "uid": job.uid,
        "kind": job.asked.kind.value,
        "asked": _text(asked),
        "asked_by": job.by,
        "language": job.language,
        "state": job.state.value,
        "share": job.share,
        "tries": job.tries,
        "runner": job.runner,
        "lease_utc": job.lease_utc,
        "created_utc": job.created_utc,
        "started_utc": job.started_utc,
        "ended_utc": job.ended_utc,
        "result": result_text(job.result),
        "why": _text(plain(job.why)) if job.why else "",
    }


def job_of(row: RowMapping) -> Job | None:
    """Return a row as a job, None when another program spoilt it."""
    try:
        asked = json.loads(row["asked"])
        return Job(
            uid=row["uid"],
            asked=Asked(
                kind=Kind(row["kind"]),
                field_uid=str(asked["field"]),
                source=str(asked["source"]),
                options=tuple((str(k), str(v)) for k, v in asked["options"].items()),
            ),
            by=row["asked_by"],
            language="en" if row["language"] == "en" else "vi",
            state=State(row["state"]),
            share=min(max(float(row["share"]), 0.0), 1.0),
            tries=int(row["tries"]),
            runner=row["runner"],
            lease_utc=row["lease_utc"],
            created_utc=row["created_utc"],
            started_utc=row["started_utc"],
            ended_utc=row["ended_utc"],
            result=result_from(row["result"]),
            why=read_message(json.loads(row["why"])) if row["why"] else None,
        )
    except _BROKEN:
        return None


def result_text(result: Result) -> str:
    """Return what came out as JSON."""
    return _text(
        {
            "products": result.products,
            "files": result.files,
            "facts": result.facts,
            "fields": result.fields,
            "findings": [
                {"severity": int(one.severity), "where": one.where, "message": plain(one.message)}
                for one in result.findings
            ],
        }
    )


def result_from(text: str) -> Result:
    """Return what came out, from its JSON.

    Raises
    ------
    ValueError, TypeError, LookupError, AttributeError
        When it is something else.
    """
    told = json.loads(text)
    return Result(
        products=tuple(map(str, told["products"])),
        files=tuple(map(str, told["files"])),
        facts=tuple((str(label), str(value)) for label, value in told["facts"]),
        fields=tuple(map(str, told["fields"])),
        findings=tuple(
            Finding(Severity(one["severity"]), read_message(one["message"]), str(one["where"]))
            for one in told["findings"]
        ),
    )


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
