"""The model of delivery: its row, and where the bike is."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Final

from roadbike.contracts.statuses import DeliveryStatus
from roadbike.delivery import app
from roadbike.delivery.domain import Delivery
from roadbike.delivery.use_cases import Change, change_delivery
from roadbike.mypage.domain import Purchase
from tests.model.in_memory_tx import URL, InMemoryTx, Rows
from tests.model.service_model import (
    BLANK_PAGE,
    DELIVERY_ID,
    RESERVATION_ID,
    Action,
    ServiceModel,
    UseCase,
)
from tests.service_harness import settings

DELIVERY_KEY: Final = ("delivery", RESERVATION_ID)
OUTSIDE: Final = {DeliveryStatus.STARTED, DeliveryStatus.COMPLETED, DeliveryStatus.RECALLING}


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """The delivery of the purchase; None before the first event about it."""

    delivery: Delivery | None = None
    page: Purchase = BLANK_PAGE

    def rows(self) -> Rows:
        return {DELIVERY_KEY: self.delivery}

    def after(self, tx: InMemoryTx) -> "DeliveryState":
        delivery = tx.loaded[DELIVERY_KEY]
        fixed = delivery and replace(delivery, delivery_id=DELIVERY_ID, row_version=0)
        return replace(self, delivery=fixed)

    @property
    def status(self) -> DeliveryStatus | None:
        return self.delivery.delivery_status if self.delivery else None

    @property
    def bike_is_outside(self) -> bool:
        return self.status in OUTSIDE


DeliveryModel = ServiceModel[DeliveryState]


@cache
def delivery_model(*, recalls: bool) -> DeliveryModel:
    """recalls: staff may recall a delivery that has left although nothing was cancelled."""
    service = app.build(app.Settings(**settings("delivery", URL)))
    return ServiceModel(
        name="delivery",
        state=DeliveryState(),
        policies=service.policies,
        actions=partial(_actions, recalls=recalls),
    )


def _actions(state: DeliveryState, *, recalls: bool) -> Iterator[Action[DeliveryState]]:
    if state.status is None:
        return  # not served yet: staff cannot see it
    yield Action("staff start", state, _to(DeliveryStatus.STARTED))
    yield Action("staff complete", state, _to(DeliveryStatus.COMPLETED))
    if recalls:
        yield Action("staff recall", state, _to(DeliveryStatus.RECALLING))
    yield Action("the bike is back", state, _to(DeliveryStatus.RETURNED), due=True)


def _to(status: DeliveryStatus) -> UseCase:
    return lambda tx: change_delivery(tx, DELIVERY_ID, Change(to=status, by="staff"))
