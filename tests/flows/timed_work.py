"""For each timed work of the shop: three pieces of work that are due, and what locks the first."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import Table

from roadbike.account.store import LOGIN_FAILURE, SESSION
from roadbike.kit.db import Database
from roadbike.kit.messaging.inbox import INBOX
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.messaging.parked import PARKED
from roadbike.kit.messaging.refused import REFUSED
from roadbike.payment.store import ATTEMPT, PAYMENT
from roadbike.reservation.store import BIKE as COPY
from roadbike.reservation.store import KEY, RESERVATION
from roadbike.stock.store import BIKE
from roadbike.storefront.store import DRAFT, UPLOAD

PIECES: Final = 3


@dataclass(frozen=True)
class Work:
    """Pieces of timed work.

    tables: get PIECES rows each. due: makes all of them due. left: finds the keys of what is still
    to do. locks: each one keeps the piece with that key for another transaction.
    """

    service: str
    job: str
    tables: tuple[Table, ...]
    due: tuple[str, ...]
    left: str
    locks: tuple[str, ...]

    @property
    def is_saved(self) -> bool:
        """Whether the work counts in its rows how often it saved them."""
        return "row_version" in self.tables[0].columns

    def __str__(self) -> str:
        return f"{self.service} {self.job} {self.tables[0].name}"


def set_all(table: Table, *values: str) -> str:
    """Return the SQL that gives all rows of the table these values."""
    return f"UPDATE {table.name} SET {', '.join(values)}"  # noqa: S608  our own names


def lock(table: Table, key: str) -> str:
    return f"SELECT 1 FROM {table.name} WHERE {key} = :key FOR UPDATE"  # noqa: S608


def find(table: Table, key: str, condition: str) -> str:
    return f"SELECT {key} FROM {table.name} WHERE {condition}"  # noqa: S608


def deletes(service: str, job: str, table: Table, key: str, age: str) -> Work:
    """Return work that deletes old rows; `age` is the column that says so."""
    old = set_all(table, f"{age} = now() - interval '30 days'")
    return Work(service, job, (table,), (old,), find(table, key, "true"), (lock(table, key),))


OPEN: Final = (
    "payment_id = reservation_id",
    "cancel_asked = false",
    "expired = false",
    "captured_by = NULL",
)
JUST_NOW: Final = "now() - interval '1 second'"
OF_PAYMENT: Final = lock(PAYMENT, "reservation_id")
NUMBER: Final = "('x' || right(reservation_id::text, 8))::bit(32)::int"
ITS_BIKE: Final = "bike_id = (SELECT bike_id FROM reservation WHERE reservation_id = :key)"
WITHOUT_TEXT: Final = "bike_id NOT IN (SELECT bike_id FROM bike_text)"


def asks(job: str, status: str, outcome: str, refund: str, left: str) -> Work:
    """Return work that asks the provider: attempts and payments have the same number."""
    attempt = f"outcome = '{outcome}'", f"refund = '{refund}'"
    return Work(
        "payment",
        job,
        (PAYMENT, ATTEMPT),
        (
            set_all(PAYMENT, *OPEN, f"payment_status = '{status}'"),
            set_all(ATTEMPT, *attempt, "unanswered = 0", f"check_at = {JUST_NOW}"),
        ),
        find(ATTEMPT, "attempt_id", left),
        (OF_PAYMENT, lock(ATTEMPT, "attempt_id")),
    )


ALL: Final = (
    deletes("stock", "delete_old_rows", OUTBOX, "seq", "sent_at"),
    deletes("stock", "delete_old_rows", INBOX, "event_id", "received_at"),
    deletes("stock", "delete_old_rows", REFUSED, "topic", "last_at"),
    Work(
        "stock",
        "release",
        (PARKED,),
        (set_all(PARKED, "state = 'kept'", "type = 'bike.DeliveryStarted.v1'"),),
        find(PARKED, "seq", "state = 'kept'"),
        (lock(PARKED, "seq"),),
    ),
    Work(
        "stock",
        "refresh_texts",
        (BIKE,),
        (),
        find(BIKE, "bike_id", WITHOUT_TEXT),
        (lock(BIKE, "bike_id"),),
    ),
    deletes("account", "delete_old_failures", LOGIN_FAILURE, "id", "failed_at"),
    deletes("account", "delete_ended_sessions", SESSION, "id_hash", "used_at"),
    deletes("storefront", "delete_old", DRAFT, "draft_id", "created_at"),
    deletes("storefront", "delete_old_uploads", UPLOAD, "upload_id", "created_at"),
    deletes("reservation", "delete_old_keys", KEY, "key", "created_at"),
    Work(
        "reservation",
        "resolve_pending",
        (RESERVATION, COPY),
        (
            set_all(
                RESERVATION,
                "reservation_status = '접수중'",
                "registered = false",
                "answered = false",
                "reserved_at = now() - interval '1 hour'",
                f"bike_id = -({NUMBER})",
            ),
        ),
        find(RESERVATION, "reservation_id", "reservation_status = '접수중'"),
        (
            lock(RESERVATION, "reservation_id"),
            f"SELECT 1 FROM bike WHERE {ITS_BIKE} FOR UPDATE",  # noqa: S608
        ),
    ),
    asks("finish_unknown", "결제확인중", "unknown", "none", "outcome = 'unknown'"),
    asks("refund_owed", "환불중", "captured", "owed", "refund = 'owed'"),
    asks("look_for_refunds", "결제완료", "captured", "none", "check_at < now()"),
    Work(
        "payment",
        "look",
        (PAYMENT, ATTEMPT),
        (
            set_all(
                PAYMENT, *OPEN, "payment_status = '결제예정'", "looks = 0", f"look_at = {JUST_NOW}"
            ),
            set_all(ATTEMPT, "check_at = NULL", "outcome = 'not-captured'", "refund = 'none'"),
        ),
        find(PAYMENT, "reservation_id", "look_at < now()"),
        (OF_PAYMENT,),
    ),
    Work(
        "payment",
        "expire_unpaid",
        (PAYMENT,),
        (
            set_all(
                PAYMENT,
                *OPEN,
                "payment_status = '결제예정'",
                "attempted = false",
                "opened_at = now() - interval '1 day'",
            ),
        ),
        find(PAYMENT, "reservation_id", "payment_status = '결제예정'"),
        (OF_PAYMENT,),
    ),
)
ELSEWHERE: Final = {  # what a parked message locks depends on its use case
    "retry_parked": "tests/kit/test_hung_replica.py",
}


def name_of(do: Callable[[Database], Awaitable[None]]) -> str:
    plain: Any = do.func if isinstance(do, partial) else do
    return str(plain.__name__)
