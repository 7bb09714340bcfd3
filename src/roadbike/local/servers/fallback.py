"""Answers for a service that is away: the gateway sends here what it cannot send there."""

import asyncio
import contextlib
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from roadbike.kit.translations import Translations, language_of, load_translations
from roadbike.local.ports import HOST

SLUG: Final = "unavailable"
ASKED_FOR: Final = "of"  # the parameter in which the gateway may name the address asked for
RETRY_AFTER: Final = 1  # seconds
PATIENCE: Final = 5.0  # seconds for a request to come in, and for its body to be read to the end


async def listen(port: int) -> asyncio.Server:
    messages = load_translations("roadbike.kit")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
        ):
            async with asyncio.timeout(PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(answer(head.decode("latin-1"), messages))
                await writer.drain()
                while await reader.read(65_536):  # closed with a body unread, the answer is lost
                    pass
        writer.close()

    return await asyncio.start_server(serve, HOST, port)


def answer(head: str, messages: Translations) -> bytes:
    """503 as a problem document, in the language that the request's head asks for."""
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(":") for line in lines)}
    language = language_of(headers.get("accept-language"))
    body = msgspec.json.encode(
        {
            "type": f"/problems/{SLUG}",
            "title": messages.title(SLUG, language),
            "status": 503,
            "detail": messages.detail(SLUG, language, {}),
            "instance": _asked_for(first),
        }
    )
    return (
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
        f"Content-Language: {language}\r\nVary: Accept-Language\r\nCache-Control: no-store\r\n"
        f"Retry-After: {RETRY_AFTER}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode() + (b"" if first.startswith("HEAD ") else body)


def _asked_for(first_line: str) -> str:
    target = urlsplit(first_line.split(" ")[1] if " " in first_line else "/")
    named = parse_qs(target.query).get(ASKED_FOR)
    return urlsplit(named[0]).path if named else target.path
