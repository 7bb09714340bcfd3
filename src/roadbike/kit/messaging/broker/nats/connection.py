"""The connection to a NATS server: made again after each loss, and no call on it hangs."""

import asyncio
import ssl
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar

import nats.errors
import structlog
from nats.aio.msg import Msg

from roadbike.kit.messaging.broker.faults import CA, URL, first_line, setting_of
from roadbike.kit.messaging.broker.nats.client import QuickClient
from roadbike.kit.messaging.broker.nats.permissions import inbox_prefix
from roadbike.kit.messaging.broker.port import BrokerUnavailable, TopicMissing

log = structlog.get_logger()
T = TypeVar("T")

RETRY_SECONDS: Final = 0.2  # between two attempts to connect
POLL_SECONDS: Final = 0.02  # between two checks for a connection while there is none
CONNECT_TIMEOUT_SECONDS: Final = 2.0
PING_INTERVAL_SECONDS: Final = 1.0
PING_TIMEOUT_SECONDS: Final = 3.0  # a connection without a reply to a ping is closed
CLOSE_TIMEOUT_SECONDS: Final = 2.0
CANCEL_SECONDS: Final = 0.1  # until a task that goes on is cancelled again
REFUSED: Final = "authorization violation"  # what a server says of a wrong user or password


class Connection:
    """One connection to the server. It is not reused after its end: the next one is a new client.

    last_error: reported by the server since the last failed call; empty without one.
    on_error: called with each error of the client.
    """

    def __init__(self, on_error: Callable[[Exception], None]) -> None:
        self.client = QuickClient()
        self.last_error = ""
        self._on_error = on_error
        self._ended = asyncio.get_running_loop().create_future()

    async def connect(self, url: str, service: str, tls: ssl.SSLContext | None) -> None:
        """Connect as the service. Raises nats.errors.Error when the server refuses."""
        await self.client.connect(
            url,
            name=service,
            inbox_prefix=inbox_prefix(service),
            error_cb=self._note_error,
            tls=tls,
            closed_cb=self.end,
            allow_reconnect=False,  # nats-py's own reconnect keeps half-sent batches in a buffer
            max_reconnect_attempts=-1,  # retries while nothing listens on the port
            reconnect_time_wait=RETRY_SECONDS,  # type: ignore[arg-type]  # any number of seconds
            connect_timeout=CONNECT_TIMEOUT_SECONDS,  # type: ignore[arg-type]
            flush_timeout=PING_TIMEOUT_SECONDS,
        )

    async def watch(self) -> None:
        """Ping the server until the connection ends. Raises BrokerUnavailable without a reply.

        nats-py's own ping does not notice a hanging server.
        """
        while not self._ended.done():
            ping = self.client.rtt(timeout=PING_TIMEOUT_SECONDS)  # type: ignore[arg-type]
            await self.call(ping, PING_TIMEOUT_SECONDS)
            await asyncio.wait({self._ended}, timeout=PING_INTERVAL_SECONDS)

    async def end(self) -> None:
        """Make every call that waits on this connection fail now."""
        if not self._ended.done():
            self._ended.set_result(None)

    async def call(self, call: Coroutine[Any, Any, T], within: float) -> T:
        """Return the result of the call.

        Raises BrokerUnavailable when it fails or takes longer than `within` seconds, TopicMissing
        when nothing answers on its subject. The call runs as its own task because nats-py
        swallows cancellations.
        """
        task = asyncio.ensure_future(call)
        try:
            await asyncio.wait(
                {task, self._ended}, timeout=within, return_when=asyncio.FIRST_COMPLETED
            )
            if task.done():
                return task.result()
        except nats.errors.NoRespondersError as error:
            raise TopicMissing("nothing answers on the subject") from error
        except (nats.errors.Error, OSError, RuntimeError) as error:  # RuntimeError is from uvloop
            raise self._unavailable(str(error)) from error
        finally:
            task.cancel()
            task.add_done_callback(_retrieve_exception)
        ended = self._ended.done()
        raise self._unavailable("connection lost" if ended else f"no reply in {within} s")

    async def request(
        self, subject: str, payload: bytes, within: float, headers: Mapping[str, str] | None = None
    ) -> Msg:
        """Return the server's reply to the request.

        Raises BrokerUnavailable, TopicMissing when no stream takes the subject.
        """
        own_headers = dict(headers) if headers else None
        request = self.client.request(subject, payload, timeout=within, headers=own_headers)
        return await self.call(request, within)

    def _unavailable(self, reason: str) -> BrokerUnavailable:
        error, self.last_error = self.last_error, ""
        return BrokerUnavailable(f"{reason} ({error})" if error else reason)

    async def _note_error(self, error: Exception) -> None:
        self.last_error = str(error)  # the server reports a missing permission here, not in a reply
        self._on_error(error)


