"""The broker of a service: the connection that its settings describe, and how durable it is."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

import structlog

from roadbike.kit.logs import SELDOM
from roadbike.kit.messaging.broker import Broker, BrokerUnavailable, connect
from roadbike.kit.process.setting_faults import SettingError, fault
from roadbike.kit.process.settings import ServiceSettings

log = structlog.get_logger()

RETRY_SECONDS: Final = 1.0  # while the broker is unavailable, or has no topic yet
LOOK_SECONDS: Final = 60.0  # between two looks, after the first one that was answered


class Durability:
    """The settings of the broker with which topics could lose acknowledged events.

    topics: those that the service publishes to. faults: one sentence for each setting that is
    wrong, as far as it is known.
    """

    def __init__(self, broker: Broker, topics: Collection[str]) -> None:
        self._broker, self._topics = broker, sorted(topics)
        self.faults: Sequence[str] = ()

    async def watch(self) -> None:
        """Look again and again: a setting can be mended while the service runs."""
        while True:
            try:
                await self.look()
            except BrokerUnavailable:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once. Raises BrokerUnavailable."""
        found = [each for topic in self._topics for each in await self._broker.weaknesses(topic)]
        for each in found:
            log.warning("broker.not_durable", reason=each, **SELDOM)
        self.faults = found


def connected(chosen: ServiceSettings, service: str) -> Broker:
    """Return the broker of the settings. Raises SettingError for wrong certificates."""
    try:
        return connect(
            chosen.broker_url.reveal(),
            service,
            batches=chosen.sends_batches,
            ca=chosen.broker_ca,
            mechanism=chosen.broker_sasl,
            replica=chosen.replica,
        )
    except ValueError as error:
        raise SettingError(
            fault("setting-wrong", name="ROADBIKE_BROKER_CA", reason=error)
        ) from None
