"""The other services as the home page sees them: their HTTP APIs, and nothing else."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlencode

import aiohttp
import msgspec

from roadbike.kit.auth import ServiceTokens
from roadbike.kit.process.http_client import http_session
from roadbike.kit.pure.refusals import Unavailable
from roadbike.kit.trace import current_traceparent

TIMEOUT: Final = aiohttp.ClientTimeout(total=5, sock_connect=1)
FIRST_REFUSAL: Final = 400  # statuses from here on are no successes
MAX_RETRY_SECONDS: Final = 60
MAX_CALLS: Final = 100


class Fault(msgspec.Struct, frozen=True):
    """One error in the input, as a problem document names it."""

    detail: str
    pointer: str = ""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One call. path: percent-encoded, without the query. body: encoded as JSON.

    token: an access token; None sends none. client: the address that the buyer's request came from.
    """

    service: str
    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: object = None
    token: str | None = None
    client: str | None = None
    language: str = "ko"
    headers: Mapping[str, str] | None = None


class Peers:
    """Calls the other services. Connections are opened and closed with the service.

    urls: of the services by name. tokens: sign calls to /internal.
    gateway_key: by which the services believe the address of a client that is passed on.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        tokens: ServiceTokens,
        gateway_key: str,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._urls = urls
        self._tokens = tokens
        self._gateway_key = gateway_key
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = http_session(
            self._tls, limit=MAX_CALLS, timeout=TIMEOUT, auto_decompress=False
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, request: Request) -> Answer:
        """Return the answer, whatever its status. Raises Unreachable."""
        assert self._session is not None  # opened with the service
        content = b"" if request.body is None else msgspec.json.encode(request.body)
        query = urlencode(request.query)
        target = f"{request.path}?{query}" if query else request.path
        try:
            async with self._session.request(
                request.method,
                self._urls[request.service] + target,
                data=content or None,
                headers=self._headers(request, target, content),
                allow_redirects=False,
            ) as response:
                return _answer(response, await response.read())
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError, ValueError) as error:
            raise Unreachable(request.service) from error

    def _headers(self, request: Request, target: str, content: bytes) -> dict[str, str]:
        headers = {"Accept-Language": request.language, **(request.headers or {})}
        if content:
            headers["Content-Type"] = "application/json"
        if traceparent := current_traceparent():
            headers["traceparent"] = traceparent
        if request.client and self._gateway_key:
            headers |= {"X-Forwarded-For": request.client, "X-Gateway-Key": self._gateway_key}
        if request.path.startswith("/internal/"):
            signed = self._tokens.headers(request.service, request.method, target, content)
            return headers | signed
        return headers | ({"Authorization": f"Bearer {request.token}"} if request.token else {})


def _answer(response: aiohttp.ClientResponse, content: bytes) -> Answer:
    return Answer(
        response.status,
        msgspec.json.decode(content) if content else None,
        etag=response.headers.get("ETag"),
        retry_after=_seconds(response.headers.get("Retry-After")),
    )


def _seconds(value: str | None) -> int | None:
    return min(int(value), MAX_RETRY_SECONDS) if value and value.isdecimal() else None