class Connector:
    """Keeps a connection to the server and replaces it after each loss, until it is closed.

    tls: verifies the server; None: no encryption. refused: by a server that has not accepted this
    client once.
    """

    def __init__(self, url: str, service: str, tls: ssl.SSLContext | None = None) -> None:
        self._url, self._service, self._tls = url, service, tls
        self.refused = False
        self.connections = 0  # so far
        self._connection: Connection | None = None
        self._reason = ""
        self._closing: set[asyncio.Task[None]] = set()
        self._task = asyncio.get_running_loop().create_task(self._keep_connected())

    @property
    def connected(self) -> bool:
        """Return whether there is a connection now."""
        return self._connection is not None and self._connection.client.is_connected

    @property
    def fault(self) -> str:
        """Return why the last attempt to connect has failed, with the setting it is about."""
        return self._reason or f"not connected ({URL})"

    def connection(self) -> Connection:
        """Return the current connection. Raises BrokerUnavailable when there is none."""
        if self._connection is None or not self.connected:
            raise BrokerUnavailable(self._reason or "not connected")
        return self._connection

    async def connection_within(self, seconds: float) -> Connection:
        """Wait for a connection and return it. Raises BrokerUnavailable after that time."""
        deadline = time.monotonic() + seconds
        while not self.connected and time.monotonic() < deadline:  # noqa: ASYNC110  nats-py has no event for it
            await asyncio.sleep(POLL_SECONDS)
        return self.connection()

    async def close(self) -> None:
        """Close the connection; return within CLOSE_TIMEOUT_SECONDS even if the server hangs."""
        while not self._task.done():  # wait_for of Python 3.11, in nats-py, may swallow it
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CANCEL_SECONDS)
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _keep_connected(self) -> None:
        while True:
            connection = Connection(self._note_failure)
            try:
                await connection.connect(self._url, self._service, self._tls)
                await self._use(connection)
            except Exception as error:  # noqa: BLE001  nats-py raises any kind of error; retry with a new client
                self._note_failure(error)
            finally:
                await connection.end()
                self._close_in_background(connection.client)
            await asyncio.sleep(RETRY_SECONDS)

    async def _use(self, connection: Connection) -> None:
        self._connection, self._reason, self.refused = connection, "", False
        self.connections += 1
        log.info("broker.connected")
        try:
            await connection.watch()
        finally:
            self._connection = None

    def _note_failure(self, error: Exception) -> None:
        """Note why there is no connection; log it once, not at each attempt."""
        if self.connected:
            return  # it concerns one call: a permission is missing
        is_refused, setting = REFUSED in str(error).lower(), setting_of(error)
        self.refused = not self.connections and (setting == CA or is_refused)
        what = "the server refuses the user or the password" if is_refused else first_line(error)
        reason = f"{what} ({setting})"
        if reason != self._reason:
            log.warning("broker.unavailable", reason=reason)
        self._reason = reason

    def _close_in_background(self, client: QuickClient) -> None:
        """Close the client without waiting: closing hangs when the server hangs."""
        task = asyncio.get_running_loop().create_task(_close(client))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _close(client: QuickClient) -> None:
    with suppress(nats.errors.Error, OSError, TimeoutError):
        await asyncio.wait_for(client.close(), CLOSE_TIMEOUT_SECONDS)


def _retrieve_exception(task: asyncio.Task[Any]) -> None:
    """Retrieve the exception so that asyncio does not log 'never retrieved'."""
    if not task.cancelled():
        task.exception()
