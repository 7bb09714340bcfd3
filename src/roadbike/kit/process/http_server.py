"""The HTTP server of a service: uvicorn with our limits, without its own logs and signals."""

import asyncio
import ssl
from contextlib import nullcontext
from socket import fromfd, socket
from typing import Any, Final

import uvicorn

from roadbike.kit.process.last_connections import accept_last
from roadbike.kit.process.open_files import connections_within_files
from roadbike.kit.process.protocol import LimitedProtocol, Limits, limited_protocol
from roadbike.kit.process.settings import ServiceSettings
from roadbike.kit.pure.idle import SERVER_IDLE_SECONDS
from roadbike.kit.web.edge import Edge

DRAIN_SECONDS: Final = 10  # for requests that are still being answered at a stop
BACKLOG: Final = 2_048  # connections waiting to be accepted
ACCEPTED_IN_A_ROUND: Final = 16  # of the event loop; uvloop accepts one for each listening server


class UvicornServer(uvicorn.Server):
    """Sets an event once it listens, and leaves signals to us, so that a stop exits with 0."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        await self._accept_several()
        self.listening.set()

    async def _accept_several(self) -> None:
        """Listen on each socket several times: under load a round takes 10 ms and more."""
        loop, backlog = asyncio.get_running_loop(), self.config.backlog
        for each in [listening for server in self.servers for listening in server.sockets]:
            for _ in range(ACCEPTED_IN_A_ROUND - 1):
                same = fromfd(each.fileno(), each.family, each.type)
                self.servers.append(
                    await loop.create_server(
                        self._protocol, sock=same, ssl=self.config.ssl, backlog=backlog
                    )
                )

    def _protocol(self) -> asyncio.Protocol:
        """Return the protocol of a new connection, as uvicorn makes it."""
        made: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = made(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        listening = [each.fileno() for server in self.servers for each in server.sockets]
        await accept_last(listening)
        await super().shutdown(sockets)

    def capture_signals(self) -> Any:
        return nullcontext()

    def end_connections(self) -> None:
        """Say in each further response that its connection ends with it, so that none is cut."""
        protocol = self.config.http_protocol_class
        assert issubclass(protocol, LimitedProtocol)
        protocol.is_draining = True
        connections: Any = self.server_state.connections
        for connection in connections:
            connection.end_with_response()


def uvicorn_config(
    app: Edge, chosen: ServiceSettings, tls: ssl.SSLContext | None
) -> uvicorn.Config:
    """Return how to serve the app: its port, its limits, and TLS unless `tls` is None."""
    limits = Limits(
        connections=connections_within_files(chosen.max_connections),
        read_seconds=chosen.read_timeout_seconds,
    )
    return uvicorn.Config(
        app,
        host=chosen.host,
        port=chosen.port,
        http=limited_protocol(app, limits),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=int(SERVER_IDLE_SECONDS),
        timeout_graceful_shutdown=DRAIN_SECONDS,
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
