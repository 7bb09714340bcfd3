"""The ports of a shop, all counted from one base, and which process holds a port."""

import socket
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

import psutil

from roadbike.local.errors import CommandError
from roadbike.local.texts import say

HOST: Final = "127.0.0.1"
DEFAULT_BASE: Final = 8080
BASES: Final = range(1024, 65_500)
STEP: Final = 10_000  # from a base that is taken to the next one to try: 8080, 18080, …


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of the servers; a service's port is the base plus its offset (services.py)."""

    base: int = DEFAULT_BASE

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

    @property
    def set_up(self) -> int:
        return self.base + 12

    @property
    def limits(self) -> int:
        return self.base + 14


def from_base(base: int) -> Ports:
    """Raises CommandError when the base is out of range."""
    if base not in BASES:
        raise CommandError(
            "port-base-out-of-range", base=base, first=BASES.start, last=BASES.stop - 1
        )
    return Ports(base)


def first_taken(ports: Iterable[int]) -> int | None:
    """Return the first of the ports that is in use; None if all are free."""
    return next((port for port in ports if not is_free(port)), None)


def free_base(base: int, offsets: Collection[int]) -> int | None:
    """Return another base with the same last digits, all of whose ports are free; None without."""
    others = (base + step for step in range(STEP, BASES.stop, STEP))
    candidates = (each % BASES.stop for each in others)
    return next(
        (
            each
            for each in candidates
            if each in BASES and first_taken(each + offset for offset in offsets) is None
        ),
        None,
    )


def taken(port: int) -> CommandError:
    """Return the error that names a port in use and the process that holds it."""
    return CommandError("port-taken", port=port, holder=holder(port))


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
    return say("another-process")
