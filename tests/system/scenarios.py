"""All ways in which a purchase can go, and what my page must show at the end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from roadbike.contracts.statuses import DeliveryStatus, PaymentStatus, ReservationStatus
from tests.system.retrying import Order
from tests.system.shop_client import Person, Response

ExpectedPage = Mapping[str, object]  # fields of my page
Headers = Mapping[str, str]  # `X-Simulate`: what the simulated provider does
Scenario = Callable[[Order, Person, Headers], Awaitable[ExpectedPage]]

RESERVED: Final[ExpectedPage] = {"reserveStatus": ReservationStatus.RESERVED}
CANCELLED: Final[ExpectedPage] = {
    "reserveStatus": ReservationStatus.CANCELLED,
    "payStatus": PaymentStatus.CANCELLED,
}


async def leave_unpaid(_: Order, _admin: Person, _headers: Headers) -> ExpectedPage:
    return {**RESERVED, "payStatus": PaymentStatus.DUE}


async def cancel_unpaid(order: Order, _: Person, _headers: Headers) -> ExpectedPage:
    return _cancelled(await order.cancel())


async def pay(order: Order, _: Person, headers: Headers) -> ExpectedPage:
    """Pay; declined or not, my page must show the status that the payment has then."""
    return {**RESERVED, "payStatus": await order.pay(**headers)}


async def pay_and_cancel(order: Order, _: Person, headers: Headers) -> ExpectedPage:
    await order.pay(**headers)
    return _cancelled(await order.cancel())


async def pay_while_cancelling(order: Order, _: Person, headers: Headers) -> ExpectedPage:
    _, cancelled = await asyncio.gather(order.pay(**headers), order.cancel())
    return _cancelled(cancelled)


async def receive_delivery(order: Order, admin: Person, _: Headers) -> ExpectedPage:
    await order.pay_until_paid()
    await order.deliver(admin, DeliveryStatus.STARTED, DeliveryStatus.COMPLETED)
    return {**RESERVED, "deliveryStatus": DeliveryStatus.COMPLETED}


async def return_delivery(order: Order, admin: Person, _: Headers) -> ExpectedPage:
    await order.pay_until_paid()
    steps = (DeliveryStatus.STARTED, DeliveryStatus.RECALLING, DeliveryStatus.RETURNED)
    await order.deliver(admin, *steps)
    return {**CANCELLED, "deliveryStatus": DeliveryStatus.RETURNED}


async def cancel_after_shipping(order: Order, admin: Person, _: Headers) -> ExpectedPage:
    """Cancel after the parcel left: refused, unless DeliveryStarted has not been consumed yet."""
    await order.pay_until_paid()
    await order.deliver(admin, DeliveryStatus.STARTED)
    response = await order.cancel()
    if response.status == 409:
        assert response.body["type"] == "/problems/already-shipped"
        return {**RESERVED, "deliveryStatus": DeliveryStatus.STARTED}
    return {**_cancelled(response), "deliveryStatus": DeliveryStatus.RECALLING}


SCENARIOS: Final[Sequence[Scenario]] = (
    leave_unpaid,
    cancel_unpaid,
    pay,
    pay_and_cancel,
    pay_while_cancelling,
    receive_delivery,
    return_delivery,
    cancel_after_shipping,
)
BIKE_STAYS_OUTSIDE: Final = {receive_delivery, cancel_after_shipping}


def _cancelled(response: Response) -> ExpectedPage:
    assert response.status == 200, response
    assert response.body["reserveStatus"] == ReservationStatus.CANCELLED
    return CANCELLED
