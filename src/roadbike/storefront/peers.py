"""The other services as the home page sees them: their HTTP APIs, and nothing else."""

import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlencode

import aiohttp
import msgspec

from roadbike.kit.auth import ServiceTokens
from roadbike.kit.metrics import measured_call
from roadbike.kit.process.http_client import http_session
from roadbike.kit.pure.refusals import Unavailable
from roadbike.kit.resilience.targets import Targets
from roadbike.kit.trace import current_traceparent
from roadbike.storefront.numbers import whole

CONNECT_SECONDS: Final = 0.5
READ_SECONDS: Final = 2.0  # for an answer to what may be asked again
READ_AGAIN_SECONDS: Final = 1.0  # the same while there is another replica to ask
WRITE_SECONDS: Final = 6.0  # account delays a log-in by up to 2 s, a provider answers in 1.5 s
STREAM_SECONDS: Final = 10.0  # between two parts of a long answer
PART_BYTES: Final = 64 * 1024
MAX_CALLS: Final = 50  # at the same time, to one replica
FIRST_REFUSAL: Final = 400  # statuses from here on are no successes
MAX_RETRY_SECONDS: Final = 60
MAX_RETRY_DIGITS: Final = 9
NOT_CONNECTED: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
NO_ANSWER: Final = (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError, ValueError)


class Fault(msgspec.Struct, frozen=True):
    """One error in the input, as a problem document names it."""

    detail: str
    pointer: str = ""
    parameter: str = ""


class Problem(msgspec.Struct, frozen=True, rename="camel"):
    """A problem document (RFC 9457), as far as a page shows it."""

    title: str = ""
    detail: str = ""
    type: str = ""
    trace_id: str = ""
    errors: Sequence[Fault] = ()

    @property
    def slug(self) -> str:
        """Return the name of the kind of problem."""
        return self.type.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a service: status and JSON. retry_after: seconds, when it was given."""

    status: int
    body: Any
    etag: str | None = None
    retry_after: int | None = None

    @property
    def is_success(self) -> bool:
        return self.status < FIRST_REFUSAL

    @property
    def problem(self) -> Problem:
        """Return what was wrong; an empty document when the answer does not say so."""
        try:
            return msgspec.convert(self.body, Problem)
        except msgspec.ValidationError:
            return Problem()


class Unreachable(Unavailable):
    """A service does not answer, or answers with something else than JSON."""

    def __init__(self, service: str) -> None:
        super().__init__(retry_after=2)
        self.service = service


class Refused(Exception):
    """A service refuses a request whose answer would be a stream."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One call. path: percent-encoded, without the query.

    body: encoded as JSON. table: the body instead, as text/csv.
    token: an access token; None sends none. client: the address that the buyer's request came from.
    may_repeat: it can be sent to another replica although the first one may have carried it out.
    None: as its method says. waits: seconds that the service itself waits with its answer.
    """

    service: str
    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: object = None
    table: bytes | None = None
    token: str | None = None
    client: str | None = None
    language: str = "ko"
    headers: Mapping[str, str] | None = None
    may_repeat: bool | None = None
    waits: float = 0

    @property
    def is_repeatable(self) -> bool:
        return self.method == "GET" if self.may_repeat is None else self.may_repeat


class Peers:
    """Calls the other services. Connections are opened and closed with the service.

    Of several replicas of a service, one that gave no answer is left out for a while.
    urls: of the replicas of each service, by its name. tokens: sign calls to /internal.
    gateway_key: by which the services believe the address of a client that is passed on.
    """

    def __init__(
        self,
        urls: Mapping[str, Sequence[str]],
        tokens: ServiceTokens,
        gateway_key: str,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._targets = {service: Targets(replicas) for service, replicas in urls.items()}
        self._tokens = tokens
        self._gateway_key = gateway_key
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = http_session(self._tls, limit_per_host=MAX_CALLS, auto_decompress=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, request: Request) -> Answer:
        """Return the answer, whatever its status. Raises Unreachable.

        The next replica is asked when there was no connection, and for a repeatable request also
        when there was no answer.
        """
        targets = self._targets[request.service]
        for _ in range(targets.count):
            url = targets.choose()
            try:
                with measured_call(request.service, "page"):
                    answer = await self._send_to(url, request, is_last=not targets.has_others())
            except NOT_CONNECTED:
                targets.failed(url)
            except NO_ANSWER as error:
                targets.failed(url)
                if not request.is_repeatable:
                    raise Unreachable(request.service) from error
            else:
                targets.answered(url)
                return answer
        raise Unreachable(request.service)

    async def _send_to(self, url: str, request: Request, *, is_last: bool) -> Answer:
        assert self._session is not None  # opened with the service
        content, target = _content(request), _target(request)
        async with self._session.request(
            request.method,
            url + target,
            data=content or None,
            headers=self._headers(request, target, content),
            allow_redirects=False,
            timeout=_timeout(request, is_last=is_last),
        ) as response:
            return _answer(response, await response.read())

    async def stream(self, request: Request) -> AsyncGenerator[bytes, None]:
        """Yield the body of a long answer in parts. Raises Unreachable and Refused."""
        targets = self._targets[request.service]
        url, target = targets.choose(), _target(request)
        assert self._session is not None  # opened with the service
        headers = {**self._headers(request, target, b""), "Accept": "text/csv"}
        patience = aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS, sock_read=STREAM_SECONDS)
        try:
            async with self._session.get(
                url + target, headers=headers, allow_redirects=False, timeout=patience
            ) as response:
                if response.status >= FIRST_REFUSAL:
                    raise Refused(_answer(response, await response.read()))
                async for part in response.content.iter_chunked(PART_BYTES):
                    yield part
        except NO_ANSWER as error:
            targets.failed(url)
            raise Unreachable(request.service) from error

    def _headers(self, request: Request, target: str, content: bytes) -> dict[str, str]:
        headers = {"Accept-Language": request.language, **(request.headers or {})}
        if content:
            headers["Content-Type"] = "application/json" if request.table is None else "text/csv"
        if traceparent := current_traceparent():
            headers["traceparent"] = traceparent
        if request.client and self._gateway_key:
            headers |= {"X-Forwarded-For": request.client, "X-Gateway-Key": self._gateway_key}
        if request.path.startswith("/internal/"):
            signed = self._tokens.headers(request.service, request.method, target, content)
            return headers | signed
        return headers | ({"Authorization": f"Bearer {request.token}"} if request.token else {})


def _content(request: Request) -> bytes:
    if request.table is not None:
        return request.table
    return b"" if request.body is None else msgspec.json.encode(request.body)


def _target(request: Request) -> str:
    query = urlencode(request.query)
    return f"{request.path}?{query}" if query else request.path


def _timeout(request: Request, *, is_last: bool) -> aiohttp.ClientTimeout:
    if not request.is_repeatable:
        seconds = WRITE_SECONDS
    else:
        seconds = READ_SECONDS if is_last else READ_AGAIN_SECONDS
    return aiohttp.ClientTimeout(total=seconds + request.waits, sock_connect=CONNECT_SECONDS)


def _answer(response: aiohttp.ClientResponse, content: bytes) -> Answer:
    return Answer(
        response.status,
        msgspec.json.decode(content) if content else None,
        etag=response.headers.get("ETag"),
        retry_after=_seconds(response.headers.get("Retry-After")),
    )


def _seconds(value: str | None) -> int | None:
    seconds = whole(value or "", MAX_RETRY_DIGITS)
    return None if seconds is None else min(seconds, MAX_RETRY_SECONDS)
