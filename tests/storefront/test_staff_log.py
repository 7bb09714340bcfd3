"""The logs of all services as one: the newest first, each change once, and who did not answer."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from roadbike.kit.web.listing import Moment, Place
from roadbike.storefront.peers import Answer, Peers, Request, Unreachable
from roadbike.storefront.seller import Seller
from roadbike.storefront.staff_log import LOGS, Change, log_page
from roadbike.storefront.visitors import User, Visitor

NOON = datetime(2026, 11, 27, 3, tzinfo=UTC)
SIZE = 4
ADMIN = Visitor(
    language="ko",
    theme="",
    path="/staff/audit",
    client="",
    seller=Seller(),
    user=User("boss", "이도윤", frozenset({"admin"}), token=""),
)


class Logs(Peers):
    """Services that list their changes as the real ones do."""

    def __init__(self, rows: Mapping[str, Sequence[tuple[datetime, int]]]) -> None:
        self.rows = rows
        self.silent: set[str] = set()

    async def send(self, request: Request) -> Answer:
        if request.service in self.silent:
            raise Unreachable(request.service)
        query = dict(request.query)
        size = int(query["size"])
        key = Place.of(query.get("after"), size, Moment, int).key
        newest = sorted(self.rows.get(request.service, ()), reverse=True)
        left = [row for row in newest if key is None or row < key]
        changes = [change(request.service, at, seq) for at, seq in left[:size]]
        links = {"next": {"href": "x"}} if len(left) > size else {}
        return Answer(200, {"_embedded": {"changes": changes}, "_links": links})


def change(service: str, at: datetime, seq: int) -> dict[str, Any]:
    shown = {"seq": seq, "at": at.isoformat(), "by": "boss", "kind": "bike", "action": "edited"}
    return shown | {"thing": f"{service} {seq}", "before": {}, "after": {}}


def everything(logs: Logs) -> list[list[Change]]:
    async def read() -> list[list[Change]]:
        found: list[list[Change]] = []
        after: str | None = None
        while not found or after is not None:
            page = await log_page(logs, ADMIN, {}, after, SIZE)
            found.append(list(page.changes))
            after = page.after
        return found

    return asyncio.run(read())


def test_pages_show_each_change_once_and_the_newest_first() -> None:
    seconds = {service: range(number, 40, 3) for number, (service, _) in enumerate(LOGS)}
    logs = Logs(
        {
            service: [(NOON + timedelta(seconds=second), second) for second in of_service]
            for service, of_service in seconds.items()
        }
    )

    pages = everything(logs)

    changes = [each for page in pages for each in page]
    assert {len(page) for page in pages[:-1]} == {SIZE}
    assert len({each.thing for each in changes}) == len(changes)
    assert len(changes) == sum(map(len, seconds.values()))
    assert [each.at for each in changes] == sorted((each.at for each in changes), reverse=True)


def test_changes_of_one_moment_are_neither_lost_nor_shown_twice() -> None:
    logs = Logs({service: [(NOON, seq) for seq in range(1, 8)] for service, _ in LOGS})

    changes = [each.thing for page in everything(logs) for each in page]

    assert len(changes) == len(set(changes)) == 7 * len(LOGS)


def test_a_service_that_does_not_answer_is_named_and_the_others_are_shown() -> None:
    logs = Logs({"stock": [(NOON, 1)], "payment": [(NOON, 1)]})
    logs.silent = {"payment"}

    page = asyncio.run(log_page(logs, ADMIN, {}, None, SIZE))

    assert (list(page.missing), len(page.changes)) == (["payment"], 1)
    assert page.status == 200
