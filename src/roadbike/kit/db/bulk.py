"""Statements for many rows whose SQL text does not depend on the number of rows.

A text that changes with the number of rows would be compiled and planned again for each number.
On PostgreSQL each column is therefore one array parameter; on SQLite the driver repeats the
statement for each row.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Column,
    Executable,
    Row,
    Table,
    any_,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import ColumnElement

from roadbike.kit.db import Tx, claims

POSTGRESQL: Final = "postgresql"
CLEANUP_BATCH: Final = 1_000  # rows that `delete_some` deletes in one transaction

Finish = Callable[[Any], Any]


class Insert:
    """An INSERT of the columns `names` of a table.

    finish: receives the INSERT and adds ON CONFLICT and RETURNING, which SQLite and PostgreSQL
    write the same way.
    """

    def __init__(self, table: Table, names: Sequence[str], finish: Finish) -> None:
        self._table, self._names, self._finish = table, names, finish
        self._statements: dict[str, Executable] = {}  # by dialect

    async def execute(self, tx: Tx, rows: Sequence[Mapping[str, Any]]) -> Sequence[Row[Any]]:
        """Insert the rows in this order; return the rows of RETURNING in unspecified order."""
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
            insert = self._from_arrays() if dialect == POSTGRESQL else sqlite.insert(self._table)
            self._statements[dialect] = self._finish(insert)
        return self._statements[dialect]

    def _from_arrays(self) -> postgresql.Insert:
        columns = [self._table.c[name] for name in self._names]
        arrays = [bindparam(c.name, type_=postgresql.ARRAY(c.type)) for c in columns]
        rows = select(*(func.unnest(array) for array in arrays))
        return postgresql.insert(self._table).from_select(self._names, rows)


class Update:
    """An UPDATE of many rows of a table, found by `key`, each with its own values of `names`."""

    def __init__(self, table: Table, key: str, names: Sequence[str]) -> None:
        self._table, self._key, self._names = table, key, names
        self._statements: dict[str, Executable] = {}  # by dialect

    async def execute(self, tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
        """Update the row of each key that exists."""
        names = [self._key, *self._names]
        if not rows:
            return
        if tx.db.dialect == POSTGRESQL:
            arrays = {f"new_{name}": [row[name] for row in rows] for name in names}
            await tx.execute(self._statement(POSTGRESQL), arrays)
        else:
            each = [{f"new_{name}": row[name] for name in names} for row in rows]
            await tx.execute(self._statement(tx.db.dialect), each)

    def _statement(self, dialect: str) -> Executable:
        if dialect not in self._statements:
            new = self._arrays() if dialect == POSTGRESQL else self._parameters()
            statement = update(self._table).where(self._table.c[self._key] == new.pop(self._key))
            self._statements[dialect] = statement.values(new)
        return self._statements[dialect]

    def _parameters(self) -> dict[str, Any]:
        return {name: bindparam(f"new_{name}") for name in (self._key, *self._names)}

    def _arrays(self) -> dict[str, Any]:
        columns = [self._table.c[name] for name in (self._key, *self._names)]
        arrays = [bindparam(f"new_{c.name}", type_=postgresql.ARRAY(c.type)) for c in columns]
        rows = select(
            *(func.unnest(a).label(c.name) for a, c in zip(arrays, columns, strict=True))
        ).subquery("new")
        return {column.name: rows.c[column.name] for column in columns}


def among(dialect: str, column: Column[Any]) -> ColumnElement[bool]:
    """Return the condition that the column has one of the values of the parameter `among`."""
    if dialect == POSTGRESQL:
        return column == any_(bindparam("among", type_=postgresql.ARRAY(column.type)))
    return column.in_(bindparam("among", expanding=True))


async def insert_new(tx: Tx, table: Table, rows: Sequence[Mapping[str, Any]]) -> set[Any]:
    """Insert the rows whose primary key does not exist yet; return the inserted keys.

    A key of several columns is a tuple.
    """
    if not rows:
        return set()
    inserted = await _insert_new(table, tuple(rows[0])).execute(tx, rows)
    return {row[0] if len(row) == 1 else tuple(row) for row in inserted}


async def delete_some(tx: Tx, table: Table, condition: ColumnElement[bool]) -> bool:
    """Delete up to CLEANUP_BATCH rows that fulfil the condition; return whether more may be left.

    Rows that another transaction has locked are left to the next time.
    """
    is_postgresql = tx.db.dialect == POSTGRESQL
    # the place of a row: by its key, a batch of a large table might be joined with all of it
    place: ColumnElement[Any] = literal_column("ctid" if is_postgresql else "rowid")
    found = select(place).select_from(table).where(condition).limit(CLEANUP_BATCH)
    free = claims.free_only(found).correlate(None).scalar_subquery()
    among_free = place == any_(func.array(free)) if is_postgresql else place.in_(free)
    deleted = await tx.execute(delete(table).where(among_free))
    return deleted.rowcount >= CLEANUP_BATCH


@cache
def _insert_new(table: Table, names: tuple[str, ...]) -> Insert:
    keys = list(table.primary_key.columns)

    def finish(insert: Any) -> Any:
        return insert.on_conflict_do_nothing(index_elements=keys).returning(*keys)

    return Insert(table, names, finish)
