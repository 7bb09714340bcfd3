"""Short lists are counted each time, long ones once a second, and a last page without a count."""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Select, Table, event, insert, select

from roadbike.kit.db import Database, Tx
from roadbike.kit.db.keyset import Keyset
from roadbike.kit.db.paging import Paging, SortOrder
from roadbike.kit.db.rows import Part, Rows
from roadbike.kit.db.totals import KEPT_SECONDS, LONG, MOST_KEPT, Totals
from roadbike.kit.pure.refusals import Invalid

metadata = MetaData()
ITEM = Table(
    "item",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("colour", Integer, nullable=False),
    Column("row_version", Integer, nullable=False),
)


@dataclass(frozen=True)
class Item:
    id: int
    colour: int
    row_version: int = 1


ITEMS = Rows(ITEM, Item)


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


class Counter:
    """Counts how often it was asked to count."""

    def __init__(self, total: int) -> None:
        self.total, self.times = total, 0

    async def __call__(self) -> int:
        self.times += 1
        return self.total


def of_colour(colour: int) -> Select[Any]:
    return select(ITEM).where(ITEM.c.colour == colour)


async def test_a_short_list_is_counted_each_time() -> None:
    totals, count = Totals(), Counter(LONG)

    found = [await totals.of(of_colour(1), count) for _ in range(3)]

    assert (found, count.times) == ([LONG] * 3, 3)


async def test_a_long_list_is_counted_again_after_a_while() -> None:
    clock, count = Clock(), Counter(LONG + 1)
    totals = Totals(clock)
    first = [await totals.of(of_colour(1), count) for _ in range(3)]
    count.total += 5

    soon = await totals.of(of_colour(1), count)
    clock.now += KEPT_SECONDS
    later = await totals.of(of_colour(1), count)

    assert first == [LONG + 1] * 3
    assert (soon, later, count.times) == (LONG + 1, LONG + 6, 2)


async def test_others_take_the_earlier_number_while_one_counts() -> None:
    clock, count = Clock(), Counter(LONG + 1)
    totals = Totals(clock)
    await totals.of(of_colour(1), count)
    clock.now += KEPT_SECONDS

    async def count_again() -> int:
        assert await totals.of(of_colour(1), count) == LONG + 1
        return LONG + 2

    assert await totals.of(of_colour(1), count_again) == LONG + 2
    assert count.times == 1


async def test_lists_of_other_values_and_of_other_conditions_have_numbers_of_their_own() -> None:
    totals = Totals()
    lists = [of_colour(1), of_colour(2), of_colour(1).where(ITEM.c.id > 1), select(ITEM)]

    numbers = [await totals.of(found, Counter(LONG + n)) for n, found in enumerate(lists, 1)]
    again = [await totals.of(found, Counter(0)) for found in lists]

    assert numbers == again == [LONG + 1, LONG + 2, LONG + 3, LONG + 4]


async def test_no_more_numbers_are_kept_than_fit() -> None:
    totals, count = Totals(), Counter(LONG + 1)

    for colour in range(MOST_KEPT + 1):
        await totals.of(of_colour(colour), count)
    await totals.of(of_colour(MOST_KEPT), count)

    assert count.times == MOST_KEPT + 1


@pytest.fixture
async def items(db: Database) -> Database:
    """50 items."""
    async with db.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        rows = [{"id": id_, "colour": id_ % 2, "row_version": 1} for id_ in range(50)]
        await connection.execute(insert(ITEM), rows)
    return db


async def page(tx: Tx, number: int, size: int) -> Part[Item]:
    return await by_id(tx, Paging(number=number, size=size))


async def by_id(tx: Tx, paging: Paging) -> Part[Item]:
    order = Keyset((ITEM.c.id,), descending=False)
    sortable = {"colour": ITEM.c.colour}
    return await ITEMS.page(tx, select(ITEM), paging, sortable=sortable, then=order)


@pytest.mark.parametrize(
    ("number", "size", "ids", "counts"),
    [
        (0, 20, range(20), 1),
        (1, 20, range(20, 40), 1),
        (2, 20, range(40, 50), 0),  # the last page says how many there are
        (0, 100, range(50), 0),
        (4, 10, range(40, 50), 0),  # full, and no row follows
        (5, 10, range(0), 1),  # behind the end
    ],
)
async def test_the_total_is_right_on_every_page(
    items: Database, number: int, size: int, ids: range, counts: int
) -> None:
    statements: list[str] = []
    event.listen(
        items.engine.sync_engine, "before_cursor_execute", lambda *a: statements.append(a[2])
    )
    async with items.begin() as tx:
        found, total, _ = await page(tx, number, size)

    assert ([item.id for item in found], total) == (list(ids), 50)
    assert sum("count(" in statement for statement in statements) == counts


async def test_a_page_begins_after_the_last_row_of_the_page_before(items: Database) -> None:
    seen: list[int] = []
    paging = Paging(size=20)
    while True:
        async with items.begin() as tx:
            found, total, following = await by_id(tx, paging)
            seen += [item.id for item in found]
            await tx.execute(ITEM.delete().where(ITEM.c.id == found[0].id))  # shifts no page
        if following is None:
            break
        paging = Paging(number=paging.number + 1, size=20, after=following)

    assert seen == list(range(50))
    assert total == 48


async def test_a_sorted_page_says_no_key(items: Database) -> None:
    async with items.begin() as tx:
        paging = Paging(size=20, sort=(SortOrder(field="colour"),))
        assert (await by_id(tx, paging)).following is None


@pytest.mark.parametrize("after", ["x", "====", "W10", "WyJ4Il0", "WzEsMl0", "WzkwMDBlMTBd"])
async def test_a_text_that_no_link_has_is_no_place(items: Database, after: str) -> None:
    async with items.begin() as tx:
        with pytest.raises(Invalid) as refused:
            await by_id(tx, Paging(after=after))

    assert refused.value.faults[0].parameter == "after"
