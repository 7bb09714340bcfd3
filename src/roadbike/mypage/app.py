"""The my page service on one page."""

from typing import get_args

from roadbike.contracts.events import AnyPurchaseEvent
from roadbike.contracts.shop import day_bounds
from roadbike.kit.db import Database
from roadbike.kit.process.service import Service, whenever_with_message
from roadbike.kit.process.settings import ServiceSettings
from roadbike.kit.web.audit_log import AuditLogApi
from roadbike.mypage.api import MyPageApi
from roadbike.mypage.changes_api import ChangesApi
from roadbike.mypage.use_cases import follow_purchase, prefetch


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """The settings of every service; my page adds none."""


def build(settings: Settings) -> Service:
    db = Database(settings.database_url.reveal())
    return Service(
        name="mypage",
        settings=settings,
        db=db,
        routes=[
            *MyPageApi(db).routes(),
            *ChangesApi(db).routes(),
            *AuditLogApi(db, "/myPages/audit", day_bounds).routes(),
        ],
        policies=[
            whenever_with_message(event, follow_purchase) for event in get_args(AnyPurchaseEvent)
        ],
        prefetch=prefetch,
    )
