"""The HTTP client of a service: it gives an idle connection up before the other end does."""

import ssl
from typing import Any

import aiohttp

from roadbike.kit.pure.idle import CLIENT_IDLE_SECONDS


def http_session(
    tls: ssl.SSLContext | None, *, limit: int = 0, limit_per_host: int = 0, **options: Any
) -> aiohttp.ClientSession:
    """Return a client for other services; make it inside an event loop, and close it.

    tls: verifies the server of an https URL; None: with the certificates of the system.
    limit, limit_per_host: calls at the same time, 0 for any number.
    options: of aiohttp.ClientSession.
    """
    connector = aiohttp.TCPConnector(
        limit=limit,
        limit_per_host=limit_per_host,
        keepalive_timeout=CLIENT_IDLE_SECONDS,
        ssl=tls or True,
    )
    return aiohttp.ClientSession(connector=connector, trust_env=False, **options)
