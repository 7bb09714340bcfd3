"""The models of the four services of a purchase, and what may happen around them."""

from dataclasses import dataclass
from typing import Any, Final

from tests.model.delivery_model import DeliveryModel, DeliveryState, delivery_model
from tests.model.payment_model import PaymentModel, PaymentState, Surroundings, payment_model
from tests.model.reservation_model import ReservationModel, ReservationState, reservation_model
from tests.model.service_model import ServiceModel
from tests.model.stock_model import StockModel, StockState, stock_model

USUAL: Final = Surroundings()


@dataclass(frozen=True, slots=True)
class ShopState:
    """The states of all services at one moment."""

    reservation: ReservationState
    payment: PaymentState
    stock: StockState
    delivery: DeliveryState


@dataclass(frozen=True, kw_only=True, slots=True)
class ShopModel:
    """The services, and what clients and the broker may do.

    retries: the buyer may send the request again with the same key.
    redelivers: a message may be delivered again.
    """

    reservation: ReservationModel
    payment: PaymentModel
    stock: StockModel
    delivery: DeliveryModel
    retries: bool = False
    redelivers: bool = False

    @property
    def services(self) -> tuple[ServiceModel[Any], ...]:
        """Return the services in the order of ShopState's fields."""
        return self.reservation, self.payment, self.stock, self.delivery


def shop_model(
    *,
    units: int = 1,
    surroundings: Surroundings = USUAL,
    recalls: bool = True,
    retries: bool = False,
    redelivers: bool = False,
    withdraws: bool = False,
    falls_behind: bool = False,
) -> ShopModel:
    return ShopModel(
        reservation=reservation_model(units),
        payment=payment_model(surroundings),
        stock=stock_model(units, withdraws=withdraws, falls_behind=falls_behind),
        delivery=delivery_model(recalls=recalls),
        retries=retries,
        redelivers=redelivers,
    )
