"""The delivery service on one page."""

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
from roadbike.contracts.shop import day_bounds
from roadbike.delivery.accounts import HttpAccounts
from roadbike.delivery.api import DeliveryApi
from roadbike.delivery.lists_api import DeliveryLists
from roadbike.delivery.use_cases import follow_purchase, prefetch
from roadbike.kit.db import Database
from roadbike.kit.process.internal_tokens import service_tokens
from roadbike.kit.process.service import Service, whenever
from roadbike.kit.process.settings import ServiceSettings
from roadbike.kit.process.tls import client_tls
from roadbike.kit.web.audit_log import AuditLogApi


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """The settings of every service; delivery adds none."""


def build(settings: Settings) -> Service:
    db = Database(settings.database_url.reveal())
    tokens = service_tokens("delivery", settings)
    accounts = HttpAccounts(settings.account_url, tokens, client_tls(settings))
    return Service(
        name="delivery",
        settings=settings,
        db=db,
        routes=[
            *DeliveryApi(db, accounts).routes(),
            *DeliveryLists(db).routes(),
            *AuditLogApi(db, "/deliveries/audit", day_bounds).routes(),
        ],
        policies=[
            whenever(ReservationRegistered, follow_purchase),
            whenever(PaymentApproved, follow_purchase),
            whenever(StockAllocated, follow_purchase),
            whenever(ReservationCancelled, follow_purchase),
            whenever(PaymentCancelled, follow_purchase),
        ],
        prefetch=prefetch,
        publishes=(
            DeliveryPrepared,
            DeliveryStarted,
            DeliveryCompleted,
            DeliveryCancelled,
            DeliveryRecalled,
            DeliveryReturned,
        ),
        resources=[accounts],
    )
