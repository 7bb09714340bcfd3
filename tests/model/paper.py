"""Transactions on paper: the real use cases run on them, with no database and nobody waiting."""

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Executable, Select

from roadbike.kit.db import Database, Tx
from roadbike.kit.pure.events import Event

NOW: Final = datetime(2026, 11, 24, 3, tzinfo=UTC)
URL: Final = "sqlite+aiosqlite://"  # names a dialect; nobody connects to it

T = TypeVar("T")
Place = tuple[str, object]  # a table and a primary key, as kit.rows knows a row
Rows = Mapping[Place, Any]


class PaperTx(Tx):
    """All rows that there are lie on the table, None for those that nobody has made yet.

    told: events in order. entered: what goes into tables without a row_version (the ledgers).
    """

    def __init__(self, rows: Rows) -> None:
        super().__init__(cast("Any", None), _nobody())
        self.loaded = self._rows = dict(rows)
        self.told: list[Event] = []
        self.entered: list[Any] = []

    async def now(self) -> datetime:
        return NOW

    async def execute(self, statement: Executable, values: Any = None) -> Any:
        if getattr(statement, "is_insert", False):
            self.entered += values
        return _Nothing()

    async def row(self, statement: Executable) -> Any:
        """The one row that there is of the table which is asked."""
        (table,) = cast("Select[Any]", statement).get_final_froms()
        names = [column.name for column in table.columns]
        for (of_table, _), state in self.loaded.items():
            if of_table == table.description and state is not None:
                return {name: getattr(state, name) for name in names}
        return None

    async def scalar(self, statement: Executable) -> Any:
        """A column of that row; 0 where something is computed."""
        (column,) = cast("Select[Any]", statement).selected_columns
        row = await self.row(statement)
        return None if row is None else row.get(column.key, 0)

    def at_commit(self, write: Callable[..., Awaitable[None]], item: Any) -> None:
        match item:
            case (Event() as event, _):
                self.told.append(event)
            case (str(), _):
                assert item in self.loaded, write  # the row, saved; it lies on the table already
            case _:
                self.entered.append(item)


@cache
def _nobody() -> Database:
    return Database(URL)


class _Nothing:
    """What a statement gives that found no row."""

    returns_rows = False

    def all(self) -> Sequence[Any]:
        return []


def at_once(work: Awaitable[T]) -> T:
    """The result of what never waits."""
    running = cast("Generator[None, None, T]", work.__await__())
    try:
        next(running)
    except StopIteration as done:
        return cast("T", done.value)
    raise AssertionError("a use case waited for something that is not on paper")
