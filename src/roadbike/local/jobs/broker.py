"""The set-up job: makes the broker's topics and groups, and makes them again when they are lost."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from socket import socket
from typing import Any, Final

import structlog

from roadbike.kit import logs
from roadbike.kit.messaging.broker import Broker, BrokerUnavailable, TopicOptions, connect
from roadbike.local.servers.nats import SET_UP

log = structlog.get_logger()

INTERVAL_SECONDS: Final = 2.0  # between two comparisons of what there is with what should be
RETRY_SECONDS: Final = 0.1  # while the broker is unavailable
REQUEST_TIMEOUT_SECONDS: Final = 5.0
HEALTHY: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

Topics = Mapping[str, Sequence[str]]  # the groups that consume each topic
Kafka = Mapping[str, Any]  # see local/servers/kafka: `making`
Connect = Callable[[], Broker]


def keep_set_up(
    *,
    url: str,
    topics: Topics,
    ack_wait: float,
    kafka: Kafka | None = None,
    listener: socket | None = None,
) -> None:
    """Make what is missing until the process ends.

    listener: health checks are answered there once everything was made. ack_wait: seconds.
    """
    logs.configure(SET_UP, "info")
    asyncio.run(_keep(lambda: _connect(url, ack_wait, kafka), topics, listener))


def set_up(
    *, url: str, topics: Topics, ack_wait: float, within: float, kafka: Kafka | None = None
) -> None:
    """Make what is missing, once. Raises BrokerUnavailable after `within` seconds."""
    logs.configure(SET_UP, "error")  # the exception says what went wrong
    asyncio.run(_once(lambda: _connect(url, ack_wait, kafka), topics, within))


def _connect(url: str, ack_wait: float, kafka: Kafka | None) -> Broker:
    given = dict(kafka or {})
    options = TopicOptions(**given.pop("topics", {}))
    return connect(url, SET_UP, ack_wait=ack_wait, topics=options, **given)


async def _keep(connect_: Connect, topics: Topics, listener: socket | None) -> None:
    broker = connect_()
    await _make(broker, topics)
    server = await asyncio.start_server(_answer, sock=listener) if listener else None
    async with server or contextlib.nullcontext():
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            await _make(broker, topics)


async def _once(connect_: Connect, topics: Topics, within: float) -> None:
    broker, reasons = connect_(), [f"no success in {within:.0f} s"]
    try:
        async with asyncio.timeout(within):
            await _make(broker, topics, reasons)
    except TimeoutError:
        raise BrokerUnavailable(reasons[-1]) from None
    finally:
        await broker.close()


async def _make(broker: Broker, topics: Topics, reasons: list[str] | None = None) -> None:
    """Make what is missing; wait until the broker is available. reasons: to add failures to."""
    reason = ""
    while True:
        try:
            return await broker.set_up(topics)
        except BrokerUnavailable as error:
            if str(error) != reason:  # once, not at each attempt
                reason = str(error)
                if reasons is not None:
                    reasons.append(reason)
                log.warning("set_up.waiting", reason=reason)
        await asyncio.sleep(RETRY_SECONDS)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer any request with 200: this process runs and has made everything once."""
    with contextlib.suppress(
        OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
    ):
        async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HEALTHY)
            await writer.drain()
    writer.close()
