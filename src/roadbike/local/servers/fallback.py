"""Fallback: answers 503 for a service that is down, and 421 for a host name that is not ours."""

import asyncio
import contextlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

import msgspec

from roadbike.kit.translations import Translations, language_of, load_translations
from roadbike.local.ports import HOST

SLUG: Final = "unavailable"
OTHER_HOST: Final = "/other-host"  # the path by which the gateway says that the host is not ours
OTHER_HOST_SLUG: Final = "other-host"
URL_PARAMETER: Final = "of"  # the query parameter in which the gateway names the requested URL
COMMON_HEADERS: Final = (  # as of the services (kit/web/edge.py), whose module loads slowly
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=()\r\n"
)
RETRY_AFTER_SECONDS: Final = 1
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
    """Return a problem document, in the language that the request's head asks for."""
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(":") for line in lines)}
    language = language_of(headers.get("accept-language"))
    target = urlsplit(first.split(" ")[1] if " " in first else "/")
    is_ours = target.path != OTHER_HOST
    status = HTTPStatus.SERVICE_UNAVAILABLE if is_ours else HTTPStatus.MISDIRECTED_REQUEST
    slug = SLUG if is_ours else OTHER_HOST_SLUG
    body = msgspec.json.encode(
        {
            "type": f"/problems/{slug}",
            "title": messages.title(slug, language),
            "status": status,
            "detail": messages.detail(slug, language, {}),
            "instance": _requested_path(target, headers),
        }
    )
    retry = f"Retry-After: {RETRY_AFTER_SECONDS}\r\n" if is_ours else ""
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/problem+json\r\n"
        f"Content-Language: {language}\r\nVary: Accept-Language\r\nCache-Control: no-store\r\n"
        f"{retry}Content-Length: {len(body)}\r\n{COMMON_HEADERS}Connection: close\r\n\r\n"
    ).encode() + (b"" if first.startswith("HEAD ") else body)


def _requested_path(target: SplitResult, headers: Mapping[str, str]) -> str:
    """Return the path that the client asked for, before the gateway replaced it."""
    if target.path == OTHER_HOST:
        return headers.get("x-replaced-path", "/").strip()
    named = parse_qs(target.query).get(URL_PARAMETER)
    return urlsplit(named[0]).path if named else target.path
