"""A4: delivery is stopped while 80 purchases are paid, and stock publishes harmless events under
the ids of the approved payments; measured is how many of the purchases get a parcel when
delivery is back; the fault is a paid purchase without a parcel.
"""

import asyncio
from typing import Final
from uuid import uuid4

from tests.faults.forgery import broker_user, forge, last_position, stored
from tests.faults.outcome import CannotTry, Outcome, run, say
from tests.faults.people import (
    Person,
    buyer,
    new_bike,
    ok,
    open_shop,
    order,
    seen_within,
    status_of,
)
from tests.faults.people import until as wait_until
from tests.system.real_shop import Shop

PURCHASES: Final = 80  # their payment events fill more than one pull of 200 messages
STREAM: Final = "bike-payment"


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    with open_shop() as shop:
        number, customer = new_bike(shop, PURCHASES + 10), buyer(shop)
        order(shop, "stop", "delivery")
        paid = {bought(customer, number) for _ in range(PURCHASES)}
        ids = wait_until(lambda: all_ids(shop, paid), 15, "all approvals are sent", pause=1)
        asyncio.run(use_up(shop, number, ids))
        order(shop, "start", "delivery")
        wait_until(lambda: has_consumed_all(shop), 60, "delivery has consumed all events", pause=1)
        lost = len(paid) - with_parcel(customer, paid)
        say(f"{PURCHASES} purchases paid, {len(ids)} ids used by stock before delivery saw them")
    return Outcome(lost > 0, f"{lost} of {PURCHASES} paid purchases have no parcel")


def bought(customer: Person, number: int) -> str:
    reserve_id = customer.reserved(number)
    ok(customer.pay(customer.payment_of(reserve_id)["payId"]), 200)
    return reserve_id


def all_ids(shop: Shop, paid: set[str]) -> list[str]:
    """Return the event ids of the approved payments; empty until all have been sent."""
    ids = asyncio.run(approvals(shop, paid))
    return ids if len(ids) == len(paid) else []


async def approvals(shop: Shop, paid: set[str]) -> list[str]:
    # read as payment here; stock can read them too, with a consumer of its own on that stream
    async with broker_user(shop, "payment") as client:
        last = await last_position(client, STREAM)
        found = [(await stored(client, STREAM, at))["headers"] for at in range(1, last + 1)]
    return [
        each["ce-id"]
        for each in found
        if each.get("ce-type") == "bike.PaymentApproved.v1" and each["ce-subject"] in paid
    ]


async def use_up(shop: Shop, number: int, ids: list[str]) -> None:
    """Publish events of stock under these ids, about reservations that do not exist."""
    async with broker_user(shop, "stock") as client:
        for event_id in ids:
            about = str(uuid4())
            data = {
                "reserveId": about,
                "bikeId": number,
                "stockStatus": "배정완료",
                "bikeVersion": 1,
                "free": 1,
                "freeSeq": 1,
                "version": 1,
            }
            answer = await forge(
                client,
                f"bike.stock.{about}",
                type="bike.StockAllocated.v1",
                source="stock",
                data=data,
                event_id=event_id,
            )
            if "error" in answer:
                raise CannotTry(f"stock cannot publish: {answer}")


def has_consumed_all(shop: Shop) -> bool:
    return bool(status_of(shop, "delivery").get("lag") == 0)


def with_parcel(customer: Person, paid: set[str]) -> int:
    """Wait up to 15 s until all purchases have a parcel; return how many have one."""

    def count() -> int:
        return sum(bool(customer.deliveries_of(each)) for each in paid)

    seen_within(lambda: count() == len(paid), 15, pause=1)
    return count()


if __name__ == "__main__":
    raise SystemExit(main())
