"""Keyset paging: each page of a list begins after the last row of the page before.

Unlike an offset it costs the same on every page, and rows that come or go meanwhile do not shift
the pages.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Generic, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import Column, ColumnElement, Select, Uuid, func, literal, select, tuple_

from roadbike.kit.db.columns import UtcTime
from roadbike.kit.db.database import Tx
from roadbike.kit.db.mariadb import MARIADB
from roadbike.kit.db.statements import Row
from roadbike.kit.pure.refusals import Fault, Invalid

AFTER: Final = "after"  # the query parameter that says where a page begins
Moment = Annotated[datetime, msgspec.Meta(tz=True)]  # a time in a key
Number = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
MOST_COUNTED: Final = 1_000  # rows; how many more there are is not read

S = TypeVar("S")
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Keyset:
    """The order of a list: by these columns, which are never NULL; together they are unique.

    An index on them, or on the column of a filter followed by them, makes every page cheap.
    """

    columns: tuple[Column[Any], ...]
    descending: bool = True

    def ordered(self, found: Select[Any], after: Key | None, dialect: str) -> Select[Any]:
        """Return the statement in this order, with only the rows after the key."""
        ordered = found.order_by(*(c.desc() if self.descending else c for c in self.columns))
        if after is None:
            return ordered
        last_values = [literal(v, c.type) for v, c in zip(after, self.columns, strict=True)]
        if dialect == MARIADB:  # it reads no range of an index for a comparison of tuples
            return ordered.where(self._behind(self.columns, last_values))
        place, last = tuple_(*self.columns), tuple_(*last_values)
        return ordered.where(place < last if self.descending else place > last)

    def _behind(
        self, columns: Sequence[Column[Any]], last: Sequence[ColumnElement[Any]]
    ) -> ColumnElement[bool]:
        """Return the same condition, column by column."""
        column, value = columns[0], last[0]
        behind = column < value if self.descending else column > value
        if len(columns) == 1:
            return behind
        not_before = column <= value if self.descending else column >= value
        return not_before & (behind | self._behind(columns[1:], last[1:]))

    def key_of(self, row: Row) -> Key:
        """Return the place of a row in the order."""
        return tuple(row[column.name] for column in self.columns)

    def read(self, after: str) -> Key:
        """Return the key that a link of such a list has. Raises Invalid (422) for others."""
        return read_place(after, *map(_type, self.columns))


@dataclass(frozen=True, slots=True)
class Listed(Generic[S]):
    """A list: the rows that a statement finds, in an order, each as a state.

    The statement has to select the columns of the order.
    """

    found: Select[Any]
    order: Keyset
    state: Callable[[Row], S]

    async def page(self, tx: Tx, after: Key | None, size: int) -> tuple[list[S], Key | None]:
        """Return at most `size` states after the key, and the key of the next page, if any."""
        rows = await tx.rows(self.order.ordered(self.found, after, tx.db.dialect).limit(size + 1))
        states = [self.state(row) for row in rows[:size]]
        if len(rows) <= size:
            return states, None
        return states, self.order.key_of(rows[size - 1])

    async def count(self, tx: Tx) -> int:
        """Return how many rows there are; MOST_COUNTED + 1 when there are more."""
        some = self.found.with_only_columns(literal(1)).limit(MOST_COUNTED + 1).subquery()
        return int(await tx.scalar(select(func.count()).select_from(some)))


def place_of(key: Key) -> str:
    """Return the key as the parameter `after` has it."""
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def read_place(after: str, *types: Any) -> Key:
    """Return the key that the parameter has; its values have these types.

    Raises Invalid (422), which names `after`, for a text that no link of the list has.
    """
    shape: Any = tuple.__class_getitem__(types)
    try:
        raw = urlsafe_b64decode(after + "=" * (-len(after) % 4))
        key: Key = msgspec.json.decode(raw, type=shape)
    except ValueError as error:  # of base64; msgspec's errors are ValueErrors, too
        raise Invalid(Fault(slug="fault-place", parameter=AFTER)) from error
    return key


def _type(column: Column[Any]) -> Any:
    if isinstance(column.type, UtcTime):
        return Moment
    return UUID if isinstance(column.type, Uuid) else Number
