"""The servers of the shop on one machine: PostgreSQL, NATS, Traefik."""

from typing import Final

AUDIT: Final = "audit"  # the role in databases, and the user of the broker, that may only read
