"""Free ports for a shop that a test opens."""

import os
import socket
from contextlib import suppress
from typing import Final

BASES: Final = range(
    20_000, 32_700, 40
)  # below the range from which the system takes ports for outgoing connections
PORTS: Final = range(1, 16)  # of a shop, added to its base; some are for new services
REPLICA_PORTS: Final = range(20, 34)  # of two further replicas of each service


def free_base(*offsets: int) -> int:
    """Return a base whose ports are all free. Each run of the tests starts its search elsewhere.

    offsets: of the ports, by default those of a shop without replicas.
    """
    wanted = offsets or PORTS
    first = os.getpid() % len(BASES)
    for base in (*BASES[first:], *BASES[:first]):
        if all(_is_free(base + offset) for offset in wanted):
            return base
    raise RuntimeError(
        f"there are no {len(wanted)} free ports at one base from {BASES.start} to {BASES.stop}"
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False
