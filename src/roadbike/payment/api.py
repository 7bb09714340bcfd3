"""Payments over HTTP: parse, call one use case, answer."""

import asyncio
import random
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, NoReturn
from uuid import UUID

import msgspec
from litestar.params import HeaderParameter, QueryParameter
from msgspec import Meta

from roadbike.contracts.payments import OpenedPayment, OpenPayment
from roadbike.contracts.statuses import PaymentStatus
from roadbike.contracts.wire_names import wire_name
from roadbike.kit.db import Database
from roadbike.kit.pure.refusals import Fault, Forbidden, Invalid
from roadbike.kit.resilience.batching import Batches
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
)
from roadbike.payment import store
from roadbike.payment.domain import CancelsWithReservation, NotPayable, Payment, PaymentFailed
from roadbike.payment.providers.simulated import Behaviour
from roadbike.payment.use_cases.open import Opening, open_payments
from roadbike.payment.use_cases.pay import Cashier


class PaymentView(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    payment_id: UUID
    reservation_id: UUID
    bike_id: int
    user_id: str
    price: int
    payment_status: PaymentStatus
    links: Links = {}


class Payments(msgspec.Struct, frozen=True):
    payments: list[PaymentView]


class OpenPaymentBody(OpenPayment, frozen=True, forbid_unknown_fields=True):
    """As the contract says, and nothing else: one that no row can hold would fail its batch."""

    bike_id: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    user_id: Annotated[str, Meta(min_length=1, max_length=64)]
    price: Annotated[int, Meta(ge=1, le=10**12)]


class Change(StrEnum):
    """What a buyer may ask for; to cancel is answered with the link to the reservation."""

    PAID = PaymentStatus.PAID
    CANCELLED = PaymentStatus.CANCELLED


class Paying(Body, frozen=True, rename=wire_name):
    """The change of a payment that a buyer asks for."""

    payment_status: Change


Consent = Annotated[
    str | None,
    HeaderParameter(name="X-Simulate", description="What the simulated provider is to do."),
]


class PaymentApi:
    """delay_ms: how long an open takes at least and at most, for demonstrations."""

    def __init__(self, db: Database, cashier: Cashier, delay_ms: tuple[int, int] = (0, 0)) -> None:
        self.db = db
        self.cashier = cashier
        self.delay_ms = delay_ms
        self.openings: Batches[Opening, Payment] = Batches(self._open_all)

    def routes(self) -> list[Route]:
        return [
            put("/internal/payments/{reservation_id:uuid}", self.open, who=INTERNAL),
            get("/payments", self.list, who=BUYER, sort=("price",)),
            get("/payments/{payment_id:uuid}", self.get, who=BUYER),
            patch("/payments/{payment_id:uuid}", self.pay, who=BUYER, refuses=(402, 409)),
        ]

    async def open(
        self, reservation_id: UUID, data: OpenPaymentBody, caller: Caller
    ) -> OpenedPayment:
        """Open the payment of a reservation, once, for the service that took it."""
        if caller.user_id != "reservation":
            raise Forbidden
        if any(self.delay_ms):
            await asyncio.sleep(random.uniform(*self.delay_ms) / 1000)  # noqa: S311 no secret
        opening = Opening(reservation_id, data, current_traceparent())
        payment = await self.openings.submit(opening)
        return msgspec.convert(payment, OpenedPayment, from_attributes=True)

    async def list(
        self,
        caller: Caller,
        paging: Paging,
        reservation_id: Annotated[UUID | None, QueryParameter(name="reserveId")] = None,
    ) -> Page[Payments]:
        """One's own payments; all of them for staff."""
        async with self.db.read() as tx:
            found, total = await store.page(
                tx, paging, owner=_owner(caller), reservation_id=reservation_id
            )
        return page_of(
            Payments(payments=[_view(payment) for payment in found]),
            paging,
            total=total,
            url="/payments",
            reserveId=reservation_id,
        )

    async def get(self, payment_id: UUID, caller: Caller) -> PaymentView:
        """One payment."""
        async with self.db.read() as tx:
            return _view(await store.get(tx, payment_id, owner=_owner(caller)))

    async def pay(
        self, payment_id: UUID, data: Paying, caller: Caller, simulate: Consent = None
    ) -> Reply[PaymentView]:
        """Pay: 200 when it is paid, 202 while the provider's answer is not known."""
        if data.payment_status is Change.CANCELLED:
            await self._refuse_to_cancel(payment_id, caller)
        return await self._pay(payment_id, _consent(simulate), caller)

    async def _pay(self, payment_id: UUID, consent: str, caller: Caller) -> Reply[PaymentView]:
        payment = await self.cashier.pay(payment_id, consent, owner=_owner(caller))
        match payment.payment_status:
            case PaymentStatus.PAID:
                return Reply(_view(payment))
            case PaymentStatus.CONFIRMING:
                return Reply(_view(payment), status=202)
            case PaymentStatus.DUE:
                raise PaymentFailed
            case _:
                raise NotPayable

    async def _refuse_to_cancel(self, payment_id: UUID, caller: Caller) -> NoReturn:
        async with self.db.read() as tx:
            payment = await store.get(tx, payment_id, owner=_owner(caller))
        raise CancelsWithReservation(extra={"_links": _view(payment).links})

    async def _open_all(self, openings: Sequence[Opening]) -> Sequence[Payment | Exception]:
        return await self.db.transact(lambda tx: open_payments(tx, openings))


def _consent(simulate: str | None) -> str:
    """The token of the attempt. Raises Invalid for a behaviour that is none."""
    if simulate is not None and simulate not in set(Behaviour):
        choices = {"choices": ", ".join(Behaviour)}
        raise Invalid(Fault(slug="fault-choice", parameter="X-Simulate", facts=choices))
    return simulate or ""


def _owner(caller: Caller) -> str | None:
    return None if caller.is_admin else caller.user_id


def _view(payment: Payment) -> PaymentView:
    own = f"/payments/{payment.payment_id}"
    related = links(
        self=own,
        reservation=f"/reservations/{payment.reservation_id}",
        myPage=f"/myPages/{payment.reservation_id}",
    )
    if payment.payment_status is PaymentStatus.DUE:
        related |= links(pay=own)
    view = msgspec.convert(payment, PaymentView, from_attributes=True)
    return msgspec.structs.replace(view, links=related)
