"""What the audit copies of each service's database: the columns that the invariants need.

Names and addresses are copied as digests: they are compared, and never shown.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Column, ColumnElement, Table, literal, or_

from roadbike.account.store import ACCOUNT, SESSION
from roadbike.contracts.wire_names import wire_name
from roadbike.delivery.store import DELIVERY
from roadbike.kit.messaging.consumed import CONSUMED_TYPE
from roadbike.kit.messaging.inbox import INBOX
from roadbike.kit.messaging.outbox import EVENT_VERSION, OUTBOX
from roadbike.kit.messaging.parked import PARKED
from roadbike.kit.messaging.sent import OUTBOX_RETENTION
from roadbike.local.services import SERVICES
from roadbike.mypage.store import PURCHASE
from roadbike.payment.providers.simulated import JOURNAL
from roadbike.payment.store import ATTEMPT, MONEY, PAYMENT
from roadbike.reservation.store import KEY, RESERVATION
from roadbike.stock.store import ALLOCATION, BIKE, LEDGER

PROVIDER: Final = "provider"  # the simulated payment provider's own journal, as a database
YOUNG: Final = OUTBOX_RETENTION - timedelta(hours=1)  # age up to which all events are still kept
CONTACT: Final = ("phone", "zip_code", "address")

Condition = Callable[[datetime], ColumnElement[bool]]  # takes the time now


@dataclass(frozen=True, slots=True)
class Digest:
    """Several columns that are copied as one digest of their values."""

    columns: tuple[Column[Any], ...]


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Copy:
    """A table of the copy, and what is read for it from the database of one service.

    name: several services have the messaging tables, each with a Copy of the same name.
    columns: by their name in the copy. keys: which of them holds each kind of key, by which rows
    are read again. condition: which rows are read. decode: makes the copied values from a row of
    all columns.
    """

    name: str
    service: str
    columns: Mapping[str, ColumnElement[Any] | Digest]
    keys: Mapping[str, str] = field(default_factory=dict)
    condition: Condition | None = None
    decode: Callable[[Sequence[Any]], Sequence[Any]] | None = None

    @property
    def names(self) -> list[str]:
        """Return the names of the columns in the copy."""
        return list(self.columns)


class _Priced(msgspec.Struct, frozen=True, rename=wire_name):
    """What the audit reads in an event about a bike."""

    bike_id: int
    bike_version: int
    price: int


def _priced(row: Sequence[Any]) -> Sequence[Any]:
    event = msgspec.json.decode(row[0], type=_Priced)
    return event.bike_id, event.bike_version, event.price


def _columns(table: Table, *names: str, **others: ColumnElement[Any] | Digest) -> dict[str, Any]:
    return {name: table.c[name] for name in names} | others


def _digest(table: Table, *names: str) -> Digest:
    return Digest(tuple(table.c[name] for name in names))


OF_RESERVATION: Final = {"reservation": "reservation_id"}
OF_USER: Final = {"user": "user_id"}

PURCHASES: Final = (
    Copy(
        name="reservation",
        service="reservation",
        columns=_columns(
            RESERVATION,
            *("reservation_id", "user_id", "bike_id", "bike_name", "store_name", "reserved_at"),
            *("price", "bike_version", "registered"),
            status=RESERVATION.c.reservation_status,
            user_name=_digest(RESERVATION, "user_name"),
            contact=_digest(RESERVATION, *CONTACT),
        ),
        keys=OF_RESERVATION,
    ),
    Copy(
        name="idempotency",
        service="reservation",
        columns={
            "user_id": KEY.c.user_id,
            "key": KEY.c.key,
            "reservation_id": KEY.c.result_id,
            "response": Digest((KEY.c.response,)),
        },
        keys=OF_RESERVATION,
    ),
    Copy(
        name="payment",
        service="payment",
        columns=_columns(
            *(PAYMENT, "reservation_id", "payment_id", "user_id", "price"),
            status=PAYMENT.c.payment_status,
        ),
        keys=OF_RESERVATION,
    ),
    Copy(
        name="attempt",
        service="payment",
        columns=_columns(ATTEMPT, "attempt_id", "reservation_id", "outcome", "refund"),
        keys={"attempt": "attempt_id", **OF_RESERVATION},
    ),
    Copy(
        name="money",
        service="payment",
        columns=_columns(MONEY, "attempt_id", "kind", "reservation_id", "amount", "provider_id"),
        keys={"attempt": "attempt_id", **OF_RESERVATION},
    ),
    Copy(
        name="provider",
        service=PROVIDER,
        columns=_columns(JOURNAL, "attempt_id", "kind", "amount"),
        keys={"attempt": "attempt_id"},
    ),
    Copy(
        name="delivery",
        service="delivery",
        columns=_columns(
            *(DELIVERY, "reservation_id", "delivery_id", "payment_id", "user_id", "delivered_at"),
            status=DELIVERY.c.delivery_status,
        ),
        keys=OF_RESERVATION,
    ),
    Copy(
        name="allocation",
        service="stock",
        columns=_columns(ALLOCATION, "reservation_id", "bike_id", "state"),
        keys={"bike": "bike_id", **OF_RESERVATION},
    ),
    Copy(
        name="ledger",
        service="stock",
        columns=_columns(LEDGER, "reservation_id", "bike_id", "delta", "why"),
        keys={"bike": "bike_id", **OF_RESERVATION},
    ),
    Copy(
        name="bike",
        service="stock",
        columns=_columns(BIKE, "bike_id", "stock_quantity", "held_quantity"),
        keys={"bike": "bike_id"},
    ),
    Copy(
        name="bike_price",
        service="stock",
        columns={"bike_id": OUTBOX.c.data, "version": literal(0), "price": literal(0)},
        condition=lambda _: OUTBOX.c.kind == "bike",
        decode=_priced,
    ),
    Copy(
        name="page",
        service="mypage",
        columns=_columns(
            *(PURCHASE, "reservation_id", "registered", "bike_id", "bike_name", "user_id"),
            *("store_name", "reserved_at", "price", "payment_id", "payment_status"),
            *("delivery_id", "delivery_status", "delivered_at", "stock_status"),
            status=PURCHASE.c.reservation_status,
            user_name=_digest(PURCHASE, "user_name"),
            contact=_digest(PURCHASE, *CONTACT),
        ),
        keys=OF_RESERVATION,
    ),
    Copy(name="account", service="account", columns=_columns(ACCOUNT, "user_id"), keys=OF_USER),
    Copy(name="session", service="account", columns=_columns(SESSION, "user_id"), keys=OF_USER),
)


def _messaging(service: str) -> list[Copy]:
    """Return the tables that every service with events has; ids are kept longer than events."""
    of_service = literal(service)
    return [
        Copy(
            name="outbox",
            service=service,
            columns=_columns(
                *(OUTBOX, "event_id", "kind", "key", "version", "type", "topic", "sent_at"),
                *("incarnation", "position"),
                service=of_service,
            ),
            keys={"event": "event_id", "aggregate": "key"},
            condition=lambda now: or_(
                OUTBOX.c.sent_at.is_(None), OUTBOX.c.sent_at > now - OUTBOX_RETENTION
            ),
        ),
        Copy(
            name="counter",
            service=service,
            columns=_columns(EVENT_VERSION, "kind", "key", "version", service=of_service),
            keys={"aggregate": "key"},
        ),
        Copy(
            name="inbox",
            service=service,
            columns=_columns(INBOX, "event_id", "topic", "received_at", service=of_service),
            keys={"event": "event_id"},
            condition=lambda now: INBOX.c.received_at > now - OUTBOX_RETENTION,
        ),
        Copy(
            name="parked",
            service=service,
            columns=_columns(PARKED, "event_id", "topic", "state", service=of_service),
            keys={"event": "event_id"},
        ),
        Copy(
            name="subscription",
            service=service,
            columns=_columns(CONSUMED_TYPE, "type", service=of_service),
        ),
    ]


# in the order in which they are read: what a row needs elsewhere is mostly read after it
ORDER: Final = ("account", "mypage", "delivery", "stock", PROVIDER, "payment", "reservation")
COPIES: Final[tuple[Copy, ...]] = tuple(
    sorted(
        [
            *PURCHASES,
            *(
                copy
                for spec in SERVICES
                if spec.publishes or spec.consumes
                for copy in _messaging(spec.name)
                if spec.name in ORDER
            ),
        ],
        key=lambda copy: ORDER.index(copy.service),
    )
)
