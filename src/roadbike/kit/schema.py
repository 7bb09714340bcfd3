"""Kit's own tables, as migrations create them: every service's first migration calls `create_v1`.

A later change is a function like `create_v2`, called by a new migration of every service.
"""

from typing import Final

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from roadbike.kit.db.columns import BigId, UtcTime

V1: Final = (
    *("outbox", "event_version", "inbox", "parked", "refused"),
    *("lease", "verification_key"),
)

ONLY_ADDED_TO: Final = """
DO $$
DECLARE serving name;
BEGIN
    FOR serving IN
        SELECT DISTINCT grantee FROM information_schema.role_table_grants
        WHERE table_name = 'audit_log' AND grantee <> current_user
    LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM %I', serving);
    END LOOP;
END $$
"""
REFUSED_BY_SQLITE: Final = "BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END"
REFUSED_BY_MARIADB: Final = (
    "FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the audit log is only added to'"
)


def create_v1() -> None:
    """Create the tables that V1 names."""
    _create_outbox()
    _create_parked()
    op.create_table(
        "event_version",
        Column("kind", String(20), primary_key=True),
        Column("key", String(64), primary_key=True),
        Column("version", Integer, nullable=False),
    )
    op.create_table(
        "inbox",
        Column("topic", String(50), primary_key=True),
        Column("event_id", Uuid, primary_key=True),
        Column("received_at", UtcTime, nullable=False),
        Index("inbox_received", "received_at"),
    )
    op.create_table(
        "refused",
        Column("topic", String(50), primary_key=True),
        Column("total", BigInteger, nullable=False),
        Column("last_at", UtcTime, nullable=False),
    )
    op.create_table(
        "lease",
        Column("name", String(40), primary_key=True),
        Column("holder", String(80), nullable=False),
        Column("epoch", Integer, nullable=False),
        Column("until", UtcTime, nullable=False),
    )
    op.create_table(
        "verification_key",
        Column("kid", String(100), primary_key=True),
        Column("jwk", Text, nullable=False),
        Column("seen_at", UtcTime, nullable=False),
    )


def drop_v1() -> None:
    """Drop the tables of `create_v1`."""
    for name in V1:
        op.drop_table(name)


def create_v2() -> None:
    """Add the index by which the relay finds the next events, however many were sent before."""
    add_partial_index("outbox_next", "outbox", ["seq"], "sent_at IS NULL")


def drop_v2() -> None:
    """Drop what `create_v2` added."""
    op.drop_index("outbox_next", "outbox")


def create_v3() -> None:
    """Add what old code beside new needs to know: oldest code, types that a group consumes."""
    op.create_table(
        "schema_version",
        Column("revision", String(32), primary_key=True),
        Column("oldest_code", String(32), nullable=False),
    )
    op.create_table(
        "consumed_type",
        Column("type", String(100), primary_key=True),
        Column("announced_at", UtcTime, nullable=False),
    )


def drop_v3() -> None:
    """Drop the tables of `create_v3`."""
    for name in ("schema_version", "consumed_type"):
        op.drop_table(name)


def create_v4() -> None:
    """Add when a message was parked, and when, by whom and why a dead letter was dismissed."""
    for column in (
        Column("parked_at", UtcTime),
        Column("dismissed_at", UtcTime),
        Column("dismissed_by", String(100)),
        Column("dismissed_why", Text),
    ):
        op.add_column("parked", column)


def drop_v4() -> None:
    """Drop what `create_v4` added."""
    for name in ("parked_at", "dismissed_at", "dismissed_by", "dismissed_why"):
        op.drop_column("parked", name)


def create_v5() -> None:
    """Add the audit log, which the serving role may only read and add to.

    On PostgreSQL all roles but the owner lose the right to change it; SQLite has no roles, and a
    right of MariaDB's for a whole database has no exceptions: they refuse it to everybody.
    """
    op.create_table(
        "audit_log",
        Column("seq", BigId, primary_key=True, autoincrement=True),
        Column("at", UtcTime, nullable=False),
        Column("actor", String(100), nullable=False),
        Column("kind", String(20), nullable=False),
        Column("thing", String(64), nullable=False),
        Column("action", String(40), nullable=False),
        Column("old_values", Text, nullable=False),
        Column("new_values", Text, nullable=False),
        Column("why", String(200)),
        Index("audit_log_at", "at", "seq"),
        Index("audit_log_actor", "actor", "at", "seq"),
        Index("audit_log_thing", "thing", "at", "seq"),
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute(ONLY_ADDED_TO)
        return
    is_mariadb = op.get_context().dialect.name == "mariadb"
    for verb in ("UPDATE", "DELETE"):
        trigger = f"CREATE TRIGGER audit_log_no_{verb.lower()} BEFORE {verb} ON audit_log"
        op.execute(f"{trigger} {REFUSED_BY_MARIADB if is_mariadb else REFUSED_BY_SQLITE}")


def drop_v5() -> None:
    """Drop what `create_v5` added."""
    op.drop_table("audit_log")


def add_partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    """Create an index of the rows that fulfil the condition, as `add_index` does."""
    add_index(name, table, columns, where)


def add_index(name: str, table: str, columns: list[str], where: str | None = None) -> None:
    """Create an index while the service may be running. where: of which rows; None of all.

    On MariaDB it has all rows.

    On PostgreSQL it is built concurrently, so that nobody waits to write; one that an interrupted
    build has left behind is replaced. It commits the migration's transaction: indexes come before
    everything else of a migration, so that it can be run again.
    """
    condition = None if where is None else text(where)
    if op.get_context().dialect.name != "postgresql":
        op.create_index(name, table, columns, sqlite_where=condition)
        return
    with op.get_context().autocommit_block():
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(
            name, table, columns, postgresql_where=condition, postgresql_concurrently=True
        )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        Column("seq", BigId, primary_key=True, autoincrement=True),
        Column("event_id", Uuid, nullable=False),
        Column("kind", String(20), nullable=False),
        Column("key", String(64), nullable=False),
        Column("version", Integer, nullable=False),
        Column("type", String(100), nullable=False),
        Column("topic", String(50), nullable=False),
        Column("time", UtcTime, nullable=False),
        Column("traceparent", String(55)),
        Column("data", LargeBinary, nullable=False),
        Column("sent_at", UtcTime),
        Column("incarnation", String(40)),
        Column("position", BigInteger),
        Index("outbox_unsent", "sent_at", "seq"),
    )


def _create_parked() -> None:
    op.create_table(
        "parked",
        Column("seq", BigId, primary_key=True, autoincrement=True),
        Column("event_id", Uuid, nullable=False),
        Column("topic", String(50), nullable=False),
        Column("key", String(64), nullable=False),
        Column("type", String(100), nullable=False),
        Column("source", String(40), nullable=False),
        Column("time", UtcTime, nullable=False),
        Column("traceparent", String(55)),
        Column("data", LargeBinary, nullable=False),
        Column("state", String(30), nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("retry_at", UtcTime, nullable=False),
        Column("error", Text, nullable=False),
        UniqueConstraint("topic", "event_id", name="parked_once"),
        Index("parked_key", "state", "key"),
    )
