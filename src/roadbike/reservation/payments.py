"""The call to payment that opens a payment, within a deadline; and what its failures mean.

PaymentError
├── NotSent         too little time was left          nothing was opened
├── Unreachable     no connection                     nothing was opened
├── PaymentRefused  payment answered 4xx              nothing was opened
└── Unknown         no answer in time, or a bad one   a payment may be open
    └── CutShort    no answer in the little time left a payment may be open
"""

import ssl
from collections.abc import Sequence
from enum import Enum, auto
from typing import ClassVar, Final, Protocol, Self

import aiohttp
import msgspec

from roadbike.contracts.payments import OpenedPayment, OpenPayment
from roadbike.kit.auth import ServiceTokens
from roadbike.kit.metrics import measured_call
from roadbike.kit.process.http_client import http_session
from roadbike.kit.resilience.breaker import SLOW_PART
from roadbike.kit.resilience.deadline import Deadline
from roadbike.kit.resilience.targets import Targets
from roadbike.kit.trace import current_traceparent
from roadbike.reservation.domain import Reservation

DEADLINE_MS: Final = 610  # for a whole reserve request, from its first byte
MIN_MS: Final = 100  # with less time left the call is not sent
FULL_MS: Final = int(SLOW_PART * DEADLINE_MS)  # with less, a time-out says nothing about payment
CONNECT_TIMEOUT_SECONDS: Final = 0.25  # our event loop may lag by 0.1 s when many calls start
OPENED: Final = {200, 201}
REFUSED: Final = range(400, 500)


class Verdict(Enum):
    """What a failed call says about payment's health, for the circuit breaker."""

    ANSWERED = auto()  # payment works
    FAILED = auto()
    NO_VERDICT = auto()  # the call says nothing about payment


class PaymentError(Exception):
    """No payment was opened, as far as is known.

    nothing_was_opened: True when that is certain, so that the reservation can be given up at once.
    """

    verdict: ClassVar[Verdict]
    nothing_was_opened: ClassVar[bool]


class NotSent(PaymentError):
    """Too little time was left to send the call."""

    verdict = Verdict.NO_VERDICT
    nothing_was_opened = True


class Unreachable(PaymentError):
    """No TCP or TLS connection: nothing was opened; counts as a failure for the breaker."""

    verdict = Verdict.FAILED
    nothing_was_opened = True


class PaymentRefused(PaymentError):
    """Payment answered that it does not open this payment."""

    verdict = Verdict.ANSWERED
    nothing_was_opened = True


class Unknown(PaymentError):
    """Payment did not answer in time, or its answer was broken: the payment may be open."""

    verdict = Verdict.FAILED
    nothing_was_opened = False


class CutShort(Unknown):
    """Payment did not answer, but the call had less than its full time: that is not its fault."""

    verdict = Verdict.NO_VERDICT


class Payments(Protocol):
    """What reservation needs of payment."""

    async def open(self, reservation: Reservation, deadline: Deadline) -> None:
        """Open the payment of a pending reservation. Raises PaymentError."""


class HttpPayments:
    """Payment over HTTP. Its connections are opened and closed with the service.

    urls: the base URLs of its replicas, or of what stands in front of them.
    tls: verifies payment's certificate at an https URL; None: with those of the system.
    """

    def __init__(
        self, urls: Sequence[str], tokens: ServiceTokens, tls: ssl.SSLContext | None = None
    ) -> None:
        self._targets = Targets(urls)
        self._tokens = tokens
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = http_session(self._tls, limit=0)  # the desk's limiter bounds the calls
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def open(self, reservation: Reservation, deadline: Deadline) -> None:
        """Open the payment. A replica without a connection is followed by the next one."""
        while True:
            url = self._targets.choose()
            try:
                with measured_call("payment", "open"):
                    await self._open_at(url, reservation, deadline)
            except Unreachable:
                self._targets.failed(url)
                if not self._targets.has_others() or deadline.remaining_ms() < MIN_MS:
                    raise
            except CutShort:
                raise  # a replica that is well may need more time than was left
            except Unknown:
                self._targets.failed(url)
                raise
            except PaymentRefused:
                self._targets.answered(url)
                raise
            else:
                self._targets.answered(url)
                return

    async def _open_at(self, url: str, reservation: Reservation, deadline: Deadline) -> None:
        left_ms = deadline.remaining_ms()
        if left_ms < MIN_MS:
            raise NotSent("too little time left")
        try:
            status, body = await self._put(
                url, reservation, left_ms / 1000, deadline.forwarded_ms()
            )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreachable(str(error)) from error
        except TimeoutError as error:
            kind = Unknown if left_ms >= FULL_MS else CutShort
            raise kind(f"no answer within {left_ms} ms") from error
        except aiohttp.ClientError as error:
            raise Unknown(repr(error)) from error
        _check(reservation, status, body)

    async def _put(
        self, url: str, reservation: Reservation, timeout_seconds: float, forwarded_ms: int
    ) -> tuple[int, bytes]:
        assert self._session is not None  # opened with the service
        payment = OpenPayment(
            bike_id=reservation.bike_id, user_id=reservation.user_id, price=reservation.price
        )
        path = f"/internal/payments/{reservation.reservation_id}"
        content = msgspec.json.encode(payment)
        request = self._session.put(
            f"{url}{path}",
            data=content,
            headers=_headers(forwarded_ms),
            middlewares=(self._tokens.signing("payment", "PUT", path, content),),
            timeout=aiohttp.ClientTimeout(
                total=timeout_seconds, sock_connect=CONNECT_TIMEOUT_SECONDS
            ),
            allow_redirects=False,
        )
        async with request as response:
            return response.status, await response.read()


def _headers(timeout_ms: int) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "X-Timeout-Ms": str(timeout_ms)}
    traceparent = current_traceparent()
    return headers if traceparent is None else headers | {"traceparent": traceparent}


def _check(reservation: Reservation, status: int, body: bytes) -> None:
    """Return when the response says that this payment is open. Raises PaymentRefused, Unknown."""
    if status in OPENED:
        try:
            opened = msgspec.json.decode(body, type=OpenedPayment)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Unknown("the body is not an opened payment") from error
        if opened.reservation_id != reservation.reservation_id:
            raise Unknown("the answer is about another reservation")
    elif status in REFUSED:
        raise PaymentRefused(f"refused with {status}")
    else:
        raise Unknown(f"answered {status}")
