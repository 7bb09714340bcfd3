"""The database of a service: whether it can be used, and what is wrong with it."""

import asyncio
from collections.abc import Sequence
from importlib.resources import files
from typing import Final

import structlog
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from roadbike.kit.db import Database, DatabaseBusy, DatabaseUnavailable, compatibility
from roadbike.kit.db.capacity import check_capacity
from roadbike.kit.db.errors import is_missing_table
from roadbike.kit.db.weaknesses import weaknesses
from roadbike.kit.logs import SELDOM

log = structlog.get_logger()

DATABASE_SETTING: Final = "ROADBIKE_DATABASE_URL"
PROBE_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 1.0  # while the database is unavailable
LOOK_SECONDS: Final = 60.0  # between two looks at its settings
NOT_ASKED: Final = "it was not asked yet"


class DatabaseHealth:
    """What is wrong with the database of one service, as the last look has found it.

    service: its name. version: of its code, the newest migration that it knows. replicas: how many
    processes of it run at most. weaknesses: one sentence for each setting of the server with which
    committed work could be lost. was_usable: set when it was usable once.
    """

    def __init__(self, db: Database, service: str, version: str, replicas: int) -> None:
        self._db, self._service = db, service
        self._version, self._replicas = version, replicas
        self._fault = f"{DATABASE_SETTING}: {NOT_ASKED}"
        self.weaknesses: Sequence[str] = ()
        self.was_usable = asyncio.Event()

    @property
    def usable(self) -> bool:
        """Return whether it can be reached, and its migrations suit this code."""
        return not self._fault

    @property
    def faults(self) -> Sequence[str]:
        """Return what `/readyz` shows; each names the setting or the command that mends it."""
        return [*([self._fault] if self._fault else []), *self.weaknesses]

    async def probe(self) -> None:
        """Check again and again whether it can be used: a person may mend it meanwhile."""
        while True:
            await self._probe_once()
            await asyncio.sleep(PROBE_SECONDS)

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
        """Look once at the settings of the server. Raises DatabaseUnavailable."""
        found = [f"{DATABASE_SETTING}: {each}" for each in await weaknesses(self._db)]
        for each in found:
            log.warning("database.not_durable", reason=each, **SELDOM)
        self.weaknesses = found

    async def _probe_once(self) -> None:
        try:
            async with self._db.background.read() as tx:
                mismatch = await compatibility.reason_against(tx, self._version)
            if not self.usable:
                await self._db.ready()
                await check_capacity(self._db, self._replicas)
                await self.look()
        except DatabaseBusy:
            return  # under load there may be no connection for this check
        except DatabaseUnavailable as error:
            log.warning(
                "database.unavailable", setting=DATABASE_SETTING, reason=str(error), **SELDOM
            )
            self._fault = f"{DATABASE_SETTING}: {error}"
        except DBAPIError as error:  # no migration has run yet, or this user may not read it
            reason = str(error).splitlines()[0]
            log.warning("database.not_migrated", reason=reason, **SELDOM)
            self._fault = f"{DATABASE_SETTING}: {self._why(error, reason)}"
        else:
            if mismatch:
                log.warning("database.other_version", reason=mismatch, **SELDOM)
                mismatch = f"{DATABASE_SETTING}: {mismatch}"
            else:
                self.was_usable.set()
            self._fault = mismatch or ""

    def _why(self, error: DBAPIError, reason: str) -> str:
        if is_missing_table(error):
            return f"the database has no tables yet: `roadbike migrate {self._service}` makes them"
        return reason


def version_of(package: str) -> str:
    """Return the version of a service's code: the newest migration that it knows."""
    migrations = files(package) / "migrations"
    return ScriptDirectory(str(migrations)).get_current_head() or ""
