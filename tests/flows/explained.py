"""Explain every SQL statement of a running service, and fill its tables with copies of a row."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Column, Table, Uuid, event, text
from sqlalchemy.types import BigInteger, Integer, String

from roadbike.kit.db import Database
from roadbike.kit.db.columns import UtcTime

SPREAD: Final = "interval '20 milliseconds'"  # between the times of two copies
OFTEN: Final = 3  # times that the same statement is explained
PART: Final = 50_000  # rows of one statement
MANY_DIFFERENT: Final = {"user_id", "key"}  # values that a real table has many of

Plan = dict[str, Any]


async def fill(db: Database, table: Table, rows: int) -> None:
    """Add that many copies of the table's one row, with other ids, names and times."""
    names = ", ".join(column.name for column in table.columns)
    values = ", ".join(_copied(column) for column in table.columns)
    async with db.background.begin() as tx:
        one = f"SELECT * FROM {table.name} LIMIT 1"  # noqa: S608  names of our own tables
        await tx.execute(text(f"CREATE TABLE copied_row AS {one}"))
    for first in range(1, rows, PART):
        series = f"generate_series({first}, {first + PART - 1}) n"
        copies = f"SELECT {values} FROM copied_row one, {series}"  # noqa: S608
        async with db.background.begin() as tx:
            await tx.execute(text(f"INSERT INTO {table.name} ({names}) {copies}"))
    async with db.background.begin() as tx:
        await tx.execute(text("DROP TABLE copied_row"))
        await tx.execute(text(f"ANALYZE {table.name}"))


def _copied(column: Column[Any]) -> str:
    name = f"one.{column.name}"
    identifies = column.primary_key or column.unique or column.name in MANY_DIFFERENT
    match column.type:
        case Uuid():
            return f"CASE WHEN {name} IS NOT NULL THEN lpad(to_hex(n), 32, '0')::uuid END"
        case UtcTime():
            return f"{name} - n * {SPREAD}"
        case BigInteger() | Integer() if column.primary_key and len(column.table.primary_key) == 1:
            return "-n"
        case BigInteger() if column.name == "reserve_seq":
            return "-n"
        case String() if identifies and column.name != "kind":
            return f"{name} || n"
    return name


@dataclass
class Explained:
    """The rows that PostgreSQL read for each statement of a database, the most of a few times."""

    rows: dict[str, float] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)

    def listen(self, db: Database) -> None:
        """Explain each statement right before it is executed."""
        for engine in set(db._engines.values()):  # noqa: SLF001  whatever the services use
            event.listen(engine.sync_engine, "before_cursor_execute", self._explain)

    def _explain(
        self,
        connection: Any,
        _cursor: Any,
        statement: str,
        parameters: Any,
        _context: Any,
        many: bool,  # noqa: FBT001
    ) -> None:
        if not statement.lstrip().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            return
        if self.times[statement] == OFTEN:
            return
        self.times[statement] += 1
        plan = _plan(connection, statement, parameters[0] if many else parameters)
        rows = sum(_rows_read(node) for node in _nodes(plan))
        self.rows[statement] = max(rows, self.rows.get(statement, 0))


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
    plans = json.loads(found) if isinstance(found, str) else found
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
