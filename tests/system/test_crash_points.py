"""A service may die at any instruction: it dies at each named one, and the shop is whole after."""

import asyncio
import re
from pathlib import Path
from typing import Final

import pytest

import roadbike
from roadbike.contracts.statuses import PaymentStatus, ReservationStatus
from roadbike.kit.crash import KILLED
from tests.system import books
from tests.system.apart import apart
from tests.system.patience import Order, order
from tests.system.visit import Person, Visit

SOON_SECONDS: Final = 20.0  # what died with messages in hand is given them again well before
POINTS: Final = {  # and the service that dies there
    "reserve.after_intent": "reservation",
    "reserve.after_payment": "reservation",
    "reserve.after_commit": "reservation",
    "outbox.before_publish": "payment",
    "outbox.after_publish": "stock",
    "inbox.before_commit": "delivery",
    "inbox.after_commit": "mypage",
    "capture.before_call": "payment",
    "capture.after_call": "payment",
    "capture.after_commit": "payment",
    "refund.before_call": "payment",
    "refund.after_call": "payment",
}


def test_every_crash_point_of_the_shop_is_hit_here() -> None:
    source = Path(roadbike.__file__).parent.rglob("*.py")
    named = (re.findall(r"crash\(\"([^\"]+)\"\)", file.read_text()) for file in source)

    assert {point for points in named for point in points} == set(POINTS)


@pytest.mark.parametrize(("point", "service"), POINTS.items())
async def test_what_dies_there_is_made_good(visit: Visit, point: str, service: str) -> None:
    bike_id = await visit.bike(units=3)
    keeper, changeable = visit.buyer(), visit.buyer()
    async with apart(visit.shop, service, ROADBIKE_CRASH=f"{point}:1") as doomed:
        shopping = asyncio.gather(keep(keeper, bike_id), change_ones_mind(changeable, bike_id))

        assert await doomed.ended() == KILLED, f"{point} was not reached"

    kept, cancelled = await shopping
    await visit.settle(SOON_SECONDS)
    after = await books.read(visit.shop)
    assert after.faults() == []
    assert after.registered([keeper.name]) == {kept.reserve_id}
    assert after.registered([changeable.name]) == {cancelled.reserve_id}
    assert await shown(kept) == (ReservationStatus.RESERVED, PaymentStatus.PAID)
    assert await shown(cancelled) == (ReservationStatus.CANCELLED, PaymentStatus.CANCELLED)
    assert [kind for kind, _ in after.purchases[kept.reserve_id].journal] == ["capture"]
    bike = await visit.admin.get(f"/stocks/{bike_id}")
    assert (bike["stockQty"], bike["reserveQty"]) == (3, 1)


async def keep(buyer: Person, bike_id: int) -> Order:
    made = await order(buyer, bike_id)
    await made.pay_surely()
    return made


async def change_ones_mind(buyer: Person, bike_id: int) -> Order:
    made = await keep(buyer, bike_id)
    assert (await made.cancel()).status == 200
    return made


async def shown(made: Order) -> tuple[str, str]:
    page = await made.buyer.get(f"/myPages/{made.reserve_id}")
    return page["reserveStatus"], page["payStatus"]
