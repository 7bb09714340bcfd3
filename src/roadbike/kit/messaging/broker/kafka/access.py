"""How the servers of a Kafka cluster are reached: addresses, TLS, user and password."""

import ssl
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from roadbike.kit.messaging.broker.tls import verifying
from roadbike.kit.urls import DEFAULT_MECHANISM

DEFAULT_PORT: Final = 9092
TLS_SCHEME: Final = "kafka+tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What every client of the cluster needs.

    servers: `host:port` of some servers, at least one; the others are learned from it.
    user, password: for SASL, without which nobody logs in. mechanism: of SASL.
    tls: verifies the servers; None: no encryption.
    """

    servers: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)
    mechanism: str = DEFAULT_MECHANISM
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def protocol(self) -> str:
        """Return Kafka's name for the combination of TLS and SASL."""
        if self.user:
            return "SASL_SSL" if self.tls else "SASL_PLAINTEXT"
        return "SSL" if self.tls else "PLAINTEXT"

    @property
    def security(self) -> dict[str, Any]:
        """Return the arguments of aiokafka's clients and connections for TLS and SASL."""
        arguments: dict[str, Any] = {"security_protocol": self.protocol, "ssl_context": self.tls}
        if self.user:
            arguments |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return arguments

    def client(self, name: str, timeout: float) -> dict[str, Any]:
        """Return the arguments of every client. timeout: seconds for one reply."""
        return {
            "bootstrap_servers": list(self.servers),
            "client_id": name,
            "request_timeout_ms": int(timeout * 1000),
            "metadata_max_age_ms": 30_000,
            **self.security,
        }

    def consumer(self, name: str, timeout: float) -> dict[str, Any]:
        """Return the arguments of every consumer; aiokafka's own defaults would lose messages."""
        return {
            **self.client(name, timeout),
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "isolation_level": "read_committed",
        }


def access_of(url: str, *, mechanism: str = DEFAULT_MECHANISM, ca: str = "") -> Access:
    """Return the access of `kafka://user:password@host:port,host:port` or `kafka+tls://…`.

    ca: certificates (PEM) of the authority that signs those of the servers; empty: the system's.
    Raises ValueError for certificates that cannot be read.
    """
    parts = urlsplit(url)
    credentials, _, servers = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    return Access(
        servers=tuple(_with_port(server) for server in servers.split(",")),
        user=unquote(user),
        password=unquote(password),
        mechanism=mechanism,
        tls=verifying(ca) if parts.scheme == TLS_SCHEME else None,
    )


def _with_port(server: str) -> str:
    has_port = server.rpartition(":")[2].isdigit() and not server.endswith("]")
    return server if has_port else f"{server}:{DEFAULT_PORT}"
