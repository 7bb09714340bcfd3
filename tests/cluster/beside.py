"""The servers beside the cluster, which belong to its owner: PostgreSQL, MariaDB and Kafka."""

import asyncio
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from tests.distributed.kafka_server import KafkaCluster
from tests.mariadb import MariaDBServer
from tests.postgres import PostgresServer

HOST: Final = os.environ.get("ROADBIKE_CLUSTER_HOST", "10.89.0.1")  # this machine, as pods see it
CONNECTIONS: Final = 600  # of 10 + 1 replicas of reservation, and of all others
ACCESS: Final = """
local all all trust
host all all 127.0.0.1/32 trust
host all all 10.0.0.0/8 scram-sha-256
"""


class Postgres(PostgresServer):
    """A server that asks the cluster for passwords, and keeps what it has said to have kept."""

    settings: ClassVar[Mapping[str, str]] = {
        **PostgresServer.settings,
        "listen_addresses": f"127.0.0.1,{HOST}",
        "max_connections": str(CONNECTIONS),
        "fsync": "on",
        "full_page_writes": "on",
        "max_wal_size": "1GB",
    }

    def _initdb(self) -> None:
        super()._initdb()
        access = self._cluster.data / "pg_hba.conf"
        access.write_text(ACCESS)  # it stays the server's own

    def run(self, file: Path) -> None:
        """Run the file with psql, as a superuser. Raises CalledProcessError."""
        url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        options = ("--quiet", "--set=ON_ERROR_STOP=1", f"--file={file}")
        subprocess.run([self._cluster.folder / "psql", *options, url], check=True)  # noqa: S603


class Mariadb(MariaDBServer):
    """A server that pods reach, and that keeps what it has said to have kept."""

    def __init__(self) -> None:
        super().__init__(
            {
                "bind-address": f"127.0.0.1,{HOST}",
                "innodb-flush-log-at-trx-commit": "1",
                "innodb-doublewrite": "1",
            }
        )

    def run(self, file: Path) -> None:
        """Run the statements of the file as a user with all rights."""
        statements = (each.strip() for each in file.read_text().split(";\n"))
        asyncio.run(self.execute(*filter(None, statements)))


@dataclass(frozen=True)
class Servers:
    postgres: Postgres
    mariadb: Mariadb
    kafka: KafkaCluster

    def run(self, folder: Path) -> None:
        """Make the databases and their users, as `roadbike set-up-secrets` has written them."""
        self.postgres.run(folder / "databases.sql")
        self.mariadb.run(folder / "databases-mariadb.sql")


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """Yield them when they answer; they end with the block."""
    with ExitStack() as stack:
        found = Servers(Postgres(), Mariadb(), KafkaCluster(folder, host=HOST))
        found.postgres.start(wait=False)
        stack.callback(found.postgres.remove)
        found.mariadb.start()
        stack.callback(found.mariadb.remove)
        stack.callback(found.kafka.kill)
        found.kafka.start()
        found.postgres.wait_until_ready()
        yield found
