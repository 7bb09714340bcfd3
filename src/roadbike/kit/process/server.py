"""Run one service as a process: settings, HTTP and the runtime, until a signal stops it."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from socket import socket
from typing import Any, Final

import structlog
import uvloop
from msgspec import structs

from roadbike.kit import logs
from roadbike.kit.messaging.broker import Broker
from roadbike.kit.process import settings
from roadbike.kit.process.access_tokens import token_verifier
from roadbike.kit.process.broker import BrokerHealth, connected
from roadbike.kit.process.database import DatabaseHealth, version_of
from roadbike.kit.process.first_requests import FirstRequests
from roadbike.kit.process.garbage import tune_garbage_collector
from roadbike.kit.process.http_server import UvicornServer, uvicorn_config
from roadbike.kit.process.internal_tokens import service_tokens
from roadbike.kit.process.metrics_page import MetricsApi
from roadbike.kit.process.operator_routes import DeadLetterApi
from roadbike.kit.process.runtime import Runtime
from roadbike.kit.process.service import Application, Service
from roadbike.kit.process.status import ServiceStatus
from roadbike.kit.process.tls import server_tls
from roadbike.kit.resilience.lag import Lag
from roadbike.kit.translations import load_translations
from roadbike.kit.web import http_app
from roadbike.kit.web.client import Gateway
from roadbike.kit.web.edge import Edge
from roadbike.kit.web.places import Places

log = structlog.get_logger()

WRITES_PER_MINUTE: Final = 60  # of each buyer, in production


def serve(
    app_module: str,
    environ: Mapping[str, str],
    application: Application,
    listener: socket | None = None,
) -> None:
    """Run the service of that module (`roadbike.stock.app`) until SIGTERM or SIGINT.

    listener: the bound socket to listen on; without it, the port of the settings is opened.
    The module has `Settings`, a ServiceSettings, and `build(settings) -> Service`.
    Raises SettingError before anything is opened, SystemExit(1) when a part of it fails.
    """
    unknown = settings.check_names(environ, application.environment)
    module = import_module(app_module)
    chosen = settings.read(module.Settings, environ)
    package = app_module.removesuffix(".app")
    logs.configure(package.rpartition(".")[2], chosen.log_level)
    for name in unknown:
        log.warning("setting.unknown", name=name)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(module, package, chosen, application, listener))


async def _serve(
    module: Any,
    package: str,
    chosen: settings.ServiceSettings,
    application: Application,
    listener: socket | None,
) -> None:
    service: Service = module.build(chosen)
    tune_garbage_collector()
    broker = connected(chosen, service.name)
    try:
        async with running(service, package, broker, application, listener) as server:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, server.stop)
            await server.stopped()
            failed = server.runtime.failed.is_set()
    finally:
        await broker.close()
    if failed:
        raise SystemExit(1)  # the supervisor restarts the process


class Server:
    """One service in this process: its HTTP server and its runtime.

    package: of the service (`roadbike.stock`), which holds its migrations.
    listener: the bound socket to listen on; None: the port of the settings is opened.
    """

    def __init__(
        self,
        service: Service,
        package: str,
        broker: Broker,
        application: Application,
        listener: socket | None = None,
    ) -> None:
        self.service = service
        self.application = application
        self._sockets = None if listener is None else [listener]
        self._tokens = token_verifier(service, application)
        self._tls = server_tls(service.settings)
        self.places = Places(Lag(), service.settings.shed_lag_ms)
        published = {event.topic for event in service.publishes}
        self.database = DatabaseHealth(
            service.db, service.name, version_of(package), service.settings.replicas
        )
        self.runtime = Runtime(service, broker, application.events, usable=self.database.was_usable)
        self.broker = BrokerHealth(broker, published, self.runtime.consumes)
        self.first_requests = FirstRequests(service.first_requests)
        self._draining = False
        self._stop = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Return whether the database is reachable and migrated, and no stop has begun.

        The first requests must have been answered, unless what they need is not there.
        The broker must not refuse this process. In production neither the broker nor the database
        may be set up so that it loses what it has acknowledged.
        """
        unsafe = self.broker.weaknesses or self.database.weaknesses
        refused = self.broker.refuses or (self.service.settings.env == "production" and unsafe)
        usable = self.database.usable and self.first_requests.are_answered
        return usable and not self._draining and not refused

    @property
    def url(self) -> str:
        """Return the URL that it listens on; port 0 in the settings means any free port."""
        host, port = self._uvicorn.servers[0].sockets[0].getsockname()[:2]
        return f"{'https' if self._tls else 'http'}://{host}:{port}"

    def stop(self) -> None:
        """Make `stopped` return."""
        self._stop.set()

    async def stopped(self) -> None:
        """Wait until `stop` is called or a part of the runtime fails."""
        waits = [asyncio.create_task(event.wait()) for event in (self._stop, self.runtime.failed)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def listen(self) -> asyncio.Task[None]:
        """Open the port and return the task that serves it. Raises OSError when it is taken."""
        app = self._app()
        self.first_requests.begin(app.app, self.database.was_usable)
        self._uvicorn = UvicornServer(uvicorn_config(app, self.service.settings, self._tls))
        serving = asyncio.create_task(self._uvicorn.serve(self._sockets))
        listening = asyncio.create_task(self._uvicorn.listening.wait())
        await asyncio.wait([serving, listening], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            raise OSError(f"port {self.service.settings.port} cannot be opened")
        return serving

    async def drain(self, listening: asyncio.Task[None]) -> None:
        """Stop serving HTTP without losing a request.

        First answer requests while `ready` is false, for `drain_ms`, so that the gateway sends
        new ones elsewhere. Each response then ends its connection, and clients give up those that
        they do not use. Then accept no connections and wait until the last request is answered.
        """
        self._draining = True
        self.first_requests.end()
        self._uvicorn.end_connections()
        await asyncio.sleep(self.service.settings.drain_ms / 1000)
        self._uvicorn.should_exit = True
        await listening

    def _app(self) -> Edge:
        chosen, application = self.service.settings, self.application
        return http_app(
            title=f"{application.title}: {self.service.name}",
            routes=[
                *self.service.routes,
                *DeadLetterApi(self.service.db).routes(),
                *MetricsApi(self._report).routes(),
            ],
            tokens=self._tokens,
            services=service_tokens(self.service.name, chosen),
            translations=load_translations("roadbike.kit", *application.catalogues),
            status=self._status,
            ready=lambda: self.ready,
            faults=lambda: [*self.broker.faults, *self.database.faults],
            gateway=Gateway(chosen.trusted_hops, chosen.gateway_key.reveal()),
            writes_per_minute=self._limits["writesPerMinute"],
            places=self.places,
        )

    @property
    def _limits(self) -> dict[str, int]:
        """Return the limits of requests in this process by name; 0 is off."""
        chosen = self.service.settings
        return {
            "connections": chosen.max_connections,
            **self.places.limits,
            "writesPerMinute": chosen.limit(chosen.writes_per_minute, WRITES_PER_MINUTE),
            **self.service.limits,
        }

    async def _status(self) -> dict[str, Any]:
        return (await self._report()).flat()

    async def _report(self) -> ServiceStatus:
        return structs.replace(
            await self.runtime.status(),
            ready=self.ready,
            lag_ms=round(self.places.lag.p95_ms, 1),
            limits=self._limits,
            shed=dict(self.places.refused),
            breakers={each.name: each.report() for each in self.service.breakers},
        )


@asynccontextmanager
async def running(
    service: Service,
    package: str,
    broker: Broker,
    application: Application,
    listener: socket | None = None,
) -> AsyncIterator[Server]:
    """Run the service during the block: HTTP, consuming, relaying, timed work.

    At the end of the block it drains. Raises OSError when its port is taken.
    """
    server = Server(service, package, broker, application, listener)
    looks = (
        *(server.database.probe(), server.places.lag.measure()),
        *(server.broker.watch(), server.database.watch()),
    )
    watching = [asyncio.create_task(each) for each in looks]
    try:
        async with server.runtime.running():
            listening = await server.listen()
            try:
                yield server
            finally:
                await server.drain(listening)
    finally:
        for task in watching:
            task.cancel()
        await service.db.close()
