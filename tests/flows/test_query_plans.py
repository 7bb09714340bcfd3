"""No statement of a service reads more rows because there were more purchases before.

Whatever a service executes when it consumes events, sends its own, does its timed work, deletes
what is old and reports its status is explained while its tables are full. So a new statement that
has no index fails here without being named.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import Table

from roadbike.delivery.store import DELIVERY
from roadbike.kit.messaging import retention
from roadbike.kit.messaging.broker import Mark, Message
from roadbike.kit.messaging.broker.memory import MemoryBroker
from roadbike.kit.messaging.inbox import INBOX
from roadbike.kit.messaging.outbox import EVENT_VERSION, OUTBOX
from roadbike.kit.process.runtime import Runtime
from roadbike.kit.process.service import Service
from roadbike.kit.process.settings import read
from roadbike.local.services import topics
from roadbike.mypage.store import PURCHASE, STORED_EVENT
from roadbike.payment.store import ATTEMPT, MONEY, PAYMENT
from roadbike.reservation.store import KEY, RESERVATION
from roadbike.stock.store import ALLOCATION, LEDGER
from tests.flows.explained import Explained, fill
from tests.flows.in_process_shop import open_shop
from tests.purchase_events import Story
from tests.service_harness import message

MANY: Final = 1_000_000
SOME: Final = 100_000
MOST_ROWS: Final = 2_000  # of one statement; the relay reads 500 events, a clean-up 1,000
INCARNATION: Final = "x1"  # of the last row that `fill` makes
LEAST_STATEMENTS: Final = 10  # of every service
FULL: Final[dict[str, dict[Table, int]]] = {
    "reservation": {OUTBOX: MANY, INBOX: MANY, EVENT_VERSION: SOME, RESERVATION: SOME, KEY: SOME},
    "payment": {ATTEMPT: MANY, PAYMENT: SOME, MONEY: SOME},
    "stock": {ALLOCATION: SOME, LEDGER: SOME},
    "delivery": {DELIVERY: SOME},
    "mypage": {PURCHASE: SOME, STORED_EVENT: SOME},
}


class Complete(MemoryBroker):
    """A broker whose log has what the outbox says it has, and goes on with it."""

    async def send(self, messages: Sequence[Message]) -> list[Mark]:
        marks = await super().send(messages)
        return [replace(mark, incarnation=INCARNATION) for mark in marks]

    async def holds(self, topic: str, mark: Mark, event_id: UUID) -> bool:  # noqa: ARG002
        return True


@pytest.mark.parametrize("name", FULL)
async def test_work_costs_the_same_after_a_million_purchases(
    name: str, migrated_url: Callable[..., str], new_database: Callable[..., str]
) -> None:
    def url(service: str) -> str:
        return new_database("sqlite") if service == "provider" else migrated_url(f"roadbike.{name}")

    async with open_shop(url, ()) as shop:
        shop.ports["payment"] = 9  # nobody calls it
        module = import_module(f"roadbike.{name}.app")
        service: Service = module.build(read(module.Settings, shop.environ(name)))
        try:
            for table, rows in FULL[name].items():
                await fill(service.db, table, rows)
            explained = Explained()
            explained.listen(service.db)
            await work(service, Complete(shop.log))
        finally:
            await service.db.close()

    slow = {statement: rows for statement, rows in explained.rows.items() if rows > MOST_ROWS}
    assert slow == {}
    assert len(explained.rows) >= LEAST_STATEMENTS


async def work(service: Service, broker: MemoryBroker) -> None:
    """Do once what the service does all the time."""
    await broker.set_up(topics())
    runtime = Runtime(service, broker)
    await consume(runtime)
    if service.publishes:
        await runtime.relay.relay_once()
        await runtime.relay.log.trim(service.publishes[0].topic)
    for timed in service.timed:
        await timed.do(service.db.background)
    await runtime.inbox.retry_parked(service.db.background)
    await retention.delete_old_rows(service.db.background)
    await runtime.status()


async def consume(runtime: Runtime) -> None:
    """Consume a purchase from its beginning to its return, and one that is cancelled."""
    a, b = Story(), Story()
    ended = [a.registered(), a.opened(), a.confirming(), a.approved(), a.allocated(), a.prepared()]
    ended += [a.started(), a.completed(), a.recalled(), a.returned(), a.cancelled()]
    cancelled = [b.registered(), b.allocated(), b.cancelled(), b.payment_cancelled()]
    cancelled += [b.never_prepared(), b.released()]
    await runtime.inbox.consume([message(event) for event in (*ended, *cancelled)])
