"""The model of reservation: a pending reservation, and the catalogue copy of its bike."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from roadbike.mypage.domain import Purchase
from roadbike.reservation import app
from roadbike.reservation.domain import Bike, Reservation
from roadbike.reservation.use_cases.cancel import cancel_reservation
from roadbike.reservation.use_cases.steps import (
    OpenedPending,
    ReservationRequest,
    give_up,
    register,
    take_pending,
)
from tests.model.in_memory_tx import URL, InMemoryTx, Rows, result_of
from tests.model.service_model import (
    BIKE_ID,
    BLANK_PAGE,
    BUYER,
    RESERVATION_ID,
    Action,
    ServiceModel,
    Step,
)
from tests.reservation.builders import EMONDA, TERMS
from tests.service_harness import settings

RESERVATION_KEY: Final = ("reservation", RESERVATION_ID)
COPY_KEY: Final = ("bike", BIKE_ID)


@dataclass(frozen=True, slots=True)
class ReservationState:
    """The reservation, and the catalogue copy of its bike."""

    reservation: Reservation
    copy: Bike
    page: Purchase = BLANK_PAGE

    def rows(self) -> Rows:
        return {RESERVATION_KEY: self.reservation, COPY_KEY: self.copy}

    def after(self, tx: InMemoryTx) -> "ReservationState":
        reservation = replace(tx.loaded[RESERVATION_KEY], reason=None, row_version=0)
        copy = replace(tx.loaded[COPY_KEY], row_version=0)
        return replace(self, reservation=reservation, copy=copy)

    @property
    def is_pending(self) -> bool:
        return self.reservation.reservation_status is ReservationStatus.PENDING


ReservationModel = ServiceModel[ReservationState]


@cache
def reservation_model(units: int) -> ReservationModel:
    service = app.build(app.Settings(**settings("reservation", URL), **URLS))
    return ServiceModel(
        name="reservation", state=_pending(units), policies=service.policies, actions=_actions
    )


URLS: Final[dict[str, Any]] = {"payment_url": "http://payment.invalid"}


def register_opened(service: ReservationModel, state: ReservationState) -> Step[ReservationState]:
    """Run the step `register`: the request was answered that the payment is open."""
    opened = OpenedPending(state.reservation.reservation_id, keyed=False)
    return service.execute(state, lambda tx: register(tx, [opened], lambda _: b""))


def give_up_not_opened(
    service: ReservationModel, state: ReservationState
) -> Step[ReservationState]:
    """Run the step `give_up`: the request was refused, or could not be sent."""
    return service.execute(state, lambda tx: give_up(tx, [RESERVATION_ID], Reason.NOT_OPENED))


def _actions(state: ReservationState) -> Iterator[Action[ReservationState]]:
    yield Action(
        "the resolver cancels",
        state,
        lambda tx: give_up(tx, [RESERVATION_ID], Reason.UNANSWERED),
        due=True,
    )
    yield Action(
        "the buyer cancels",
        state,
        lambda tx: cancel_reservation(tx, RESERVATION_ID, Reason.BUYER, by=BUYER, owner=BUYER),
    )


def _pending(units: int) -> ReservationState:
    """Return the state after `take_pending` took the last unit that is available to reserve.

    With 0 units in the shop, one is available only because of overbooking.
    """
    request = ReservationRequest(
        reservation_id=RESERVATION_ID,
        user_id=BUYER,
        bike_id=BIKE_ID,
        seen_price=None,
        user_name="김하나",
        phone="010-1234-5678",
        zip_code="13497",
        address="성남시 분당구 야탑로 1",
        key=None,
    )
    terms = replace(TERMS, overbook=1 - units)
    tx = InMemoryTx({RESERVATION_KEY: None, COPY_KEY: replace(EMONDA, free=units)})
    result_of(take_pending(tx, [request], terms))
    return ReservationState(tx.loaded[RESERVATION_KEY], tx.loaded[COPY_KEY])
