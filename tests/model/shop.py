"""The four services of a purchase on paper, and what the world outside them may do."""

from dataclasses import dataclass
from typing import Any, Final

from tests.model.delivery import DeliveryBooks, DeliveryHouse, delivery
from tests.model.house import House
from tests.model.payment import Habits, PaymentBooks, PaymentHouse, payment
from tests.model.reservation import ReservationBooks, ReservationHouse, reservation
from tests.model.stock import StockBooks, StockHouse, stock

USUAL: Final = Habits()


@dataclass(frozen=True, slots=True)
class World:
    """The books of all services at one moment."""

    reservation: ReservationBooks
    payment: PaymentBooks
    stock: StockBooks
    delivery: DeliveryBooks


@dataclass(frozen=True, kw_only=True, slots=True)
class Shop:
    """retries: the buyer may ask again with the same key. repeats: letters may come again."""

    reservation: ReservationHouse
    payment: PaymentHouse
    stock: StockHouse
    delivery: DeliveryHouse
    retries: bool = False
    repeats: bool = False

    @property
    def houses(self) -> tuple[House[Any], ...]:
        """In the order of World's fields."""
        return self.reservation, self.payment, self.stock, self.delivery


def a_shop(
    *,
    units: int = 1,
    habits: Habits = USUAL,
    recalls: bool = True,
    retries: bool = False,
    repeats: bool = False,
) -> Shop:
    return Shop(
        reservation=reservation(units),
        payment=payment(habits),
        stock=stock(units),
        delivery=delivery(recalls=recalls),
        retries=retries,
        repeats=repeats,
    )
