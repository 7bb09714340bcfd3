"""What `roadbike audit --fix` repairs: planted into an open shop, planned, repaired, and gone."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, update

from roadbike.contracts.statuses import PaymentStatus, StockStatus
from roadbike.mypage.store import PURCHASE
from roadbike.ops import journal
from roadbike.ops.audit import repairs
from roadbike.ops.audit.repairs import REPAIRS
from roadbike.payment.domain import Refund
from roadbike.payment.providers.simulated import JOURNAL
from roadbike.payment.store import ATTEMPT, MONEY, PAYMENT
from roadbike.stock.domain import State
from roadbike.stock.store import ALLOCATION, BIKE
from tests.flows.audited import Audited, sell
from tests.flows.in_process_shop import SERVICES, Url, open_shop
from tests.flows.violations import Plant, changed, lost_by_broker, not_applied


@pytest.fixture
async def open_audited(url: Url, tmp_path: Path) -> AsyncIterator[Audited]:
    async with open_shop(url, SERVICES) as shop:
        with journal.Journal(tmp_path / "journal.jsonl") as notes:
            yield Audited(shop=shop, sold=await sell(shop, notes))


async def not_refunded(audited: Audited) -> str:
    """Take back the refund, also at the provider: the money of a cancelled purchase is kept."""
    mine = UUID(audited.sold["refunded"])
    of_purchase = ATTEMPT.c.reservation_id == mine
    attempt_id = await audited.first("payment", ATTEMPT.select().where(of_purchase))
    await audited.execute(
        "payment",
        update(ATTEMPT).where(of_purchase).values(refund=Refund.NONE),
        delete(MONEY).where(MONEY.c.reservation_id == mine, MONEY.c.kind == "refund"),
    )
    refund = (JOURNAL.c.attempt_id == attempt_id) & (JOURNAL.c.kind == "refund")
    await audited.execute("provider", delete(JOURNAL).where(refund))
    return audited.sold["refunded"]


async def unit_kept(audited: Audited) -> str:
    """Hold a unit for a cancelled reservation."""
    reserve_id = await changed("stock", ALLOCATION, "cancelled", state=State.HELD)(audited)
    one_more = {"held_quantity": BIKE.c.held_quantity + 1}
    mine = BIKE.c.bike_id == audited.bike_id
    await audited.execute("stock", update(BIKE).where(mine).values(one_more))
    return reserve_id


PLANTS: Mapping[str, Plant] = {
    "E2": lost_by_broker,
    "E3": not_applied,
    "R6": changed(
        *("payment", PAYMENT, "cancelled"), payment_status=PaymentStatus.DUE, cancel_asked=False
    ),
    "P1": not_refunded,
    "S4": unit_kept,
    "M1": changed("mypage", PURCHASE, "paid", stock_status=StockStatus.SHORT),
}


async def test_each_violation_with_a_safe_repair_is_repaired(open_audited: Audited) -> None:
    urls = {name: open_audited.urls[name] for name in SERVICES}
    assert list((await open_audited.audit()).lines()) == []
    assert PLANTS.keys() == REPAIRS.keys()
    for id_, plant in PLANTS.items():
        key = await plant(open_audited)
        report = await open_audited.audit()
        steps = repairs.plan(report)
        assert (id_, key) in steps, (id_, key, list(report.lines()))
        assert any(key in sentence for sentence in repairs.planned(steps))

        refused = await repairs.carry_out(urls, steps)

        await open_audited.shop.settle()
        assert refused == []
        assert list((await open_audited.audit()).lines()) == [], id_
    refunds = await refunds_of(open_audited, open_audited.sold["refunded"])
    assert refunds == 1


async def test_a_repair_that_is_not_needed_changes_nothing(open_audited: Audited) -> None:
    urls = {name: open_audited.urls[name] for name in SERVICES}
    steps = [
        (id_, open_audited.sold[story])
        for id_ in ("R6", "P1", "S4")
        for story in ("paid", "sent", "recalled", "refunded", "short")
    ]

    refused = await repairs.carry_out(urls, steps)

    assert len(refused) == len(steps)
    await open_audited.shop.settle()
    assert list((await open_audited.audit()).lines()) == []


async def refunds_of(audited: Audited, reserve_id: str) -> Any:
    mine = (MONEY.c.reservation_id == UUID(reserve_id)) & (MONEY.c.kind == "refund")
    return await audited.first("payment", select(func.count()).select_from(MONEY).where(mine))
