"""Transactions in memory: real use cases run on them, without a database and without waiting."""

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Executable, Select

from roadbike.kit import audit_log
from roadbike.kit.db import Database, Tx
from roadbike.kit.db import rows as kit_rows
from roadbike.kit.db.statements import Row, Statement
from roadbike.kit.messaging import outbox
from roadbike.kit.pure.events import Event

NOW: Final = datetime(2026, 11, 24, 3, tzinfo=UTC)
URL: Final = "sqlite+aiosqlite://"  # names a dialect; nothing connects to it

# functions that services give to `Tx.at_commit`
LEDGER_WRITES: Final = {
    "roadbike.payment.store._write_money",
    "roadbike.stock.store._write_ledger",
}
NOT_IN_THE_MODEL: Final = {  # it has no keys, and no list of refunds for staff
    "roadbike.reservation.store._delete_keys",
    "roadbike.payment.store._note_refunds",
}

T = TypeVar("T")
RowKey = tuple[str, object]  # a table and a primary key, as kit.db.rows names a row
Rows = Mapping[RowKey, Any]


class InMemoryTx(Tx):
    """A transaction on the given rows; the value is None for rows that do not exist yet.

    published: the events in order. inserted: what was written to tables without a row_version
    (the ledgers). audited: what goes into the audit log.
    """

    def __init__(self, rows: Rows) -> None:
        super().__init__(cast("Any", None), _database())
        self.loaded = self._rows = dict(rows)
        self.published: list[Event] = []
        self.inserted: list[Any] = []
        self.audited: list[Any] = []

    async def now(self) -> datetime:
        return NOW

    async def execute(self, _statement: Executable, _values: Any = None) -> Any:
        return _NoRows()

    async def rows_of_each(self, statement: Statement, many: Sequence[Any]) -> Sequence[Row]:
        """Record what is inserted."""
        if getattr(statement.built("sqlite"), "is_insert", False):
            self.inserted += many
        return []

    async def rows(self, statement: Executable | Statement, _values: Any = None) -> Sequence[Row]:
        """Return all rows of the table that is selected from; they are of one purchase."""
        built = statement.built("sqlite") if isinstance(statement, Statement) else statement
        (table,) = cast("Select[Any]", built).get_final_froms()
        names = [column.name for column in table.columns]
        return [
            {name: getattr(state, name) for name in names}
            for (of_table, _), state in self.loaded.items()
            if of_table == table.description and state is not None
        ]

    async def row(self, statement: Executable | Statement, _values: Any = None) -> Any:
        """Return the one row of the table that the statement selects from, or None."""
        return next(iter(await self.rows(statement)), None)

    async def scalar(self, statement: Executable) -> Any:
        """Return a column of that row; 0 for a computed column."""
        (column,) = cast("Select[Any]", statement).selected_columns
        row = await self.row(statement)
        return None if row is None else row.get(column.key, 0)

    def at_commit(self, write: Callable[..., Awaitable[None]], item: Any) -> None:
        """Record what the commit would write. Raises AssertionError for an unknown function."""
        name = f"{write.__module__}.{write.__name__}"
        if isinstance(getattr(write, "__self__", None), kit_rows.Rows):
            assert item in self.loaded, item  # `Rows.save` has put the new state there
        elif write.__module__ == outbox.__name__:
            event, _traceparent = item
            self.published.append(event)
        elif write.__module__ == audit_log.__name__:
            self.audited.append(item)
        elif name in LEDGER_WRITES:
            self.inserted.append(item)
        else:
            assert name in NOT_IN_THE_MODEL, f"the model does not know what {name} writes"


@cache
def _database() -> Database:
    return Database(URL)


class _NoRows:
    """The result of a statement that found no row."""

    def all(self) -> Sequence[Any]:
        return []


def result_of(work: Awaitable[T]) -> T:
    """Return the result of a coroutine that never waits. Raises AssertionError if it does."""
    running = cast("Generator[None, None, T]", work.__await__())
    try:
        next(running)
    except StopIteration as done:
        return cast("T", done.value)
    raise AssertionError("a use case waited for something that is not in memory")
