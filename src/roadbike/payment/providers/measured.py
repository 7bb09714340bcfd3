"""A payment provider whose calls are measured: how many, how long, and how they ended."""

from typing import Final

from roadbike.kit.metrics import measured_call
from roadbike.payment.providers import Approved, Charge, Declined, Provider, Snapshot

NAME: Final = "provider"


class MeasuredProvider(Provider):
    """Passes each call on to `provider`; see kit/metrics.py for what is measured."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def checked_token(self, token: str | None) -> str:
        return self._provider.checked_token(token)

    async def open(self, charge: Charge) -> dict[str, str]:
        with measured_call(NAME, "open"):
            return await self._provider.open(charge)

    async def confirm(self, charge: Charge) -> Approved | Declined:
        with measured_call(NAME, "confirm") as call:
            answer = await self._provider.confirm(charge)
            call.outcome = type(answer).__name__
            return answer

    async def fetch(self, charge: Charge) -> Snapshot:
        with measured_call(NAME, "fetch"):
            return await self._provider.fetch(charge)

    async def cancel(self, charge: Charge, reason: str) -> str:
        with measured_call(NAME, "cancel"):
            return await self._provider.cancel(charge, reason)
