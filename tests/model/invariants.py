"""What must hold in the shop, at any moment and when it has settled."""

from collections.abc import Iterator
from typing import Final

from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.payment.domain.attempts import Outcome, Refund
from roadbike.stock.domain import State
from tests.model.shop_model import ShopState

ON_ITS_WAY: Final = {DeliveryStatus.PREPARING, DeliveryStatus.STARTED, DeliveryStatus.COMPLETED}
SHOWN_AS: Final = {
    State.UNSEEN: StockStatus.WAITING,
    State.HELD: StockStatus.ALLOCATED,
    State.SHIPPED: StockStatus.ALLOCATED,
    State.SHORT: StockStatus.SHORT,
    State.RELEASED: StockStatus.RELEASED,
    State.RETURNED: StockStatus.RELEASED,
}


def violations(shop: ShopState) -> Iterator[str]:
    """Return what is wrong at any moment."""
    stock, bike = shop.stock, shop.stock.bike
    if bike.free > max(units_in_the_shop(shop), 0):
        yield "a unit on sale that is not in the shop"
    if not 0 <= bike.held_quantity <= bike.stock_quantity:
        yield "more units held than there are"
    if bike.stock_quantity != stock.units + sum(entry.delta for entry in stock.ledger):
        yield "the stock is not the sum of its ledger"
    if shop.reservation.copy.unanswered < 0:
        yield "a unit became available to reserve twice"
    if is_reserved(shop) and shop.payment.payment.payment_status is None:
        yield "reserved without a payment"
    yield from _unpublished(shop)


def violations_when_settled(shop: ShopState) -> Iterator[str]:
    """Return what is wrong when nothing is on its way any more, and nothing is due."""
    yield from violations(shop)
    payment = shop.payment.payment
    paid = payment.payment_status is PaymentStatus.PAID
    if not is_settled(shop):
        yield "an attempt whose outcome or refund stays open"
    if shop.reservation.copy.unanswered:
        yield "a unit never became available to reserve again"
    if shop.payment.prices_held != paid:
        yield f"{shop.payment.prices_held} prices held, payment {_name(payment.payment_status)}"
    if shop.payment.ledger != shop.payment.provider_ledger:
        yield "our ledger is not the provider's"
    if shop.reservation.copy.free != shop.stock.bike.free:
        yield "the catalogue copy has another count of free units"
    yield from _when_cancelled(shop) if is_cancelled(shop) else _when_reserved(shop)


def _when_cancelled(shop: ShopState) -> Iterator[str]:
    payment, status = shop.payment.payment, shop.payment.payment.payment_status
    if status is None and not payment.cancel_asked:
        yield "cancelled, neither payment nor tombstone"
    if status not in {None, PaymentStatus.CANCELLED}:
        yield f"cancelled, payment {_name(status)}"
    if shop.delivery.status in ON_ITS_WAY:
        yield f"cancelled, delivery {_name(shop.delivery.status)}"
    if unit(shop) in {State.HELD, State.SHIPPED}:
        yield f"cancelled, unit {unit(shop)}"
    if shop.stock.bike.free != units_in_the_shop(shop):
        yield "cancelled, not every unit in the shop on sale"


def _when_reserved(shop: ShopState) -> Iterator[str]:
    status = shop.payment.payment.payment_status
    paid = status is PaymentStatus.PAID
    if not is_reserved(shop):
        yield "still pending"
    if status not in {PaymentStatus.DUE, PaymentStatus.PAID}:
        yield f"reserved, payment {_name(status)}"
    if unit(shop) not in {State.HELD, State.SHIPPED}:
        yield f"reserved, unit {unit(shop)}"
    if paid and shop.delivery.status not in ON_ITS_WAY:
        yield f"reserved and paid, delivery {_name(shop.delivery.status)}"
    if shop.delivery.status in ON_ITS_WAY and not paid:
        yield f"delivery {_name(shop.delivery.status)}, payment {_name(status)}"


def _unpublished(shop: ShopState) -> Iterator[str]:
    """Compare the projection of the published events with the state of each service."""
    pages = (
        shop.reservation.page,
        shop.payment.page,
        shop.stock.page,
        shop.delivery.page,
        shop.delivery.page,
    )
    for page, name, actual in zip(pages, SHOWN, actual_statuses(shop), strict=True):
        if getattr(page, name) != actual:
            yield f"{name} is {actual}, and the published events say {getattr(page, name)}"


SHOWN: Final = (
    "reservation_status",
    "payment_status",
    "stock_status",
    "delivery_status",
    "delivered_at",
)


def actual_statuses(shop: ShopState) -> tuple[object, ...]:
    """Return what my page has to show under the names in SHOWN."""
    status = shop.reservation.reservation.reservation_status
    return (
        None if status is ReservationStatus.PENDING else status,
        shop.payment.payment.payment_status,
        SHOWN_AS[unit(shop)],
        shop.delivery.status,
        shop.delivery.delivery.delivered_at if shop.delivery.delivery else None,
    )


def is_settled(shop: ShopState) -> bool:
    """Return whether the outcome of every attempt is known and no refund is owed."""
    return all(
        attempt.outcome is not Outcome.UNKNOWN and attempt.refund is not Refund.OWED
        for attempt in shop.payment.payment.attempts
    )


def is_cancelled(shop: ShopState) -> bool:
    return shop.reservation.reservation.reservation_status is ReservationStatus.CANCELLED


def is_reserved(shop: ShopState) -> bool:
    return shop.reservation.reservation.reservation_status is ReservationStatus.RESERVED


def units_in_the_shop(shop: ShopState) -> int:
    return shop.stock.units - shop.delivery.bike_is_outside


def unit(shop: ShopState) -> State:
    return shop.stock.allocation.state if shop.stock.allocation else State.UNSEEN


def _name(status: PaymentStatus | DeliveryStatus | ReservationStatus | None) -> str:
    return "none" if status is None else status.name
