"""The client of an idle connection gives it up before the server closes it."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import text

import roadbike
from roadbike.kit.db import Database
from roadbike.kit.messaging.broker.nats.connection import PING_INTERVAL_SECONDS
from roadbike.kit.process.http_client import http_session
from roadbike.kit.process.http_server import uvicorn_config
from roadbike.kit.process.settings import ServiceSettings
from roadbike.kit.pure.idle import CLIENT_IDLE_SECONDS, DRAIN_MS, SERVER_IDLE_SECONDS
from roadbike.local.jobs import nats_config
from roadbike.local.ports import Ports
from roadbike.local.servers import traefik
from tests.service_harness import settings

SOURCES = Path(roadbike.__file__).parent
NO_RIGHTS = {"publishes": {}, "consumes": {}, "groups": {}, "passwords": {"x": "-", "y": "-"}}
MARGIN_SECONDS = 2  # of a process that is busy


def test_clients_give_up_well_before_the_server() -> None:
    assert CLIENT_IDLE_SECONDS + MARGIN_SECONDS <= SERVER_IDLE_SECONDS


def test_every_client_of_a_service_is_made_in_one_place() -> None:
    """Except those that send one request per connection, or send to the gateway."""
    makes_one = re.compile(r"aiohttp\.(ClientSession|TCPConnector)\(|import (httpx|requests)")
    found = {
        str(path.relative_to(SOURCES))
        for path in SOURCES.rglob("*.py")
        if makes_one.search(path.read_text(encoding="utf-8"))
    }

    to_gateway = {"ops/demo.py", "ops/bench/command.py", "ops/drills/shop.py"}
    assert found == {"kit/process/http_client.py", "kit/auth/tokens.py", *to_gateway}


async def test_a_client_gives_up_after_that_time() -> None:
    async with http_session(None, limit=1) as session:
        assert isinstance(session.connector, aiohttp.TCPConnector)
        assert session.connector._keepalive_timeout == CLIENT_IDLE_SECONDS  # noqa: SLF001  it has no getter


def test_the_demo_gives_up_before_the_gateway(tmp_path: Any) -> None:
    """The gateway's own limit is that of Traefik, 180 s, and aiohttp's is 15 s."""
    entry = traefik.settings(tmp_path, Ports(8080))["entryPoints"]["web"]

    assert "idleTimeout" not in str(entry)


def test_a_service_pings_nats_long_before_its_connection_counts_as_idle(tmp_path: Any) -> None:
    """NATS pings after 2 minutes without data, unless its configuration says something else."""
    config = tmp_path / "nats.conf"
    nats_config.write(path=str(config), port=4222, set_up="x", audit="y", rights=NO_RIGHTS)

    assert PING_INTERVAL_SECONDS + MARGIN_SECONDS <= 120
    assert "ping_interval" not in config.read_text(encoding="utf-8")


def test_a_service_keeps_idle_connections_longer_than_its_clients() -> None:
    chosen = ServiceSettings(**settings("thing", "sqlite+aiosqlite://"))
    app: Any = None

    assert uvicorn_config(app, chosen, tls=None).timeout_keep_alive == SERVER_IDLE_SECONDS


def test_the_gateway_gives_up_connections_to_services_as_other_clients_do(tmp_path: Any) -> None:
    chosen = traefik.settings(tmp_path, Ports(8080))

    timeouts = chosen["serversTransport"]["forwardingTimeouts"]
    assert timeouts["idleConnTimeout"] == f"{CLIENT_IDLE_SECONDS}s"


def test_a_drain_lasts_two_health_checks_of_the_gateway_and_longer_than_clients_wait() -> None:
    drain = timedelta(milliseconds=DRAIN_MS).total_seconds()

    assert traefik.HEALTH_CHECK["interval"] == "1s"
    assert drain >= 2 * 1
    assert drain >= CLIENT_IDLE_SECONDS + 0.5
    assert ServiceSettings.__struct_defaults__[_defaults().index("drain_ms")] == DRAIN_MS


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_postgresql_does_not_close_the_idle_connections_of_a_pool(db: Database) -> None:
    async with db.read() as tx:
        assert await tx.scalar(text("SHOW idle_session_timeout")) == "0"


def _defaults() -> list[str]:
    names = ServiceSettings.__struct_fields__
    return list(names[len(names) - len(ServiceSettings.__struct_defaults__) :])
