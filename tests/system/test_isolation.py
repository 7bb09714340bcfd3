"""Access is limited: files, ports, the broker, other services' databases, internal paths."""

import asyncpg
import nats
import nats.errors
import psutil
import pytest

from tests.local.private_files import everything_in, is_private
from tests.system.real_shop import Shop
from tests.system.shop_client import ShopClient, until

ON_POSTGRES = ("stock", "reservation", "payment", "mypage", "account")


def test_nothing_in_the_home_is_open_to_other_users(shop: Shop) -> None:
    found = dict(everything_in(shop.home.path))
    opened = {name: oct(about.st_mode) for name, about in found.items() if not is_private(about)}

    assert opened == {}
    assert {"shop.json", "secrets.json", "nats/nats.conf", "logs/supervisor.log"} <= found.keys()
    assert {"keys/account.json", "delivery/delivery.db", "payment/provider.db"} <= found.keys()


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
        assert await own.fetchval("SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user")
        for statement in ("CREATE TABLE more (id int)", "DROP TABLE outbox", "TRUNCATE outbox"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await own.execute(statement)
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
        "ops with a token for another service": client.ops.mint("stock", "GET", "/internal/status"),
    }.items():
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with client.http.get(url, headers=headers) as response:
            statuses[name] = response.status

    assert set(statuses.values()) == {401}, statuses
    assert (await client.status("payment"))["ready"] is True
