"""Many rows in one statement, whose text is the same however many they are.

A text that changes with the number of rows is compiled and planned anew for each; PostgreSQL
takes whole columns as arrays instead.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Column, Executable, Row, Table, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import ColumnElement

from roadbike.kit.db import Tx

POSTGRESQL: Final = "postgresql"

Finish = Callable[[Any], Any]


class Insert:
    """An INSERT of these columns of a table.

    finish: adds what happens on a conflict and what is returned. SQLite says both in the words
    of PostgreSQL.
    """

    def __init__(self, table: Table, names: Sequence[str], finish: Finish) -> None:
        self._table, self._names, self._finish = table, names, finish
        self._statements: dict[str, Executable] = {}

    async def execute(self, tx: Tx, rows: Sequence[Mapping[str, Any]]) -> Sequence[Row[Any]]:
        """Insert the rows in this order; what `finish` returns, in no order."""
        if not rows:
            return []
        statement = self._statement(tx.db.dialect)
        values: Any = rows
        if tx.db.dialect == POSTGRESQL:
            values = {name: [row[name] for row in rows] for name in self._names}
        result = await tx.execute(statement, values)
        return result.all() if result.returns_rows else []

    def _statement(self, dialect: str) -> Executable:
        if dialect not in self._statements:
            insert = self._of_arrays() if dialect == POSTGRESQL else sqlite.insert(self._table)
            self._statements[dialect] = self._finish(insert)
        return self._statements[dialect]

    def _of_arrays(self) -> postgresql.Insert:
        columns = [self._table.c[name] for name in self._names]
        arrays = [bindparam(c.name, type_=postgresql.ARRAY(c.type)) for c in columns]
        rows = select(*(func.unnest(array) for array in arrays))
        return postgresql.insert(self._table).from_select(self._names, rows)


def among(dialect: str, column: Column[Any]) -> ColumnElement[bool]:
    """The condition that the column is one of the values given as the parameter `among`."""
    if dialect == POSTGRESQL:
        return column == any_(bindparam("among", type_=postgresql.ARRAY(column.type)))
    return column.in_(bindparam("among", expanding=True))


async def insert_new(tx: Tx, table: Table, rows: Sequence[Mapping[str, Any]]) -> set[Any]:
    """Insert those rows whose primary key is not there yet; the keys inserted (tuples if wide)."""
    if not rows:
        return set()
    inserted = await _new(table, tuple(rows[0])).execute(tx, rows)
    return {row[0] if len(row) == 1 else tuple(row) for row in inserted}


@cache
def _new(table: Table, names: tuple[str, ...]) -> Insert:
    keys = list(table.primary_key.columns)

    def finish(insert: Any) -> Any:
        return insert.on_conflict_do_nothing(index_elements=keys).returning(*keys)

    return Insert(table, names, finish)
