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
from roadbike.kit.db import Database
from roadbike.kit.process.service import Service, whenever
from roadbike.kit.process.settings import ServiceSettings
from roadbike.stock.api import StockApi
from roadbike.stock.use_cases import (
    answer_claim,
    free_unit,
    lock_batch,
    note_cancel,
    ship_unit,
    take_back_unit,
)


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """Stock needs nothing beyond what every service is told."""


def build(settings: Settings) -> Service:
    db = Database(settings.database_url.reveal())
    return Service(
        name="stock",
        settings=settings,
        db=db,
        routes=StockApi(db).routes(),
        policies=[
            whenever(ReservationRegistered, answer_claim),
            whenever(ReservationCancelled, note_cancel),
            whenever(DeliveryCancelled, free_unit),
            whenever(DeliveryStarted, ship_unit),
            whenever(DeliveryReturned, take_back_unit),
        ],
        prefetch=lock_batch,
        publishes=(
            *(StockRegistered, StockChanged, StockRemoved),
            *(StockAllocated, StockShort, StockReleased),
        ),
    )
