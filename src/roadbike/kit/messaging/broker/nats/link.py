"""The connection to a NATS server: made again for ever, and no call on it hangs."""

import asyncio
import time
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar

import nats.errors
import structlog
from nats.aio.msg import Msg

from roadbike.kit.messaging.broker.nats.client import QuickClient
from roadbike.kit.messaging.broker.nats.permissions import inbox_prefix
from roadbike.kit.messaging.broker.port import BrokerUnavailable, TopicMissing

log = structlog.get_logger()
T = TypeVar("T")

RETRY_SECONDS: Final = 0.2
LOOK_SECONDS: Final = 0.02  # between two looks for a connection, while there is none
CONNECT_SECONDS: Final = 2.0
BEAT_SECONDS: Final = 1.0  # between two pings
SILENCE_SECONDS: Final = 3.0  # without an answer to a ping: the connection is given up
CLOSE_SECONDS: Final = 2.0


class Life:
    """One connection from its making to its end; the next one is another client."""

    def __init__(self) -> None:
        self.client = QuickClient()
        self.trouble = ""
        self._ended = asyncio.get_running_loop().create_future()

    async def connect(self, url: str, service: str) -> None:
        """Returns when connected; raises what nats-py raises when the server refuses us."""
        await self.client.connect(
            url,
            name=service,
            inbox_prefix=inbox_prefix(service),
            error_cb=self._note,
            closed_cb=self.end,
            allow_reconnect=False,  # its way back keeps half-published batches in a buffer
            max_reconnect_attempts=-1,  # while nobody listens there it tries on
            reconnect_time_wait=RETRY_SECONDS,  # type: ignore[arg-type]  # any number of seconds
            connect_timeout=CONNECT_SECONDS,  # type: ignore[arg-type]
            flush_timeout=SILENCE_SECONDS,
        )

    async def last(self) -> None:
        """Until the server is gone or falls silent; the client's own ping does not see it hang."""
        while not self._ended.done():
            ping = self.client.rtt(timeout=SILENCE_SECONDS)  # type: ignore[arg-type]
            await self.call(ping, SILENCE_SECONDS)
            await asyncio.wait({self._ended}, timeout=BEAT_SECONDS)

    async def end(self) -> None:
        """Every call that waits on this connection fails now."""
        if not self._ended.done():
            self._ended.set_result(None)

    async def call(self, call: Coroutine[Any, Any, T], within: float) -> T:
        """Return what the call returns. Raises BrokerUnavailable when it fails or takes longer.

        It runs as a task of its own because nats-py swallows cancellations.
        """
        task = asyncio.ensure_future(call)
        try:
            await asyncio.wait(
                {task, self._ended}, timeout=within, return_when=asyncio.FIRST_COMPLETED
            )
            if task.done():
                return task.result()
        except nats.errors.NoRespondersError as error:
            raise TopicMissing("nothing answers there") from error
        except (nats.errors.Error, OSError, RuntimeError) as error:  # the last one is uvloop's
            raise self._away(str(error)) from error
        finally:
            task.cancel()
            task.add_done_callback(_look_away)
        raise self._away("connection lost" if self._ended.done() else f"no answer in {within} s")

    async def request(
        self, subject: str, payload: bytes, within: float, headers: Mapping[str, str] | None = None
    ) -> Msg:
        """Return the server's reply.

        Raises BrokerUnavailable, TopicMissing when no stream takes the subject.
        """
        kept = dict(headers) if headers else None
        ask = self.client.request(subject, payload, timeout=within, headers=kept)
        return await self.call(ask, within)

    def _away(self, what: str) -> BrokerUnavailable:
        trouble, self.trouble = self.trouble, ""
        return BrokerUnavailable(f"{what} ({trouble})" if trouble else what)

    async def _note(self, error: Exception) -> None:
        self.trouble = str(error)  # a refused permission comes this way, never as an answer


class Link:
    """Keeps one life going after the other."""

    def __init__(self, url: str, service: str) -> None:
        self._url, self._service = url, service
        self._life: Life | None = None
        self._complaint = ""
        self._leaving: set[asyncio.Task[None]] = set()
        self._keeper = asyncio.get_running_loop().create_task(self._keep())

    @property
    def connected(self) -> bool:
        """Whether there is a connection right now."""
        return self._life is not None and self._life.client.is_connected

    def life(self) -> Life:
        """The present connection; BrokerUnavailable when there is none."""
        if self._life is None or not self.connected:
            raise BrokerUnavailable("not connected")
        return self._life

    async def life_within(self, seconds: float) -> Life:
        """The present connection or the one made in that time; BrokerUnavailable when none is."""
        until = time.monotonic() + seconds
        while not self.connected and time.monotonic() < until:  # noqa: ASYNC110  nats-py only has states
            await asyncio.sleep(LOOK_SECONDS)
        return self.life()

    async def close(self) -> None:
        """No more connections; returns within CLOSE_SECONDS, whatever the server does."""
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)
        await asyncio.gather(*self._leaving, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            life = Life()
            try:
                await life.connect(self._url, self._service)
                await self._live(life)
            except Exception as error:  # noqa: BLE001  nats-py lets any kind out; a new client is the way on
                self._complain(life.trouble or str(error) or repr(error))
            finally:
                await life.end()
                self._let_go(life.client)
            await asyncio.sleep(RETRY_SECONDS)

    async def _live(self, life: Life) -> None:
        self._life, self._complaint = life, ""
        log.info("broker.connected")
        try:
            await life.last()
        finally:
            self._life = None

    def _complain(self, reason: str) -> None:
        if reason != self._complaint:  # once, not at each try
            log.warning("broker.away", reason=reason)
        self._complaint = reason

    def _let_go(self, client: QuickClient) -> None:
        """Close it beside us: with a hanging server, closing hangs too."""
        task = asyncio.get_running_loop().create_task(_close(client))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


async def _close(client: QuickClient) -> None:
    with suppress(nats.errors.Error, OSError, TimeoutError):
        await asyncio.wait_for(client.close(), CLOSE_SECONDS)


def _look_away(task: asyncio.Task[Any]) -> None:
    """What becomes of a call that was given up interests nobody, asyncio's warnings included."""
    if not task.cancelled():
        task.exception()
