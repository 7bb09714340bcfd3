"""Clients that connect at once are accepted at once, also by an event loop that is slow."""

import asyncio
import json
import socket
from contextlib import ExitStack
from typing import Final

import uvloop

from roadbike.kit.auth import ServiceTokens, SigningKey, new_signing_key
from roadbike.kit.translations import load_translations
from roadbike.kit.web import http_app
from tests.kit.web.known_tokens import KnownTokens
from tests.kit.web.ports import served

CLIENTS: Final = 200
MOST_ROUNDS: Final = 30  # of the event loop, each of which takes 10 ms and more under load


async def rounds_until_accepted() -> int:
    """Connect all clients; return after how many rounds of the event loop they are accepted."""
    accepted = json.dumps({"keys": [SigningKey.from_jwk(new_signing_key("ops/1")).public_jwk()]})

    async def status() -> dict[str, object]:
        return {}

    app = http_app(
        title="thing",
        routes=[],
        tokens=KnownTokens(),
        services=ServiceTokens("thing", new_signing_key("thing/1"), accepted),
        translations=load_translations("roadbike.kit"),
        status=status,
        ready=lambda: True,
    )
    with ExitStack() as open_:
        async with served(app, read_timeout_seconds=60) as port:
            for _ in range(CLIENTS):
                client = socket.create_connection(("127.0.0.1", port.number))
                open_.enter_context(client)
            rounds = 0
            while port.connections < CLIENTS:
                rounds += 1
                await asyncio.sleep(0)
            return rounds


def test_many_connections_are_accepted_in_a_round_of_the_event_loop() -> None:
    """By itself uvloop accepts one in a round, so the last of a crowd would wait for seconds."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rounds = runner.run(rounds_until_accepted())

    print(f"\n{CLIENTS} connections were accepted in {rounds} rounds")  # noqa: T201 a figure
    assert rounds <= MOST_ROUNDS
