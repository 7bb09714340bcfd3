"""Statements that are built once: SQLAlchemy's Core is the builder, the driver executes the text.

Core costs several times as much CPU for each execution as the drivers themselves. So a statement
that does not change is compiled once per dialect, and then goes to the driver (`kit.db.driver`)
with its values. Column types convert values both ways, as in Core.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ARRAY, BindParameter, Dialect, Executable
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeEngine

Row = Mapping[str, Any]  # of a result: column name to value
Processor = Callable[[Any], Any]

AT_EXECUTION: Final = object()  # in place of a constant: the value comes with the execution


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the text. constant: its converted value, or AT_EXECUTION."""

    name: str
    constant: Any
    to_driver: Processor | None

    def value(self, given: Mapping[str, Any]) -> Any:
        """Return what the driver gets. Raises KeyError when no value is given."""
        if self.constant is not AT_EXECUTION:
            return self.constant
        value = given[self.name]
        return value if self.to_driver is None else self.to_driver(value)


@dataclass(frozen=True, slots=True)
class Compiled:
    """The text of a statement for one dialect, its parameters in order, and its result's columns.

    from_driver: converts the value of each column; None when no column needs it.
    """

    text: str
    parameters: tuple[Parameter, ...]
    columns: tuple[str, ...]
    from_driver: tuple[Processor | None, ...] | None

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """Return the values for the driver, in the order of the parameters."""
        return [parameter.value(given) for parameter in self.parameters]

    def rows(self, found: Iterable[Iterable[Any]]) -> list[Row]:
        """Return the driver's rows as mappings."""
        names, convert = self.columns, self.from_driver
        if convert is None:
            return [dict(zip(names, row, strict=True)) for row in found]
        return [
            {
                name: value if to is None else to(value)
                for name, to, value in zip(names, convert, row, strict=True)
            }
            for row in found
        ]


class Statement:
    """A statement that does not change; only the values of its parameters do.

    build: returns it for the name of a dialect. names: the parameters of an INSERT without
    VALUES, by the columns that they are for.
    """

    def __init__(
        self, build: Callable[[str], Executable], names: Sequence[str] | None = None
    ) -> None:
        self._build, self._names = build, names
        self._compiled: dict[str, Compiled] = {}

    def built(self, dialect: str) -> Executable:
        """Return the statement of Core."""
        return self._build(dialect)

    def compiled(self, dialect: Dialect) -> Compiled:
        """Return the text for this dialect; it is compiled at the first call."""
        found = self._compiled.get(dialect.name)
        if found is None:
            statement = self._build(dialect.name)
            found = self._compiled[dialect.name] = _compiled(statement, dialect, self._names)
        return found


def _compiled(statement: Executable, dialect: Dialect, names: Sequence[str] | None) -> Compiled:
    built: Any = statement  # Executable lacks the methods that every statement has
    compiled = built.compile(
        dialect=dialect,
        column_keys=names,
        for_executemany=names is not None,  # else it returns the generated key
    )
    columns = _columns(statement)
    convert = tuple(_from_driver(type_, dialect) for _, type_ in columns)
    return Compiled(
        text=compiled.string,
        parameters=tuple(
            _parameter(name, compiled.binds[name], dialect) for name in compiled.positiontup
        ),
        columns=tuple(name for name, _ in columns),
        from_driver=convert if any(convert) else None,
    )


def _columns(statement: Executable) -> list[tuple[str, TypeEngine[Any]]]:
    if isinstance(statement, UpdateBase) and not statement._returning:  # noqa: SLF001 nothing else says it
        return []
    result: Any = statement  # a SELECT, or RETURNING
    return [(name, column.type) for name, column in result.exported_columns.items()]


def _parameter(name: str, bind: BindParameter[Any], dialect: Dialect) -> Parameter:
    to_driver = _to_driver(bind.type, dialect)
    if bind.required:
        return Parameter(name, AT_EXECUTION, to_driver)
    value = bind.effective_value
    return Parameter(name, value if to_driver is None else to_driver(value), None)


def _to_driver(type_: TypeEngine[Any], dialect: Dialect) -> Processor | None:
    if isinstance(type_, ARRAY):  # SQLAlchemy's own looks at each item, also if none is converted
        of_item = _to_driver(type_.item_type, dialect)
        return None if of_item is None else lambda items: [of_item(item) for item in items]
    return type_.dialect_impl(dialect).bind_processor(dialect)


def _from_driver(type_: TypeEngine[Any], dialect: Dialect) -> Processor | None:
    return type_.dialect_impl(dialect).result_processor(dialect, None)
