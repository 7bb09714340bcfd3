"""MariaDB finds the events to send by the index, however many were sent and however many wait.

EXPLAIN says how it means to, and the counters of the session say what it has done.
"""

import pytest
from sqlalchemy import text

from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging import sent
from tests.conftest import NewDatabase, OpenDatabase

AT_ONCE = 200  # events of one round of the relay
SENT, WAITING = 20_000, 5_000
FILL = """
    INSERT INTO outbox (event_id, kind, `key`, version, type, topic, time, data, sent_at,
        incarnation, position)
    SELECT REPLACE(UUID(), '-', ''), 'reservation', UUID(), 1, 'bike.ReservationRegistered.v1',
        'bike.reservation', UTC_TIMESTAMP(6), REPEAT('x', 200), {sent_at}, 'x', seq
    FROM seq_1_to_{rows}
"""
PLAN = "EXPLAIN SELECT * FROM outbox WHERE sent_at IS NULL ORDER BY seq LIMIT 200"
WORK = "SHOW SESSION STATUS WHERE variable_name LIKE 'Handler_read%' OR variable_name = 'Sort_rows'"


@pytest.fixture
async def db(new_database: NewDatabase, open_database: OpenDatabase) -> Database:
    db = open_database(new_database("mariadb", "roadbike.reservation"))
    async with db.background.begin() as tx:
        for sent_at, rows in (("UTC_TIMESTAMP(6)", SENT), ("NULL", WAITING)):
            await tx.execute(text(FILL.format(sent_at=sent_at, rows=rows)))
    async with db.background.begin() as tx:
        await tx.execute(text("ANALYZE TABLE outbox"))
    return db


async def work(tx: Tx) -> int:
    """Return how many rows this session has read or sorted so far."""
    return sum(int(row["Value"]) for row in await tx.rows(text(WORK)))


async def test_the_next_events_are_read_in_their_order_from_the_index(db: Database) -> None:
    async with db.background.read() as tx:
        (plan,) = await tx.rows(text(PLAN))

    assert plan["key"] == "outbox_unsent"
    assert plan["type"] == "range"
    assert "filesort" not in plan["Extra"]


async def test_a_round_of_the_relay_reads_as_many_rows_as_it_sends(db: Database) -> None:
    async with db.background.read() as tx:
        before = await work(tx)
        counting = await work(tx) - before
        events = await sent.next_events(tx, AT_ONCE)
        done = await work(tx) - before - 2 * counting

    assert len(events) == AT_ONCE
    assert [row["seq"] for row in events] == sorted(row["seq"] for row in events)
    assert done <= 2 * AT_ONCE
