"""A service is killed at each named crash point; after its restart, nothing is lost or doubled."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

import roadbike
from roadbike.contracts.statuses import PaymentStatus, ReservationStatus
from roadbike.kit.crash import KILLED
from tests.system import audit
from tests.system.retrying import Order, order
from tests.system.shop_client import Person, ShopClient
from tests.system.unsupervised_service import unsupervised

pytestmark = pytest.mark.any_stack

SETTLE_SECONDS: Final = 20.0  # the broker redelivers unacknowledged messages well before
KEPT: Final = (ReservationStatus.RESERVED, PaymentStatus.PAID)
CANCELLED: Final = (ReservationStatus.CANCELLED, PaymentStatus.CANCELLED)
POINTS: Final = {
    "reservation": (
        *("reserve.after_take_pending", "reserve.after_open_payment", "reserve.after_register"),
    ),
    "payment": (
        *("capture.before_call", "capture.after_call", "capture.after_commit"),
        *("refund.before_call", "refund.after_call"),
        "relay.before_send",
    ),
    "stock": ("relay.after_send",),
    "delivery": ("inbox.before_commit",),
    "mypage": ("inbox.after_commit",),
}
WITHOUT_A_PURCHASE: Final = {"relay.between_unsends"}  # tests/kit/test_broker_log.py


def test_every_crash_point_in_the_code_is_tested_here() -> None:
    source = Path(roadbike.__file__).parent.rglob("*.py")
    named = [re.findall(r"crash\(\"([^\"]+)\"\)", file.read_text()) for file in source]

    here = {point for points in POINTS.values() for point in points}
    assert {point for points in named for point in points} == here | WITHOUT_A_PURCHASE


@pytest.mark.parametrize(("service", "points"), POINTS.items(), ids=POINTS)
async def test_purchases_are_completed_after_a_crash(
    client: ShopClient, service: str, points: Sequence[str]
) -> None:
    bike_id = await client.bike(units=2 * len(points))

    async with asyncio.TaskGroup() as shopping:
        begun = [await crash(shopping, client, bike_id, service, point) for point in points]

    pairs = [(keeping.result(), cancelling.result()) for keeping, cancelling in begun]
    await client.settle(SETTLE_SECONDS)
    after = await audit.read(client.shop)
    assert after.faults() == []
    for point, (kept, cancelled) in zip(points, pairs, strict=True):
        assert after.registered([kept.buyer.name]) == {kept.reserve_id}, point
        assert after.registered([cancelled.buyer.name]) == {cancelled.reserve_id}, point
        assert await shown(kept) == KEPT, point
        assert await shown(cancelled) == CANCELLED, point
        assert [kind for kind, _ in after.purchases[kept.reserve_id].journal] == ["capture"], point
    bike = await client.admin.get(f"/stocks/{bike_id}")
    assert (bike["stockQty"], bike["reserveQty"]) == (2 * len(points), len(points))


async def crash(
    shopping: asyncio.TaskGroup, client: ShopClient, bike_id: int, service: str, point: str
) -> tuple[asyncio.Task[Order], asyncio.Task[Order]]:
    """Start two purchases; the service crashes at the point during them, and is started again."""
    async with unsupervised(client.shop, service, ROADBIKE_CRASH=f"{point}:1") as crashing:
        keeping = shopping.create_task(keep(client.buyer(), bike_id))
        cancelling = shopping.create_task(cancel(client.buyer(), bike_id))
        assert await crashing.exit_code() == KILLED, f"{point} was not reached"
    return keeping, cancelling


async def keep(buyer: Person, bike_id: int) -> Order:
    made = await order(buyer, bike_id)
    await made.pay_until_paid()
    return made


async def cancel(buyer: Person, bike_id: int) -> Order:
    made = await keep(buyer, bike_id)
    assert (await made.cancel()).status == 200
    return made


async def shown(made: Order) -> tuple[str, str]:
    page = await made.buyer.get(f"/myPages/{made.reserve_id}")
    return page["reserveStatus"], page["payStatus"]
