"""The servers beside the cluster: PostgreSQL and Kafka, which belong to the cluster's owner."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final

from tests.distributed.kafka_server import KafkaCluster
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


@contextmanager
def servers(folder: Path) -> Iterator[tuple[Postgres, KafkaCluster]]:
    """Yield both when they answer; they end with the block."""
    database, broker = Postgres(), KafkaCluster(folder, host=HOST)
    database.start(wait=False)
    try:
        broker.start()
        database.wait_until_ready()
        yield database, broker
    finally:
        broker.kill()
        database.remove()
