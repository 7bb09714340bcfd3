"""How durable the database of a service is: settings with which committed work could be lost."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from roadbike.kit.db import Database, DatabaseUnavailable
from roadbike.kit.db.weaknesses import weaknesses
from roadbike.kit.logs import SELDOM

log = structlog.get_logger()

DATABASE_SETTING: Final = "ROADBIKE_DATABASE_URL"
RETRY_SECONDS: Final = 1.0  # while the database is unavailable
LOOK_SECONDS: Final = 60.0  # between two looks, after the first one that was answered


class DatabaseHealth:
    """weaknesses: one sentence for each setting that is wrong, as far as it is known."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.weaknesses: Sequence[str] = ()

    async def watch(self) -> None:
        """Look again and again: a setting can be mended while the service runs."""
        while True:
            try:
                await self.look()
            except DatabaseUnavailable:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once. Raises DatabaseUnavailable."""
        found = [f"{DATABASE_SETTING}: {each}" for each in await weaknesses(self._db)]
        for each in found:
            log.warning("database.not_durable", reason=each, **SELDOM)
        self.weaknesses = found
