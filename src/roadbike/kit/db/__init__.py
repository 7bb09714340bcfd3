"""One database per service: connections, transactions, rows, column types, migrations."""

from roadbike.kit.db.database import Database, Tx, metadata
from roadbike.kit.db.errors import DatabaseBusy, DatabaseUnavailable, RowLocked, StaleRow

__all__ = [
    "Database",
    "DatabaseBusy",
    "DatabaseUnavailable",
    "RowLocked",
    "StaleRow",
    "Tx",
    "metadata",
]
