"""Delivery on paper: its row, and where the bike really is."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Final

from roadbike.contracts.statuses import DeliveryStatus
from roadbike.delivery import app
from roadbike.delivery.domain import Delivery
from roadbike.delivery.use_cases import Move, move_delivery
from roadbike.mypage.domain import Purchase
from tests.at_work import settings
from tests.model.house import BLANK_PAGE, DELIVERY_ID, RESERVATION_ID, House, UseCase
from tests.model.house import Move as HouseMove
from tests.model.paper import URL, PaperTx, Rows

AT: Final = ("delivery", RESERVATION_ID)
OUTSIDE: Final = {DeliveryStatus.STARTED, DeliveryStatus.COMPLETED, DeliveryStatus.RECALLING}


@dataclass(frozen=True, slots=True)
class DeliveryBooks:
    """The delivery of the purchase, once anything was heard of it."""

    delivery: Delivery | None = None
    page: Purchase = BLANK_PAGE

    def rows(self) -> Rows:
        return {AT: self.delivery}

    def after(self, tx: PaperTx) -> "DeliveryBooks":
        delivery = tx.loaded[AT]
        plain = delivery and replace(delivery, delivery_id=DELIVERY_ID, row_version=0)
        return replace(self, delivery=plain)

    @property
    def status(self) -> DeliveryStatus | None:
        return self.delivery.delivery_status if self.delivery else None

    @property
    def bike_is_outside(self) -> bool:
        return self.status in OUTSIDE


DeliveryHouse = House[DeliveryBooks]


@cache
def delivery(*, recalls: bool) -> DeliveryHouse:
    """recalls: staff may call back what has left without being cancelled."""
    service = app.build(app.Settings(**settings("delivery", URL)))
    return House(
        name="delivery",
        books=DeliveryBooks(),
        policies=service.policies,
        moves=partial(_moves, recalls=recalls),
    )


def _moves(books: DeliveryBooks, *, recalls: bool) -> Iterator[HouseMove[DeliveryBooks]]:
    if books.status is None:
        return  # not served yet: staff see nothing to move
    yield HouseMove("staff start", books, _to(DeliveryStatus.STARTED))
    yield HouseMove("staff complete", books, _to(DeliveryStatus.COMPLETED))
    if recalls:
        yield HouseMove("staff recall", books, _to(DeliveryStatus.RECALLING))
    yield HouseMove("the bike is back", books, _to(DeliveryStatus.RETURNED), due=True)


def _to(status: DeliveryStatus) -> UseCase:
    return lambda tx: move_delivery(tx, DELIVERY_ID, Move(to=status))
