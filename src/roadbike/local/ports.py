"""The ports of a shop, all counted from one base, and which process holds a port."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import psutil

from roadbike.local.errors import CommandError

HOST: Final = "127.0.0.1"
BASES: Final = range(1024, 65_500)


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of the servers; a service's port is the base plus its offset (services.py)."""

    base: int = 8080

    @property
    def storefront(self) -> int:
        return self.base + 7

    @property
    def gateway(self) -> int:
        return self.base + 8

    @property
    def fallback(self) -> int:
        return self.base + 9

    @property
    def postgres(self) -> int:
        return self.base + 10

    @property
    def nats(self) -> int:
        return self.base + 11


def from_base(base: int) -> Ports:
    """Raises CommandError when the base is out of range."""
    if base not in BASES:
        raise CommandError(
            "port-base-out-of-range", base=base, first=BASES.start, last=BASES.stop - 1
        )
    return Ports(base)


def check_free(ports: Iterable[int]) -> None:
    """Raises CommandError that names the ports in use and the processes that hold them."""
    if not_free := [port for port in ports if not is_free(port)]:
        raise CommandError(taken(not_free))


def taken(ports: Iterable[int]) -> str:
    """Return the sentence that names these ports and the processes that hold them."""
    holders = ", ".join(f"port {port} is taken by {holder(port)}" for port in ports)
    return f"{holders}: stop it, or choose other ports with --port-base"


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # With SO_REUSEADDR only a listener makes the port taken, not a connection just closed.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def holder(port: int) -> str:
    """Return name and process id of the listener on that port, if this user may see them."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            is_listener = connection.status == psutil.CONN_LISTEN
            if is_listener and connection.laddr[1:] == (port,) and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass  # this user may not see the processes of others
    return "another process"
