"""Account as delivery sees it: it knows some contacts, answers wrongly, or is not there."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from roadbike.kit.auth import ServiceTokens, SigningKey, new_signing_key


@dataclass
class FakeAccount:
    """contacts: JSON bodies by user id. status: of every answer but that for an unknown user."""

    tokens: ServiceTokens
    url: str = ""
    contacts: dict[str, object] = field(default_factory=dict)
    status: int = 200
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers["Authorization"].partition(" ")
        assert scheme == "Bearer"
        caller = self.tokens.accept(self.tokens.read(token, "GET", request.path), b"")
        assert caller == "delivery"
        user_id = request.match_info["user_id"]
        self.asked.append(user_id)
        if user_id not in self.contacts:
            return web.json_response({}, status=404)
        return web.json_response(self.contacts[user_id], status=self.status)


@asynccontextmanager
async def fake_account(delivery_key: str) -> AsyncIterator[FakeAccount]:
    """Serve it on a port of its own. delivery_key: the private key of the caller."""
    caller = '{"keys": [' + _public(delivery_key) + "]}"
    account = FakeAccount(ServiceTokens("account", new_signing_key("account/own"), caller))
    app = web.Application()
    app.router.add_get("/internal/accounts/{user_id}/contact", account.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    account.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield account
    finally:
        await runner.cleanup()


def _public(key: str) -> str:
    return json.dumps(SigningKey.from_jwk(key).public_jwk())
