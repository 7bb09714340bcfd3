"""The reservation service on one page."""

from typing import Annotated

import msgspec
from msgspec import Meta

from roadbike.contracts.events import (
    DeliveryCompleted,
    DeliveryReturned,
    DeliveryStarted,
    PaymentCancelled,
    PaymentExpired,
    ReservationCancelled,
    ReservationRegistered,
    StockAllocated,
    StockChanged,
    StockRegistered,
    StockReleased,
    StockRemoved,
    StockShort,
)
from roadbike.contracts.shop import DEFAULT_STORE
from roadbike.kit.auth import ServiceTokens
from roadbike.kit.crash import crash_points
from roadbike.kit.db import Database
from roadbike.kit.process.service import Service, every, whenever, whenever_with_message
from roadbike.kit.process.settings import ServiceSettings
from roadbike.kit.resilience.breaker import breaker
from roadbike.kit.resilience.limiter import Limiter
from roadbike.reservation import store
from roadbike.reservation.api import ReservationApi, render
from roadbike.reservation.payments import HttpPayments
from roadbike.reservation.use_cases.cancel import (
    bike_returned,
    forget_old_keys,
    payment_cancelled,
    payment_expired,
    resolve_intents,
)
from roadbike.reservation.use_cases.hear import (
    bike_delivered,
    bike_shipped,
    copy_bike,
    prefetch,
    stock_answered,
)
from roadbike.reservation.use_cases.reserve import DEADLINE_MS, Desk, Terms


class Settings(ServiceSettings, frozen=True, kw_only=True):
    payment_url: str
    overbook: Annotated[int, Meta(ge=0, le=1_000_000)] = 0  # units sold beyond what is known free
    in_flight: Annotated[int, Meta(ge=1, le=10_000)] = 200  # reservations worked on at a time
    store_name: str = msgspec.field(default=DEFAULT_STORE, name="G_STORE")


def build(settings: Settings) -> Service:
    db = Database(settings.database_url.reveal())
    tokens = ServiceTokens("reservation", settings.service_key.reveal(), settings.caller_keys)
    payments = HttpPayments(settings.payment_url, tokens)
    desk = Desk(
        db,
        payments,
        limiter=Limiter(settings.in_flight),
        breaker=breaker("payment", deadline_ms=DEADLINE_MS),
        terms=Terms(overbook=settings.overbook, store_name=settings.store_name),
        render=render,
        crash=crash_points(settings.crash),
    )
    return Service(
        name="reservation",
        settings=settings,
        db=db,
        routes=ReservationApi(db, desk).routes(),
        policies=[
            whenever_with_message(StockRegistered, copy_bike),
            whenever_with_message(StockChanged, copy_bike),
            whenever_with_message(StockRemoved, copy_bike),
            whenever_with_message(StockAllocated, stock_answered),
            whenever_with_message(StockShort, stock_answered),
            whenever_with_message(StockReleased, stock_answered),
            whenever(PaymentExpired, payment_expired),
            whenever(PaymentCancelled, payment_cancelled),
            whenever(DeliveryStarted, bike_shipped),
            whenever(DeliveryCompleted, bike_delivered),
            whenever(DeliveryReturned, bike_returned),
        ],
        prefetch=prefetch,
        publishes=(ReservationRegistered, ReservationCancelled),
        timed=[
            every(seconds=1, do=resolve_intents),
            every(seconds=60, do=forget_old_keys),
        ],
        gauges={"pending": store.count_pending},
        resources=[payments],
    )
