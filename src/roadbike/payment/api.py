"""Payments over HTTP: parse, call one use case, answer."""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Final, NoReturn
from uuid import UUID

import msgspec
from litestar.params import HeaderParameter, QueryParameter

from roadbike.contracts.payments import (
    OpenAnswer,
    OpenAnswers,
    OpenedPayment,
    OpenPayment,
    OpenPayments,
    PaymentToOpen,
)
from roadbike.contracts.refusals import CancelsWithReservation
from roadbike.contracts.statuses import PaymentStatus
from roadbike.contracts.types import BikeId, Name, Price, UserId
from roadbike.contracts.wire_names import wire_name
from roadbike.kit.db import Database
from roadbike.kit.pure.refusals import Fault, Forbidden, Invalid, Overloaded
from roadbike.kit.resilience.batching import MAX_BATCH, Batches
from roadbike.kit.resilience.deadline import current_deadline
from roadbike.kit.resilience.limiter import RETRY_SECONDS, Limiter
from roadbike.kit.trace import current_traceparent
from roadbike.kit.web import (
    BUYER,
    INTERNAL,
    Body,
    Caller,
    Links,
    Page,
    Paging,
    Reply,
    Route,
    get,
    links,
    page_of,
    patch,
    put,
    view,
)
from roadbike.kit.web.exceptions import refusal_of
from roadbike.payment import store
from roadbike.payment.domain import NotPayable, Payment, PaymentFailed, PaymentSummary
from roadbike.payment.providers import InvalidToken
from roadbike.payment.use_cases.open import Opening, open_payments
from roadbike.payment.use_cases.pay import Cashier

SIMULATE: Final = "X-Simulate"
OPENS_AT_A_TIME: Final = 400  # as two replicas of reservation send at most
OPENED: Final = 200

SimulateHeader = Annotated[
    str | None,
    HeaderParameter(name=SIMULATE, description="How the simulated provider behaves."),
]


