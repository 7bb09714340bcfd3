"""Ports for a shop of a test's own."""

import os
import socket
from contextlib import suppress
from typing import Final

BASES: Final = range(20_000, 32_700, 20)  # below the ports that outgoing connections are given
PORTS: Final = range(1, 16)  # of a shop, counted from its base; some are for new services


def free_base() -> int:
    """Each run of the tests begins to look somewhere else."""
    first = os.getpid() % len(BASES)
    for base in (*BASES[first:], *BASES[:first]):
        if all(_is_free(base + offset) for offset in PORTS):
            return base
    raise RuntimeError(f"no {len(PORTS)} free ports in a row from {BASES.start} to {BASES.stop}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False
