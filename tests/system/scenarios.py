"""All the ways in which somebody buys a bike here, and what the shop must show in the end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from roadbike.contracts.statuses import DeliveryStatus, PaymentStatus, ReservationStatus
from tests.system.retrying import Order
from tests.system.shop_client import Answer, Person

Promised = Mapping[str, object]  # fields of my page
Headers = Mapping[str, str]  # what the simulated provider is to do
Way = Callable[[Order, Person, Headers], Awaitable[Promised]]

RESERVED: Final[Promised] = {"reserveStatus": ReservationStatus.RESERVED}
CANCELLED: Final[Promised] = {
    "reserveStatus": ReservationStatus.CANCELLED,
    "payStatus": PaymentStatus.CANCELLED,
}


async def think_it_over(_: Order, _admin: Person, _headers: Headers) -> Promised:
    return {**RESERVED, "payStatus": PaymentStatus.DUE}


async def change_ones_mind(order: Order, _: Person, _headers: Headers) -> Promised:
    return _cancelled(await order.cancel())


async def pay(order: Order, _: Person, headers: Headers) -> Promised:
    """Whether it was declined or not, the shop result so."""
    return {**RESERVED, "payStatus": await order.pay(**headers)}


async def pay_and_cancel(order: Order, _: Person, headers: Headers) -> Promised:
    await order.pay(**headers)
    return _cancelled(await order.cancel())


async def pay_while_cancelling(order: Order, _: Person, headers: Headers) -> Promised:
    _, cancelled = await asyncio.gather(order.pay(**headers), order.cancel())
    return _cancelled(cancelled)


async def receive(order: Order, admin: Person, _: Headers) -> Promised:
    await order.pay_surely()
    await order.deliver(admin, DeliveryStatus.STARTED, DeliveryStatus.COMPLETED)
    return {**RESERVED, "deliveryStatus": DeliveryStatus.COMPLETED}


async def send_back(order: Order, admin: Person, _: Headers) -> Promised:
    await order.pay_surely()
    steps = (DeliveryStatus.STARTED, DeliveryStatus.RECALLING, DeliveryStatus.RETURNED)
    await order.deliver(admin, *steps)
    return {**CANCELLED, "deliveryStatus": DeliveryStatus.RETURNED}


async def cancel_what_has_left(order: Order, admin: Person, _: Headers) -> Promised:
    """Refused, unless the cancel was quicker than the news that the parcel has left."""
    await order.pay_surely()
    await order.deliver(admin, DeliveryStatus.STARTED)
    answer = await order.cancel()
    if answer.status == 409:
        assert answer.body["type"] == "/problems/already-shipped"
        return {**RESERVED, "deliveryStatus": DeliveryStatus.STARTED}
    return {**_cancelled(answer), "deliveryStatus": DeliveryStatus.RECALLING}


WAYS: Final[Sequence[Way]] = (
    think_it_over,
    change_ones_mind,
    pay,
    pay_and_cancel,
    pay_while_cancelling,
    receive,
    send_back,
    cancel_what_has_left,
)
LEAVES_THE_SHOP: Final = {receive, cancel_what_has_left}  # for good


def _cancelled(answer: Answer) -> Promised:
    assert answer.status == 200, answer
    assert answer.body["reserveStatus"] == ReservationStatus.CANCELLED
    return CANCELLED
