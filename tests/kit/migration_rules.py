"""What a migration must not do while replicas of the code before it are at work.

The rules are about the statements that it would send to PostgreSQL. A statement *contracts* when
code of before may fail after it, and *blocks* when it holds a lock for as long as a table is long.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Final

from alembic.migration import MigrationContext
from alembic.operations import Operations

CONTRACTING: Final = {
    r"^DROP (TABLE|INDEX|SEQUENCE|TYPE)\b": "drops what old code may use",
    r"^ALTER TABLE \S+ DROP COLUMN\b": "drops a column",
    r"^ALTER TABLE .*\bRENAME\b": "renames",
    r"^ALTER TABLE .*\bTYPE\b": "changes a type",
    r"^ALTER TABLE .*\bSET NOT NULL\b": "forbids NULL, which old code may write",
    r"^ALTER TABLE \S+ ADD COLUMN (?!.*\bDEFAULT\b).*\bNOT NULL\b": "adds a column that old code "
    "does not fill",
    r"^ALTER TABLE \S+ ADD CONSTRAINT\b": "adds a constraint, which old code may violate",
    r"^CREATE UNIQUE INDEX\b": "forbids duplicates, which old code may write",
}
BLOCKING: Final = {
    r"^ALTER TABLE .*\bTYPE\b": "rewrites the table",
    r"^ALTER TABLE .*\bSET NOT NULL\b": "reads the whole table under an exclusive lock",
    r"^CREATE (UNIQUE )?INDEX (?!CONCURRENTLY\b)": "writers wait until the index is built",
    r"^DROP INDEX (?!CONCURRENTLY\b)": "takes an exclusive lock; use CONCURRENTLY",
    r"^(UPDATE|DELETE FROM)\b": "changes rows that others wait for; do it in small parts, as "
    "timed work",
    r"^ALTER TABLE \S+ ADD CONSTRAINT (?!.*\bNOT VALID\b)": "reads the whole table under a lock; "
    "add NOT VALID",
    r"^(VACUUM FULL|CLUSTER|LOCK TABLE|TRUNCATE)\b": "takes an exclusive lock",
}
CREATED: Final = re.compile(r"^CREATE TABLE (\S+)")
OWN_BOOKS: Final = re.compile(r"\b(alembic_version|schema_version)\b")


@dataclass(frozen=True)
class Fault:
    """A statement that breaks a rule, and what is wrong with it."""

    statement: str
    reason: str


def statements(migration: ModuleType) -> list[str]:
    """Return the statements of the migration's upgrade on PostgreSQL, each on one line."""
    written = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written}
    )
    with Operations.context(context):
        migration.upgrade()
    lines = (" ".join(part.split()) for part in written.getvalue().split(";"))
    return [line for line in lines if line]


def faults(migration: ModuleType) -> list[Fault]:
    """Return what the migration must not do."""
    found = statements(migration)
    new_tables = {match[1] for line in found if (match := CREATED.match(line))}
    on_old_tables = [line for line in found if not _is_about(line, new_tables)]
    blocking = list(_matches(on_old_tables, BLOCKING))
    if hasattr(migration, "oldest_code"):
        return blocking
    return blocking + list(_matches(on_old_tables, CONTRACTING, except_after_drop=found))


def _matches(
    lines: list[str], rules: dict[str, str], except_after_drop: list[str] | None = None
) -> Iterator[Fault]:
    """Yield a fault for each rule that a line breaks.

    An index that is dropped and made again is not missed by old code.
    """
    made_again = except_after_drop or []
    for line in lines:
        for pattern, reason in rules.items():
            if re.search(pattern, line, re.IGNORECASE) and not _is_made_again(line, made_again):
                yield Fault(line, reason)


def _is_made_again(line: str, lines: list[str]) -> bool:
    dropped = re.match(r"^DROP INDEX (?:CONCURRENTLY )?(?:IF EXISTS )?(\S+)", line)
    return dropped is not None and any(
        re.match(rf"^CREATE (UNIQUE )?INDEX (CONCURRENTLY )?{re.escape(dropped[1])}\b", other)
        for other in lines
    )


def _is_about(line: str, tables: set[str]) -> bool:
    words = set(re.findall(r"\w+", line))
    return bool(words & tables) or OWN_BOOKS.search(line) is not None
