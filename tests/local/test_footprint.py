"""The supervisor stays small: it runs as long as the shop does, and no request passes it."""

import subprocess
import sys

import pytest

HEAVY = (  # what services need; each is megabytes and tenths of a second
    "aiohttp",
    "alembic",
    "asyncpg",
    "cryptography",
    "litestar",
    "nats",
    "prometheus_client",
    "sqlalchemy",
    "structlog",
)


@pytest.mark.parametrize(
    "modules", ["roadbike.__main__", "roadbike.local.up.command, roadbike.local.all_settings"]
)
def test_the_supervisor_does_not_load_what_services_are_made_of(modules: str) -> None:
    program = f"import sys, {modules}; print(*(set({HEAVY!r}) & sys.modules.keys()))"

    done = subprocess.run(  # noqa: S603  our own modules
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []


@pytest.mark.parametrize("name", ["looks", "status", "account", "dead_letters"])
def test_a_command_that_asks_the_open_shop_loads_no_database(name: str) -> None:
    heavy = ("litestar", "nats", "sqlalchemy")  # a second on a small machine
    module = f"roadbike.local.commands.{name}"
    program = f"import sys, {module}; print(*(set({heavy!r}) & sys.modules.keys()))"

    done = subprocess.run(  # noqa: S603  our own modules
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []
