"""An outbox with many events: sent ones, and a backlog that is waiting to be sent."""

from typing import Final

from roadbike.kit.db import Database
from roadbike.kit.messaging import sent
from roadbike.kit.messaging.broker import Broker, Message
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.messaging.broker.nats import NatsBroker
from roadbike.kit.messaging.relay import Relay
from tests.faults.databases import execute
from tests.kit.broker.messages import wait_until_connected
from tests.kit.broker.nats_server import NatsServer

TOPIC: Final = "bike.reservation"
PART: Final = 250_000  # rows of one transaction
FILL: Final = """
    INSERT INTO outbox
        (event_id, kind, key, version, type, topic, time, data, sent_at, incarnation, position)
    SELECT gen_random_uuid(), 'reservation', gen_random_uuid()::text, 1,
        'bike.ReservationRegistered.v1', 'bike.reservation', now(),
        decode(repeat('ab', 550), 'hex'), {when}, 'x', number
    FROM generate_series(1, {rows}) number
"""
LONG_AGO: Final = "now() - interval '30 minutes'"  # before the event of `send_one`
MARK: Final = """
    UPDATE outbox SET sent_at = now(), incarnation = '{mark.incarnation}',
        position = {mark.position} WHERE seq = {seq}
"""


async def add_sent(db: Database, rows: int) -> None:
    """Add events that were sent to the broker."""
    for begin in range(0, rows, PART):
        await execute(db, FILL.format(when=LONG_AGO, rows=min(PART, rows - begin)))


async def send_one(db: Database, broker: Broker) -> None:
    """Send an event, so that the broker has the one that the outbox has sent last.

    Else the relay finds that the broker's log was lost, and sends everything again.
    """
    await add_backlog(db, 1)
    async with db.background.read() as tx:
        (row,) = await sent.next_events(tx, 1)
    names = ("event_id", "type", "topic", "key", "time", "traceparent", "data")
    message = Message(source="reservation", **{name: row[name] for name in names})
    (mark,) = await broker.send([message])
    await execute(db, MARK.format(mark=mark, seq=row["seq"]))


async def add_backlog(db: Database, rows: int) -> None:
    """Add events that are waiting to be sent."""
    await execute(db, FILL.format(when="NULL", rows=rows))


async def relay_to_nats(db: Database, server: NatsServer) -> Relay:
    """Return a relay that holds the lease and sends to the server; the caller closes its broker."""
    broker = NatsBroker(server.url(), "reservation")
    await wait_until_connected(broker)
    await broker.set_up({TOPIC: ()})
    await send_one(db, broker)
    return Relay(db.background, broker, "reservation")


async def relay_to_memory(db: Database) -> Relay:
    """Return a relay that holds the lease and sends to a broker in memory."""
    broker = MemoryBroker(MemoryLog())
    await broker.set_up({TOPIC: ()})
    await send_one(db, broker)
    relay = Relay(db.background, broker, "reservation")
    await relay.relay_once()
    return relay
