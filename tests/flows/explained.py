"""Explain every SQL statement of a service, and fill its tables."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

import asyncpg
from sqlalchemy import Boolean, Column, LargeBinary, Table, Uuid, event, text
from sqlalchemy.schema import CreateIndex, DropIndex
from sqlalchemy.types import BigInteger, Integer, String

from roadbike.kit.db import Database
from roadbike.kit.db.columns import AsJson, Status, UtcTime

PART: Final = 100_000  # rows of one statement
EXPLAINABLE: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
OFTEN: Final = 3  # times that the same statement is explained
SPREAD: Final = "interval '20 milliseconds'"  # between the times of two rows
TEXT_LENGTH: Final = 20
VALUES: Final[dict[type, str]] = {
    Uuid: "lpad(to_hex(n), 32, '0')::uuid",
    UtcTime: f"now() - n * {SPREAD}",
    Boolean: "true",
    LargeBinary: "''::bytea",
    AsJson: "NULL",
}
JSON_TEXTS: Final = {"old_values", "new_values"}
UNSET: Final = {"look_at", "check_at", "payment_id"}  # in a row that nothing is left to do for

Plan = dict[str, Any]


async def fill(db: Database, table: Table, rows: int) -> None:
    """Add rows of purchases that ended long ago; their indexes are made afterwards, as is fast."""
    names = ", ".join(column.name for column in table.columns)
    values = ", ".join(_value(column) for column in table.columns)
    indexes = [index for index in table.indexes if rows > PART]
    statements: list[Any] = [text(f"ALTER TABLE {table.name} SET UNLOGGED")]
    statements += [DropIndex(index) for index in indexes]
    for first in range(1, rows + 1, PART):
        series = f"generate_series({first}, {min(first + PART - 1, rows)}) n"
        statements.append(
            text(f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {series}")  # noqa: S608  our own names
        )
    statements += [CreateIndex(index) for index in indexes]
    for statement in (*statements, text(f"ANALYZE {table.name}")):
        async with db.background.begin() as tx:
            await tx.execute(statement)


def _value(column: Column[Any]) -> str:
    """Return the SQL of the value in row number n."""
    if column.name in UNSET and column.nullable:
        return "NULL"
    if isinstance(column.type, Status):
        return f"'{list(column.type.type_)[-1].value}'"  # the last one of each lifecycle
    if column.name in JSON_TEXTS:
        return "'{}'"
    if isinstance(column.type, Integer | BigInteger):
        return "-n" if column.primary_key or column.name == "reserve_seq" else "1"
    if isinstance(column.type, String):
        return f"left('x' || n, {column.type.length or TEXT_LENGTH})"
    return VALUES[type(column.type)]


@dataclass
class Explained:
    """The rows that PostgreSQL read for each statement of a database, the most of a few times.

    milliseconds: how long it took, the median of these times.
    """

    rows: dict[str, float] = field(default_factory=dict)
    taken: dict[str, list[float]] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)

    is_on: bool = False

    def listen(self, db: Database) -> None:
        """While `is_on`, explain each statement right before it is executed.

        Call it before the first connection. Statements that are built once go past SQLAlchemy.
        """
        explained = self

        class Explaining(asyncpg.Connection):  # type: ignore[misc]  asyncpg has no types
            async def fetch(self, query: str, *args: Any, **more: Any) -> Any:
                if explained.is_next(query):
                    explained.note(query, await _plan_of(super().fetch, self.execute, query, args))
                return await super().fetch(query, *args, **more)

        def use(_dialect: Any, _record: Any, _args: Any, parameters: dict[str, Any]) -> None:
            parameters["connection_class"] = Explaining

        for engine in set(db._engines.values()):  # noqa: SLF001  whatever the service uses
            event.listen(engine.sync_engine, "before_cursor_execute", self._explain)
            event.listen(engine.sync_engine, "do_connect", use)

    @property
    def milliseconds(self) -> dict[str, float]:
        return {statement: median(taken) for statement, taken in self.taken.items()}

    def is_next(self, statement: str) -> bool:
        """Return whether the statement is to be explained now; count it."""
        explainable = statement.lstrip().startswith(EXPLAINABLE)
        if not self.is_on or not explainable or self.times[statement] == OFTEN:
            return False
        self.times[statement] += 1
        return True

    def note(self, statement: str, plan: Plan) -> None:
        rows = sum(_rows_read(node) for node in _nodes(plan))
        self.rows[statement] = max(rows, self.rows.get(statement, 0))
        self.taken.setdefault(statement, []).append(float(plan["Actual Total Time"]))

    def _explain(
        self,
        connection: Any,
        _cursor: Any,
        statement: str,
        parameters: Any,
        _context: Any,
        many: bool,  # noqa: FBT001  as SQLAlchemy calls it
    ) -> None:
        if self.is_next(statement):
            self.note(
                statement, _plan(connection, statement, parameters[0] if many else parameters)
            )


def _plan(connection: Any, statement: str, parameters: Any) -> Plan:
    """Execute the statement, and undo it, for its plan with the rows that were read."""
    changes = not statement.startswith("SELECT")
    cursor = connection.connection.cursor()
    if changes:
        cursor.execute("SAVEPOINT before_explain")
    cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
    (found,) = cursor.fetchone()
    if changes:
        cursor.execute("ROLLBACK TO SAVEPOINT before_explain")
    cursor.close()
    return _first_plan(found)


async def _plan_of(fetch: Any, execute: Any, statement: str, values: Any) -> Plan:
    """Do the same with a connection of asyncpg."""
    changes = not statement.startswith("SELECT")
    if changes:
        await execute("SAVEPOINT before_explain")
    ((found,),) = await fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *values)
    if changes:
        await execute("ROLLBACK TO SAVEPOINT before_explain")
    return _first_plan(found)


def _first_plan(found: Any) -> Plan:
    plans = json.loads(found) if isinstance(found, str | bytes) else found
    plan: Plan = plans[0]["Plan"]
    return plan


def _nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _rows_read(node: Plan) -> float:
    """Return the rows that a scan of a table or an index has read; 0 for other nodes."""
    if "Scan" not in node["Node Type"] or not ("Relation Name" in node or "Index Name" in node):
        return 0
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])
