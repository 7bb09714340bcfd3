"""The audit log: written with the change, and only added to."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from roadbike.kit.audit_log import AUDIT_LOG, HIDDEN, StaffChange, differences, note
from roadbike.kit.db import Database, Tx
from roadbike.kit.pure.refusals import NotFound
from roadbike.stock.domain import Bike

CHANGE = StaffChange(
    by="boss",
    kind="bike",
    thing="312",
    action="edited",
    before={"price": 6_400_000},
    after={"price": 6_250_000},
    why="행사",
)


@pytest.fixture
def log(
    migrated_url: Callable[..., str], dialect: str, open_database: Callable[[str], Database]
) -> Database:
    return open_database(migrated_url("roadbike.stock", dialect))


async def entries(db: Database) -> list[dict[str, Any]]:
    async with db.read() as tx:
        return [dict(row) for row in await tx.rows(select(AUDIT_LOG))]


async def test_a_change_is_kept_with_its_transaction(log: Database) -> None:
    async with log.begin() as tx:
        note(tx, CHANGE)
        note(tx, CHANGE)

    first, second = await entries(log)
    assert (first["actor"], first["thing"], first["why"]) == ("boss", "312", "행사")
    assert (first["old_values"], first["new_values"]) == ('{"price":6400000}', '{"price":6250000}')
    assert first["at"].tzinfo is UTC
    assert first["at"].microsecond % 1000 == 0
    assert second["seq"] > first["seq"]


async def test_a_change_that_is_rolled_back_is_not_in_the_log(log: Database) -> None:
    async def fail(tx: Tx) -> None:
        note(tx, CHANGE)
        raise NotFound

    with pytest.raises(NotFound):
        await log.transact(fail)

    assert await entries(log) == []


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log"])
async def test_sqlite_refuses_to_change_the_log(
    migrated_url: Callable[..., str], open_database: Callable[[str], Database], statement: str
) -> None:
    db = open_database(migrated_url("roadbike.delivery", "sqlite"))
    async with db.begin() as tx:
        note(tx, CHANGE)

    async def change(tx: Tx) -> None:
        await tx.execute(text(statement))

    with pytest.raises(DBAPIError, match="only added to"):
        await db.transact(change)
    [kept] = await entries(db)
    assert kept["actor"] == "boss"


def test_only_what_differs_is_kept_and_personal_data_are_hidden() -> None:
    before = Bike(bike_id=1, bike_name="화살", price=1, stock_quantity=2, brand="가온바람")
    after = Bike(bike_id=1, bike_name="화살", price=1, stock_quantity=3, colour="주홍색")

    old, new = differences(before, after, ["price", "stock_quantity", "brand", "colour"], ["brand"])

    assert old == {"stock_quantity": 2, "brand": HIDDEN, "colour": None}
    assert new == {"stock_quantity": 3, "brand": None, "colour": "주홍색"}
