"""Replicas: several processes of one service in one shop, as on several machines.

The replicas of reservation are the parts reservation-1, reservation-2, …; a service that runs once
is the part of its own name. The first replica has the service's usual port; all others have the
ports from base + 20 on, in the order of the services.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from roadbike.local.errors import CommandError

FIRST_PORT: Final = 20  # of further replicas, counted from the base
MOST: Final = 5  # processes of one service
REPLICA: Final = re.compile(r"(.+)-[1-9]")
TYPED: Final = re.compile(r"([a-z]+)=([1-9][0-9]*)")

Replicas = Mapping[str, Mapping[str, int]]  # the ports of the parts, by service and part


def read(typed: Iterable[str], services: Collection[str]) -> dict[str, int]:
    """Return how many processes each service has that does not have one: `reservation=2,stock=3`.

    Raises CommandError when a text says anything else.
    """
    counts: dict[str, int] = {}
    for item in (each.strip() for text in typed for each in text.split(",")):
        found = TYPED.fullmatch(item)
        if found is None or found[1] not in services or int(found[2]) > MOST:
            raise CommandError(
                "wrong-replicas", typed=item, most=MOST, services=", ".join(services)
            )
        counts[found[1]] = int(found[2])
    return counts


def written(counts: Mapping[str, int]) -> list[str]:
    """Return the arguments of a command that `read` reads as these counts."""
    return [f"--replicas={service}={count}" for service, count in counts.items()]


def with_ports(first: Mapping[str, int], base: int, counts: Mapping[str, int]) -> Replicas:
    """Return the parts of each service with their ports.

    first: the usual port of each service.
    """
    further = iter(range(base + FIRST_PORT, base + FIRST_PORT + MOST * len(first)))
    found: dict[str, dict[str, int]] = {}
    for service, port in first.items():
        count = counts.get(service, 1)
        ports = [port, *(next(further) for _ in range(count - 1))]
        names = [service] if count == 1 else [f"{service}-{n}" for n in range(1, count + 1)]
        found[service] = dict(zip(names, ports, strict=True))
    return found


def service_of(part: str) -> str:
    """Return the service that the part is a process of; for other parts, their own name."""
    found = REPLICA.fullmatch(part)
    return found[1] if found else part


def named(name: str, parts: Iterable[str]) -> list[str]:
    """Return the part of that name, or all replicas of the service of that name."""
    known = list(parts)
    return [name] if name in known else [part for part in known if service_of(part) == name]
