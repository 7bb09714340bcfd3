"""`roadbike republish`: who knew everything is unchanged, and who knew nothing learns it all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import delete, select, text

from roadbike.kit.db import Database
from roadbike.kit.messaging.inbox import INBOX
from roadbike.kit.messaging.outbox import EVENT_VERSION, OUTBOX
from roadbike.kit.messaging.republished import republished_id
from roadbike.mypage.store import PURCHASE, STORED_EVENT
from roadbike.ops import journal
from roadbike.ops.last_events import LAST_EVENTS
from roadbike.ops.republish import republish
from tests.flows.audited import TABLES, sell
from tests.flows.given import all_of
from tests.flows.in_process_shop import Shop

PUBLISHERS: Final = tuple(LAST_EVENTS)
CATALOGUES: Final = {"reservation": ("bike",)}  # the copy of stock's bikes
UNKNOWN_TO_ROWS: Final = {"by", "reason", "payUntil", "version"}  # of events made from rows
NAMES_OF_BIKE: Final = {"bike.StockRegistered.v1", "bike.StockChanged.v1"}  # both: it is on sale


async def states(shop: Shop) -> dict[str, Any]:
    """Return every row of the services' own tables, and the number of their published events."""
    found = {}
    for service in ("stock", "reservation", "payment", "delivery", "mypage"):
        db = shop.db(service)
        async with db.read() as tx:
            for table in (*TABLES[service], *CATALOGUES.get(service, ())):
                if table != "stored_event":
                    rows = await tx.rows(text(f"SELECT * FROM {table}"))  # noqa: S608  a name from above
                    found[f"{service} {table}"] = sorted(map(str, rows))
            if service != "mypage":
                found[f"{service} versions"] = sorted(
                    map(str, await tx.rows(select(EVENT_VERSION)))
                )
    return found


async def test_all_that_knew_everything_stay_as_they_were(shop: Shop, tmp_path: Path) -> None:
    await sold(shop, tmp_path)
    before = await states(shop)

    counts = {name: await republish(shop.db(name), name) for name in PUBLISHERS}

    await shop.settle()
    assert all(counts.values())
    assert await states(shop) == before
    refused = {name: (await shop.status(name))["refused"] for name in (*PUBLISHERS, "mypage")}
    assert not any(refused.values())
    assert {name: await republish(shop.db(name), name) for name in PUBLISHERS} == counts
    await shop.settle()
    assert await states(shop) == before
    for name in PUBLISHERS:
        async with shop.db(name).read() as tx:
            rows = await tx.rows(select(OUTBOX))
        again = [row for row in rows if row["event_id"] == id_of(row)]
        assert len(again) == counts[name]  # not once more for each time


def id_of(row: Mapping[str, Any]) -> UUID:
    return republished_id(*(row[name] for name in ("topic", "kind", "key", "version")))


async def test_an_emptied_my_page_is_complete_again(shop: Shop, tmp_path: Path) -> None:
    """Also when the outboxes have deleted what they had sent, as they do after three days."""
    await sold(shop, tmp_path)
    shown = await all_of(shop.admin, "/myPages")
    await empty(shop.db("mypage"))
    for name in PUBLISHERS:
        await shop.db(name).transact(lambda tx: tx.execute(delete(OUTBOX)))
    assert await all_of(shop.admin, "/myPages") == []

    for name in PUBLISHERS:
        await republish(shop.db(name), name)

    await shop.settle()
    again = await all_of(shop.admin, "/myPages")
    assert [without_pay_until(page) for page in again] == [without_pay_until(p) for p in shown]


async def test_an_event_made_from_a_row_is_the_last_one(shop: Shop, tmp_path: Path) -> None:
    await sold(shop, tmp_path)
    for service, kinds in LAST_EVENTS.items():
        async with shop.db(service).read() as tx:
            rows = await tx.rows(select(OUTBOX).order_by(OUTBOX.c.version))
            last = {(row["kind"], row["key"]): row for row in rows}
            for (kind, key), row in last.items():
                made = await kinds[kind](tx, key)

                assert made is not None, (kind, key)
                assert known(msgspec.json.encode(made)) == known(row["data"]), (kind, key)
                assert (
                    made.type_name() == row["type"]
                    or {
                        made.type_name(),
                        row["type"],
                    }
                    <= NAMES_OF_BIKE
                )


def known(data: bytes) -> dict[str, Any]:
    """Return the members that can be known from a row; what stock has now is newer."""
    members: dict[str, Any] = msgspec.json.decode(data)
    newer = {"free", "freeSeq", "reserveQty"} | (
        {"bikeVersion"} if "stockStatus" in members else set()
    )
    return {n: v for n, v in members.items() if n not in UNKNOWN_TO_ROWS | newer}


async def sold(shop: Shop, tmp_path: Path) -> None:
    with journal.Journal(tmp_path / "journal.jsonl") as notes:
        await sell(shop, notes)
    await shop.settle()


async def empty(db: Database) -> None:
    for table in (PURCHASE, STORED_EVENT, INBOX):
        await db.transact(lambda tx, table=table: tx.execute(delete(table)))  # type: ignore[misc]


def without_pay_until(page: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in page.items() if name != "payUntil"}
