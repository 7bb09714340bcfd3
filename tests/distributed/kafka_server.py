"""Real Kafka servers on free ports, which a test can kill, start again and pause."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.distributed.kafka_jars import jars
from tests.ports import free_base

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 90
HANDSHAKE: Final = bytes.fromhex("0000000e0012000000000001000470696e67")  # ApiVersions 0, id 1
CHECKPOINT: Final = "bootstrap.checkpoint"  # what a formatted disk begins with, on every server
LOG4J: Final = """\
<Configuration status="ERROR">
  <Appenders><Console name="c"><PatternLayout pattern="[%d] %p %m (%c)%n"/></Console></Appenders>
  <Loggers>
    <Root level="WARN"><AppenderRef ref="c"/></Root>
  </Loggers>
</Configuration>
"""
COMMON: Final = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "2",
    "transaction.state.log.num.partitions": "2",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.segment.bytes": "67108864",
    "controlled.shutdown.enable": "false",
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.fetch.timeout.ms": "1000",
    "replica.lag.time.max.ms": "4000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}
JAVA: Final = (
    *("java", "-Xms64m", "-Xmx256m", "-XX:MaxDirectMemorySize=64m"),
    *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),
)


class KafkaServer:
    """One server of a cluster. Its listeners are on its port and the two behind it."""

    def __init__(self, folder: Path, node: int, port: int, host: str = HOST) -> None:
        self.folder, self.node, self.port, self.host = folder, node, port, host
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def guarded_address(self) -> str:
        """Return where it wants TLS and a password, if it was configured to."""
        return f"{self.host}:{self.port + 1}"

    @property
    def controller_address(self) -> str:
        return f"{self.host}:{self.port + 2}"

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def configure(self, settings: Mapping[str, str]) -> None:
        self.folder.mkdir()
        (self.folder / "log4j2.xml").write_text(LOG4J)
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        (self.folder / "server.properties").write_text("".join(lines))

    def format(self, cluster_id: str, *options: str) -> None:
        """Prepare an empty disk."""
        arguments = ["format", "-t", cluster_id, "-c", str(self.folder / "server.properties")]
        command = [*self._java(), "kafka.tools.StorageTool", *arguments, *options]
        subprocess.run(command, check=True, capture_output=True, timeout=60)  # noqa: S603

    def format_like(self, other: "KafkaServer") -> None:
        """Prepare an empty disk as another server of the cluster has it; saves a Java process."""
        data = self.folder / "data"
        data.mkdir()
        shutil.copy(other.folder / "data" / CHECKPOINT, data)
        text = (other.folder / "data" / "meta.properties").read_text()
        text = re.sub("(?m)^node.id=.*", f"node.id={self.node}", text)
        text = re.sub("(?m)^directory.id=.*", f"directory.id={new_id()}", text)
        (data / "meta.properties").write_text(text)

    def start(self) -> None:
        """Begin to start; `wait` until it answers."""
        command = [*self._java(), "kafka.Kafka", str(self.folder / "server.properties")]
        with (self.folder / "kafka.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603

    def wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process is not None
            assert self._process.poll() is None, f"Kafka ended:\n{self._log()}"
            assert time.monotonic() < deadline, f"no answer in {START_SECONDS} s:\n{self._log()}"
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill the server with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def _java(self) -> list[str]:
        log4j = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.xml'}"
        return [*JAVA, log4j, "-cp", f"{jars()}/*"]

    def _answers(self) -> bool:
        with closing(socket.socket()) as probe:
            probe.settimeout(2)
            if probe.connect_ex((self.host, self.port)) != 0:
                return False
            try:
                probe.sendall(HANDSHAKE)
                return probe.recv(10)[4:10] == bytes.fromhex("000000010000")
            except OSError:
                return False

    def _log(self) -> str:
        return (self.folder / "kafka.log").read_text()[-3000:]


class KafkaCluster:
    """Servers that are brokers and controllers, on disks of their own.

    guard: settings of a listener that wants TLS and a password, without which there is none.
    options: of the program that formats disks. host: the address at which clients reach them.
    """

    def __init__(
        self,
        folder: Path,
        servers: int = 1,
        guard: Mapping[str, str] | None = None,
        options: tuple[str, ...] = (),
        host: str = HOST,
    ) -> None:
        base = free_base(*range(3 * servers))
        self.servers = [
            KafkaServer(folder / f"kafka-{n + 1}", n + 1, base + 3 * n, host)
            for n in range(servers)
        ]
        self._options = options
        self.id = new_id()
        for server in self.servers:
            server.configure(self._settings(server, guard))

    @property
    def addresses(self) -> str:
        """Return the part of a URL behind `kafka://`."""
        return ",".join(server.address for server in self.servers)

    @property
    def guarded_addresses(self) -> str:
        """Return the part of a URL behind `kafka+tls://user:password@`."""
        return ",".join(server.guarded_address for server in self.servers)

    def start(self) -> None:
        """Start all servers on empty disks, and wait until they answer."""
        first, *others = self.servers
        first.format(self.id, *self._options)
        for server in others:
            server.format_like(first)
        for server in self.servers:
            server.start()
        for server in self.servers:
            server.wait()

    def start_again(self) -> None:
        """Start the servers that a test has killed, resume the others; wait until they answer."""
        killed = [server for server in self.servers if not server.is_running]
        for server in self.servers:
            if server.is_running:
                server.resume()
        for server in killed:
            server.start()
        for server in killed:
            server.wait()

    def kill(self) -> None:
        for server in self.servers:
            server.kill()

    async def delete_topics(self) -> None:
        """Delete all topics but Kafka's own; their groups lose their places with them."""
        async with asyncio.timeout(START_SECONDS):
            while True:
                admin = AIOKafkaAdminClient(bootstrap_servers=self.addresses)
                try:
                    await admin.start()
                    while topics := await own_topics(admin):
                        await admin.delete_topics(topics)
                except KafkaError:  # a server is still starting
                    await asyncio.sleep(0.2)
                else:
                    return
                finally:
                    await admin.close()

    def _settings(self, server: KafkaServer, guard: Mapping[str, str] | None) -> dict[str, str]:
        count = len(self.servers)
        voters = ",".join(f"{s.node}@{s.controller_address}" for s in self.servers)
        copies, in_sync = str(min(count, 3)), str(min(count, 2))
        names = ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
        internal = {f"{name}.replication.factor": copies for name in names}
        listeners = {"PLAINTEXT": server.address, "CONTROLLER": server.controller_address}
        if guard is not None:
            listeners["SASL_SSL"] = server.guarded_address
        return {
            **COMMON,
            **internal,
            "transaction.state.log.min.isr": in_sync,
            "share.coordinator.state.topic.min.isr": in_sync,
            "min.insync.replicas": in_sync,
            "node.id": str(server.node),
            "controller.quorum.voters": voters,
            "listeners": ",".join(f"{name}://{address}" for name, address in listeners.items()),
            "listener.security.protocol.map": (
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL"
            ),
            "log.dirs": str(server.folder / "data"),
            **(guard or {}),
        }


async def own_topics(admin: AIOKafkaAdminClient) -> list[str]:
    """Return the names of the topics that are not Kafka's own."""
    return [name for name in await admin.list_topics() if not name.startswith("__")]


def new_id() -> str:
    """Return an id as Kafka makes them: 16 bytes that do not begin with a minus in their text."""
    return re.sub("^-", "A", urlsafe_b64encode(os.urandom(16)).decode().rstrip("="))