class PaymentView(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    payment_id: UUID
    reservation_id: UUID
    bike_id: int
    user_id: str
    price: int
    payment_status: PaymentStatus
    pay_until: datetime | None = None  # while it is due, by the database's clock
    links: Links = {}


class Payments(msgspec.Struct, frozen=True):
    payments: list[PaymentView]


class OpenPaymentBody(OpenPayment, frozen=True, forbid_unknown_fields=True):
    """The request with its limits checked: a value that no column holds would fail the batch."""

    bike_id: BikeId
    user_id: UserId
    price: Price
    store_name: Name | None = None


class PaymentToOpenBody(PaymentToOpen, frozen=True, forbid_unknown_fields=True):
    """One of a list of such requests."""

    bike_id: BikeId
    user_id: UserId
    price: Price
    store_name: Name | None = None


class OpenPaymentsBody(OpenPayments, frozen=True, forbid_unknown_fields=True):
    """Several requests, as many as reservation puts into one batch at most."""

    payments: Annotated[list[PaymentToOpenBody], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]


class Change(StrEnum):
    """The statuses that a buyer may ask for; a cancel is refused with a link to the reservation."""

    PAID = PaymentStatus.PAID
    CANCELLED = PaymentStatus.CANCELLED


class PaymentChange(Body, frozen=True, rename=wire_name):
    """The change of a payment that a buyer asks for."""

    not_offered: ClassVar = frozenset({Change.CANCELLED})

    payment_status: Change


class PaymentApi:
    """`/payments`: read and paid by buyers, opened by reservation.

    pay_within: how long a buyer may take to pay.
    delay_ms: how long an open takes at least and at most, for demonstrations.
    """

    def __init__(
        self,
        db: Database,
        cashier: Cashier,
        pay_within: timedelta,
        delay_ms: tuple[int, int] = (0, 0),
    ) -> None:
        self.db = db
        self.cashier = cashier
        self.pay_within = pay_within
        self.delay_ms = delay_ms
        self.opens = Limiter(OPENS_AT_A_TIME)
        self.openings: Batches[Opening, Payment] = Batches(self._open_all)

    def routes(self) -> list[Route]:
        one = "/payments/{payment_id:uuid}"
        return [
            put(
                "/internal/payments/{reservation_id:uuid}",
                self.open,
                who=INTERNAL,
                hot=True,
                admit=self.admit,
            ),
            put("/internal/payments", self.open_all, who=INTERNAL, hot=True, admit=self.admit),
            get("/payments", self.page, who=BUYER, sort=tuple(store.SORTABLE)),
            get(one, self.get, who=BUYER),
            patch(one, self.pay, who=BUYER, refuses=(402, 409, 429), hot=True),
        ]

    def admit(self, _working: int) -> None:
        """Raise Overloaded while no further open can be worked on."""
        if self.opens.is_full:
            raise Overloaded(retry_after=RETRY_SECONDS)

    async def open(
        self, reservation_id: UUID, data: OpenPaymentBody, caller: Caller
    ) -> OpenedPayment:
        """Open the payment of a reservation, for the reservation service; repeatable.

        An open whose caller waits no longer is dropped: nothing is written for it.
        """
        _check_opener(caller)
        opening = Opening(reservation_id, data, current_traceparent())
        async with self.opens.place():
            await self._delay()
            payment = await self.openings.submit(opening, current_deadline.get().is_over)
        return msgspec.convert(payment, OpenedPayment, from_attributes=True)

    async def open_all(self, data: OpenPaymentsBody, caller: Caller) -> OpenAnswers:
        """Open payments, for the reservation service; repeatable. Each has an answer of its own."""
        _check_opener(caller)
        openings = [Opening(one.reservation_id, one, one.traceparent) for one in data.payments]
        async with self.opens.place():
            await self._delay()
            results = await self.openings.submit_all(openings, current_deadline.get().is_over)
        answers = [
            OpenAnswer(reservation_id=one.reservation_id, status=_status(result))
            for one, result in zip(data.payments, results, strict=True)
        ]
        return OpenAnswers(payments=answers)

    async def _delay(self) -> None:
        if any(self.delay_ms):
            await asyncio.sleep(random.uniform(*self.delay_ms) / 1000)  # noqa: S311 no secret

    async def page(
        self,
        caller: Caller,
        paging: Paging,
        reservation_id: Annotated[UUID | None, QueryParameter(name="reserveId")] = None,
    ) -> Page[Payments]:
        """One's own payments; all of them for admins."""
        async with self.db.read() as tx:
            found, total, following = await store.page(
                tx, paging, owner=caller.owner, reservation_id=reservation_id
            )
        shown = Payments(payments=[self._view(payment) for payment in found])
        return page_of(
            shown,
            paging,
            total=total,
            following=following,
            url="/payments",
            reserveId=reservation_id,
        )

    async def get(self, payment_id: UUID, caller: Caller) -> PaymentView:
        """One payment."""
        async with self.db.read() as tx:
            return self._view(await store.get(tx, payment_id, owner=caller.owner))

    async def pay(
        self,
        payment_id: UUID,
        data: PaymentChange,
        caller: Caller,
        simulate: SimulateHeader = None,
    ) -> Reply[PaymentView]:
        """Pay: 200 when it is paid, 202 while the provider's answer is unknown."""
        if data.payment_status is Change.CANCELLED:
            await self._refuse_to_cancel(payment_id, caller)
        try:
            payment = await self.cashier.pay(
                payment_id, simulate, owner=caller.owner, by=caller.user_id
            )
        except InvalidToken as error:
            choices = {"choices": ", ".join(error.choices)}
            fault = Fault(slug="fault-choice", parameter=SIMULATE, facts=choices)
            raise Invalid(fault) from None
        return self._reply(payment)

    async def _refuse_to_cancel(self, payment_id: UUID, caller: Caller) -> NoReturn:
        async with self.db.read() as tx:
            payment = await store.get(tx, payment_id, owner=caller.owner)
        extra = {"_links": self._view(payment).links}
        raise CancelsWithReservation(payment.reservation_id, extra=extra)

    async def _open_all(self, openings: Sequence[Opening]) -> Sequence[Payment | Exception]:
        return await self.db.transact(lambda tx: open_payments(tx, openings, self.pay_within))

    def _reply(self, payment: Payment) -> Reply[PaymentView]:
        match payment.payment_status:
            case PaymentStatus.PAID:
                return Reply(self._view(payment))
            case PaymentStatus.CONFIRMING:
                return Reply(self._view(payment), status=202)
            case PaymentStatus.DUE:
                raise PaymentFailed
            case _:
                raise NotPayable

    def _view(self, payment: PaymentSummary) -> PaymentView:
        own = f"/payments/{payment.payment_id}"
        related = links(
            self=own,
            reservation=f"/reservations/{payment.reservation_id}",
            myPage=f"/myPages/{payment.reservation_id}",
        )
        shown = view(PaymentView, payment, related)
        if payment.payment_status is not PaymentStatus.DUE or payment.opened_at is None:
            return shown
        return msgspec.structs.replace(
            shown, links=related | links(pay=own), pay_until=payment.opened_at + self.pay_within
        )


def _check_opener(caller: Caller) -> None:
    if caller.user_id != "reservation":
        raise Forbidden


def _status(result: Payment | Exception) -> int:
    """Return the HTTP status of one opening."""
    return refusal_of(result).status if isinstance(result, Exception) else OPENED
