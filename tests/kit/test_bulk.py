"""Many rows in one statement hold what they were given, whatever their types and number."""

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
THINGS = Table(
    "things",
    metadata,
    Column("seq", BigId, primary_key=True, autoincrement=True),
    Column("id", Uuid, unique=True),
    Column("name", String(20)),
    Column("big", BigInteger),
    Column("good", Boolean),
    Column("colour", Status(Colour)),
    Column("at", UtcTime),
    Column("data", LargeBinary),
    Column("text", Text),
)
PAIRS = Table(
    "pairs",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("key", String(20), primary_key=True),
)
NAMES = [column.name for column in THINGS.columns if column.name != "seq"]
PUT = bulk.Insert(THINGS, NAMES, lambda insert: insert)
PUT_NEW = bulk.Insert(
    THINGS,
    NAMES,
    lambda insert: insert.on_conflict_do_nothing(index_elements=["id"]).returning(THINGS.c.id),
)

FULL: dict[str, Any] = {
    "id": UUID(int=7),
    "name": 'Ünïcode, "quoted" {brace} \'n\\ull',
    "big": 2**62,
    "good": True,
    "colour": Colour.BLUE,
    "at": datetime(2026, 11, 24, 3, 15, 0, 123456, tzinfo=UTC),
    "data": bytes(range(256)),
    "text": '{"a": ["NULL", null, "로드바이크"]}\n',
}
FULL["name"] = FULL["name"][:20]
EMPTY: dict[str, Any] = dict.fromkeys(NAMES)


@pytest.fixture
async def things(db: Database) -> Database:
    async with db.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    return db


async def stored(db: Database) -> list[dict[str, Any]]:
    async with db.read() as tx:
        columns = [THINGS.c[name] for name in NAMES]
        return [dict(row) for row in await tx.rows(select(*columns).order_by(THINGS.c.seq))]


@pytest.mark.parametrize(
    "rows",
    [[FULL], [EMPTY], [FULL, EMPTY], [EMPTY, FULL | {"id": None}, EMPTY], [EMPTY] * 3],
    ids=["full", "empty", "full and empty", "empty first", "empty ones"],
)
async def test_rows_hold_what_they_were_given(things: Database, rows: list[dict[str, Any]]) -> None:
    async with things.begin() as tx:
        await PUT.execute(tx, rows)

    assert await stored(things) == rows


async def test_rows_are_put_in_the_order_in_which_they_were_given(things: Database) -> None:
    rows = [EMPTY | {"big": number} for number in range(9_000, 0, -1)]

    async with things.begin() as tx:
        await PUT.execute(tx, rows)

    assert [row["big"] for row in await stored(things)] == list(range(9_000, 0, -1))


async def test_what_is_returned_are_the_new_ones(things: Database) -> None:
    ids = [new_id() for _ in range(100)]

    async with things.begin() as tx:
        await PUT.execute(tx, [EMPTY | {"id": ids[0]}])
        new = await PUT_NEW.execute(tx, [EMPTY | {"id": one} for one in ids])

    assert {row.id for row in new} == set(ids[1:])


async def test_no_rows_are_no_statement(things: Database) -> None:
    async with things.begin() as tx:
        assert await PUT.execute(tx, []) == []
        assert await bulk.insert_new(tx, PAIRS, []) == set()


async def test_a_wide_key_is_given_as_a_tuple(things: Database) -> None:
    pairs = [{"kind": "a", "key": "1"}, {"kind": "a", "key": "2"}, {"kind": "b", "key": "1"}]

    async with things.begin() as tx:
        first = await bulk.insert_new(tx, PAIRS, pairs[:1])
        rest = await bulk.insert_new(tx, PAIRS, pairs)

    assert (first, rest) == ({("a", "1")}, {("a", "2"), ("b", "1")})


@pytest.mark.parametrize("column", [THINGS.c.id, THINGS.c.colour, THINGS.c.at, THINGS.c.name])
async def test_rows_are_found_among_values_of_any_type(
    things: Database, column: Column[Any]
) -> None:
    found = select(THINGS.c.id).where(bulk.among(things.dialect, column))

    async with things.begin() as tx:
        await PUT.execute(tx, [FULL, EMPTY])
        some = await tx.rows(found, {"among": [FULL[column.name]]})
        none = await tx.rows(found, {"among": []})

    assert [row["id"] for row in some] == [FULL["id"]]
    assert list(none) == []
