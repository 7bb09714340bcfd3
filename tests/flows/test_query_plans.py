"""No statement of a service reads more rows because there were more purchases before.

Whatever a service executes when it serves each of its routes, consumes events, sends its own, does
its timed work, deletes what is old and reports its status is explained while its tables are full.
So a new statement that has no index fails here without being named, and so does a route that
`every_route` does not use.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import Table

from roadbike.account.store import LOGIN_FAILURE, SESSION
from roadbike.delivery.store import DELIVERY
from roadbike.kit.audit_log import AUDIT_LOG
from roadbike.kit.messaging import retention
from roadbike.kit.messaging.broker import Mark, Message
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.messaging.inbox import INBOX
from roadbike.kit.messaging.outbox import EVENT_VERSION, OUTBOX
from roadbike.kit.process.runtime import Runtime
from roadbike.kit.process.service import Service
from roadbike.local.services import topics
from roadbike.mypage.store import PURCHASE, STORED_EVENT
from roadbike.payment.store import ATTEMPT, MONEY, PAYMENT, REFUND
from roadbike.reservation.store import KEY, RESERVATION
from roadbike.stock.store import ALLOCATION, LEDGER
from tests.flows.built import built
from tests.flows.every_route import EVERY_ROUTE, Usage, names
from tests.flows.explained import Explained, fill
from tests.purchase_events import Story
from tests.reservation.fake_payment import open_fake_payment, opens
from tests.service_harness import http_client, message

MANY: Final = 1_000_000
SOME: Final = 100_000
FEW: Final = 20_000  # of what is old after minutes
MOST_ROWS: Final = 2_000  # of one statement; the relay reads 500 events, a clean-up 1,000
INCARNATION: Final = "x1"  # of the last row that `fill` makes
LEAST_STATEMENTS: Final = 10  # of every service
FULL: Final[dict[str, dict[Table, int]]] = {
    "reservation": {OUTBOX: MANY, RESERVATION: SOME, INBOX: SOME, EVENT_VERSION: SOME, KEY: SOME},
    "payment": {ATTEMPT: MANY, PAYMENT: SOME, MONEY: SOME, REFUND: SOME},
    "stock": {ALLOCATION: SOME, LEDGER: SOME},
    "delivery": {DELIVERY: SOME},
    "mypage": {PURCHASE: SOME, STORED_EVENT: SOME},
    "account": {SESSION: SOME, LOGIN_FAILURE: FEW, AUDIT_LOG: SOME},
}
LONG: Final = pytest.param(MANY, id="all tables", marks=pytest.mark.long)


class Complete(MemoryBroker):
    """A broker whose log has what the outbox says it has, and goes on with it."""

    async def send(self, messages: Sequence[Message]) -> list[Mark]:
        marks = await super().send(messages)
        return [replace(mark, incarnation=INCARNATION) for mark in marks]

    async def holds(self, topic: str, mark: Mark, event_id: UUID) -> bool:  # noqa: ARG002
        return True


@pytest.mark.parametrize("least", [pytest.param(FEW, id="usual"), LONG])
@pytest.mark.parametrize("name", FULL)
async def test_nothing_costs_more_after_a_million_purchases(
    name: str, least: int, migrated_url: Callable[..., str], sqlite_url: str
) -> None:
    async with AsyncExitStack() as stack:
        payment = await stack.enter_async_context(open_fake_payment(opens))
        service = built(name, migrated_url(f"roadbike.{name}"), sqlite_url, payment.url)
        stack.push_async_callback(service.db.close)
        for resource in service.resources:
            await stack.enter_async_context(resource)
        explained = Explained()
        explained.listen(service.db)
        for table, rows in FULL[name].items():
            await fill(service.db, table, max(rows, least))
        explained.is_on = True
        client = await stack.enter_async_context(http_client(service))
        use = Usage(service, client)
        await EVERY_ROUTE[name](use)
        await work(service, Complete(MemoryLog()))

    slow = {statement: rows for statement, rows in explained.rows.items() if rows > MOST_ROWS}
    assert slow == {}
    assert len(explained.rows) >= LEAST_STATEMENTS
    assert use.used == names(service)


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
