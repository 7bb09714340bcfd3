"""Payments over HTTP: parse, call one use case, answer."""

import asyncio
import random
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import msgspec
from litestar.params import Parameter

from roadbike.contracts.glossary import wire_name
from roadbike.contracts.payments import OpenedPayment, OpenPayment
from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.batching import Batches
from roadbike.kit.db import Database
from roadbike.kit.web import (
    BUYER,
    INTERNAL,
    Caller,
    Links,
    Page,
    Paging,
    Route,
    get,
    links,
    page_of,
    put,
)
from roadbike.payment import store, use_cases
from roadbike.payment.domain import Payment
from roadbike.payment.use_cases import Opening


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
    """As the contract says, and nothing else."""


class PaymentApi:
    """delay_ms: how long an open takes at least and at most, for demonstrations."""

    def __init__(self, db: Database, delay_ms: tuple[int, int] = (0, 0)) -> None:
        self.db = db
        self.delay_ms = delay_ms
        self.openings: Batches[Opening, Payment] = Batches(self._open_all)

    def routes(self) -> list[Route]:
        return [
            put("/internal/payments/{reservation_id:uuid}", self.open, who=INTERNAL),
            get("/payments", self.list, who=BUYER, sort=("price",)),
            get("/payments/{payment_id:uuid}", self.get, who=BUYER),
        ]

    async def open(self, reservation_id: UUID, data: OpenPaymentBody) -> OpenedPayment:
        """Open the payment of a reservation, once."""
        if any(self.delay_ms):
            await asyncio.sleep(random.uniform(*self.delay_ms) / 1000)  # noqa: S311 no secret
        payment = await self.openings.run(Opening(reservation_id, data))
        return msgspec.convert(payment, OpenedPayment, from_attributes=True)

    async def list(
        self,
        caller: Caller,
        paging: Paging,
        reservation_id: Annotated[UUID | None, Parameter(query="reserveId")] = None,
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
        )

    async def get(self, payment_id: UUID, caller: Caller) -> PaymentView:
        """One payment."""
        async with self.db.read() as tx:
            return _view(await store.get(tx, payment_id, owner=_owner(caller)))

    async def _open_all(self, openings: Sequence[Opening]) -> Sequence[Payment | Exception]:
        return await self.db.run(lambda tx: use_cases.open_payments(tx, openings))


def _owner(caller: Caller) -> str | None:
    return None if caller.is_admin else caller.user_id


def _view(payment: Payment) -> PaymentView:
    view = msgspec.convert(payment, PaymentView, from_attributes=True)
    return msgspec.structs.replace(
        view,
        links=links(
            self=f"/payments/{payment.payment_id}",
            reservation=f"/reservations/{payment.reservation_id}",
            myPage=f"/myPages/{payment.reservation_id}",
        ),
    )
