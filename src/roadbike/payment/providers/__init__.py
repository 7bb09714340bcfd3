"""The payment provider, as the shop reaches it: one port, an adapter per provider.

Flows and rules of the real ones: docs/decisions/0009-payment-providers.md.
"""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


class Unknown(Exception):
    """No answer, or one that says neither yes nor no. Never "failed", never "ask again"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What is asked for. attempt_id: the key by which the provider knows a repeat. amount: KRW.

    token: the buyer's consent, from the provider's own page.
    """

    attempt_id: UUID
    amount: int
    token: str


@dataclass(frozen=True, slots=True)
class Approved:
    """The money is ours. provider_id: the provider's name for this movement, used once."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Declined:
    """No money moved, and none will."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the provider knows of an attempt: ids of the capture and of the refund, if any."""

    captured: str | None
    refunded: str | None


class Provider(Protocol):
    """Moves money. Every call may be repeated with the same attempt without moving more."""

    async def open(self, charge: Charge) -> dict[str, str]:
        """What the buyer's browser needs to consent; no money moves. Raises Unknown."""
        ...

    async def confirm(self, charge: Charge) -> Approved | Declined:
        """Take the money. Raises Unknown."""
        ...

    async def fetch(self, charge: Charge) -> Snapshot:
        """What became of the attempt. Raises Unknown."""
        ...

    async def cancel(self, charge: Charge, reason: str) -> str:
        """Give all of the money back; the id of the refund. Raises Unknown."""
        ...
