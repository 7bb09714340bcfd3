"""The reservation service on one page."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Final, Literal

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
from roadbike.contracts.shop import DEFAULT_STORE, day_bounds
from roadbike.contracts.types import Name
from roadbike.kit.crash import crash_points
from roadbike.kit.db import Database
from roadbike.kit.metrics import show_places
from roadbike.kit.process.internal_tokens import service_tokens
from roadbike.kit.process.service import Service, every, whenever, whenever_with_message
from roadbike.kit.process.setting_faults import SettingFault, fault
from roadbike.kit.process.settings import Limit, ServiceSettings
from roadbike.kit.process.tls import client_tls
from roadbike.kit.resilience.breaker import breaker
from roadbike.kit.resilience.limiter import Limiter
from roadbike.kit.resilience.throughput import Throughput
from roadbike.kit.urls import service_urls
from roadbike.kit.web.audit_log import AuditLogApi
from roadbike.reservation import store
from roadbike.reservation.api import ReservationApi, render
from roadbike.reservation.lists_api import ReservationLists
from roadbike.reservation.payments import DEADLINE_MS, HttpPayments
from roadbike.reservation.use_cases.delete_keys import delete_old_keys
from roadbike.reservation.use_cases.desk import ReservationDesk
from roadbike.reservation.use_cases.follow import (
    copy_bike,
    follow_purchase,
    follow_stock,
    prefetch,
)
from roadbike.reservation.use_cases.resolve import resolve_pending
from roadbike.reservation.use_cases.steps import Terms

MAX_OPEN_RESERVATIONS: Final = 5  # in production
IN_FLIGHT_TO_QUEUE: Final = 8  # for replays that turn out to be none, and wait 40 ms for a place
UNLIMITED: Final = 1_000_000
LIMIT_SECONDS: Final = 0.9 * DEADLINE_MS / 1000  # the rest is for what is before and after


class Settings(ServiceSettings, frozen=True, kw_only=True):
    payment_url: Annotated[
        str,
        Meta(
            description="The payment service, which is called to open a payment; its replicas "
            "separated by commas, if nothing stands in front of them."
        ),
    ]
    overbook: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000,
            description="Units of each bike that may be reserved beyond the known free ones.",
        ),
    ] = 0
    in_flight: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000,
            description="Reserve requests that are worked on at the same time at most; fewer while "
            "so many would not be finished in time. 0 is no limit.",
        ),
    ] = 100
    max_open_reservations: Annotated[
        Limit,
        Meta(
            description="Open reservations that one buyer may have: not cancelled, and the bike "
            "is still in the shop. 0 is off. By default 5 in production, else off."
        ),
    ] = None
    breaker: Annotated[
        Literal["on", "off"],
        Meta(
            description="Whether payment is left alone for a while when it fails. Not off in "
            "production."
        ),
    ] = "on"
    store_name: Annotated[
        Name, Meta(description="Name of the shop, as `reserveStore` of a reservation.")
    ] = msgspec.field(default=DEFAULT_STORE, name="G_STORE")

    FORMS: ClassVar = {**ServiceSettings.FORMS, "payment_url": service_urls}

    def conflicts(self) -> Iterator[SettingFault]:
        """Yield what production does not allow."""
        yield from ServiceSettings.conflicts(self)
        if self.env == "production" and self.breaker == "off":
            yield fault("setting-not-in-production", name="ROADBIKE_BREAKER", value=self.breaker)


def build(settings: Settings) -> Service:
    db = Database(settings.database_url.reveal())
    tokens = service_tokens("reservation", settings)
    payments = HttpPayments(settings.payment_url.split(","), tokens, client_tls(settings))
    in_flight = settings.in_flight or UNLIMITED
    limiter = Limiter(in_flight, queue=in_flight // IN_FLIGHT_TO_QUEUE)
    show_places("reservations", lambda: limiter.in_flight, lambda: limiter.waiting)
    desk = ReservationDesk(
        db,
        payments,
        limiter=limiter,
        throughput=Throughput(LIMIT_SECONDS) if settings.in_flight else None,
        breaker=breaker("payment", deadline_ms=DEADLINE_MS, opens=settings.breaker == "on"),
        terms=_terms(settings),
        render=render,
        crash=crash_points(settings.crash),
    )
    return Service(
        name="reservation",
        settings=settings,
        db=db,
        routes=[
            *ReservationApi(db, desk).routes(),
            *ReservationLists(db).routes(),
            *AuditLogApi(db, "/reservations/audit", day_bounds).routes(),
        ],
        policies=[
            whenever_with_message(StockRegistered, copy_bike),
            whenever_with_message(StockChanged, copy_bike),
            whenever_with_message(StockRemoved, copy_bike),
            whenever_with_message(StockAllocated, follow_stock),
            whenever_with_message(StockShort, follow_stock),
            whenever_with_message(StockReleased, follow_stock),
            whenever(PaymentExpired, follow_purchase),
            whenever(PaymentCancelled, follow_purchase),
            whenever(DeliveryStarted, follow_purchase),
            whenever(DeliveryCompleted, follow_purchase),
            whenever(DeliveryReturned, follow_purchase),
        ],
        prefetch=prefetch,
        publishes=(ReservationRegistered, ReservationCancelled),
        timed=[
            every(seconds=1, do=resolve_pending),
            every(seconds=60, do=delete_old_keys),
        ],
        gauges={"pending": store.count_pending},
        breakers=[desk.breaker],
        limits={"inFlight": settings.in_flight, "openReservations": desk.terms.max_open},
        resources=[payments],
    )


def _terms(settings: Settings) -> Terms:
    return Terms(
        overbook=settings.overbook,
        store_name=settings.store_name,
        max_open=settings.limit(settings.max_open_reservations, MAX_OPEN_RESERVATIONS),
    )
