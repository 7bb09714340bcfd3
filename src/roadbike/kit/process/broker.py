"""The broker of a service: the connection that its settings describe, and what is wrong with it."""

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
WEAK_SECONDS: Final = 10.0  # while its settings are unsafe
MISSING: Final = "the broker has no topic {topic}: `roadbike set-up-broker` makes it"
LOOK_SECONDS: Final = 60.0  # between two looks, while nothing is wrong


class BrokerHealth:
    """What is wrong with the broker for one service: no connection, no topic, unsafe settings.

    publishes, consumes: topics. weaknesses: one sentence for each setting with which a topic that
    it publishes to could lose acknowledged events, as far as it is known.
    """

    def __init__(
        self, broker: Broker, publishes: Collection[str], consumes: Collection[str]
    ) -> None:
        self._broker = broker
        self._publishes, self._topics = sorted(publishes), sorted({*publishes, *consumes})
        self._missing: Sequence[str] = ()
        self.weaknesses: Sequence[str] = ()

    @property
    def faults(self) -> Sequence[str]:
        """Return what `/readyz` shows; each names the setting or the command that mends it."""
        unavailable = [f"broker: {self._broker.fault}"] if self._broker.fault else []
        return [*unavailable, *self._missing, *self.weaknesses]

    @property
    def refuses(self) -> bool:
        """Return whether the broker has never accepted this client since its start.

        Otherwise a broker that is unavailable does not matter to requests: events wait.
        """
        return self._broker.refuses

    async def watch(self) -> None:
        """Look again and again: a setting can be mended while the service runs."""
        while True:
            try:
                await self.look()
            except BrokerUnavailable:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                await asyncio.sleep(self._pause())

    def _pause(self) -> float:
        """Return the seconds until the next look."""
        if self._missing:
            return RETRY_SECONDS
        return WEAK_SECONDS if self.weaknesses else LOOK_SECONDS

    async def look(self) -> None:
        """Look once. Raises BrokerUnavailable."""
        there = {topic for topic in self._topics if await self._broker.exists(topic)}
        missing = [MISSING.format(topic=topic) for topic in self._topics if topic not in there]
        found = [
            each
            for topic in self._publishes
            if topic in there
            for each in await self._broker.weaknesses(topic)
        ]
        for each in found:
            log.warning("broker.not_durable", reason=each, **SELDOM)
        self._missing, self.weaknesses = missing, found


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
