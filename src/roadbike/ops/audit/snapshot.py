"""The copy that the invariants are checked on: one SQLite database, beside the live ones.

It lies in a temporary file that SQLite keeps in memory while it fits into its cache: the memory
that an audit needs is bounded, and the file is gone when the audit ends.
"""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from typing import Any, Final
from uuid import UUID

from roadbike.kit.messaging.republished import republished_id
from roadbike.ops.audit.copies import COPIES, Copy

CACHE_KIB: Final = 64 * 1024
TEMPORARY: Final = ""  # SQLite's name for a database that is deleted when it is closed
JOURNAL_COLUMNS: Final = (
    *("line", "user_id", "method", "path", "key", "status", "id", "body", "began", "ended"),
)
LOST_COLUMNS: Final = ("event_id", "service")


class Snapshot:
    """The copied rows. Values are texts and numbers: ids and times as text, times in UTC."""

    def __init__(self) -> None:
        self._db = sqlite3.connect(TEMPORARY)
        self._db.executescript(f"""
            PRAGMA cache_size = -{CACHE_KIB};
            PRAGMA journal_mode = OFF;
            PRAGMA synchronous = OFF;
        """)
        self._db.create_function("republished_id", 4, _republished_id, deterministic=True)
        for copy in {copy.name: copy for copy in COPIES}.values():
            self._make(copy.name, copy.names, copy.keys.values())
        self._make("journal", JOURNAL_COLUMNS, ("id", "key"))
        self._make("lost", LOST_COLUMNS, ())

    def put(self, name: str, rows: Iterable[Sequence[Any]], width: int) -> None:
        """Insert rows with so many values into the table of that name."""
        marks = ", ".join("?" * width)
        stored = ([_stored(value) for value in row] for row in rows)
        self._db.executemany(f"INSERT INTO {name} VALUES ({marks})", stored)  # noqa: S608  our names

    def forget(self, copy: Copy, kind: str, keys: Collection[str]) -> None:
        """Delete the rows with these keys of that kind; all rows of a table without such keys."""
        column = copy.keys.get(kind)
        condition, values = self._of_service(copy), []
        if column is not None:
            marks = ", ".join("?" * len(keys))
            condition, values = f"{condition} AND {column} IN ({marks})", list(keys)
        self._db.execute(f"DELETE FROM {copy.name} WHERE {condition}", values)  # noqa: S608  our names

    def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows of the query."""
        return self._db.execute(statement, parameters).fetchall()

    def close(self) -> None:
        """Delete the copy."""
        self._db.close()

    def _make(self, name: str, columns: Sequence[str], indexed: Iterable[str]) -> None:
        self._db.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
        for column in indexed:
            self._db.execute(f"CREATE INDEX {name}_{column} ON {name} ({column})")

    def _of_service(self, copy: Copy) -> str:
        return f"service = '{copy.service}'" if "service" in copy.columns else "1"


def text_of(moment: datetime) -> str:
    """Return the time as the copy has it, so that texts compare as the times do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def digest(values: Sequence[Any]) -> str | None:
    """Return what stands for the values; None when all of them are None.

    One value of bytes has its SHA-256, so that others can compare it.
    """
    if all(value is None for value in values):
        return None
    if len(values) == 1 and isinstance(values[0], bytes | memoryview):
        return sha256(values[0]).hexdigest()
    return blake2b("\0".join(map(str, values)).encode(), digest_size=12).hexdigest()


def _stored(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return text_of(value)
    return str.__str__(value) if isinstance(value, str) else value


def _republished_id(topic: str, kind: str, key: str, version: int) -> str:
    return str(republished_id(topic, kind, key, version))
