"""The delivery service on one page."""

from collections.abc import Sequence
from typing import cast

from roadbike.contracts.events import (
    DeliveryCancelled,
    DeliveryCompleted,
    DeliveryPrepared,
    DeliveryRecalled,
    DeliveryReturned,
    DeliveryStarted,
    PaymentApproved,
    PaymentCancelled,
    ReservationCancelled,
    ReservationRegistered,
    StockAllocated,
)
from roadbike.delivery.api import DeliveryApi
from roadbike.delivery.domain import Cause
from roadbike.delivery.use_cases import follow_purchase, lock_purchases
from roadbike.kit.db import Database, Tx
from roadbike.kit.process.service import Service, whenever
from roadbike.kit.process.settings import ServiceSettings
from roadbike.kit.pure.events import Event


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """What every service is told, and nothing more."""


def build(settings: Settings) -> Service:
    db = Database(settings.database_url.reveal())
    return Service(
        name="delivery",
        settings=settings,
        db=db,
        routes=DeliveryApi(db).routes(),
        policies=[
            whenever(ReservationRegistered, follow_purchase),
            whenever(PaymentApproved, follow_purchase),
            whenever(StockAllocated, follow_purchase),
            whenever(ReservationCancelled, follow_purchase),
            whenever(PaymentCancelled, follow_purchase),
        ],
        prefetch=_prefetch,
        publishes=(
            DeliveryPrepared,
            DeliveryStarted,
            DeliveryCompleted,
            DeliveryCancelled,
            DeliveryRecalled,
            DeliveryReturned,
        ),
    )


async def _prefetch(tx: Tx, events: Sequence[Event]) -> None:
    await lock_purchases(tx, cast("Sequence[Cause]", events))
