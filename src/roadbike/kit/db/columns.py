"""Column types and SQL expressions that behave the same on every database."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

import msgspec
from sqlalchemy import BigInteger, DateTime, Dialect, Integer, LargeBinary, String, Text
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

S = TypeVar("S", bound=StrEnum)
T = TypeVar("T", bound=msgspec.Struct)

# SQLite generates values only for a key of type INTEGER, which has 64 bits there
BigId: Final = BigInteger().with_variant(Integer, "sqlite")


class UtcTime(TypeDecorator[datetime]):
    """A time with microseconds, in Python always an aware datetime in UTC.

    Raises ValueError for a datetime without a time zone.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime for the database needs a time zone")
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if dialect.name == "postgresql" else value.replace(tzinfo=UTC)


class Status(TypeDecorator[S], Generic[S]):
    """An enum member, stored as its wire value (at most 30 characters)."""

    impl = String(30)
    cache_ok = True

    def __init__(self, type_: type[S]) -> None:
        super().__init__()
        self.type_ = type_

    def process_bind_param(self, value: S | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else value.value

    def process_result_value(self, value: str | None, dialect: Dialect) -> S | None:  # noqa: ARG002
        return None if value is None else self.type_(value)


class JsonList(TypeDecorator[Sequence[Any]]):
    """A list of values of one column type as one parameter: JSON, as SQLite stores the values."""

    impl = String
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        stored = self.item.dialect_impl(dialect).bind_processor(dialect)
        return json.dumps([item if stored is None else stored(item) for item in value])


class InList(TypeDecorator[Sequence[Any]]):
    """The values of a condition with IN as one parameter: MariaDB's driver writes the tuple."""

    impl = String
    cache_ok = True

    def __init__(self, *items: TypeEngine[Any]) -> None:
        """Take the type of the values; with several types, each value is itself a tuple."""
        super().__init__()
        self.items = items

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        stored = [item.dialect_impl(dialect).bind_processor(dialect) for item in self.items]
        if value is None:
            return None
        if len(stored) > 1:
            return tuple(tuple(map(_stored, stored, each)) for each in value)
        # a list without values is no SQL, and nothing is equal to NULL
        return tuple(_stored(stored[0], each) for each in value) or (None,)


def _stored(to_driver: Callable[[Any], Any] | None, value: Any) -> Any:
    return value if to_driver is None else to_driver(value)


class AsJson(TypeDecorator[T], Generic[T]):
    """A Struct, stored as its JSON."""

    impl = Text
    cache_ok = True

    def __init__(self, type_: type[T]) -> None:
        super().__init__()
        self.type_ = type_

    def process_bind_param(self, value: T | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> T | None:  # noqa: ARG002
        return None if value is None else msgspec.json.decode(value, type=self.type_)


class utc_now(FunctionElement[datetime]):  # noqa: N801 read as SQL
    """The current time by the database's clock."""

    type = UtcTime()
    inherit_cache = True


@compiles(utc_now, "postgresql")
def _postgresql(_element: utc_now, _compiler: object, **_: object) -> str:
    return "clock_timestamp()"


@compiles(utc_now, "mariadb")
def _mariadb(_element: utc_now, _compiler: object, **_: object) -> str:
    return "UTC_TIMESTAMP(6)"


# MariaDB's own TEXT and BLOB end at 64 KiB
@compiles(Text, "mariadb")
def _long_text(_type: Text, _compiler: object, **_: object) -> str:
    return "LONGTEXT"


@compiles(LargeBinary, "mariadb")
def _long_blob(_type: LargeBinary, _compiler: object, **_: object) -> str:
    return "LONGBLOB"


@compiles(utc_now, "sqlite")
def _sqlite(_element: utc_now, _compiler: object, **_: object) -> str:
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
