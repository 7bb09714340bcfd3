"""The shop's ports, all counted from one base, and who holds one that is taken."""

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
    base: int = 8080

    @property
    def storefront(self) -> int:
        return self.base + 7

    @property
    def gateway(self) -> int:
        return self.base + 8

    @property
    def away(self) -> int:
        return self.base + 9

    @property
    def postgres(self) -> int:
        return self.base + 10

    @property
    def nats(self) -> int:
        return self.base + 11


def check_base(base: int) -> Ports:
    if base not in BASES:
        raise CommandError(
            f"--port-base {base} is out of range: choose one from {BASES.start} to {BASES.stop - 1}"
        )
    return Ports(base)


def check_free(ports: Iterable[int]) -> None:
    taken = [port for port in ports if not is_free(port)]
    if taken:
        held = ", ".join(f"port {port} is taken by {holder(port)}" for port in taken)
        raise CommandError(f"{held}: stop it, or choose other ports with --port-base")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # a port of connections just closed is free, one with a listener is not
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def holder(port: int) -> str:
    """Name and process id of who listens on the port, as far as this user may know."""
    try:
        for each in psutil.net_connections(kind="tcp"):
            listens = each.status == psutil.CONN_LISTEN and each.laddr[1:] == (port,)
            if listens and each.pid:
                return f"{psutil.Process(each.pid).name()} (pid {each.pid})"
    except psutil.Error:
        pass  # this user may not ask
    return "another process"
