"""The stock service on one page."""

from roadbike.contracts.events import (
    DeliveryCancelled,
    DeliveryReturned,
    DeliveryStarted,
    ReservationCancelled,
    ReservationRegistered,
    StockAllocated,
    StockChanged,
    StockRegistered,
    StockReleased,
    StockRemoved,
    StockShort,
)
from roadbike.contracts.shop import day_bounds
from roadbike.kit.db import Database
from roadbike.kit.process.service import Service, every, whenever
from roadbike.kit.process.settings import ServiceSettings
from roadbike.kit.web.audit_log import AuditLogApi
from roadbike.stock.api import StockApi
from roadbike.stock.behind import count_unanswered
from roadbike.stock.lists_api import StockLists
from roadbike.stock.use_cases import CATCH_UP, follow_purchase, prefetch, refresh_texts


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """The settings of every service; stock adds none."""


def build(settings: Settings) -> Service:
    db = Database(settings.database_url.reveal())
    return Service(
        name="stock",
        settings=settings,
        db=db,
        routes=[
            *StockApi(db).routes(),
            *StockLists(db).routes(),
            *AuditLogApi(db, "/stocks/audit", day_bounds).routes(),
        ],
        policies=[
            whenever(ReservationRegistered, follow_purchase),
            whenever(ReservationCancelled, follow_purchase),
            whenever(DeliveryCancelled, follow_purchase),
            whenever(DeliveryStarted, follow_purchase),
            whenever(DeliveryReturned, follow_purchase),
        ],
        prefetch=prefetch,
        catch_up=CATCH_UP,
        gauges={"unanswered": count_unanswered},
        timed=[every(seconds=60, do=refresh_texts)],
        publishes=(
            StockRegistered,
            StockChanged,
            StockRemoved,
            StockAllocated,
            StockShort,
            StockReleased,
        ),
    )
