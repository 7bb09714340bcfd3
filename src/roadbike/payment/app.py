"""The payment service on one page."""

from collections.abc import Sequence
from typing import Annotated, cast

from msgspec import Meta

from roadbike.contracts.events import (
    PaymentApproved,
    PaymentCancelled,
    PaymentConfirming,
    PaymentDeclined,
    PaymentExpired,
    PaymentOpened,
    PaymentRefunding,
    ReservationCancelled,
)
from roadbike.kit.db import Database, Tx
from roadbike.kit.events import Event
from roadbike.kit.service import Service, whenever
from roadbike.kit.settings import ServiceSettings
from roadbike.payment import store
from roadbike.payment.api import PaymentApi
from roadbike.payment.use_cases import cancel_payment

Milliseconds = Annotated[int, Meta(ge=0, le=60_000)]


class Settings(ServiceSettings, frozen=True, kw_only=True):
    open_delay_min_ms: Milliseconds = 0  # for demonstrations of the timeout and the breaker
    open_delay_max_ms: Milliseconds = 0


def build(settings: Settings) -> Service:
    db = Database(settings.database_url.reveal())
    api = PaymentApi(db, (settings.open_delay_min_ms, settings.open_delay_max_ms))
    return Service(
        name="payment",
        settings=settings,
        db=db,
        routes=api.routes(),
        policies=[whenever(ReservationCancelled, cancel_payment)],
        prefetch=_prefetch,
        tells=(
            PaymentOpened,
            PaymentConfirming,
            PaymentDeclined,
            PaymentApproved,
            PaymentRefunding,
            PaymentCancelled,
            PaymentExpired,
        ),
    )


async def _prefetch(tx: Tx, events: Sequence[Event]) -> None:
    heard = cast("Sequence[ReservationCancelled]", events)
    await store.lock_all(tx, [event.reservation_id for event in heard])
