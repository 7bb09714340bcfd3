"""The client of an idle connection gives it up before the server closes it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from roadbike.kit.db import Database
from roadbike.kit.process.http_server import uvicorn_config
from roadbike.kit.process.settings import ServiceSettings
from roadbike.kit.pure.idle import CLIENT_IDLE_SECONDS, DRAIN_MS, SERVER_IDLE_SECONDS
from roadbike.local.ports import Ports
from roadbike.local.servers import traefik
from tests.service_harness import settings

MARGIN_SECONDS = 2  # of a process that is busy


def test_clients_give_up_well_before_the_server() -> None:
    assert CLIENT_IDLE_SECONDS + MARGIN_SECONDS <= SERVER_IDLE_SECONDS


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
