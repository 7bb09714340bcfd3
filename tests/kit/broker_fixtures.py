"""A real NATS server on a free port, and what the tests of the broker send through it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from roadbike.kit.broker import Broker, Message, Received, Subscription

TOPIC = "bike.reservation"


class NatsServer:
    """`users`: name → permissions; the password is the name backwards. Without, all may all."""

    def __init__(
        self, folder: Path, users: Mapping[str, Mapping[str, object]] | None = None
    ) -> None:
        self.port = free_port()
        self._config = folder / "nats.conf"
        self._log = folder / "nats.log"
        self._config.write_text(_config(self.port, folder / "data", users or {}))
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, user: str | None = None) -> str:
        who = f"{user}:{user[::-1]}@" if user else ""
        return f"nats://{who}127.0.0.1:{self.port}"

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  the server under test
                [_program(), "-c", self._config], stdout=log, stderr=log
            )
        wait_for_port(self.port)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def lose_everything(self) -> None:
        """As if its disk had been replaced; only while it is down."""
        shutil.rmtree(self._config.parent / "data")

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)


def _config(port: int, data: Path, users: Mapping[str, Mapping[str, object]]) -> str:
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
    return json.dumps(config)


def _program() -> str:
    found = shutil.which("nats-server") or str(Path(sysconfig.get_path("scripts"), "nats-server"))
    assert Path(found).is_file(), "no nats-server on the PATH or in the environment"
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
    raise AssertionError(f"nothing listens on {port}")


def a_message(key: object = 1, *, event_id: UUID | None = None, data: bytes = b"{}") -> Message:
    return Message(
        event_id=event_id or uuid4(),
        type="bike.ReservationRegistered.v1",
        source="reservation",
        topic=TOPIC,
        key=str(key),
        time=datetime(2026, 11, 24, 1, 2, 3, 456789, UTC),
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        data=data,
    )


def messages(count: int) -> list[Message]:
    return [a_message(number, data=b'{"number":%d}' % number) for number in range(count)]


async def everything(
    subscription: Subscription, count: int, *, within: float = 10.0
) -> list[Received]:
    """That many messages, not acknowledged; or what came of them within that time."""
    received: list[Received] = []
    until = time.monotonic() + within
    while len(received) < count and (left := until - time.monotonic()) > 0:
        received += await subscription.fetch(count - len(received), min(left, 1.0))
    return received


async def until_connected(broker: Broker, *, within: float = 5.0) -> float:
    return await until(lambda: _answer(broker.connected), within=within)


async def until(fact: Callable[[], Awaitable[bool]], *, within: float = 5.0) -> float:
    """Waits until that is so; how many seconds it took."""
    import asyncio

    begun = time.monotonic()
    while not await fact():
        assert time.monotonic() - begun < within, f"not so within {within} s"
        await asyncio.sleep(0.005)
    return time.monotonic() - begun


async def _answer(fact: bool) -> bool:  # noqa: FBT001
    return fact


def payloads(received: Sequence[Received]) -> list[bytes]:
    return [one.message.data for one in received]
