"""A real NATS server on a free port, which a test can kill, pause and delete the data of."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.certificates import Certificate


class NatsServer:
    """A server process.

    users: permissions by user name; the password is the name reversed. Without users everything
    is allowed to everybody. certificate: of a server that wants TLS.
    """

    def __init__(
        self,
        folder: Path,
        users: Mapping[str, Mapping[str, object]] | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        self.port = free_port()
        self._config = folder / "nats.conf"
        self._log = folder / "nats.log"
        config = _config(self.port, folder / "data", users or {})
        if certificate is not None:
            config["tls"] = {"cert_file": str(folder / "cert"), "key_file": str(folder / "key")}
            (folder / "cert").write_text(certificate.cert)
            (folder / "key").write_text(certificate.key)
        self._config.write_text(json.dumps(config))
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, user: str | None = None) -> str:
        credentials = f"{user}:{user[::-1]}@" if user else ""
        return f"nats://{credentials}127.0.0.1:{self.port}"

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  the server under test
                [_program(), "-c", self._config], stdout=log, stderr=log
            )
        wait_for_port(self.port)

    def kill(self) -> None:
        """Kill the server with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def cpu_seconds(self) -> float:
        """Return the CPU time that the server has used since its start."""
        assert self._process is not None
        process = psutil.Process(self._process.pid)
        times = process.cpu_times()
        return float(times.user + times.system)

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def delete_data(self) -> None:
        """Delete all data, as if the disk had been replaced; only while the server is down."""
        shutil.rmtree(self._config.parent / "data")

    def copy_messages(self) -> Path:
        """Copy the messages of all streams, and return the folder of the copy."""
        copy = self._config.parent / "copy"
        for folder in self._folders_of_messages():
            shutil.copytree(folder, copy / folder.relative_to(self._config.parent))
        return copy

    def restore_messages(self, copy: Path) -> None:
        """Put the copy in place of the messages of all streams; only while the server is down."""
        for folder in self._folders_of_messages():
            shutil.rmtree(folder)
            shutil.copytree(copy / folder.relative_to(self._config.parent), folder)

    def _folders_of_messages(self) -> list[Path]:
        return list((self._config.parent / "data").glob("jetstream/*/streams/*/msgs"))

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)


def _config(port: int, data: Path, users: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    config: dict[str, object] = {
        "listen": f"127.0.0.1:{port}",
        "jetstream": {
            "store_dir": str(data),
            "sync_interval": "always",
            "max_file_store": 8 << 30,
        },
    }
    if users:
        config["authorization"] = {
            "users": [
                {"user": name, "password": name[::-1], "permissions": allowed}
                for name, allowed in users.items()
            ]
        }
    return config


def _program() -> str:
    found = shutil.which("nats-server") or str(Path(sysconfig.get_path("scripts"), "nats-server"))
    assert Path(found).is_file(), "nats-server was found neither on the PATH nor in the environment"
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
    raise AssertionError(f"nothing listens on {port}")
