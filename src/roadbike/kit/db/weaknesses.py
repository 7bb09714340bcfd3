"""Settings of a database server with which a service could lose what it has committed.

Or with which its transactions would not hold: a copy that is only read, several writers, another
isolation. docs/durability.md explains each.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import text

from roadbike.kit.db.bulk import POSTGRESQL
from roadbike.kit.db.database import Database
from roadbike.kit.db.mariadb import MARIADB

LEAST_MARIADB: Final = (10, 6)  # SKIP LOCKED
LEAST_PACKET: Final = 16 << 20  # bytes
STRICT: Final = "STRICT_ALL_TABLES"
ISOLATION: Final = "READ-COMMITTED"

OF_POSTGRESQL: Final = text("""
    SELECT
        current_setting('fsync') AS fsync,
        current_setting('full_page_writes') AS full_page_writes,
        current_setting('synchronous_commit') AS synchronous_commit,
        current_setting('transaction_isolation') AS transaction_isolation,
        pg_is_in_recovery() AS is_standby
""")
OF_MARIADB: Final = text("""
    SHOW VARIABLES WHERE variable_name IN (
        'innodb_flush_log_at_trx_commit', 'innodb_doublewrite', 'log_bin', 'sync_binlog',
        'binlog_format', 'read_only', 'wsrep_on', 'version', 'max_allowed_packet', 'sql_mode',
        'tx_isolation', 'transaction_isolation'
    )
""")

Fault = tuple[bool, str]  # whether it is wrong, and the sentence that says so


async def weaknesses(db: Database) -> Sequence[str]:
    """Return one sentence for each setting that is wrong. Raises DatabaseUnavailable."""
    if db.dialect == POSTGRESQL:
        async with db.background.read() as tx:
            row = await tx.row(OF_POSTGRESQL)
        assert row is not None
        return _sentences(_of_postgresql(row))
    if db.dialect == MARIADB:
        async with db.background.read() as tx:
            rows = await tx.rows(OF_MARIADB)
        return _sentences(_of_mariadb({row["Variable_name"]: row["Value"] for row in rows}))
    return ()  # SQLite: `kit.db.engine` sets what it needs


def _of_postgresql(row: Mapping[str, Any]) -> list[Fault]:
    return [
        _is_not(row, "fsync", "on"),
        _is_not(row, "full_page_writes", "on"),
        (row["synchronous_commit"] == "off", "synchronous_commit is off, not on"),
        _is_not(row, "transaction_isolation", "read committed"),
        (row["is_standby"], "this server is a standby: write to the primary"),
    ]


def _of_mariadb(row: Mapping[str, str]) -> list[Fault]:
    version = row["version"]
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    isolation = row.get("transaction_isolation") or row.get("tx_isolation", "")
    keeps_binlog = row["log_bin"] == "ON"
    return [
        (
            "MariaDB" not in version or numbers < LEAST_MARIADB,
            f"version {version} is not MariaDB 10.6 or later",
        ),
        _is_not(row, "innodb_flush_log_at_trx_commit", "1"),
        _is_not(row, "innodb_doublewrite", "ON"),
        (keeps_binlog and row["sync_binlog"] != "1", f"sync_binlog is {row['sync_binlog']}, not 1"),
        (
            keeps_binlog and row["binlog_format"] == "STATEMENT",
            "binlog_format is STATEMENT, not ROW or MIXED",
        ),
        (row["read_only"] != "OFF", "read_only is ON: this server is a replica, not the writer"),
        (
            row.get("wsrep_on", "OFF") != "OFF",
            "wsrep_on is ON: locks do not hold across the writers of a Galera cluster",
        ),
        (
            int(row["max_allowed_packet"]) < LEAST_PACKET,
            f"max_allowed_packet is {row['max_allowed_packet']}, less than {LEAST_PACKET}",
        ),
        (STRICT not in row["sql_mode"].split(","), f"sql_mode is without {STRICT}"),
        (isolation != ISOLATION, f"tx_isolation is {isolation}, not {ISOLATION}"),
    ]


def _is_not(row: Mapping[str, Any], name: str, wanted: str) -> Fault:
    return row[name] != wanted, f"{name} is {row[name]}, not {wanted}"


def _sentences(faults: Sequence[Fault]) -> Sequence[str]:
    return [sentence for is_wrong, sentence in faults if is_wrong]
