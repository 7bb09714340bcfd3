"""Reservation on paper: an intent that was just written down, and the copy it was taken from."""

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
from tests.at_work import settings
from tests.model.house import BIKE_ID, BLANK_PAGE, BUYER, RESERVATION_ID, House, Move, Step
from tests.model.paper import URL, PaperTx, Rows, at_once
from tests.reservation.builders import EMONDA, TERMS

AT: Final = ("reservation", RESERVATION_ID)
COPY_AT: Final = ("bike", BIKE_ID)


@dataclass(frozen=True, slots=True)
class ReservationBooks:
    """The purchase and its bike, as reservation knows them."""

    reservation: Reservation
    copy: Bike
    page: Purchase = BLANK_PAGE

    def rows(self) -> Rows:
        return {AT: self.reservation, COPY_AT: self.copy}

    def after(self, tx: PaperTx) -> "ReservationBooks":
        reservation = replace(tx.loaded[AT], reason=None, row_version=0)
        return replace(
            self, reservation=reservation, copy=replace(tx.loaded[COPY_AT], row_version=0)
        )

    @property
    def is_intent(self) -> bool:
        return self.reservation.reservation_status is ReservationStatus.PENDING


ReservationHouse = House[ReservationBooks]


@cache
def reservation(units: int) -> ReservationHouse:
    service = app.build(app.Settings(**settings("reservation", URL), **URLS))
    return House(name="reservation", books=_intent(units), policies=service.policies, moves=_moves)


URLS: Final[dict[str, Any]] = {"payment_url": "http://payment.invalid"}


def tx_2(house: ReservationHouse, books: ReservationBooks) -> Step[ReservationBooks]:
    """The payment is open, as far as the request knows."""
    opened = OpenedPending(books.reservation.reservation_id, keyed=False)
    return house.run(books, lambda tx: register(tx, [opened], lambda _: b""))


def tx_2_undone(house: ReservationHouse, books: ReservationBooks) -> Step[ReservationBooks]:
    """Surely no payment was opened, as far as the request knows."""
    return house.run(books, lambda tx: give_up(tx, [RESERVATION_ID], Reason.NOT_OPENED))


def _moves(books: ReservationBooks) -> Iterator[Move[ReservationBooks]]:
    yield Move(
        "the resolver cancels",
        books,
        lambda tx: give_up(tx, [RESERVATION_ID], Reason.UNANSWERED),
        due=True,
    )
    yield Move(
        "the buyer cancels",
        books,
        lambda tx: cancel_reservation(tx, RESERVATION_ID, Reason.BUYER, owner=BUYER),
    )


def _intent(units: int) -> ReservationBooks:
    """After tx 1: the last unit of the allowance is taken, be it one that is not there."""
    request = ReservationRequest(
        reservation_id=RESERVATION_ID,
        user_id=BUYER,
        bike_id=BIKE_ID,
        seen_price=None,
        user_name=None,
        zip_code=None,
        address=None,
        key=None,
    )
    terms = replace(TERMS, overbook=1 - units)
    tx = PaperTx({AT: None, COPY_AT: replace(EMONDA, free=units)})
    at_once(take_pending(tx, [request], terms))
    return ReservationBooks(tx.loaded[AT], tx.loaded[COPY_AT])
