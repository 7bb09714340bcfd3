"""The port to a payment provider; each provider has an adapter beside this file.

Flows and rules of the real ones: docs/decisions/0009-payment-providers.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


class Unknown(Exception):
    """The provider gave no answer, or one that says neither yes nor no.

    It never means that the call has failed, and never that the money may be asked for again.
    """


class InvalidToken(Exception):
    """The provider does not know such a token. choices: the tokens that it knows."""

    def __init__(self, choices: Sequence[str]) -> None:
        super().__init__(f"not one of {', '.join(choices)}")
        self.choices = choices


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """The money that is asked for.

    attempt_id: the key by which the provider recognises a repeated call. amount: KRW.
    token: the buyer's consent, from the provider's own page.
    """

    attempt_id: UUID
    amount: int
    token: str


@dataclass(frozen=True, slots=True)
class Approved:
    """The money was captured. provider_id: the provider's id of this movement, used once."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Declined:
    """The provider refused: no money has moved, and none will."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the provider knows of an attempt: the ids of its capture and its refund, or None."""

    captured: str | None
    refunded: str | None


class Provider(Protocol):
    """Moves money. A call that is repeated for the same attempt moves no more of it."""

    def checked_token(self, token: str | None) -> str:
        """Return the token to keep with an attempt. Raises InvalidToken."""
        ...

    async def open(self, charge: Charge) -> dict[str, str]:
        """Return what the buyer's browser needs to consent; no money moves. Raises Unknown."""
        ...

    async def confirm(self, charge: Charge) -> Approved | Declined:
        """Capture the money. Raises Unknown."""
        ...

    async def fetch(self, charge: Charge) -> Snapshot:
        """Return what has happened to the attempt's money.

        Raises Unknown; also as long as the provider may still be at work on a call to `confirm`:
        without a capture the attempt counts as declined, and the buyer may pay again.
        """
        ...

    async def cancel(self, charge: Charge, reason: str) -> str:
        """Refund the whole amount and return the id of the refund. Raises Unknown."""
        ...
