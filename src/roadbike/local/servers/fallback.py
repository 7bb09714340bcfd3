"""Fallback: what the gateway answers itself, when no service does."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from html import escape
from http import HTTPStatus
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

import msgspec

from roadbike.kit.pure.retry import spread
from roadbike.kit.translations import Translations, language_of, load_translations
from roadbike.local.ports import HOST

OTHER_HOST: Final = "/other-host"  # the path by which the gateway says that the host is not ours
NO_SERVICE: Final = "/no-service"  # and that no service serves the path
URL_PARAMETER: Final = "of"  # the query parameter in which the gateway names the requested URL
ASKED_URL: Final = "x-forwarded-uri"  # which the gateway accepts from itself only
STATUS_PARAMETER: Final = "status"  # and the one with the status of the answer
SLUGS: Final = {
    HTTPStatus.BAD_REQUEST: "bad-request",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too-large",
    HTTPStatus.MISDIRECTED_REQUEST: "other-host",
    HTTPStatus.TOO_MANY_REQUESTS: "too-many-requests",
    HTTPStatus.INTERNAL_SERVER_ERROR: "service-failed",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
}
SAFE_HEADERS: Final = (  # as of the services (kit/web/edge.py), whose module loads slowly
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"),
)
PAGE: Final = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>{title}</title></head>
<body><main><h1>{title}</h1><p>{detail}</p><p><a href="{link}">{path}</a></p></main></body></html>
"""
POLICY: Final = ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
RETRY_AFTER_SECONDS: Final = 1  # at least
REQUEST_TIMEOUT_SECONDS: Final = 5.0  # for the head to arrive and the body to be read


async def listen(port: int) -> asyncio.Server:
    """Answer requests at that port until the returned server is closed."""
    messages = load_translations("roadbike.kit")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
        ):
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(response(head.decode("latin-1"), messages))
                await writer.drain()
                while await reader.read(65_536):  # closing with an unread body loses the response
                    pass
        writer.close()

    return await asyncio.start_server(serve, HOST, port)


def response(head: str, messages: Translations) -> bytes:
    """Return a problem document, or a page for a browser, in the language that it asks for."""
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(":") for line in lines)}
    method, target = first.split(" ")[0], urlsplit(first.split(" ")[1] if " " in first else "/")
    path = _requested_path(target, headers)
    status = _status(target)
    language = language_of(headers.get("accept-language"))
    slug = SLUGS[status]
    title, detail = messages.title(slug, language), messages.detail(slug, language, {})
    more = [("Content-Language", language), ("Vary", "Accept, Accept-Language")]
    is_early = status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}
    if is_early:
        more.append(("Retry-After", str(spread(RETRY_AFTER_SECONDS))))
    if "text/html" in headers.get("accept", ""):
        # When the client is to come back later, the link is to ask again.
        link = {"link": "", "path": path} if is_early else {"link": "/", "path": "/"}
        facts = {"language": language, "title": title, "detail": detail, **link}
        page = PAGE.format_map({name: escape(fact) for name, fact in facts.items()})
        return _encoded(method, status, page.encode(), "text/html; charset=utf-8", [*more, POLICY])
    problem = {"type": f"/problems/{slug}", "title": title, "status": status, "detail": detail}
    body = msgspec.json.encode(problem | {"instance": path})
    return _encoded(method, status, body, "application/problem+json", more)


def _status(target: SplitResult) -> HTTPStatus:
    """Return what the gateway wants answered."""
    if target.path == OTHER_HOST:
        return HTTPStatus.MISDIRECTED_REQUEST
    if target.path == NO_SERVICE:
        return HTTPStatus.NOT_FOUND
    named = parse_qs(target.query).get(STATUS_PARAMETER, [""])[0]
    wanted = [status for status in SLUGS if str(status.value) == named]
    return wanted[0] if wanted else HTTPStatus.SERVICE_UNAVAILABLE


def _requested_path(target: SplitResult, headers: Mapping[str, str]) -> str:
    """Return the path that the client asked for, before the gateway replaced it."""
    if target.path in {OTHER_HOST, NO_SERVICE}:
        return headers.get("x-replaced-path", "/").strip()
    if ASKED_URL in headers:  # the gateway has asked itself (client_limits.py)
        return urlsplit(headers[ASKED_URL].strip()).path
    named = parse_qs(target.query).get(URL_PARAMETER)
    return urlsplit(named[0]).path if named else target.path


def _encoded(
    method: str, status: HTTPStatus, body: bytes, media: str, more: Sequence[tuple[str, str]]
) -> bytes:
    given = [
        ("Content-Type", media),
        ("Cache-Control", "no-store"),
        ("Content-Length", str(len(body))),
        *more,
        *SAFE_HEADERS,
        ("Connection", "close"),
    ]
    lines = "".join(f"{name}: {value}\r\n" for name, value in given)
    shown = b"" if method == "HEAD" else body
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n{lines}\r\n".encode() + shown
