"""The rows of a table as frozen dataclasses, loaded with a lock and saved at the commit.

Optimistic locking guards every save: when two transactions created or changed the same row, the
second one raises StaleRow at its commit, and Database.transact runs it again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Column, ColumnElement, RowMapping, Select, Table, bindparam, func, select

from roadbike.kit.db import StaleRow, Tx, bulk, claims
from roadbike.kit.db.database import RowKey
from roadbike.kit.db.paging import Paging, SortOrder


class Guarded(Protocol):
    """A state with a count of its saves, which is 0 before the first one."""

    @property
    def row_version(self) -> int:
        """Return how often the state was saved."""
        ...


T = TypeVar("T", bound=Guarded)


class Rows(Generic[T]):
    """A table with a primary key of one column and a column `row_version`.

    type_: a frozen dataclass that has the columns' names as fields.
    """

    def __init__(self, table: Table, type_: type[T]) -> None:
        self.table = table
        self.type_ = type_
        (self._key,) = table.primary_key.columns
        self._names = [column.name for column in table.columns]
        self._upsert = bulk.Insert(table, self._names, self._guarded)
        self._by_key = select(table).where(self._key == bindparam("key"))
        self._locking: dict[tuple[str, bool], Select[Any]] = {}

    async def lock(self, tx: Tx, keys: Iterable[object]) -> None:
        """Load and lock the rows with one query, in key order; `locked` then needs no query."""
        wanted = [key for key in dict.fromkeys(keys) if not tx.has_row(self._row_key(key))]
        if not wanted:
            return
        found = await self._load(tx, wanted, skip_locked=False)
        for key in wanted:
            tx.remember_row(self._row_key(key), found.get(key))

    async def lock_free(self, tx: Tx, keys: Iterable[object]) -> set[Any]:
        """Load and lock those rows that no other transaction has locked; return their keys.

        For timed work, which can do the others later: it must not wait for a process that hangs
        with a lock. A row that is not returned may be locked or not exist.
        """
        among = list(dict.fromkeys(keys))
        wanted = [key for key in among if not tx.has_row(self._row_key(key))]
        found = await self._load(tx, wanted, skip_locked=True) if wanted else {}
        for key, state in found.items():
            tx.remember_row(self._row_key(key), state)
        return {key for key in among if tx.has_row(self._row_key(key))}

    def remember_claimed(self, tx: Tx, rows: Iterable[RowMapping]) -> list[T]:
        """Return whole rows that `kit.db.claims` has locked; `locked` then needs no query."""
        states = [self.state(row) for row in rows]
        for state in states:
            self.remember(tx, state)
        return states

    async def locked(self, tx: Tx, key: object) -> T | None:
        """Return the locked row with the changes of this transaction; None if it does not exist."""
        await self.lock(tx, [key])
        state: T | None = tx.loaded_row(self._row_key(key))
        return state

    async def get(self, tx: Tx, key: object) -> T | None:
        """Return the row as committed, without a lock; None if it does not exist."""
        found = await tx.rows(self._by_key, {"key": key})
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
        """Return one page of the rows that the statement finds, and the number of all of them.

        sortable: columns by the wire name of their field; rows without a value come last.
        then: order of rows with equal sort fields. It ends in the primary key, so that pages do
        not overlap.
        Raises KeyError for a sort field that is not among `sortable`.
        """
        total: int = await tx.scalar(found.with_only_columns(func.count()))
        order = [key for by in paging.sort for key in _order(sortable[by.field], by)]
        page = found.order_by(*order, *then).offset(paging.offset).limit(paging.size)
        return [self.state(row) for row in await tx.rows(page)], total

    def save(self, tx: Tx, state: T) -> None:
        """Save the state at the commit; of several states of one row the last one is written.

        The commit raises StaleRow when another transaction has saved the row since it was loaded.
        """
        key = self._row_key(getattr(state, self._key.name))
        tx.remember_row(key, state)
        tx.at_commit(self._write, key)

    def save_changed(self, tx: Tx, states: Iterable[T]) -> None:
        """Save those states, as `save` does, that differ from what was loaded or saved before."""
        for state in states:
            key = self._row_key(getattr(state, self._key.name))
            if not tx.has_row(key) or tx.loaded_row(key) != state:
                self.save(tx, state)

    def remember(self, tx: Tx, state: T) -> None:
        """Keep a state that the caller has loaded itself, under a lock that covers its row."""
        tx.remember_row(self._row_key(getattr(state, self._key.name)), state)

    def state(self, row: RowMapping) -> T:
        """Return the row as an instance of `type_`."""
        return self.type_(**{name: row[name] for name in self._names})

    def _row_key(self, key: object) -> RowKey:
        return self.table.name, key

    async def _write(self, tx: Tx, keys: list[RowKey]) -> None:
        states = [tx.loaded_row(key) for key in sorted(set(keys))]
        saved = await self._upsert.execute(tx, [self._row(state) for state in states])
        if len(saved) < len(states):
            raise StaleRow(f"{self.table.name}: another transaction saved the row first")

    async def _load(self, tx: Tx, keys: list[object], *, skip_locked: bool) -> dict[Any, T]:
        statement = self._lock_statement(tx.db.dialect, skip_locked=skip_locked)
        rows = await tx.rows(statement, {"among": keys})
        return {row[self._key.name]: self.state(row) for row in rows}

    def _lock_statement(self, dialect: str, *, skip_locked: bool) -> Select[Any]:
        which = dialect, skip_locked
        if which not in self._locking:
            found = select(self.table).where(bulk.among(dialect, self._key)).order_by(self._key)
            self._locking[which] = (
                claims.free_only(found) if skip_locked else found.with_for_update()
            )
        return self._locking[which]

    def _guarded(self, insert: Any) -> Any:
        """Insert new rows; update others if their row_version is the one that was loaded."""
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
