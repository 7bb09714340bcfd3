"""The audit logs of all services as one list, the last change first."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import msgspec

from roadbike.kit.audit_log import HIDDEN
from roadbike.kit.web.csv import Cell
from roadbike.kit.web.listing import Moment, Place, place_of
from roadbike.storefront.peers import Answer, Peers, Refused, Unreachable
from roadbike.storefront.staff_lists import success
from roadbike.storefront.visitors import Visitor

LOGS: Final[Sequence[tuple[str, str]]] = (  # service and address, in the order of equal times
    ("stock", "/stocks/audit"),
    ("reservation", "/reservations/audit"),
    ("payment", "/payments/audit"),
    ("delivery", "/deliveries/audit"),
    ("account", "/accounts/audit"),
    ("mypage", "/myPages/audit"),
)
FILTERS: Final = ("by", "thing", "day")
SIZE: Final = 50
LARGEST: Final = 100  # rows that a service gives at once
LAST: Final = 2**53  # above every number of a change
COLUMNS: Final = ("at", "by", "kind", "thing", "action", "before", "after", "why")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change by staff, as a service's audit log has it. order: of its service in LOGS."""

    seq: int
    at: datetime
    by: str
    kind: str
    thing: str
    action: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    why: str | None = None
    order: int = 0

    @property
    def fields(self) -> Sequence[tuple[str, Any, Any]]:
        """Return name, value before and value after of each member that differs."""
        names = [*self.before, *(name for name in self.after if name not in self.before)]
        return [(name, self.before.get(name), self.after.get(name)) for name in names]


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of the merged list. after: where the next one begins, if there is one.

    missing: services that did not answer. refusal: the answer of one that refuses the filters.
    """

    changes: Sequence[Change] = ()
    after: str | None = None
    missing: Sequence[str] = ()
    refusal: Answer | None = None

    @property
    def faults(self) -> Mapping[str, str]:
        """Return what is wrong with the filters, by name."""
        if self.refusal is None:
            return {}
        return {fault.parameter: fault.detail for fault in self.refusal.problem.errors}

    @property
    def status(self) -> int:
        """Return the status of a page that shows it."""
        return HTTPStatus.OK if self.refusal is None else self.refusal.status


async def log_page(
    peers: Peers, visitor: Visitor, filters: Mapping[str, str], after: str | None, size: int = SIZE
) -> LogPage:
    """Return the page after that place. Raises Refused, and Invalid for a place of no link."""
    place = Place.of(after, size, Moment, int, int).key
    answers = await asyncio.gather(
        *(_asked(peers, visitor, order, filters, place, size) for order in range(len(LOGS)))
    )
    found: list[Change] = []
    missing, is_more = [], False
    for order, ((service, _), answer) in enumerate(zip(LOGS, answers, strict=True)):
        if answer is None:
            missing.append(service)
            continue
        if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            return LogPage(refusal=answer)
        body = success(answer)
        is_more |= "next" in body["_links"]
        found += [
            msgspec.structs.replace(msgspec.convert(row, Change), order=order)
            for row in body["_embedded"]["changes"]
        ]
    found.sort(key=lambda change: (-change.at.timestamp(), change.order, -change.seq))
    shown = found[:size]
    is_more |= len(found) > size
    following = place_of((shown[-1].at, shown[-1].order, shown[-1].seq)) if shown else None
    return LogPage(shown, following if is_more else None, missing)


async def log_cells(
    peers: Peers, visitor: Visitor, filters: Mapping[str, str]
) -> AsyncGenerator[list[Sequence[Cell]], None]:
    """Yield the whole list as the rows of a table.

    Raises Unreachable for a missing service, and Refused for filters that are not known.
    """
    after: str | None = None
    while True:
        page = await log_page(peers, visitor, filters, after, LARGEST)
        if page.missing:
            raise Unreachable(page.missing[0])
        if page.refusal is not None:
            raise Refused(page.refusal)
        yield [_cells(change) for change in page.changes]
        after = page.after
        if after is None:
            return


async def _asked(
    peers: Peers,
    visitor: Visitor,
    order: int,
    filters: Mapping[str, str],
    place: Any,
    size: int,
) -> Answer | None:
    """Return the answer of one service; None when it does not answer."""
    service, path = LOGS[order]
    query = [*filters.items(), ("size", str(size))]
    if place is not None:
        query.append(("after", place_of(_own_place(place, order))))
    try:
        return await peers.send(visitor.asks(service, "GET", path, query=query))
    except Unreachable:
        return None


def _own_place(place: tuple[datetime, int, int], order: int) -> tuple[datetime, int]:
    """Return where the log of a service goes on after a change of the merged list."""
    at, of, seq = place
    if order == of:
        return at, seq
    return at, (LAST if order > of else 0)


def _cells(change: Change) -> Sequence[Cell]:
    return [
        change.at.isoformat(timespec="milliseconds"),
        *(change.by, change.kind, change.thing, change.action),
        msgspec.json.encode(change.before).decode(),
        msgspec.json.encode(change.after).decode(),
        change.why,
    ]


def is_hidden(value: object) -> bool:
    """Return whether the log holds no value, because it is personal data."""
    return bool(value == HIDDEN)
