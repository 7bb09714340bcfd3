"""The my page service on one page."""

from collections.abc import Sequence
from typing import cast, get_args

from roadbike.contracts.events import AnyPurchaseEvent
from roadbike.kit.db import Database, Tx
from roadbike.kit.process.service import Service, whenever_with_message
from roadbike.kit.process.settings import ServiceSettings
from roadbike.kit.pure.events import Event
from roadbike.mypage.api import MyPageApi
from roadbike.mypage.use_cases import follow_purchase, lock_purchases


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """What every service is told, and nothing more."""


def build(settings: Settings) -> Service:
    db = Database(settings.database_url.reveal())
    return Service(
        name="mypage",
        settings=settings,
        db=db,
        routes=MyPageApi(db).routes(),
        policies=[
            whenever_with_message(event, follow_purchase) for event in get_args(AnyPurchaseEvent)
        ],
        prefetch=_prefetch,
    )


async def _prefetch(tx: Tx, events: Sequence[Event]) -> None:
    await lock_purchases(tx, cast("Sequence[AnyPurchaseEvent]", events))
