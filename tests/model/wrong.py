"""What must never be so, at any moment and when the shop has come to rest."""

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
from tests.model.shop import World

ON_ITS_WAY: Final = {DeliveryStatus.PREPARING, DeliveryStatus.STARTED, DeliveryStatus.COMPLETED}
SHOWN_AS: Final = {
    State.UNSEEN: StockStatus.WAITING,
    State.HELD: StockStatus.ALLOCATED,
    State.SHIPPED: StockStatus.ALLOCATED,
    State.SHORT: StockStatus.SHORT,
    State.RELEASED: StockStatus.RELEASED,
    State.RETURNED: StockStatus.RELEASED,
}


def wrong_now(world: World) -> Iterator[str]:
    """At any moment."""
    stock, bike = world.stock, world.stock.bike
    if bike.free > max(units_in_the_shop(world), 0):
        yield "a unit on sale that is not in the shop"
    if not 0 <= bike.held_quantity <= bike.stock_quantity:
        yield "more units held than there are"
    if bike.stock_quantity != stock.units + sum(entry.delta for entry in stock.ledger):
        yield "the stock is not the sum of its ledger"
    if world.reservation.copy.unanswered < 0:
        yield "an allowance given back twice"
    if is_reserved(world) and world.payment.payment.payment_status is None:
        yield "reserved without a payment"
    yield from _untold(world)


def wrong_at_rest(world: World) -> Iterator[str]:
    """Nothing is on its way any more, and nothing due."""
    yield from wrong_now(world)
    payment = world.payment.payment
    paid = payment.payment_status is PaymentStatus.PAID
    if not is_settled(world):
        yield "money on its way for ever"
    if world.reservation.copy.unanswered:
        yield "an allowance never given back"
    if world.payment.held_money != paid:
        yield f"{world.payment.held_money} prices held, payment {_name(payment.payment_status)}"
    if world.payment.ledger != world.payment.true_ledger:
        yield "our ledger is not the provider's"
    if world.reservation.copy.free != world.stock.bike.free:
        yield "the copy of the catalogue has another count of free units"
    yield from _wrong_cancelled(world) if is_cancelled(world) else _wrong_reserved(world)


def _wrong_cancelled(world: World) -> Iterator[str]:
    payment, status = world.payment.payment, world.payment.payment.payment_status
    if status is None and not payment.cancel_asked:
        yield "cancelled, neither payment nor tombstone"
    if status not in {None, PaymentStatus.CANCELLED}:
        yield f"cancelled, payment {_name(status)}"
    if world.delivery.status in ON_ITS_WAY:
        yield f"cancelled, delivery {_name(world.delivery.status)}"
    if unit(world) in {State.HELD, State.SHIPPED}:
        yield f"cancelled, unit {unit(world)}"
    if world.stock.bike.free != units_in_the_shop(world):
        yield "cancelled, not every unit in the shop on sale"


def _wrong_reserved(world: World) -> Iterator[str]:
    status = world.payment.payment.payment_status
    paid = status is PaymentStatus.PAID
    if not is_reserved(world):
        yield "still an intent"
    if status not in {PaymentStatus.DUE, PaymentStatus.PAID}:
        yield f"reserved, payment {_name(status)}"
    if unit(world) not in {State.HELD, State.SHIPPED}:
        yield f"reserved, unit {unit(world)}"
    if paid and world.delivery.status not in ON_ITS_WAY:
        yield f"reserved and paid, delivery {_name(world.delivery.status)}"
    if world.delivery.status in ON_ITS_WAY and not paid:
        yield f"delivery {_name(world.delivery.status)}, payment {_name(status)}"


def _untold(world: World) -> Iterator[str]:
    """What was told, as my page shows it, against what is so."""
    pages = (
        world.reservation.page,
        world.payment.page,
        world.stock.page,
        world.delivery.page,
        world.delivery.page,
    )
    for page, name, so in zip(pages, SHOWN, as_it_is(world), strict=True):
        if getattr(page, name) != so:
            yield f"{name} is {so}, and my page was told {getattr(page, name)}"


SHOWN: Final = (
    "reservation_status",
    "payment_status",
    "stock_status",
    "delivery_status",
    "delivered_at",
)


def as_it_is(world: World) -> tuple[object, ...]:
    """What my page has to show under those names."""
    status = world.reservation.reservation.reservation_status
    return (
        None if status is ReservationStatus.PENDING else status,
        world.payment.payment.payment_status,
        SHOWN_AS[unit(world)],
        world.delivery.status,
        world.delivery.delivery.delivered_at if world.delivery.delivery else None,
    )


def is_settled(world: World) -> bool:
    """The provider has said of every attempt what became of it, and gives nothing back any more."""
    return all(
        one.outcome is not Outcome.UNKNOWN and one.refund is not Refund.OWED
        for one in world.payment.payment.attempts
    )


def is_cancelled(world: World) -> bool:
    return world.reservation.reservation.reservation_status is ReservationStatus.CANCELLED


def is_reserved(world: World) -> bool:
    return world.reservation.reservation.reservation_status is ReservationStatus.RESERVED


def units_in_the_shop(world: World) -> int:
    return world.stock.units - world.delivery.bike_is_outside


def unit(world: World) -> State:
    return world.stock.allocation.state if world.stock.allocation else State.UNSEEN


def _name(status: PaymentStatus | DeliveryStatus | ReservationStatus | None) -> str:
    return "none" if status is None else status.name
