"""Bulk statements store, return and find rows of every column type."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    select,
)

from roadbike.kit.db import Database, bulk
from roadbike.kit.db.columns import BigId, Status, UtcTime
from roadbike.kit.db.ids import new_id


class Colour(StrEnum):
    RED = "빨강"
    BLUE = "파랑"


metadata = MetaData()
ITEMS = Table(
    "items",
    metadata,
    Column("seq", BigId, primary_key=True, autoincrement=True),
    Column("id", Uuid, unique=True),
    Column("name", String(20)),
    Column("big", BigInteger),
    Column("flag", Boolean),
    Column("colour", Status(Colour)),
    Column("time", UtcTime),
    Column("data", LargeBinary),
    Column("text", Text),
)
PAIRS = Table(
    "pairs",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("key", String(20), primary_key=True),
)
NAMES = [column.name for column in ITEMS.columns if column.name != "seq"]
INSERT = bulk.Insert(ITEMS, NAMES, lambda insert: insert)
INSERT_NEW = bulk.Insert(
    ITEMS,
    NAMES,
    lambda insert: insert.on_conflict_do_nothing(index_elements=["id"]).returning(ITEMS.c.id),
)

FULL: dict[str, Any] = {
    "id": UUID(int=7),
    "name": 'Ünïcode, "quoted" {brace} \'n\\ull',
    "big": 2**62,
    "flag": True,
    "colour": Colour.BLUE,
    "time": datetime(2026, 11, 24, 3, 15, 0, 123456, tzinfo=UTC),
    "data": bytes(range(256)),
    "text": '{"a": ["NULL", null, "로드바이크"]}\n',
}
FULL["name"] = FULL["name"][:20]
EMPTY: dict[str, Any] = dict.fromkeys(NAMES)


@pytest.fixture
async def items(db: Database) -> Database:
    async with db.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    return db


async def stored(db: Database) -> list[dict[str, Any]]:
    async with db.read() as tx:
        columns = [ITEMS.c[name] for name in NAMES]
        return [dict(row) for row in await tx.rows(select(*columns).order_by(ITEMS.c.seq))]


@pytest.mark.parametrize(
    "rows",
    [[FULL], [EMPTY], [FULL, EMPTY], [EMPTY, FULL | {"id": None}, EMPTY], [EMPTY] * 3],
    ids=["full", "empty", "full, empty", "empty, full, empty", "three empty"],
)
async def test_rows_are_stored_unchanged(items: Database, rows: list[dict[str, Any]]) -> None:
    async with items.begin() as tx:
        await INSERT.execute(tx, rows)

    assert await stored(items) == rows


async def test_rows_are_inserted_in_the_given_order(items: Database) -> None:
    rows = [EMPTY | {"big": number} for number in range(9_000, 0, -1)]

    async with items.begin() as tx:
        await INSERT.execute(tx, rows)

    assert [row["big"] for row in await stored(items)] == list(range(9_000, 0, -1))


async def test_only_inserted_rows_are_returned(items: Database) -> None:
    ids = [new_id() for _ in range(100)]

    async with items.begin() as tx:
        await INSERT.execute(tx, [EMPTY | {"id": ids[0]}])
        new = await INSERT_NEW.execute(tx, [EMPTY | {"id": id_} for id_ in ids])

    assert {row["id"] for row in new} == set(ids[1:])


async def test_without_rows_nothing_is_executed(items: Database) -> None:
    async with items.begin() as tx:
        assert await INSERT.execute(tx, []) == []
        assert await bulk.insert_new(tx, PAIRS, []) == set()


async def test_a_key_of_two_columns_is_returned_as_a_tuple(items: Database) -> None:
    pairs = [{"kind": "a", "key": "1"}, {"kind": "a", "key": "2"}, {"kind": "b", "key": "1"}]

    async with items.begin() as tx:
        first = await bulk.insert_new(tx, PAIRS, pairs[:1])
        rest = await bulk.insert_new(tx, PAIRS, pairs)

    assert (first, rest) == ({("a", "1")}, {("a", "2"), ("b", "1")})


@pytest.mark.parametrize("column", [ITEMS.c.id, ITEMS.c.colour, ITEMS.c.time, ITEMS.c.name])
async def test_among_finds_values_of_every_column_type(
    items: Database, column: Column[Any]
) -> None:
    found = select(ITEMS.c.id).where(bulk.among(items.dialect, column))

    async with items.begin() as tx:
        await INSERT.execute(tx, [FULL, EMPTY])
        some = await tx.rows(found, {"among": [FULL[column.name]]})
        none = await tx.rows(found, {"among": []})

    assert [row["id"] for row in some] == [FULL["id"]]
    assert list(none) == []
