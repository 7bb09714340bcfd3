"""While stock is behind, claims are only recorded; then those alive are granted as reserved."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any, Final
from uuid import UUID

import msgspec

from roadbike.contracts.events import (
    ReservationRegistered,
    StockAllocated,
    StockReleased,
    StockShort,
)
from roadbike.kit.db import Database
from roadbike.kit.messaging.catching_up import Ends, TopicEnds
from roadbike.stock import behind
from roadbike.stock.domain import State
from roadbike.stock.use_cases import change_ends, finish_catching_up
from tests.purchase_events import Story
from tests.stock.conftest import Stock

ENDS: Final = Ends({"bike.reservation": TopicEnds("a log", {0: 7})})
OTHERS: Final = Ends({"bike.reservation": TopicEnds("another log", {0: 9})})


def claims(count: int) -> list[ReservationRegistered]:
    """Return claims in the order of reserving."""
    return [
        msgspec.structs.replace(Story().registered(), reserve_seq=number)
        for number in range(1, count + 1)
    ]


def shuffled(events: Sequence[Any]) -> list[Any]:
    return Random(7).sample(events, len(events))  # noqa: S311 only an order


async def fall_behind(db: Database, ends: Ends = ENDS) -> None:
    await db.transact(lambda tx: change_ends(tx, None, ends))


async def finish(db: Database, at_once: int = 500, ends: Ends = ENDS) -> bool:
    return await db.transact(partial(finish_catching_up, ends=ends, at_once=at_once))


async def unanswered(db: Database) -> int:
    async with db.read() as tx:
        return await behind.count_unanswered(tx)


async def answers(stock: Stock, type_: type[Any]) -> list[UUID]:
    return [e.reservation_id for e in await stock.published() if isinstance(e, type_)]


async def test_claims_are_recorded_and_then_granted_in_the_order_of_reserving(
    stock: Stock,
) -> None:
    await stock.register(stock_quantity=3)
    made = claims(7)
    await fall_behind(stock.db)
    for claim in shuffled(made):
        await stock.consume(claim)
    recorded, waiting = await stock.published_types(), await unanswered(stock.db)

    steps = [await finish(stock.db, at_once=2) for _ in range(4)]

    assert (recorded, waiting) == (["StockRegistered"], 7)
    assert steps == [True, True, True, False]
    ids = [claim.reservation_id for claim in made]
    assert await answers(stock, StockAllocated) == ids[:3]
    assert await answers(stock, StockShort) == ids[3:]
    assert (await stock.bike()).free == 0
    assert await unanswered(stock.db) == 0


async def test_a_claim_that_was_cancelled_meanwhile_gets_no_unit_and_is_answered(
    stock: Stock,
) -> None:
    await stock.register(stock_quantity=1)
    first, second = Story(), Story()
    await fall_behind(stock.db)
    await stock.consume(second.registered(), first.cancelled(), first.registered())

    await finish(stock.db)

    assert await answers(stock, StockReleased) == [first.reservation_id]
    assert await answers(stock, StockAllocated) == [second.reservation_id]


async def test_a_unit_that_is_freed_meanwhile_goes_to_a_claim_that_waits(stock: Stock) -> None:
    await stock.register(stock_quantity=1)
    held, waiting = Story(), Story()
    await stock.consume(held.registered())
    await fall_behind(stock.db)
    await stock.consume(waiting.registered(), held.delivery_cancelled())
    freed = await answers(stock, StockReleased)

    await finish(stock.db)

    assert freed == [held.reservation_id]
    assert await answers(stock, StockAllocated) == [held.reservation_id, waiting.reservation_id]


async def test_afterwards_the_first_claim_that_is_consumed_is_served_first(stock: Stock) -> None:
    await stock.register(stock_quantity=1)
    earlier, later = claims(2)
    await fall_behind(stock.db)
    await finish(stock.db)

    await stock.consume(later)
    await stock.consume(earlier)

    assert await answers(stock, StockAllocated) == [later.reservation_id]
    assert await answers(stock, StockShort) == [earlier.reservation_id]


async def test_only_the_ends_that_a_replica_has_seen_are_changed_or_finished(
    stock: Stock,
) -> None:
    await stock.register()
    await fall_behind(stock.db)
    await stock.consume(*claims(1))

    await fall_behind(stock.db, OTHERS)  # another replica thinks that stock is not behind
    finished = await finish(stock.db, ends=OTHERS)
    async with stock.db.read() as tx:
        noted = await behind.ends(tx)
    await stock.db.transact(lambda tx: change_ends(tx, ENDS, OTHERS))
    too_early = await finish(stock.db, ends=ENDS)

    assert (finished, noted, too_early) == (False, ENDS, False)
    assert await unanswered(stock.db) == 1
    await finish(stock.db, ends=OTHERS)
    assert await unanswered(stock.db) == 0


async def test_a_replica_that_dies_between_two_steps_leaves_the_rest_to_the_others(
    stock: Stock,
) -> None:
    await stock.register(stock_quantity=4)
    made = claims(6)
    await fall_behind(stock.db)
    await stock.consume(*shuffled(made))
    assert await finish(stock.db, at_once=2)

    class Killed(Exception):
        """Stands for a process that ends in the middle of a transaction."""

    async def dies(tx: Any) -> None:
        await finish_catching_up(tx, ENDS, at_once=2)
        raise Killed

    with suppress(Killed):
        await stock.db.transact(dies)
    while await finish(stock.db, at_once=2):
        pass

    ids = [claim.reservation_id for claim in made]
    assert await answers(stock, StockAllocated) == ids[:4]
    assert await answers(stock, StockShort) == ids[4:]


async def test_no_claim_is_forgotten_that_is_consumed_while_stock_catches_up(
    stock: Stock,
) -> None:
    await stock.register(stock_quantity=60)
    made = claims(60)
    await fall_behind(stock.db)

    async def catch_up() -> None:
        while await finish(stock.db, at_once=3):
            pass

    async def consume(some: Sequence[ReservationRegistered]) -> None:
        for claim in some:
            await stock.consume(claim)

    await asyncio.gather(*(consume(made[replica::3]) for replica in range(3)), catch_up())
    await catch_up()

    states = {(await stock.allocation(claim.reservation_id)).state for claim in made}  # type: ignore[union-attr]
    assert states == {State.HELD}
    assert await unanswered(stock.db) == 0
