"""The connection to a Kafka cluster: looked after once a second, made again after each loss."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Final, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from roadbike.kit.messaging.broker.faults import CA, first_line, setting_of
from roadbike.kit.messaging.broker.kafka.access import Access
from roadbike.kit.messaging.broker.kafka.topics import Topic, topics_of
from roadbike.kit.messaging.broker.port import BrokerUnavailable, TopicMissing

log = structlog.get_logger()
T = TypeVar("T")

RETRY_SECONDS: Final = 0.2  # between two attempts to connect
POLL_SECONDS: Final = 0.02  # between two checks for a connection while there is none
LOOK_SECONDS: Final = 1.0  # between two looks at the topics
LOOK_TIMEOUT_SECONDS: Final = 3.0  # a connection without an answer to one is given up
CLOSE_TIMEOUT_SECONDS: Final = 2.0
# ends of partitions with what was appended just now, whose transaction's mark may be on its way
ALL_APPENDED: Final = {"isolation_level": "read_uncommitted"}
# a server of the URL answers, and names addresses where nobody does
ANNOUNCED: Final = "advertised.listeners of the servers, unless they are just starting"
FAILURES: Final = (KafkaError, OSError, TimeoutError)  # what aiokafka raises when a call fails
REFUSED: Final = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)


class Connector:
    """Keeps a connection to the cluster and replaces it after each loss, until it is closed.

    timeout: seconds, for one reply. topics: as the last look has found them, by name.
    """

    def __init__(self, access: Access, service: str, timeout: float) -> None:
        # every failure is raised, too; what aiokafka logs besides names no setting
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        self.access, self.service, self.timeout = access, service, timeout
        self.connections = 0  # so far
        self.topics: Mapping[str, Topic] = {}
        self._watched: set[str] = set()
        self._admin: AIOKafkaAdminClient | None = None
        self._asking: AIOKafkaConsumer | None = None
        self.fault = ""  # why there is no connection
        self.refused = False  # by servers that have not accepted this client once
        self._closing: set[asyncio.Task[None]] = set()
        self._task = asyncio.get_running_loop().create_task(self._keep_connected())

    @property
    def connected(self) -> bool:
        """Return whether the last look was answered."""
        return self._admin is not None

    def admin(self) -> AIOKafkaAdminClient:
        """Return the current connection. Raises BrokerUnavailable when there is none."""
        if self._admin is None:
            raise BrokerUnavailable(self.fault or "not connected")
        return self._admin

    def asking(self) -> AIOKafkaConsumer:
        """Return a consumer that is asked for offsets and fetches nothing.

        A server answers the requests of a connection one after the other, and a fetch waits for
        messages: a consumer that fetches would answer half a second later. Raises
        BrokerUnavailable when there is no connection.
        """
        self.admin()
        assert self._asking is not None
        return self._asking

    async def wait_until_connected(self, seconds: float) -> None:
        """Wait for a connection. Raises BrokerUnavailable after that time."""
        deadline = time.monotonic() + seconds
        while not self.connected and time.monotonic() < deadline:  # noqa: ASYNC110  as for NATS
            await asyncio.sleep(POLL_SECONDS)
        self.admin()

    async def topic(self, name: str) -> Topic:
        """Return the topic as it is now. Raises TopicMissing, BrokerUnavailable."""
        client = self.admin()._client  # noqa: SLF001  the admin client has no call for ids
        self._watched.add(name)
        found = await self.call(topics_of(client, [name]))
        if name not in found:
            raise TopicMissing(name)
        self.topics = {**self.topics, **found}
        return found[name]

    async def call(self, call: Awaitable[T]) -> T:
        """Return the result of aiokafka's call. Raises BrokerUnavailable when it fails."""
        try:
            async with asyncio.timeout(self.timeout):
                return await call
        except TimeoutError as error:
            raise BrokerUnavailable(f"no reply in {self.timeout:g} s") from error
        except FAILURES as error:
            raise BrokerUnavailable(reason_of(error)) from error

    def close_later(self, closing: Awaitable[None]) -> None:
        """Close a client without waiting: closing hangs when the server hangs."""
        task = asyncio.get_running_loop().create_task(_close(closing))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close the connection; return within CLOSE_TIMEOUT_SECONDS even if the server hangs."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _keep_connected(self) -> None:
        while True:
            admin = AIOKafkaAdminClient(**self.access.client(self.service, self.timeout))
            asking = AIOKafkaConsumer(
                **self.access.consumer(self.service, self.timeout) | ALL_APPENDED
            )
            is_reached = False
            try:
                await self._check_servers()
                is_reached = True
                async with asyncio.timeout(self.timeout):
                    await admin.start()
                    await asking.start()
                self._asking = asking
                await self._use(admin)
            except Exception as error:  # noqa: BLE001  aiokafka raises any kind of error; connect again
                self._log_unavailable(error, is_reached=is_reached)
            finally:
                self._admin = self._asking = None
                self.close_later(admin.close())
                self.close_later(asking.stop())
            await asyncio.sleep(RETRY_SECONDS)

    async def _check_servers(self) -> None:
        """Connect to one of the servers. Raises what the last one did, which says why not."""
        failure: BaseException = KafkaConnectionError("there is no server")
        for server in self.access.servers:
            host, _, port = server.rpartition(":")
            try:
                async with asyncio.timeout(self.timeout):
                    connection = await create_conn(
                        host.strip("[]"),
                        int(port),
                        client_id=self.service,
                        request_timeout_ms=int(self.timeout * 1000),
                        **self.access.security,
                    )
            except FAILURES as error:
                failure = error
            else:
                connection.close()
                return
        raise failure

    async def _use(self, admin: AIOKafkaAdminClient) -> None:
        await self._look(admin)
        self._admin, self.fault, self.refused = admin, "", False
        self.connections += 1
        log.info("broker.connected")
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look(admin)

    async def _look(self, admin: AIOKafkaAdminClient) -> None:
        async with asyncio.timeout(LOOK_TIMEOUT_SECONDS):
            self.topics = await topics_of(admin._client, sorted(self._watched))  # noqa: SLF001

    def _log_unavailable(self, error: BaseException, *, is_reached: bool) -> None:
        """Log the reason once. is_reached: one of the servers in the URL has answered."""
        setting = setting_of(error)
        self.refused = not self.connections and (setting == CA or isinstance(error, REFUSED))
        if is_reached and not self.connected and not self.refused:
            setting = ANNOUNCED
        fault = f"{reason_of(error)} ({setting})"
        if fault != self.fault:  # once, not at each attempt
            log.warning("broker.unavailable", reason=fault)
        self.fault = fault


def reason_of(error: BaseException) -> str:
    """Return what went wrong, in one line."""
    if isinstance(error, REFUSED):
        return "the servers refuse the user, the password or the SASL mechanism"
    if isinstance(error, TimeoutError):
        return "no reply in time; a server that expects TLS or SASL does not answer without it"
    return first_line(error)


async def _close(closing: Awaitable[None]) -> None:
    with suppress(*FAILURES):
        async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
            await closing
