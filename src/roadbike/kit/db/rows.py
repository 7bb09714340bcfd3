"""The rows of a table as frozen dataclasses, loaded with a lock and saved at the commit.

Optimistic locking guards every save: when two transactions created or changed the same row, the
second one raises StaleRow at its commit, and Database.transact runs it again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from sqlalchemy import Column, ColumnElement, Select, Table, bindparam, func, select

from roadbike.kit.db import StaleRow, Tx, bulk, claims
from roadbike.kit.db.database import RowKey
from roadbike.kit.db.keyset import Keyset, place_of
from roadbike.kit.db.mariadb import MARIADB
from roadbike.kit.db.paging import Paging, SortOrder
from roadbike.kit.db.statements import Row, Statement


class Guarded(Protocol):
    """A state with a count of its saves, which is 0 before the first one."""

    @property
    def row_version(self) -> int:
        """Return how often the state was saved."""
        ...


T = TypeVar("T", bound=Guarded)

VERSION: Final = "row_version"


class Part(NamedTuple, Generic[T]):
    """One page of a list. total: of the whole list. following: where the next page begins.

    `following` is None on the last page and for a sorted list, whose pages have numbers only.
    """

    states: Sequence[T]
    total: int
    following: str | None


class Rows(Generic[T]):
    """A table with a primary key of one column and a column `row_version`.

    type_: a frozen dataclass that has the columns' names as fields.
    """

    def __init__(self, table: Table, type_: type[T]) -> None:
        self.table = table
        self.type_ = type_
        (self._key,) = table.primary_key.columns
        self._names = [column.name for column in table.columns]
        self._values = attrgetter(*self._names)
        self._upsert = bulk.Insert(table, self._names, self._guarded)
        self._insert = bulk.Insert(table, self._names, self._new)
        self._updates: dict[tuple[str, ...], bulk.Update] = {}  # by the columns that they set
        self._by_key = Statement(lambda _: select(table).where(self._key == bindparam("key")))
        self._all_by_keys = Statement(partial(self._locking, skip_locked=False))
        self._free_by_keys = Statement(partial(self._locking, skip_locked=True))

    async def lock(self, tx: Tx, keys: Iterable[object]) -> None:
        """Load and lock the rows with one query, in key order; `locked` then needs no query."""
        wanted = [key for key in dict.fromkeys(keys) if not tx.has_row(self._row_key(key))]
        if not wanted:
            return
        found = await self._load(tx, wanted, self._all_by_keys)
        for key in wanted:
            tx.remember_stored_row(self._row_key(key), found.get(key))

    async def lock_free(self, tx: Tx, keys: Iterable[object]) -> set[Any]:
        """Load and lock those rows that no other transaction has locked; return their keys.

        For timed work, which can do the others later: it must not wait for a process that hangs
        with a lock. A row that is not returned may be locked or not exist.
        """
        among = list(dict.fromkeys(keys))
        wanted = [key for key in among if not tx.has_row(self._row_key(key))]
        found = await self._load(tx, wanted, self._free_by_keys) if wanted else {}
        for key, state in found.items():
            tx.remember_stored_row(self._row_key(key), state)
        return {key for key in among if tx.has_row(self._row_key(key))}

    def remember_claimed(self, tx: Tx, rows: Iterable[Row]) -> list[T]:
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
        then: Keyset,
    ) -> Part[T]:
        """Return one page of the rows that the statement finds, and the number of all of them.

        A page that begins after a key costs the same wherever it is in the list; one that is asked
        for by its number reads the pages before it, too.

        The number of a long list may be a second old (`kit.db.totals`).
        sortable: columns by the wire name of their field; rows without a value come last.
        then: order of rows with equal sort fields. It ends in the primary key, so that pages do
        not overlap.
        Raises KeyError for a sort field that is not among `sortable`, and Invalid for a key that no
        page of such a list has.
        """
        if paging.after is None:
            order = [key for by in paging.sort for key in _order(sortable[by.field], by)]
            page = then.ordered(found.order_by(*order), None, tx.db.dialect).offset(paging.offset)
        else:
            page = then.ordered(found, then.read(paging.after), tx.db.dialect)
        rows = await tx.rows(page.limit(paging.size + 1))
        states = [self.state(row) for row in rows[: paging.size]]
        is_last = len(rows) <= paging.size
        following = None if is_last or paging.sort else place_of(then.key_of(rows[-2]))
        if is_last and paging.after is None and (states or not paging.offset):
            return Part(states, paging.offset + len(states), None)
        count = found.with_only_columns(func.count(), maintain_column_froms=True)
        total = await tx.db.totals.of(found, lambda: tx.scalar(count))
        return Part(states, total, following)

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
        tx.remember_stored_row(self._row_key(getattr(state, self._key.name)), state)

    def state(self, row: Row) -> T:
        """Return the row as an instance of `type_`."""
        return self.type_(**{name: row[name] for name in self._names})

    def _row_key(self, key: object) -> RowKey:
        return self.table.name, key

    async def _write(self, tx: Tx, keys: list[RowKey]) -> None:
        """Update the columns that have changed; insert what is new or was not loaded here."""
        rest: list[T] = []
        loaded: dict[tuple[str, ...], list[T]] = defaultdict(list)
        for key in sorted(set(keys), key=_in_lock_order):
            state, stored = tx.loaded_row(key), tx.stored_row(key)
            (rest if stored is None else loaded[self._changes(stored, state)]).append(state)
        for names, states in loaded.items():
            rest += await self._not_updated(tx, names, states)
        if await self._upserted(tx, rest) < len(rest):
            raise StaleRow(f"{self.table.name}: another transaction saved the row first")

    async def _upserted(self, tx: Tx, states: list[T]) -> int:
        """Update the rows that are as they were loaded, insert those that are not there.

        Return how many that were; the others were saved by another transaction meanwhile.
        """
        if tx.db.dialect != MARIADB:
            rows = [self._row(state, self._names) for state in states]
            return len(await self._upsert.execute(tx, rows))
        # its ON DUPLICATE KEY UPDATE has no condition, so that it would overwrite the others
        saved_before = [state for state in states if state.row_version]
        rest = [state for state in states if not state.row_version]
        if saved_before:
            others = tuple(name for name in self._names if name not in {self._key.name, VERSION})
            rest += await self._not_updated(tx, others, saved_before)
        rows = [self._row(state, self._names) for state in rest]
        return len(states) - len(rest) + len(await self._insert.execute(tx, rows))

    def _new(self, insert: Any) -> Any:
        return insert.on_conflict_do_nothing(index_elements=[self._key]).returning(self._key)

    def _changes(self, stored: T, state: T) -> tuple[str, ...]:
        pairs = zip(self._names, self._values(stored), self._values(state), strict=True)
        return tuple(name for name, before, after in pairs if before != after and name != VERSION)

    async def _not_updated(self, tx: Tx, names: tuple[str, ...], states: list[T]) -> list[T]:
        """Set these columns; return the states whose row is another by now, or was deleted."""
        if names not in self._updates:
            columns = [*names, VERSION]
            self._updates[names] = bulk.Update(self.table, self._key.name, columns, guard=VERSION)
        rows = [self._row(state, (self._key.name, *names)) for state in states]
        updated = await self._updates[names].execute(tx, rows)
        return [state for state in states if getattr(state, self._key.name) not in updated]

    async def _load(self, tx: Tx, keys: list[object], lock: Statement) -> dict[Any, T]:
        rows = await tx.rows(lock, {"among": keys})
        return {row[self._key.name]: self.state(row) for row in rows}

    def _locking(self, dialect: str, *, skip_locked: bool) -> Select[Any]:
        found = select(self.table).where(bulk.among(dialect, self._key)).order_by(self._key)
        # on MariaDB a scan of a small table would wait for rows of others
        found = found.with_hint(self.table, "FORCE INDEX (PRIMARY)", MARIADB)
        return claims.free_only(found) if skip_locked else locking(found)

    def _guarded(self, insert: Any) -> Any:
        """Insert new rows; update others if their row_version is the one that was loaded."""
        table, new = self.table, insert.excluded
        return insert.on_conflict_do_update(
            index_elements=[self._key],
            set_={column.name: new[column.name] for column in table.columns},
            where=table.c.row_version == new.row_version - 1,
        ).returning(self._key)

    def _row(self, state: T, names: Iterable[str]) -> dict[str, Any]:
        row = {name: getattr(state, name) for name in names}
        row[VERSION] = state.row_version + 1
        return row


def locking(found: Select[Any]) -> Select[Any]:
    """Return the statement so that it locks its rows and waits for those that are locked.

    For requests and messages; timed work claims its rows instead, see `claims`.
    """
    return found.with_for_update()


def _in_lock_order(key: RowKey) -> Any:
    """Sort as the database does; the number of a UUID compares faster than the UUID."""
    return getattr(key[1], "int", key[1])


def _order(column: Column[Any], by: SortOrder) -> list[ColumnElement[Any]]:
    direction = column.desc() if by.descending else column.asc()
    return [column.is_(None), direction] if column.nullable else [direction]
