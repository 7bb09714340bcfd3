"""A2: the broker's users of stock and delivery publish, below their own topics, events of types
that belong to payment and stock; measured is what delivery and reservation do with them; the
fault is a parcel without payment, a price of 1 KRW, or a reservation cancelled by a foreign
event.
"""

import asyncio
from typing import Any, Final
from uuid import uuid4

from tests.faults.forgery import broker_user, forge
from tests.faults.outcome import Outcome, run, say
from tests.faults.people import admin, buyer, new_bike, open_shop, seen_within
from tests.system.real_shop import Shop

PRICE: Final = 3_000_000
LATER: Final = 99  # a version above all that the true publisher has counted


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    effects: list[str] = []
    with open_shop() as shop:
        number = new_bike(shop, 5, price=PRICE)
        if shipped_unpaid(shop, number):
            effects.append("a parcel without payment")
        if victim := sold_for_one_won(shop, number):
            effects.append("a bike of 3,000,000 KRW sold for 1 KRW")
            if cancelled_by_stock(shop, number, victim):
                effects.append("a reservation cancelled")
    return Outcome(bool(effects), "; ".join(effects) or "no foreign event had an effect")


def shipped_unpaid(shop: Shop, number: int) -> bool:
    """Stock publishes PaymentApproved: delivery must not prepare a parcel."""
    customer, staff = buyer(shop), admin(shop)
    reserve_id = customer.reserved(number)
    pay_id = customer.payment_of(reserve_id)["payId"]
    data = payment_data(reserve_id, number, pay_id, price=PRICE, status="결제완료")
    publish_as(shop, "stock", f"bike.stock.{reserve_id}", "bike.PaymentApproved.v1", data)
    parcels = seen_within(lambda: staff.deliveries_of(reserve_id), 4)
    for parcel in parcels:
        for step in ("배송시작", "배송완료"):
            at = f"/deliveries/{parcel['deliveryId']}"
            say(f"staff: {step} {staff.ask('PATCH', at, {'deliveryStatus': step}).status}")
    paid = customer.payment_of(reserve_id)["payStatus"]
    say(f"1 stock as payment: {len(parcels)} parcels, the payment is {paid}")
    return bool(parcels)


def sold_for_one_won(shop: Shop, number: int) -> str:
    """Delivery publishes StockChanged; return the reservation that was made for 1 KRW."""
    publish_as(
        shop,
        "delivery",
        f"bike.delivery.{number}",
        "bike.StockChanged.v1",
        {
            "bikeId": number,
            "bikeNm": "forged",
            "price": 1,
            "stockQty": 5,
            "reserveQty": 0,
            "bikeVersion": LATER,
            "free": 1000,
            "freeSeq": 10**6,
            "version": LATER,
        },
    )
    customer = buyer(shop)

    def cheap() -> str:
        answer = customer.reserve(number)
        return answer.body["reserveId"] if answer.status == 201 and is_one(answer.body) else ""

    victim = seen_within(cheap, 4, pause=1)
    own = customer.get(f"/stocks/{number}")["price"]
    say(f"2 delivery as stock: reserved for 1 KRW: {bool(victim)}; stock's price is {own}")
    return victim


def cancelled_by_stock(shop: Shop, number: int, reserve_id: str) -> bool:
    """Stock publishes PaymentExpired: reservation must not cancel."""
    data = payment_data(reserve_id, number, str(uuid4()), price=1, status="결제취소")
    publish_as(shop, "stock", f"bike.stock.{reserve_id}", "bike.PaymentExpired.v1", data)
    customer = buyer(shop)

    def cancelled() -> bool:
        return bool(customer.get(f"/reservations/{reserve_id}")["reserveStatus"] == "예약취소")

    seen = seen_within(cancelled, 4)
    say(f"3 stock as payment: the reservation is cancelled: {seen}")
    return seen


def publish_as(shop: Shop, service: str, subject: str, type_: str, data: object) -> None:
    async def publish() -> None:
        async with broker_user(shop, service) as client:
            await forge(client, subject, type=type_, source=service, data=data)

    asyncio.run(publish())


def payment_data(
    reserve_id: str, number: int, pay_id: str, *, price: int, status: str
) -> dict[str, Any]:
    return {
        "reserveId": reserve_id,
        "bikeId": number,
        "payId": pay_id,
        "userId": "buyer",
        "price": price,
        "payStatus": status,
        "version": LATER,
    }


def is_one(body: Any) -> bool:
    return bool(body["price"] == 1)


if __name__ == "__main__":
    raise SystemExit(main())
