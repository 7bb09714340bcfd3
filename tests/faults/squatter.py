"""A program that takes the port of a stopped service; root runs it as the user nobody."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Final

from roadbike.local import shop_file
from tests.faults.outcome import CannotTry, Prevented
from tests.faults.people import order
from tests.faults.processes import child
from tests.system.real_shop import Shop

NOBODY: Final = 65534
START_SECONDS: Final = 20
LOADED_LATER: Final = ("encodings.idna", "email.parser", "html")  # nobody may not read their files

Replies = Callable[[str, bytes], bytes]  # path and body of a request → body of the 200


@dataclass(frozen=True, slots=True)
class Caught:
    """One request that another service or a client sent to the stopped service."""

    method: str
    path: str
    authorization: str
    body: bytes


@contextmanager
def squatting(shop: Shop, service: str, replies: Replies) -> Iterator[Connection]:
    """Stop the service and answer on its port; start it again at the end of the block.

    Yields a pipe from which every request but a GET can be received as Caught.
    Raises Prevented when the port of the stopped service cannot be taken.
    """
    port = shop_file.read_known(shop.home).ports[service]
    order(shop, "stop", service)
    try:
        ours, theirs = Pipe()
        with child(serve, port, replies, theirs):
            if not ours.poll(START_SECONDS):
                raise CannotTry("the squatter does not start")
            if not ours.recv():
                raise Prevented(f"the port of {service} is taken while it is stopped")
            yield ours
    finally:
        order(shop, "start", service)


def serve(port: int, replies: Replies, pipe: Connection) -> None:
    """Answer every request on the port with a 200; first send whether the port was free."""
    become_nobody()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.command != "GET":
                authorization = self.headers.get("authorization", "")
                pipe.send(Caught(self.command, self.path, authorization, body))
            text = replies(self.path, body)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Write nothing: a client may hang up."""

    try:
        server = Server(("127.0.0.1", port), Handler)
    except OSError:
        pipe.send(obj=False)
        return
    pipe.send(obj=True)
    server.serve_forever()


def become_nobody() -> None:
    """Change to the user nobody, if this process runs as root."""
    for module in LOADED_LATER:
        import_module(module)
    socket.getfqdn("127.0.0.1")
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
