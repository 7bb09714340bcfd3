"""Access is limited: files, ports, the broker, other services' databases, internal paths."""

import stat
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import nats
import nats.errors
import psutil
import pytest

from tests.system.real_shop import Shop
from tests.system.shop_client import ShopClient, until

SECRET = ("shop.json", "secrets.json", "nats/nats.conf", "keys/*.json", "logs/*.log")
OPEN_TO_ALL = 0o077
ON_POSTGRES = ("stock", "reservation", "payment", "mypage", "account")


def files(shop: Shop) -> Iterator[Path]:
    for pattern in SECRET:
        found = list(shop.home.path.glob(pattern))
        assert found, pattern
        yield from found


def test_files_with_secrets_can_be_read_by_their_owner_only(shop: Shop) -> None:
    readable = [path for path in files(shop) if path.stat().st_mode & OPEN_TO_ALL]

    assert readable == []
    assert stat.S_IMODE(shop.home.shop_json.stat().st_mode) == 0o600
    folders = [path for path in shop.home.path.iterdir() if path.is_dir()]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_every_process_listens_on_loopback_only(shop: Shop) -> None:
    listening = {
        (each.laddr.ip, each.laddr.port)
        for process in shop.processes()
        for each in process.net_connections(kind="inet")
        if each.status in {psutil.CONN_LISTEN, psutil.CONN_NONE}
    }

    assert {address for address, _ in listening} == {"127.0.0.1"}
    assert {port for _, port in listening} >= set(shop.shop_file["ports"].values())


@pytest.mark.parametrize("login", ["", "stock:wrong@", "stock@"])
async def test_the_broker_refuses_clients_without_a_password(shop: Shop, login: str) -> None:
    url = f"nats://{login}127.0.0.1:{shop.shop_file['ports']['nats']}"

    with pytest.raises(nats.errors.Error, match=r"(?i)authorization"):
        await nats.connect(url, allow_reconnect=False, connect_timeout=5)


async def test_a_service_cannot_send_events_of_another(shop: Shop) -> None:
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error))

    async def errors() -> list[str]:
        return refused

    stock = await nats.connect(
        shop.shop_file["brokers"]["stock"], inbox_prefix=b"_INBOX_stock", error_cb=note
    )
    await stock.publish("bike.payment.x", b"{}")
    await until(errors, bool, "the broker objects")
    await stock.close()

    assert "permissions violation" in refused[0].lower()


@pytest.mark.parametrize("service", ON_POSTGRES)
async def test_a_role_reaches_its_own_database_only(shop: Shop, service: str) -> None:
    url = shop.shop_file["databases"][service].replace("+asyncpg", "")
    own = await asyncpg.connect(url)
    try:
        assert await own.fetchval("SELECT current_database()") == service
        assert not await own.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    finally:
        await own.close()

    for database in {*ON_POSTGRES, "postgres", "template1"} - {service}:
        with pytest.raises(asyncpg.PostgresError) as refusal:
            await asyncpg.connect(url, database=database)
        assert refusal.value.sqlstate in {"28000", "42501"}  # access denied, or privilege missing


@pytest.mark.parametrize("user", [*ON_POSTGRES, "postgres"])
async def test_a_database_refuses_clients_without_its_password(shop: Shop, user: str) -> None:
    port = shop.shop_file["ports"]["postgres"]
    for password in ("", user, "postgres"):
        with pytest.raises(asyncpg.PostgresError) as refusal:
            await asyncpg.connect(
                host="127.0.0.1", port=port, user=user, password=password, database=user
            )
        assert refusal.value.sqlstate == "28P01"


async def test_internal_paths_refuse_unknown_callers(client: ShopClient) -> None:
    url = f"{client.shop.address('payment')}/internal/status"

    statuses = {}
    for name, token in {
        "nobody": "",
        "a buyer": client.buyer().token or "",
        "an admin": client.admin.token or "",
        "ops with a token for another service": client.ops.mint("stock"),
    }.items():
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with client.http.get(url, headers=headers) as response:
            statuses[name] = response.status

    assert set(statuses.values()) == {401}, statuses
    assert (await client.status("payment"))["ready"] is True
