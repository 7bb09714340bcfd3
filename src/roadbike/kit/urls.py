"""URLs in settings: of databases, brokers and services, and the origins of web pages."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

DATABASES: Final = ("postgresql+asyncpg", "sqlite+aiosqlite")
WEB: Final = ("http", "https")
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\]")


class UrlFault(Exception):
    """A URL is not what the setting needs; the message says why and shows no part of the URL."""


def sqlite_url(path: Path) -> str:
    """Return the URL of that file. Characters with a meaning in URLs are percent-encoded."""
    return f"sqlite+aiosqlite:///{quote(str(path), safe=' +/')}"


def sqlite_file(url: str) -> Path | None:
    """Return the file of that URL; None for another database, or one in memory."""
    scheme, _, path = url.partition(":///")
    return Path(unquote(path.partition("?")[0])) if scheme == DATABASES[1] and path else None


def check_database_url(url: str) -> None:
    """Raise UrlFault when it is not the URL of a database that is supported."""
    parts = _split(url, DATABASES)
    if parts.scheme == DATABASES[0] and not (parts.hostname and len(parts.path) > 1):
        missing = "the name of the database" if parts.hostname else "the host"
        raise UrlFault(f"{missing} is missing: write {DATABASES[0]}://user:password@host/name")


def check_broker_url(url: str) -> None:
    """Raise UrlFault when it is not the URL of a broker that is supported."""
    parts = _split(url, ("nats", "memory"))
    if parts.scheme == "nats" and not parts.hostname:
        raise UrlFault("the host is missing: write nats://user:password@host:port")


def check_service_url(url: str) -> None:
    """Raise UrlFault when it is not the base URL of a service: http or https, and no path."""
    parts = _split(url, WEB)
    _check_host(parts)
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        raise UrlFault("it has more than scheme, host and port: remove the rest")


def origin(text: str) -> str:
    """Return the origin as browsers send it: lower case, no default port, no slash at the end.

    Raises UrlFault when it is not an origin.
    """
    check_service_url(text)
    parts = urlsplit(text)
    host = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc.rstrip(":")
    is_default = parts.port in (None, DEFAULT_PORTS[parts.scheme])
    return f"{parts.scheme}://{host.lower()}" + ("" if is_default else f":{parts.port}")


def _split(url: str, schemes: Collection[str]) -> SplitResult:
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UrlFault("its host or port is malformed") from None
    if parts.scheme not in schemes or not url[len(parts.scheme) :].startswith("://"):
        raise UrlFault(f"it does not begin with {wanted}")
    if not url.isprintable() or (" " in url and parts.scheme in WEB):
        raise UrlFault("it holds spaces or characters that cannot be seen")
    return parts


def _check_host(parts: SplitResult) -> None:
    host = parts.netloc.rpartition("@")[2]
    host = host.rpartition(":")[0] if parts.port is not None or host.endswith(":") else host
    if not HOST.fullmatch(host):
        raise UrlFault("its host is missing or malformed")
