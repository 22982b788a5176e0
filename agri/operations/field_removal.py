"""A field taken away: only one that nothing was done with, such as one drawn by mistake."""

from __future__ import annotations

from agri.errors import Refused
from agri.field import Field
from agri.workspace import Workspace


def remove_field(farm: Workspace, field: Field) -> None:
    """Remove a field that nothing was done with.

    What was planned, done or written there is told by its field: such a field stays, and its name
    and outline are changed instead.

    Raises
    ------
    Refused
        When there is a plan, a record, a remark or work in the background of it.
    NotFound
        When it is not there any more.
    StoreError
        When the farm cannot be written.
    """
    done = (
        any(one.field_uid == field.uid for one in farm.plans(every=True))
        or any(one.field_uid == field.uid for one in farm.records.read(every=True))
        or any(one.asked.field_uid == field.uid for one in farm.jobs.all())
        or bool(farm.notes.of_field(field.uid, every=True))
    )
    if done:
        raise Refused("error.field_in_use", field=field.name)
    farm.remove(field.uid)
