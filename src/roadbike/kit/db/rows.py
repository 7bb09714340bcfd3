"""The rows of one table as frozen dataclasses: loaded under a lock, saved under a guard.

A row that two transactions made or changed at once is saved by the quicker one; the other
raises StaleRow at its commit and is run again. So two replicas never act on two halves.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Column, ColumnElement, RowMapping, Select, Table, bindparam, func, select

from roadbike.kit.db import StaleRow, Tx, bulk
from roadbike.kit.db.paging import Paging, SortOrder


class Guarded(Protocol):
    """State that counts its own saves. A fresh one has row_version 0."""

    @property
    def row_version(self) -> int:
        """How often it was saved."""
        ...


T = TypeVar("T", bound=Guarded)


class Rows(Generic[T]):
    """One table with a single-column primary key and a column `row_version`.

    `type_` is a frozen dataclass whose fields are named as the columns.
    """

    def __init__(self, table: Table, type_: type[T]) -> None:
        self.table = table
        self.type_ = type_
        (self._key,) = table.primary_key.columns
        self._names = [column.name for column in table.columns]
        self._upsert = bulk.Insert(table, self._names, self._guarded)
        self._one = select(table).where(self._key == bindparam("key"))
        self._locking: dict[str, Select[Any]] = {}  # by dialect

    async def lock(self, tx: Tx, keys: Iterable[object]) -> None:
        """Load a whole batch at once, locked in key order; `locked` then finds them here."""
        wanted = [key for key in dict.fromkeys(keys) if self._at(key) not in tx.loaded]
        if not wanted:
            return
        tx.loaded.update({self._at(key): None for key in wanted})
        for row in await tx.rows(self._lock_statement(tx.db.dialect), {"among": wanted}):
            tx.loaded[self._at(row[self._key.name])] = self.state(row)

    async def locked(self, tx: Tx, key: object) -> T | None:
        """The row as this transaction knows it; None when nobody has made it yet."""
        await self.lock(tx, [key])
        state: T | None = tx.loaded[self._at(key)]
        return state

    async def get(self, tx: Tx, key: object) -> T | None:
        """The row as it is, unlocked."""
        found = await tx.rows(self._one, {"key": key})
        return self.state(found[0]) if found else None

    async def page(
        self,
        tx: Tx,
        found: Select[Any],
        paging: Paging,
        *,
        sortable: Mapping[str, Column[Any]],
        then: Sequence[ColumnElement[Any]],
    ) -> tuple[Sequence[T], int]:
        """One page of the rows that a statement finds, and how many rows it finds in all.

        sortable: columns by the wire name of their field; rows without a value come last.
        then: the order of rows that are equal so far; it ends in the primary key, so that pages
        never overlap.
        """
        total: int = await tx.scalar(found.with_only_columns(func.count()))
        order = [key for by in paging.sort for key in _order(sortable[by.field], by)]
        page = found.order_by(*order, *then).offset(paging.offset).limit(paging.size)
        return [self.state(row) for row in await tx.rows(page)], total

    def save(self, tx: Tx, state: T) -> None:
        """Written at the commit, once, however often the state changes before."""
        at = self._at(getattr(state, self._key.name))
        tx.loaded[at] = state
        tx.at_commit(self._write, at)

    def state(self, row: RowMapping) -> T:
        """What the row holds, as the table's type."""
        return self.type_(**{name: row[name] for name in self._names})

    def _at(self, key: object) -> tuple[str, object]:
        return self.table.name, key

    async def _write(self, tx: Tx, places: list[tuple[str, object]]) -> None:
        states = [tx.loaded[at] for at in sorted(set(places))]
        saved = await self._upsert.execute(tx, [self._row(state) for state in states])
        if len(saved) < len(states):
            raise StaleRow(f"{self.table.name}: another transaction was quicker")

    def _lock_statement(self, dialect: str) -> Select[Any]:
        if dialect not in self._locking:
            found = select(self.table).where(bulk.among(dialect, self._key))
            self._locking[dialect] = found.order_by(self._key).with_for_update()
        return self._locking[dialect]

    def _guarded(self, insert: Any) -> Any:
        """Insert the new rows and update the others where nobody did in between."""
        table, new = self.table, insert.excluded
        return insert.on_conflict_do_update(
            index_elements=[self._key],
            set_={column.name: new[column.name] for column in table.columns},
            where=table.c.row_version == new.row_version - 1,
        ).returning(self._key)

    def _row(self, state: T) -> dict[str, Any]:
        row = {name: getattr(state, name) for name in self._names}
        return row | {"row_version": state.row_version + 1}


def _order(column: Column[Any], by: SortOrder) -> list[ColumnElement[Any]]:
    direction = column.desc() if by.descending else column.asc()
    return [column.is_(None), direction] if column.nullable else [direction]
