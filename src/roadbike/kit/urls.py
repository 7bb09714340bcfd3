"""URLs in settings: of databases, brokers and services, and the origins of web pages."""

import re
import ssl
from collections.abc import Collection
from pathlib import Path
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

SQLITE: Final = "sqlite+aiosqlite"
SERVERS: Final = ("postgresql+asyncpg", "mariadb+asyncmy", "mysql+asyncmy")
DATABASES: Final = (*SERVERS, SQLITE)
NATS: Final = ("nats", "nats+tls")
KAFKA: Final = ("kafka", "kafka+tls")
Mechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]  # of SASL
DEFAULT_MECHANISM: Final = "SCRAM-SHA-512"
WEB: Final = ("http", "https")
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\]")


class UrlFault(Exception):
    """A URL is not what the setting needs; the message says why and shows no part of the URL."""


def sqlite_url(path: Path) -> str:
    """Return the URL of that file. Characters with a meaning in URLs are percent-encoded."""
    return f"{SQLITE}:///{quote(str(path), safe=' +/')}"


def sqlite_file(url: str) -> Path | None:
    """Return the file of that URL; None for another database, or one in memory."""
    scheme, _, path = url.partition(":///")
    return Path(unquote(path.partition("?")[0])) if scheme == SQLITE and path else None


def database_url(url: str) -> str:
    """Return the URL. Raises UrlFault when it is not that of a database that is supported."""
    parts = _split(url, DATABASES)
    if parts.scheme in SERVERS and not (parts.hostname and len(parts.path) > 1):
        missing = "the name of the database" if parts.hostname else "the host"
        raise UrlFault(f"{missing} is missing: write {parts.scheme}://user:password@host/name")
    for file in parse_qs(parts.query).get("ca", ()):
        _check_certificates(Path(file))
    return url


def server_database_url(url: str) -> str:
    """Return the URL, as `database_url`, of a database on a server: not of a file."""
    _split(url, SERVERS)
    return database_url(url)


def broker_url(url: str) -> str:
    """Return the URL. Raises UrlFault when it is not that of a broker that is supported."""
    if url.partition("://")[0] in KAFKA:
        return _kafka_url(url)
    parts = _split(url, (*NATS, *KAFKA, "memory"))
    if parts.scheme in NATS and not parts.hostname:
        raise UrlFault(f"the host is missing: write {parts.scheme}://user:password@host:port")
    return url


def _check_certificates(file: Path) -> None:
    """Raise UrlFault when a server cannot be verified with the file."""
    try:
        ssl.create_default_context(cafile=str(file))
    except OSError:  # ssl.SSLError is one
        raise UrlFault(f"no certificates can be read from {file}, which its ca= names") from None


def _kafka_url(url: str) -> str:
    """Return the URL of a Kafka cluster, which names one server or several."""
    scheme, _, rest = url.partition("://")
    credentials, _, servers = rest.rstrip("/").rpartition("@")
    for server in servers.split(","):
        parts = _split(f"{scheme}://{credentials}{'@' if credentials else ''}{server}", KAFKA)
        _check_host(parts)
        if parts.path or parts.query or parts.fragment:
            raise UrlFault("it has more than user, password, hosts and ports: remove the rest")
    return url


def origin(text: str) -> str:
    """Return the origin as browsers send it: lower case, no default port, no slash at the end.

    Raises UrlFault when it is not an origin.
    """
    url = service_url(text)
    if urlsplit(url).path:
        raise UrlFault("it has more than scheme, host and port: remove the rest")
    return url


def service_url(text: str) -> str:
    """Return the base URL of a service: its origin, and its path without a slash at the end.

    Raises UrlFault when it is not one.
    """
    parts = _split(text, WEB)
    _check_host(parts)
    if parts.query or parts.fragment or parts.username is not None:
        raise UrlFault("it has more than scheme, host, port and path: remove the rest")
    host = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc.rstrip(":")
    is_default = parts.port in (None, DEFAULT_PORTS[parts.scheme])
    port = "" if is_default else f":{parts.port}"
    return f"{parts.scheme}://{host.lower()}{port}{parts.path.rstrip('/')}"


def service_urls(text: str) -> str:
    """Return the base URLs of the replicas of a service, separated by commas.

    Raises UrlFault when one of them is not one.
    """
    return ",".join(service_url(url.strip()) for url in text.split(","))


def host(text: str) -> str:
    """Return the address or the name of a host. Raises UrlFault when it is neither."""
    if not HOST.fullmatch(f"[{text}]" if ":" in text else text):
        raise UrlFault("it is not an address or a host name")
    return text


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
