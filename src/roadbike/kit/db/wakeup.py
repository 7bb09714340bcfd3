"""Wake the relay of another process: LISTEN and NOTIFY of PostgreSQL, outside of transactions.

A NOTIFY within a transaction would make all commits of the server wait for each other. So the
process that has no lease sends it after its commit; if it ends before that, the relay finds the
event when it looks by itself. On other databases nothing is sent, and the relay always looks so.
"""

from typing import Final, cast

from sqlalchemy import text

from roadbike.kit.db import Database
from roadbike.kit.db.bulk import POSTGRESQL
from roadbike.kit.db.connections import Held
from roadbike.kit.db.driver import Asyncpg
from roadbike.kit.db.errors import translated_errors

CHANNEL: Final = "outbox"
NOTIFY: Final = text(f"SELECT pg_notify('{CHANNEL}', '')")


class Wakeup:
    """Wakes the relay that listens, and listens itself on a connection that it keeps."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._held: Held | None = None

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
        self._held = await self._db.connections.take()
        with translated_errors():
            driver = cast("Asyncpg", self._held.driver)
            await driver.connection.add_listener(CHANNEL, lambda *_: self._db.signal_outbox())
        self._db.signal_outbox()  # what was published before it listened

    async def close(self) -> None:
        """Listen no more."""
        if self._held is not None:
            held, self._held = self._held, None
            await self._db.connections.discard(held)  # nobody else may get it while it listens

    def _is_listening(self) -> bool:
        return self._held is not None and not self._held.driver.is_closed()
