"""Databases and brokers that a test can spoil: with and without TLS, and a door in front."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.certificates import Authority
from tests.distributed.guard import PASSWORD
from tests.distributed.kafka_server import KafkaCluster
from tests.kit.broker.nats_server import NatsServer, free_port
from tests.mariadb import MariaDBServer
from tests.postgres import PostgresServer

HOST: Final = "127.0.0.1"
OWN: Final = Authority()  # of the servers with TLS, except for Kafka's


@dataclass(frozen=True)
class Stores:
    """Running servers, and what belongs to one test: databases, a folder, a port for a door.

    With TLS are `encrypted_…`. other_ca: certificates of an authority that has signed none.
    """

    postgres: PostgresServer
    maria: MariaDBServer
    kafka: KafkaCluster
    nats: NatsServer
    encrypted_postgres: PostgresServer
    encrypted_maria: MariaDBServer
    encrypted_nats: NatsServer
    new_database: Callable[..., str]
    folder: Path
    door: int

    def address(self, kind: str) -> tuple[str, int]:
        """Return where the server of that kind listens."""
        servers = {"postgresql": self.postgres, "mariadb": self.maria, "nats": self.nats}
        if kind == "kafka":
            host, _, port = self.kafka.addresses.partition(":")
            return host, int(port)
        return HOST, servers[kind].port

    def through_door(self, url: str) -> str:
        """Return the URL with the port of the door."""
        port = urlsplit(url).port
        assert port is not None
        return url.replace(f":{port}", f":{self.door}")

    def broker_url(self, kind: str, password: str = "") -> str:
        """Return the URL of the broker for stock; with a password, where users have them."""
        if kind == "nats":
            return f"nats://stock:{password or 'kcots'}@{HOST}:{self.nats.port}"
        if password:
            return f"kafka+tls://stock:{password}@{self.kafka.guarded_addresses}"
        return f"kafka://{self.kafka.addresses}"

    def encrypted_url(self, kind: str) -> str:
        """Return the URL of the server with TLS, without a file of certificates."""
        if kind == "postgresql":
            return self.encrypted_postgres.url()
        if kind == "mariadb":
            return self.encrypted_maria.url("mysql")
        if kind == "nats":
            return f"nats+tls://stock:kcots@{HOST}:{self.encrypted_nats.port}"
        return f"kafka+tls://stock:{PASSWORD}@{self.kafka.guarded_addresses}"

    @property
    def other_ca(self) -> Path:
        path = self.folder / "other.pem"
        path.write_text(Authority().ca)
        return path

    @asynccontextmanager
    async def opened_door(self, kind: str) -> AsyncIterator[None]:
        """Pass on, during the block, what comes to the door's port to the server of that kind."""
        host, port = self.address(kind)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with closing(writer):
                there, back = await asyncio.open_connection(host, port)
                with closing(back):
                    await asyncio.gather(passed_on(reader, back), passed_on(there, writer))

        async with await asyncio.start_server(serve, HOST, self.door):
            yield


async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


def encrypted_postgres() -> PostgresServer:
    server = PostgresServer()
    server.encrypt(OWN.certificate())
    server.start()
    return server


def encrypted_maria(folder: Path) -> MariaDBServer:
    certificate = OWN.certificate()
    for name, text in (("cert", certificate.cert), ("key", certificate.key)):
        (folder / name).write_text(text)
    server = MariaDBServer({"ssl-cert": str(folder / "cert"), "ssl-key": str(folder / "key")})
    server.start()
    return server


def nats(folder: Path, *, encrypted: bool) -> NatsServer:
    folder.mkdir()
    users = {"stock": {}, "set-up": {}}
    server = NatsServer(folder, users, OWN.certificate() if encrypted else None)
    server.start()
    return server


def new_door() -> int:
    """Return a port where nobody listens."""
    return free_port()
