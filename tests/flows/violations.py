"""One violation of each invariant, planted into the databases of a shop that has none."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select, update

from roadbike.account.store import SESSION
from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.delivery.store import DELIVERY
from roadbike.kit.messaging.inbox import INBOX
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.messaging.parked import PARKED, ParkedState
from roadbike.mypage.store import PURCHASE
from roadbike.ops.journal import Line
from roadbike.payment.store import MONEY, PAYMENT
from roadbike.reservation.store import KEY, RESERVATION
from roadbike.stock.domain import State
from roadbike.stock.store import ALLOCATION, BIKE
from tests.flows.audited import Audited

Plant = Callable[[Audited], Awaitable[str]]  # returns the key that the audit has to name


def changed(service: str, table: Any, story: str, **values: object) -> Plant:
    """Return what changes one row of that story."""

    async def plant(audited: Audited) -> str:
        reserve_id = audited.sold[story]
        mine = table.c.reservation_id == UUID(reserve_id)
        await audited.execute(service, update(table).where(mine).values(**values))
        return reserve_id

    return plant


def gone(service: str, table: Any, story: str) -> Plant:
    """Return what deletes the row of that story."""

    async def plant(audited: Audited) -> str:
        reserve_id = audited.sold[story]
        await audited.execute(service, delete(table).where(_of(table, reserve_id)))
        return reserve_id

    return plant


def twice(service: str, table: Any, story: str, key: str = "reservation_id") -> Plant:
    """Return what inserts the row of that story once more."""

    async def plant(audited: Audited) -> str:
        mine = _of(table, audited.sold[story])
        names = [column.name for column in table.columns]
        row = select(table).where(mine)
        await audited.execute(service, insert(table).from_select(names, row))
        return str(await audited.first(service, select(table.c[key]).where(mine)))

    return plant


def _of(table: Any, reserve_id: str) -> Any:
    return table.c.reservation_id == UUID(reserve_id)


async def no_reservation(audited: Audited) -> str:
    return await gone("reservation", RESERVATION, "paid")(audited)


async def long_pending(audited: Audited) -> str:
    old = datetime.now(UTC) - timedelta(minutes=2)
    plant = changed(
        *("reservation", RESERVATION, "due"),
        reservation_status=ReservationStatus.PENDING,
        reserved_at=old,
    )
    return await plant(audited)


async def no_refund(audited: Audited) -> str:
    mine = _of(MONEY, audited.sold["refunded"]) & (MONEY.c.kind == "refund")
    await audited.execute("payment", delete(MONEY).where(mine))
    return audited.sold["refunded"]


async def same_provider_id(audited: Audited) -> str:
    await audited.execute("payment", update(MONEY).values(provider_id="the-same"))
    return str(await audited.first("payment", select(MONEY.c.attempt_id)))


async def bike(audited: Audited, **values: object) -> str:
    mine = BIKE.c.bike_id == audited.bike_id
    await audited.execute("stock", update(BIKE).where(mine).values(**values))
    return str(audited.bike_id)


async def one_more_in_stock(audited: Audited) -> str:
    return await bike(audited, stock_quantity=BIKE.c.stock_quantity + 1)


async def more_held_than_there_are(audited: Audited) -> str:
    return await bike(audited, held_quantity=BIKE.c.stock_quantity + 1)


async def foreign_allocation(audited: Audited) -> str:
    unknown = uuid4()
    mine = _of(ALLOCATION, audited.sold["cancelled"])
    await audited.execute("stock", update(ALLOCATION).where(mine).values(reservation_id=unknown))
    return str(unknown)


async def an_event(audited: Audited, **values: object) -> str:
    """Change the event that says that the reservation `paid` was registered."""
    mine = (OUTBOX.c.key == audited.sold["paid"]) & (OUTBOX.c.version == 1)
    if values:
        await audited.execute("reservation", update(OUTBOX).where(mine).values(**values))
    return str(await audited.first("reservation", select(OUTBOX.c.event_id).where(mine)))


async def not_sent(audited: Audited) -> str:
    return await an_event(audited, sent_at=None)


async def lost_by_broker(audited: Audited) -> str:
    event_id = await an_event(audited)
    del audited.shop.log.topics["bike.reservation"].positions[UUID(event_id)]
    return event_id


async def not_applied(audited: Audited) -> str:
    event_id = await an_event(audited)
    mine = INBOX.c.event_id == UUID(event_id)
    await audited.execute("mypage", delete(INBOX).where(mine))
    return event_id


async def from_nobody(audited: Audited) -> str:
    unknown = uuid4()
    row = {"topic": "bike.stock", "event_id": unknown, "received_at": datetime.now(UTC)}
    await audited.execute("mypage", insert(INBOX).values(row))
    return str(unknown)


async def gap(audited: Audited) -> str:
    mine = (OUTBOX.c.key == audited.sold["cancelled"]) & (OUTBOX.c.version == 1)
    await audited.execute("reservation", update(OUTBOX).where(mine).values(version=7))
    return audited.sold["cancelled"]


async def dead_letter(audited: Audited) -> str:
    event_id = await an_event(audited)
    now = datetime.now(UTC)
    row = {
        "seq": 1,
        "event_id": UUID(event_id),
        "topic": "bike.reservation",
        "key": audited.sold["paid"],
        "type": "bike.ReservationRegistered.v1",
        "source": "reservation",
        "time": now,
        "data": b"{}",
        "state": ParkedState.DEAD,
        "attempts": 486,
        "retry_at": now,
        "error": "an error",
    }
    await audited.execute("delivery", insert(PARKED).values(row))
    return event_id


async def page_of_nothing(audited: Audited) -> str:
    unknown = uuid4()
    mine = _of(PURCHASE, audited.sold["short"])
    await audited.execute("mypage", update(PURCHASE).where(mine).values(reservation_id=unknown))
    return str(unknown)


async def acknowledged_and_gone(audited: Audited) -> str:
    unknown, now = str(uuid4()), datetime.now(UTC)
    line = Line(
        user_id="kim",
        method="POST",
        path="/reservations",
        began=now,
        ended=now,
        status=201,
        key="k",
        id=unknown,
    )
    audited.journal.append(line)
    return unknown


async def unfinished_key(audited: Audited) -> str:
    reserve_id = audited.sold["due"]
    mine = KEY.c.result_id == UUID(reserve_id)
    await audited.execute("reservation", update(KEY).where(mine).values(response=None))
    return reserve_id


async def session_of_nobody(audited: Audited) -> str:
    await audited.execute("account", update(SESSION).values(user_id="nobody"))
    return "nobody"


VIOLATIONS: Final[Mapping[str, Plant]] = {
    "R1": gone("payment", PAYMENT, "due"),
    "R2": no_reservation,
    "R3": twice("payment", PAYMENT, "due"),
    "R4": long_pending,
    "R5": changed("payment", PAYMENT, "due", price=1),
    "R6": changed("payment", PAYMENT, "cancelled", payment_status=PaymentStatus.DUE),
    "P1": no_refund,
    "P2": gone("payment", MONEY, "paid"),
    "P3": twice("payment", MONEY, "paid", "attempt_id"),
    "P4": same_provider_id,
    "D1": changed("delivery", DELIVERY, "paid", delivery_status=DeliveryStatus.CANCELLED),
    "D2": twice("delivery", DELIVERY, "paid"),
    "S1": one_more_in_stock,
    "S2": more_held_than_there_are,
    "S3": foreign_allocation,
    "S4": changed("stock", ALLOCATION, "paid", state=State.RELEASED),
    "E1": not_sent,
    "E2": lost_by_broker,
    "E3": not_applied,
    "E4": from_nobody,
    "E5": gap,
    "E6": dead_letter,
    "M1": changed("mypage", PURCHASE, "paid", stock_status=StockStatus.SHORT),
    "M2": page_of_nothing,
    "H1": acknowledged_and_gone,
    "H2": unfinished_key,
    "A1": changed("payment", PAYMENT, "due", user_id="lee"),
    "A2": session_of_nobody,
}
