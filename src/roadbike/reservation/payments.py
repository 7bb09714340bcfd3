"""Payment, as reservation reaches it: one synchronous call within a deadline."""

from types import TracebackType
from typing import Final, Protocol, Self

import aiohttp
import msgspec

from roadbike.contracts.payments import OpenedPayment, OpenPayment
from roadbike.kit.auth import ServiceTokens
from roadbike.kit.resilience.deadline import Deadline
from roadbike.kit.trace import current_traceparent
from roadbike.reservation.domain import Reservation

LEAST_MS: Final = 100  # with less left the call is not sent
CONNECT_SECONDS: Final = 0.25  # our own loop may lag by a tenth when a crowd comes at once
MADE: Final = {200, 201}
REFUSED: Final = range(400, 500)


class NotOpened(Exception):
    """Surely no payment was opened: it was refused, or the call was not sent."""


class NotSent(NotOpened):
    """No time was left to ask; that says nothing about payment."""


class Unreachable(NotOpened):
    """Payment does not answer the telephone."""


class Unknown(Exception):
    """Nobody knows whether the payment was opened: no answer in time, or a broken one."""


class Payments(Protocol):
    """What reservation needs of payment."""

    async def open(self, intent: Reservation, deadline: Deadline) -> None:
        """Open the intent's payment. Raises NotOpened, Unknown."""


class HttpPayments:
    """Payment over HTTP. Opened and closed with the service."""

    def __init__(self, url: str, tokens: ServiceTokens) -> None:
        self._url = url
        self._tokens = tokens
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # the limiter stands before it
            trust_env=False,
        )
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def open(self, intent: Reservation, deadline: Deadline) -> None:
        left = deadline.remaining_ms()
        if left < LEAST_MS:
            raise NotSent("no time left to ask")
        try:
            status, answer = await self._put(intent, left / 1000, deadline.forwarded_ms())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreachable(str(error)) from error
        except (TimeoutError, aiohttp.ClientError) as error:
            raise Unknown(repr(error)) from error
        _judge(intent, status, answer)

    async def _put(self, intent: Reservation, seconds: float, timeout_ms: int) -> tuple[int, bytes]:
        assert self._session is not None  # opened with the service
        body = OpenPayment(bike_id=intent.bike_id, user_id=intent.user_id, price=intent.price)
        request = self._session.put(
            f"{self._url}/internal/payments/{intent.reservation_id}",
            data=msgspec.json.encode(body),
            headers=self._headers(timeout_ms),
            timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS),
            allow_redirects=False,
        )
        async with request as response:
            return response.status, await response.read()

    def _headers(self, timeout_ms: int) -> dict[str, str]:
        headers = {
            "Authorization": f"Bearer {self._tokens.mint('payment')}",
            "Content-Type": "application/json",
            "X-Timeout-Ms": str(timeout_ms),
        }
        traceparent = current_traceparent()
        return headers if traceparent is None else headers | {"traceparent": traceparent}


def _judge(intent: Reservation, status: int, answer: bytes) -> None:
    if status in MADE:
        try:
            opened = msgspec.json.decode(answer, type=OpenedPayment)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Unknown("a broken answer") from error
        if opened.reservation_id != intent.reservation_id:
            raise Unknown("an answer to another question")
    elif status in REFUSED:
        raise NotOpened(f"refused with {status}")
    else:
        raise Unknown(f"answered {status}")
