"""Statements of migrations as MariaDB needs them.

It commits each change of the schema at once, so a migration that was interrupted has done a part of
its work. Each statement is therefore sent so that it does nothing when it was done before, and the
migration can be run again. A change of a table never copies it, and lets others read and write
meanwhile: what cannot be done so is refused by the server.
"""

import re
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from roadbike.kit.db import tls
from roadbike.kit.db.mariadb import SESSION, TABLE_OPTIONS

CREATE_TABLE: Final = re.compile(r"\s*CREATE TABLE (?!IF )(?P<rest>.*\))\s*", re.DOTALL)
NOT_BLOCKING: Final = "ALGORITHM=NOCOPY, LOCK=NONE"
# a statement of Alembic, and what replaces its beginning
AGAIN: Final = (
    (r"CREATE (UNIQUE )?INDEX (?!IF )", r"CREATE \1INDEX IF NOT EXISTS "),
    (r"CREATE TRIGGER (?!IF )", "CREATE TRIGGER IF NOT EXISTS "),
    (r"CREATE SEQUENCE (?!IF )", "CREATE SEQUENCE IF NOT EXISTS "),
    (r"DROP (TABLE|SEQUENCE|INDEX) (?!IF )", r"DROP \1 IF EXISTS "),
    (r"ALTER TABLE (\S+) ADD COLUMN (?!IF )", r"ALTER TABLE \1 ADD COLUMN IF NOT EXISTS "),
    (r"ALTER TABLE (\S+) DROP COLUMN (?!IF )", r"ALTER TABLE \1 DROP COLUMN IF EXISTS "),
)


def engine(url: str, lock_seconds: int) -> AsyncEngine:
    """Return an engine that sends the statements of migrations as MariaDB needs them.

    lock_seconds: how long a change of a table waits for its lock.
    """
    settings = SESSION | {"lock_wait_timeout": str(lock_seconds)}
    in_sql = ", ".join(f"{name} = {value}" for name, value in settings.items())
    bare, encrypted = tls.taken_out(url)
    made = create_async_engine(
        bare,
        isolation_level="READ COMMITTED",
        connect_args={"init_command": f"SET {in_sql}", **encrypted},
    )
    event.listen(made.sync_engine, "before_cursor_execute", _rewritten, retval=True)
    return made


def as_sent(statement: str) -> str:
    """Return the statement so that it can be run again, and blocks nobody."""
    text = statement.strip()
    if match := CREATE_TABLE.fullmatch(text):
        return f"CREATE TABLE IF NOT EXISTS {match['rest']} {TABLE_OPTIONS}"
    for pattern, again in AGAIN:
        text = re.sub(f"^{pattern}", again, text)
    if text.startswith("ALTER TABLE "):
        return f"{text}, {NOT_BLOCKING}"
    if re.match(r"CREATE (UNIQUE )?INDEX ", text):
        return f"{text} {NOT_BLOCKING.replace(',', '')}"
    return text


def _rewritten(
    _connection: Any,
    _cursor: Any,
    statement: str,
    parameters: Any,
    _context: Any,
    _many: bool,  # noqa: FBT001 as SQLAlchemy calls it
) -> tuple[str, Any]:
    return as_sent(statement), parameters
