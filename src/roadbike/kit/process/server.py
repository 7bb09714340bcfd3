"""One service as a process: settings, HTTP and the runtime, until it is told to stop."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from importlib import import_module
from importlib.resources import files
from socket import socket
from typing import Any, Final

import structlog
import uvicorn
import uvloop
from alembic.script import ScriptDirectory
from msgspec import structs
from sqlalchemy import column, select, table
from sqlalchemy.exc import DBAPIError

from roadbike.kit import logs
from roadbike.kit.auth import ServiceTokens, TokenVerifier
from roadbike.kit.db import DatabaseBusy, DatabaseUnavailable
from roadbike.kit.messaging import broker as brokers
from roadbike.kit.messaging.broker import Broker
from roadbike.kit.process import settings
from roadbike.kit.process.runtime import Runtime
from roadbike.kit.process.service import Service
from roadbike.kit.translations import load_translations
from roadbike.kit.web import http_app

log = structlog.get_logger()

PROBE_SECONDS: Final = 1.0
DRAIN_SECONDS: Final = 10  # for requests that are being answered
BACKLOG: Final = 2_048
ALEMBIC_VERSION: Final = table("alembic_version", column("version_num"))


def serve(app_module: str, environ: Mapping[str, str]) -> None:
    """Run the service of that module (`roadbike.stock.app`) until SIGTERM or SIGINT.

    Raises SettingError before anything is opened.
    """
    module = import_module(app_module)
    chosen = settings.read(module.Settings, environ)
    package = app_module.removesuffix(".app")
    logs.configure(package.rpartition(".")[2], chosen.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(module, package, chosen))


async def _serve(module: Any, package: str, chosen: settings.ServiceSettings) -> None:
    service: Service = module.build(chosen)
    _tune_collector()
    url, ack_wait = chosen.broker_url.reveal(), chosen.ack_wait_s
    broker = brokers.connect(url, service.name, ack_wait=ack_wait)
    try:
        async with running(service, package, broker) as server:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, server.stop)
            await server.stopped()
            failed = server.runtime.failed.is_set()
    finally:
        await broker.close()
    if failed:
        raise SystemExit(1)  # whoever watches this process starts it anew


class Server:
    """A service whose HTTP is up and whose runtime is at work."""

    def __init__(self, service: Service, package: str, broker: Broker) -> None:
        self.service = service
        self.runtime = Runtime(service, broker)
        self._head = _head_of(package)
        self._reachable = False
        self._draining = False
        self._stop = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Its database is reachable and migrated, and it is not about to stop."""
        return self._reachable and not self._draining

    @property
    def url(self) -> str:
        """Where it really listens, whatever port the settings asked for."""
        host, port = self._uvicorn.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    def stop(self) -> None:
        """Ask it to drain and stop."""
        self._stop.set()

    async def stopped(self) -> None:
        """Wait until it is asked to stop, or a part of it failed."""
        waits = [asyncio.create_task(event.wait()) for event in (self._stop, self.runtime.failed)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def listen(self) -> asyncio.Task[None]:
        """Open the port. Raises OSError when it is taken."""
        self._uvicorn = _Uvicorn(_config(self._app(), self.service.settings))
        serving = asyncio.create_task(self._uvicorn.serve())
        listening = asyncio.create_task(self._uvicorn.listening.wait())
        await asyncio.wait([serving, listening], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            raise OSError(f"port {self.service.settings.port} cannot be opened")
        return serving

    async def drain(self, listening: asyncio.Task[None]) -> None:
        """Not ready, but still answering; then no new connections; then the last answers."""
        self._draining = True
        await asyncio.sleep(self.service.settings.drain_ms / 1000)
        self._uvicorn.should_exit = True
        await listening

    async def probe(self) -> None:
        """Keep `ready` true to the database."""
        while True:
            self._reachable = await self._is_migrated()
            await asyncio.sleep(PROBE_SECONDS)

    async def _is_migrated(self) -> bool:
        try:
            async with self.service.db.read() as tx:
                version = await tx.scalar(select(ALEMBIC_VERSION.c.version_num))
        except DatabaseBusy:
            return self._reachable  # we have too much to do with it for a look
        except DatabaseUnavailable as error:
            log.warning("database.unavailable", reason=str(error))
            return False
        except DBAPIError as error:  # no table yet: whoever migrates it is still at work
            log.warning("database.not-migrated", reason=str(error).splitlines()[0])
            return False
        return bool(version == self._head)

    def _app(self) -> Any:
        chosen = self.service.settings
        return http_app(
            name=self.service.name,
            routes=self.service.routes,
            tokens=TokenVerifier(self.service.db, chosen.account_url),
            services=service_tokens(self.service.name, chosen),
            messages=load_translations("roadbike.kit", "roadbike.contracts"),
            status=self._status,
            ready=lambda: self.ready,
            trusted_hops=chosen.trusted_hops,
        )

    async def _status(self) -> dict[str, Any]:
        return structs.replace(await self.runtime.status(), ready=self.ready).flat()


@asynccontextmanager
async def running(service: Service, package: str, broker: Broker) -> AsyncIterator[Server]:
    """The service at work inside the block: HTTP, hearing, telling, timed work."""
    server = Server(service, package, broker)
    probing = asyncio.create_task(server.probe())
    try:
        async with server.runtime.running():
            listening = await server.listen()
            try:
                yield server
            finally:
                await server.drain(listening)
    finally:
        probing.cancel()
        await service.db.close()


def service_tokens(name: str, chosen: settings.ServiceSettings) -> ServiceTokens:
    """The tokens that this service shows to others, and the callers that it accepts."""
    return ServiceTokens(name, chosen.service_key.reveal(), chosen.caller_keys)


class _Uvicorn(uvicorn.Server):
    """Leaves signals to us (a drained stop ends with 0) and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    def capture_signals(self) -> Any:
        return nullcontext()


def _tune_collector() -> None:
    """What is loaded by now stays: looking at it again and again cost a quarter of the CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _config(app: Any, chosen: settings.ServiceSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=chosen.host,
        port=chosen.port,
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def _head_of(package: str) -> str | None:
    migrations = files(package) / "migrations"
    return ScriptDirectory(str(migrations)).get_current_head()
