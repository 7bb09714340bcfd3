"""Wake the relay of another process: LISTEN and NOTIFY of PostgreSQL, outside of transactions.

A NOTIFY within a transaction would make all commits of the server wait for each other. So the
process that has no lease sends it after its commit; if it ends before that, the relay finds the
event when it looks by itself. On other databases nothing is sent, and the relay always looks so.
"""

from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from roadbike.kit.db import Database
from roadbike.kit.db.bulk import POSTGRESQL
from roadbike.kit.db.errors import translated_errors

CHANNEL: Final = "outbox"
NOTIFY: Final = text(f"SELECT pg_notify('{CHANNEL}', '')")


class Wakeup:
    """Wakes the relay that listens, and listens itself on a connection that it keeps."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._connection: AsyncConnection | None = None
        self._driver: Any = None  # asyncpg's connection below it

    async def send(self) -> None:
        """Wake the relays of this database that listen. Raises DatabaseUnavailable."""
        if self._db.dialect == POSTGRESQL:
            async with self._db.read() as tx:
                await tx.execute(NOTIFY)

    async def listen(self) -> None:
        """Signal the outbox of this process at each wake-up from now on.

        Call it again from time to time: it connects again when the connection was lost.
        Raises DatabaseUnavailable.
        """
        if self._db.dialect != POSTGRESQL or self._is_listening():
            return
        await self.close()
        with translated_errors():
            self._connection = await self._db.engine.connect()
            self._driver = (await self._connection.get_raw_connection()).driver_connection
            await self._driver.add_listener(CHANNEL, lambda *_: self._db.signal_outbox())
        self._db.signal_outbox()  # what was published before it listened

    async def close(self) -> None:
        """Listen no more."""
        if self._connection is not None:
            connection, self._connection, self._driver = self._connection, None, None
            await connection.invalidate()  # it must not go back to the pool while it listens
            await connection.close()

    def _is_listening(self) -> bool:
        return self._driver is not None and not self._driver.is_closed()
