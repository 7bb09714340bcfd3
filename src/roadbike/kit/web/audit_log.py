"""The audit log of one service over HTTP, for admins."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final

import msgspec
from litestar.connection import Request
from litestar.params import QueryParameter
from sqlalchemy import select

from roadbike.kit.audit_log import AUDIT_LOG, MAX_ACTOR, MAX_THING, MAX_WHY
from roadbike.kit.db import Database
from roadbike.kit.db.keyset import Keyset, Listed
from roadbike.kit.db.statements import Row
from roadbike.kit.web.access import ADMIN
from roadbike.kit.web.csv import Cell
from roadbike.kit.web.hal import Reply
from roadbike.kit.web.listing import (
    DEFAULT_SIZE,
    After,
    Day,
    Listing,
    Moment,
    Place,
    Size,
    StaffList,
)
from roadbike.kit.web.routes import Route, get

WhyParameter = Annotated[
    str | None, QueryParameter(name="why", max_length=MAX_WHY, description="For the audit log.")
]

LAST_FIRST: Final = Keyset((AUDIT_LOG.c.at, AUDIT_LOG.c.seq))
COLUMNS: Final = ("at", "by", "kind", "thing", "action", "before", "after", "why")

Bounds = Callable[[date], tuple[datetime, datetime]]
By = Annotated[str | None, QueryParameter(max_length=MAX_ACTOR, description="Who did it.")]
ThingId = Annotated[
    str | None, QueryParameter(max_length=MAX_THING, description="The id of what was changed.")
]


class ChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """One change by staff. before, after: the members that differ, as the API names them."""

    seq: int
    at: datetime
    by: str
    kind: str
    thing: str
    action: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    why: str | None


class Changes(msgspec.Struct, frozen=True):
    """The changes of one page."""

    changes: list[ChangeView]


class AuditLogApi:
    """The audit log at one address: read by admins, changed by nobody.

    bounds: returns when a day begins and when the next one does.
    """

    def __init__(self, db: Database, url: str, bounds: Bounds) -> None:
        self.url = url
        self.bounds = bounds
        self.list = StaffList(db, url, Changes, COLUMNS, _cells)

    def routes(self) -> list[Route]:
        """Return the one route."""
        return [get(self.url, self.changes, who=ADMIN)]

    async def changes(
        self,
        request: Request[Any, Any, Any],
        *,
        by: By = None,
        thing: ThingId = None,
        day: Day = None,
        after: After = None,
        size: Size = DEFAULT_SIZE,
    ) -> Reply[Listing[Changes]]:
        """List what staff changed, the last change first; as text/csv if Accept says so."""
        place = Place.of(after, size, Moment, int)
        filters = {"by": by, "thing": thing, "day": day}
        return await self.list.answer(request, self._listed(by, thing, day), filters, place)

    def _listed(self, by: str | None, thing: str | None, day: date | None) -> Listed[ChangeView]:
        log = AUDIT_LOG.c
        found = select(AUDIT_LOG)
        if by is not None:
            found = found.where(log.actor == by)
        if thing is not None:
            found = found.where(log.thing == thing)
        if day is not None:
            begins, ends = self.bounds(day)
            found = found.where(log.at >= begins, log.at < ends)
        return Listed(found, LAST_FIRST, _view)


def _view(row: Row) -> ChangeView:
    return ChangeView(
        seq=row["seq"],
        at=row["at"],
        by=row["actor"],
        kind=row["kind"],
        thing=row["thing"],
        action=row["action"],
        before=msgspec.json.decode(row["old_values"]),
        after=msgspec.json.decode(row["new_values"]),
        why=row["why"],
    )


def _cells(change: ChangeView) -> Sequence[Cell]:
    return [
        change.at.isoformat(timespec="milliseconds"),
        *(change.by, change.kind, change.thing, change.action),
        msgspec.json.encode(change.before).decode(),
        msgspec.json.encode(change.after).decode(),
        change.why,
    ]
