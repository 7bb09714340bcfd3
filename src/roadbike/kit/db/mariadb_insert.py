"""An INSERT of MariaDB that is built like those of PostgreSQL and SQLite.

It has no ON CONFLICT. To leave out rows that exist is INSERT IGNORE there, which would also leave
out or change rows with other faults: the driver looks at its warnings (`Asyncmy.insert`). ON
DUPLICATE KEY UPDATE knows no condition, and every unique key of the table counts for it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Column, Table, UniqueConstraint
from sqlalchemy.dialects import mysql

PRIMARY: Final = "PRIMARY"

Keys = Sequence[Column[Any] | str]  # the columns of a key, or their names


class MariaInsert:
    """The INSERT. ignored: the name of the key by which rows are left out; None when none are."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.statement: Any = mysql.insert(table)
        self.ignored: str | None = None

    @property
    def excluded(self) -> Any:
        """Return the values that were to be inserted."""
        return self.statement.inserted

    def on_conflict_do_nothing(self, *, index_elements: Keys) -> "MariaInsert":
        """Leave out rows that exist under that key."""
        self.ignored = self._key(index_elements)
        self.statement = self.statement.prefix_with("IGNORE")
        return self

    def on_conflict_do_update(
        self, *, index_elements: Keys, set_: Mapping[str, Any]
    ) -> "MariaInsert":
        """Update rows that exist under that key, the only one of the table."""
        assert self._key(index_elements) == PRIMARY
        self.statement = self.statement.on_duplicate_key_update(dict(set_))
        return self

    def returning(self, *columns: Column[Any]) -> "MariaInsert":
        """Return these columns of the inserted and of the updated rows."""
        self.statement = self.statement.returning(*columns)
        return self

    def _key(self, columns: Keys) -> str:
        names = {getattr(column, "name", column) for column in columns}
        if names == {column.name for column in self._table.primary_key.columns}:
            return PRIMARY
        for each in self._table.constraints:
            if isinstance(each, UniqueConstraint) and names == set(each.columns.keys()):
                return str(each.name or next(iter(each.columns)).name)
        raise KeyError(f"{self._table.name} has no key of {sorted(names)}")
