"""The broker of a service: the connection that its settings describe, and how durable it is.

The database is looked at in the same way.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from typing import Any, Final

import structlog

from roadbike.kit.db import Database, DatabaseUnavailable
from roadbike.kit.db.weaknesses import weaknesses
from roadbike.kit.logs import SELDOM
from roadbike.kit.messaging.broker import Broker, BrokerUnavailable, connect
from roadbike.kit.process.setting_faults import SettingError, fault
from roadbike.kit.process.settings import ServiceSettings

log = structlog.get_logger()

DATABASE_SETTING: Final = "ROADBIKE_DATABASE_URL"
RETRY_SECONDS: Final = 1.0  # while the broker is unavailable, or has no topic yet
LOOK_SECONDS: Final = 60.0  # between two looks, after the first one that was answered


class Durability:
    """The settings of broker and database with which acknowledged work could be lost.

    topics: those that the service publishes to.
    """

    def __init__(self, broker: Broker, topics: Collection[str], db: Database) -> None:
        self._broker, self._topics, self._db = broker, sorted(topics), db
        self._of_broker: Sequence[str] = ()
        self._of_database: Sequence[str] = ()

    @property
    def faults(self) -> Sequence[str]:
        """Return one sentence for each setting that is wrong, as far as it is known."""
        return [*self._of_broker, *self._of_database]

    def watches(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Return what looks again and again: a setting can be mended while the service runs."""
        return _repeated(self.look_at_broker), _repeated(self.look_at_database)

    async def look_at_broker(self) -> None:
        """Look once. Raises BrokerUnavailable."""
        found = [each for topic in self._topics for each in await self._broker.weaknesses(topic)]
        for each in found:
            log.warning("broker.not_durable", reason=each, **SELDOM)
        self._of_broker = found

    async def look_at_database(self) -> None:
        """Look once. Raises DatabaseUnavailable."""
        found = [f"{DATABASE_SETTING}: {each}" for each in await weaknesses(self._db)]
        for each in found:
            log.warning("database.not_durable", reason=each, **SELDOM)
        self._of_database = found


async def _repeated(look: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await look()
        except (BrokerUnavailable, DatabaseUnavailable):
            await asyncio.sleep(RETRY_SECONDS)
        else:
            await asyncio.sleep(LOOK_SECONDS)


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
