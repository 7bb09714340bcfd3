"""Settings of a database server with which commits could be lost are named."""

from collections.abc import Callable

import pytest

from roadbike.kit.db import Database, DatabaseUnavailable
from roadbike.kit.db.weaknesses import weaknesses
from tests.mariadb import MariaDBServer
from tests.postgres import PostgresServer

Open = Callable[[str], Database]

# what the servers of the tests lack, to be fast
OF_POSTGRESQL = ["fsync is off, not on", "full_page_writes is off, not on"]
OF_MARIADB = [
    "innodb_flush_log_at_trx_commit is 0, not 1",
    "innodb_doublewrite is OFF, not ON",
]
WRONG = {
    "sync_binlog": "0",
    "binlog_format": "STATEMENT",
    "read_only": "ON",
    "max_allowed_packet": "1048576",
}


async def test_what_a_postgresql_server_lacks(open_database: Open, postgres_url: str) -> None:
    assert await weaknesses(open_database(postgres_url)) == OF_POSTGRESQL


async def test_what_a_mariadb_server_lacks(
    open_database: Open, new_database: Callable[..., str]
) -> None:
    assert await weaknesses(open_database(new_database("mariadb"))) == OF_MARIADB


async def test_sqlite_lacks_nothing(open_database: Open, sqlite_url: str) -> None:
    assert await weaknesses(open_database(sqlite_url)) == ()


async def test_each_setting_of_mariadb_is_named(open_database: Open) -> None:
    server = MariaDBServer({"log-bin": "binlog", "server-id": "1"})
    try:
        server.start()
        await server.create("shop")
        db = open_database(server.url("shop"))
        await server.execute(*(f"SET GLOBAL {name} = {value}" for name, value in WRONG.items()))

        found = await weaknesses(db)
    finally:
        server.remove()

    assert [each.split(" ")[0] for each in found if each not in OF_MARIADB] == list(WRONG)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("of%20the%20tests", "wrong", "the user or the password is wrong"),
        ("/test_", "/missing_", "the database does not exist"),
        ("@127.0.0.1", "@no-such-host.invalid", "no server answers at the host and port"),
    ],
)
async def test_a_wrong_url_of_mariadb_is_one_sentence(
    open_database: Open, new_database: Callable[..., str], before: str, after: str, why: str
) -> None:
    url = new_database("mariadb")
    assert before in url

    with pytest.raises(DatabaseUnavailable, match=f"^{why} "):
        await open_database(url.replace(before, after)).ready()


async def test_a_wrong_url_of_postgresql_is_one_sentence(
    open_database: Open, postgres_server: PostgresServer
) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"^the database does not exist "):
        await open_database(postgres_server.url("missing")).ready()
    nobody = postgres_server.url().replace("postgres@", "nobody@")
    with pytest.raises(DatabaseUnavailable, match=r"^the user or the password is wrong "):
        await open_database(nobody).ready()
