"""Real Kafka servers on free ports, which a test can kill, pause, and give another disk."""

import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient

from tests.distributed.kafka_jars import jars
from tests.ports import free_base

HOST: Final = "127.0.0.1"
ADDRESS: Final = "<address>"  # in settings: the server's own
HEAP: Final = "256m"
START_SECONDS: Final = 90
HANDSHAKE: Final = bytes.fromhex("0000000e0012000000000001000470696e67")  # ApiVersions 0, id 1
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
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
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
}


class KafkaServer:
    """One server of a cluster."""

    def __init__(self, folder: Path, node: int, port: int) -> None:
        self.folder, self.node = folder, node
        self.port, self.controller_port = port, port + 1
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def configure(self, settings: Mapping[str, str]) -> None:
        self.folder.mkdir()
        (self.folder / "log4j2.xml").write_text(LOG4J)
        filled = {name: value.replace(ADDRESS, self.address) for name, value in settings.items()}
        lines = [f"{name}={value}\n" for name, value in filled.items()]
        (self.folder / "server.properties").write_text("".join(lines))

    def format(self, cluster_id: str, *options: str) -> None:
        """Prepare an empty disk."""
        arguments = ["format", "-t", cluster_id, "-c", str(self.folder / "server.properties")]
        command = [*self._java("128m"), "kafka.tools.StorageTool", *arguments, *options]
        subprocess.run(command, check=True, capture_output=True, timeout=60)  # noqa: S603

    def start(self) -> None:
        """Begin to start; `wait` until it answers."""
        command = [*self._java(HEAP), "kafka.Kafka", str(self.folder / "server.properties")]
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

    def copy_disk(self) -> Path:
        """Copy all data, and return the folder of the copy; only while the server is down."""
        copy = self.folder / "copy"
        shutil.copytree(self.folder / "data", copy)
        return copy

    def restore_disk(self, copy: Path) -> None:
        """Put the copy in place of the data; only while the server is down."""
        shutil.rmtree(self.folder / "data")
        copy.rename(self.folder / "data")

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def _java(self, heap: str) -> list[str]:
        return [
            *("java", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            f"-Dlog4j2.configurationFile={self.folder / 'log4j2.xml'}",
            *("-cp", f"{jars()}/*"),
        ]

    def _answers(self) -> bool:
        """Return whether it answers as a broker, or as one that expects TLS."""
        with closing(socket.socket()) as probe:
            probe.settimeout(2)
            if probe.connect_ex((HOST, self.port)) != 0:
                return False
            if not (self.folder / "plain").exists():
                return True
            try:
                probe.sendall(HANDSHAKE)
                return probe.recv(10)[4:10] == bytes.fromhex("000000010000")
            except OSError:
                return False

    def _log(self) -> str:
        return (self.folder / "kafka.log").read_text()[-3000:]


class KafkaCluster:
    """Servers that are brokers and controllers, on disks of their own.

    settings: of every server, over the usual ones. options: of the program that formats disks.
    """

    def __init__(
        self,
        folder: Path,
        servers: int = 1,
        settings: Mapping[str, str] | None = None,
        options: tuple[str, ...] = (),
    ) -> None:
        base = free_base(*range(2 * servers))
        self.servers = [
            KafkaServer(folder / f"kafka-{n + 1}", n + 1, base + 2 * n) for n in range(servers)
        ]
        self._options = options
        self.id = base64.urlsafe_b64encode(os.urandom(15) + b"\0").decode().rstrip("=")
        self.id = re.sub("^-", "A", self.id)
        for server in self.servers:
            used = self._settings(server) | dict(settings or {})
            used["listeners"] = used["listeners"].replace(
                "PLAINTEXT://", f"{used['inter.broker.listener.name']}://"
            )
            server.configure(used)
            if settings is None:
                (server.folder / "plain").touch()

    @property
    def addresses(self) -> str:
        """Return the part of a URL behind `kafka://`."""
        return ",".join(server.address for server in self.servers)

    def start(self) -> None:
        """Start all servers on empty disks, and wait until they answer."""
        for server in self.servers:
            server.format(self.id, *self._options)
            server.start()
        for server in self.servers:
            server.wait()

    def kill(self) -> None:
        for server in self.servers:
            server.kill()

    async def delete_topics(self) -> None:
        """Delete all topics but Kafka's own; their groups lose their places with them."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.addresses)
        await admin.start()
        try:
            topics = [name for name in await admin.list_topics() if not name.startswith("__")]
            await admin.delete_topics(topics)
        finally:
            await admin.close()

    def _settings(self, server: KafkaServer) -> dict[str, str]:
        count = len(self.servers)
        voters = ",".join(f"{s.node}@{HOST}:{s.controller_port}" for s in self.servers)
        copies, in_sync = str(min(count, 3)), str(min(count, 2))
        names = ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
        internal = {f"{name}.replication.factor": copies for name in names}
        return {
            **COMMON,
            **internal,
            "transaction.state.log.min.isr": in_sync,
            "share.coordinator.state.topic.min.isr": in_sync,
            "min.insync.replicas": in_sync,
            "node.id": str(server.node),
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{ADDRESS},CONTROLLER://{HOST}:{server.controller_port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(server.folder / "data"),
        }
