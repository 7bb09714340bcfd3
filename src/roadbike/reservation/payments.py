"""The calls to payment that open payments, within a deadline."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol, Self, TypeVar
from uuid import UUID

import aiohttp
import msgspec
import structlog

from roadbike.contracts.payments import (
    OpenAnswers,
    OpenedPayment,
    OpenPayment,
    OpenPayments,
    PaymentToOpen,
)
from roadbike.kit.auth import ServiceTokens
from roadbike.kit.metrics import measured_call
from roadbike.kit.process.http_client import http_session
from roadbike.kit.resilience.breaker import SLOW_PART
from roadbike.kit.resilience.deadline import Deadline
from roadbike.kit.resilience.targets import Targets
from roadbike.kit.trace import current_traceparent, tracing
from roadbike.reservation.domain import Reservation
from roadbike.reservation.payment_errors import (
    CutOff,
    NotSent,
    NotUnderstood,
    PaymentError,
    PaymentRefused,
    Unknown,
    Unreachable,
)

DEADLINE_MS: Final = 610  # for a whole reserve request, from its first byte
MIN_MS: Final = 100  # with less time left the call is not sent
FULL_MS: Final = int(SLOW_PART * DEADLINE_MS)  # what each call has at least, also for late buyers
CONNECT_TIMEOUT_SECONDS: Final = 0.25  # our event loop may lag by 0.1 s when many calls start
OPENED: Final = {200, 201}
REFUSED: Final = range(400, 500)
TRIES_AT_ONE_URL: Final = 2
TRIAL_SECONDS: Final = 0.15  # for the first call to a replica that gave no answer lately
TOO_LATE: Final = "too little time left"
PATH: Final = "/internal/payments"

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Unopened:
    """A pending reservation whose payment is to be opened.

    deadline, traceparent: of the buyer's request.
    """

    reservation: Reservation
    deadline: Deadline
    traceparent: str | None


class Payments(Protocol):
    """What reservation needs of payment."""

    async def open(self, reservation: Reservation, deadline: Deadline) -> None:
        """Open the payment of a pending reservation. Raises PaymentError."""

    async def open_all(self, batch: Sequence[Unopened]) -> Sequence[PaymentError | None]:
        """Open several with one call; return the error of each, None for one that is open."""


class HttpPayments:
    """Payment over HTTP. Its connections are opened and closed with the service.

    urls: the base URLs of its replicas, or of what stands in front of them.
    tls: verifies payment's certificate at an https URL; None: with those of the system.
    clock: says in seconds how long a replica has rested.
    """

    def __init__(
        self,
        urls: Sequence[str],
        tokens: ServiceTokens,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._targets = Targets(urls, clock)
        self._tokens = tokens
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = http_session(self._tls, limit=0)  # the desk bounds the calls
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def open(self, reservation: Reservation, deadline: Deadline) -> None:
        """Open the payment. A replica without a connection is followed by the next one.

        An older payment does not know `reserveStore`: what it does not understand is sent without.
        """
        try:
            await self._open(reservation, deadline, store_name=reservation.store_name)
        except NotUnderstood:
            await self._open(reservation, deadline, store_name=None)

    async def _open(
        self, reservation: Reservation, deadline: Deadline, *, store_name: str | None
    ) -> None:
        bike_id, user_id, price = reservation.bike_id, reservation.user_id, reservation.price
        wanted = OpenPayment(bike_id=bike_id, user_id=user_id, price=price, store_name=store_name)
        path = f"{PATH}/{reservation.reservation_id}"

        async def call(url: str) -> None:
            opened = _decoded(await self._put(url, path, wanted, deadline), OpenedPayment)
            if opened.reservation_id != reservation.reservation_id:
                raise Unknown("the answer is about another reservation")

        await self._at_a_replica(call, deadline)

    async def open_all(self, batch: Sequence[Unopened]) -> list[PaymentError | None]:
        """Open several payments with one call, which has the time of the one that has the most.

        One without enough time left is not sent. When payment refuses the list as a whole, each is
        asked for alone: an older payment does not know lists, and one value that payment does not
        accept must not fail the others.
        """
        wanted = [one for one in batch if one.deadline.remaining_ms() >= MIN_MS]
        results = await self._opened_or_not(wanted) if wanted else []
        errors = dict(zip(map(_id, wanted), results, strict=True))
        return [errors[_id(one)] if _id(one) in errors else NotSent(TOO_LATE) for one in batch]

    async def _opened_or_not(self, wanted: Sequence[Unopened]) -> list[PaymentError | None]:
        try:
            answers = await self._answers(wanted)
        except PaymentRefused:
            return await asyncio.gather(*map(self._opened_alone, wanted))
        except PaymentError as error:
            return [type(error)(*error.args) for _ in wanted]  # each one is raised by itself
        return [_error(answers.get(_id(one))) for one in wanted]

    async def _answers(self, wanted: Sequence[Unopened]) -> dict[UUID, int]:
        """Return the status of each payment that payment's answer names. Raises PaymentError."""
        content = OpenPayments(payments=[_to_open(one) for one in wanted])
        deadline = max((one.deadline for one in wanted), key=Deadline.remaining_ms)

        async def call(url: str) -> OpenAnswers:
            return _decoded(await self._put(url, PATH, content, deadline), OpenAnswers)

        found = await self._at_a_replica(call, deadline)
        return {answer.reservation_id: answer.status for answer in found.payments}

    async def _opened_alone(self, one: Unopened) -> PaymentError | None:
        try:
            with tracing(one.traceparent):
                await self.open(one.reservation, one.deadline)
        except PaymentError as error:
            return error
        return None

    async def _at_a_replica(self, call: Callable[[str], Awaitable[T]], deadline: Deadline) -> T:
        """Return what the call to one replica returns. Raises PaymentError.

        A call whose connection was not made, or has ended without an answer, is made once at each
        other replica, while there is time; behind a single URL once more. So is one to a replica
        that gave no answer lately and gives none soon: it may be hung, or just have started.
        """
        tried: list[str] = []
        lost: CutOff | None = None  # an earlier call, which may have opened the payment
        while True:
            url = self._targets.choose(tried)
            tried.append(url)
            is_trial = self._targets.is_doubtful(url) and self._targets.has_others(tried)
            try:
                async with asyncio.timeout(TRIAL_SECONDS if is_trial else None):
                    return await self._called(call, url)
            except TimeoutError:
                error: PaymentError = CutOff("no answer soon, and none before")
            except (CutOff, Unreachable, NotSent) as failed:
                error = failed
            lost = error if isinstance(error, CutOff) else lost
            if not self._may_try_again(tried, deadline):
                raise lost or error

    async def _called(self, call: Callable[[str], Awaitable[T]], url: str) -> T:
        """Return what the call to this replica returns, and note whether it answers at all."""
        began = time.monotonic()
        try:
            with measured_call("payment", "open"):
                answer = await call(url)
        except PaymentError as error:
            if isinstance(error, PaymentRefused):
                self._targets.answered(url)
            elif not isinstance(error, NotSent):
                self._targets.failed(url)
            ms = round((time.monotonic() - began) * 1000)
            kind = type(error).__name__
            log.warning("payment.call_failed", error=kind, reason=str(error), replica=url, ms=ms)
            raise
        self._targets.answered(url)
        return answer

    def _may_try_again(self, tried: Sequence[str], deadline: Deadline) -> bool:
        if deadline.remaining_ms() < MIN_MS:
            return False
        count = self._targets.count  # with 1, something stands in front of the replicas
        return len(tried) < (count if count > 1 else TRIES_AT_ONE_URL)

    async def _put(self, url: str, path: str, body: msgspec.Struct, deadline: Deadline) -> bytes:
        """Return the body of a response that says yes. Raises PaymentError.

        The call goes on when its buyers have left: one that ended with them would say nothing about
        payment, and while payment hangs and buyers come late, the breaker would stay closed.
        """
        left_ms = deadline.remaining_ms()
        if left_ms < MIN_MS:
            raise NotSent(TOO_LATE)
        content, waits_ms = msgspec.json.encode(body), max(left_ms, FULL_MS)
        try:
            status, answer = await self._sent(
                url, path, content, waits_ms / 1000, deadline.forwarded_ms()
            )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreachable(str(error)) from error
        except TimeoutError as error:
            raise Unknown(f"no answer within {waits_ms} ms") from error
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            raise CutOff(repr(error)) from error
        except aiohttp.ClientError as error:
            raise Unknown(repr(error)) from error
        if refused := _error(status):
            raise refused
        return answer

    async def _sent(
        self, url: str, path: str, content: bytes, timeout_seconds: float, forwarded_ms: int
    ) -> tuple[int, bytes]:
        assert self._session is not None  # opened with the service
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


def _to_open(one: Unopened) -> PaymentToOpen:
    return PaymentToOpen(
        reservation_id=one.reservation.reservation_id,
        bike_id=one.reservation.bike_id,
        user_id=one.reservation.user_id,
        price=one.reservation.price,
        store_name=one.reservation.store_name,
        traceparent=one.traceparent,
    )


def _id(one: Unopened) -> UUID:
    return one.reservation.reservation_id


def _decoded(body: bytes, type_: type[T]) -> T:
    """Return the body of an answer. Raises Unknown."""
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unknown("the body is not such an answer") from error


def _error(status: int | None) -> PaymentError | None:
    """Return what the status of one payment means; None when it is open."""
    if status in OPENED:
        return None
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return NotUnderstood(f"refused with {status}")
    if status in REFUSED:
        return PaymentRefused(f"refused with {status}")
    return Unknown(f"answered {status}")
