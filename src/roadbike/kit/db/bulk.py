"""Statements for many rows whose SQL text does not depend on the number of rows.

A text that changes with the number of rows would be compiled and planned again for each number.
On PostgreSQL each column is therefore one array parameter; on SQLite the driver repeats the
statement for each row. On MariaDB, which keeps no plans, the driver writes all rows into the text.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, Final

from sqlalchemy import (
    Column,
    Executable,
    Table,
    and_,
    any_,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import ColumnElement

from roadbike.kit.db import claims
from roadbike.kit.db.columns import InList, JsonList
from roadbike.kit.db.database import Tx
from roadbike.kit.db.errors import translated_errors
from roadbike.kit.db.mariadb import MARIADB
from roadbike.kit.db.mariadb_insert import MariaInsert
from roadbike.kit.db.statements import Row, Statement

POSTGRESQL: Final = "postgresql"
CLEANUP_BATCH: Final = 1_000  # rows that `delete_some` deletes in one transaction

Finish = Callable[[Any], Any]


class Insert:
    """An INSERT of the columns `names` of a table.

    finish: receives the INSERT and adds ON CONFLICT and RETURNING, which SQLite and PostgreSQL
    write the same way; for MariaDB a `MariaInsert` has the same methods.
    """

    def __init__(self, table: Table, names: Sequence[str], finish: Finish) -> None:
        self._table, self._names, self._finish = table, names, finish
        self._statement = Statement(self._built, names)

    async def execute(self, tx: Tx, rows: Sequence[Mapping[str, Any]]) -> Sequence[Row]:
        """Insert the rows in this order; return the rows of RETURNING in unspecified order."""
        if not rows:
            return []
        if tx.db.dialect == POSTGRESQL:
            arrays = {name: [row[name] for row in rows] for name in self._names}
            return await tx.rows(self._statement, arrays)
        if tx.db.dialect == MARIADB:
            with translated_errors():
                return await tx.held.insert(self._statement, rows, self._maria.ignored)
        return await tx.rows_of_each(self._statement, rows)

    @cached_property
    def _maria(self) -> MariaInsert:
        insert: MariaInsert = self._finish(MariaInsert(self._table))
        return insert

    def _built(self, dialect: str) -> Executable:
        if dialect == MARIADB:
            statement: Executable = self._maria.statement
            return statement
        is_postgresql = dialect == POSTGRESQL
        insert = self._from_arrays() if is_postgresql else sqlite.insert(self._table)
        built: Executable = self._finish(insert)
        return built

    def _from_arrays(self) -> postgresql.Insert:
        columns = [self._table.c[name] for name in self._names]
        arrays = [bindparam(c.name, type_=postgresql.ARRAY(c.type)) for c in columns]
        rows = select(*(func.unnest(array) for array in arrays))
        return postgresql.insert(self._table).from_select(self._names, rows)


class Update:
    """An UPDATE of many rows of a table, found by `key`, each with its own values of `names`.

    guard: a column that counts the updates of a row. Only a row whose count is one below the new
    value is updated.
    """

    def __init__(
        self, table: Table, key: str, names: Sequence[str], *, guard: str | None = None
    ) -> None:
        self._table, self._key, self._names, self._guard = table, key, names, guard
        self._statement = Statement(self._built)

    async def execute(self, tx: Tx, rows: Sequence[Mapping[str, Any]]) -> set[Any]:
        """Update the row of each key that exists; return the keys of the updated rows."""
        if not rows:
            return set()
        names = [self._key, *self._names]
        if tx.db.dialect == POSTGRESQL:
            arrays = {f"new_{name}": [row[name] for row in rows] for name in names}
            updated = await tx.rows(self._statement, arrays)
            return {row[self._key] for row in updated}
        each = [{f"new_{name}": row[name] for name in names} for row in rows]
        if tx.db.dialect == MARIADB:  # an UPDATE returns no rows there
            with translated_errors():
                found = await tx.held.count_each(self._statement, each)
            return {row[self._key] for row, count in zip(rows, found, strict=True) if count}
        return {row[self._key] for row in await tx.rows_of_each(self._statement, each)}

    def _built(self, dialect: str) -> Executable:
        table = self._table
        new = self._arrays() if dialect == POSTGRESQL else self._parameters()
        statement = update(table).where(table.c[self._key] == new[self._key])
        if self._guard is not None:
            statement = statement.where(table.c[self._guard] == new[self._guard] - 1)
        statement = statement.values({name: new[name] for name in self._names})
        return statement if dialect == MARIADB else statement.returning(table.c[self._key])

    def _parameters(self) -> dict[str, Any]:
        columns = [self._table.c[name] for name in (self._key, *self._names)]
        return {c.name: bindparam(f"new_{c.name}", type_=c.type) for c in columns}

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
    if dialect == MARIADB:
        return column.op("IN", is_comparison=True)(bindparam("among", type_=InList(column.type)))
    return _among_json(column, "among")


def among_tuples(dialect: str, columns: Sequence[Column[Any]]) -> ColumnElement[bool]:
    """Return the condition that the columns together have values that are given together.

    Its parameters get `tuples_for`. On SQLite a row may also fulfil it with values of different
    tuples.
    """
    if dialect == POSTGRESQL:
        arrays = [bindparam(c.name, type_=postgresql.ARRAY(c.type)) for c in columns]
        return tuple_(*columns).in_(select(*(func.unnest(array) for array in arrays)))
    if dialect == MARIADB:
        given = bindparam("among", type_=InList(*(column.type for column in columns)))
        return tuple_(*columns).op("IN", is_comparison=True)(given)
    return and_(*(_among_json(column, column.name) for column in columns))


def tuples_for(
    dialect: str, columns: Sequence[Column[Any]], tuples: Sequence[tuple[Any, ...]]
) -> Mapping[str, Any]:
    """Return the parameters of `among_tuples` for these values of the columns."""
    if dialect == MARIADB:
        return {"among": tuples}
    return {column.name: [each[i] for each in tuples] for i, column in enumerate(columns)}


def _among_json(column: Column[Any], name: str) -> ColumnElement[bool]:
    given = func.json_each(bindparam(name, type_=JsonList(column.type)))
    return column.in_(select(given.table_valued("value").c.value))


async def insert_new(tx: Tx, table: Table, rows: Sequence[Mapping[str, Any]]) -> set[Any]:
    """Insert the rows whose primary key does not exist yet; return the inserted keys.

    A key of several columns is a tuple.
    """
    if not rows:
        return set()
    inserted = await _insert_new(table, tuple(rows[0])).execute(tx, rows)
    keys = (tuple(row.values()) for row in inserted)
    return {key[0] if len(key) == 1 else key for key in keys}


async def delete_some(tx: Tx, table: Table, condition: ColumnElement[bool]) -> bool:
    """Delete up to CLEANUP_BATCH rows that fulfil the condition; return whether more may be left.

    Rows that another transaction has locked are left to the next time.
    """
    if tx.db.dialect == MARIADB:  # a DELETE cannot skip what is locked
        keys = list(table.primary_key.columns)
        rows = await tx.rows(claims.free_only(select(*keys).where(condition).limit(CLEANUP_BATCH)))
        if rows:
            found = [tuple(row.values()) for row in rows]
            await tx.execute(delete(table).where(tuple_(*keys).in_(found)))
        return len(rows) >= CLEANUP_BATCH
    is_postgresql = tx.db.dialect == POSTGRESQL
    # the place of a row: by its key, a batch of a large table might be joined with all of it
    place: ColumnElement[Any] = literal_column("ctid" if is_postgresql else "rowid")
    some = select(place).select_from(table).where(condition).limit(CLEANUP_BATCH)
    free = claims.free_only(some).correlate(None).scalar_subquery()
    among_free = place == any_(func.array(free)) if is_postgresql else place.in_(free)
    deleted = await tx.execute(delete(table).where(among_free))
    return deleted.rowcount >= CLEANUP_BATCH


@cache
def _insert_new(table: Table, names: tuple[str, ...]) -> Insert:
    keys = list(table.primary_key.columns)

    def finish(insert: Any) -> Any:
        return insert.on_conflict_do_nothing(index_elements=keys).returning(*keys)

    return Insert(table, names, finish)
