"""Whatever is wrong with a database or a broker is named in one line, on each of the four.

A service that starts with it ends at once when the setting alone shows it; otherwise
it goes on trying, not ready or (while only events wait) ready.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from roadbike.kit import logs
from roadbike.kit.process.setting_faults import SettingError
from tests.distributed import stores
from tests.distributed.kafka_server import KafkaCluster
from tests.distributed.stores import Stores
from tests.distributed.wrong import ENDS, READY, WRONG, Wrong
from tests.flows.in_process_shop import Shop, Url, open_shop, until
from tests.mariadb import MariaDBServer
from tests.postgres import PostgresServer

pytestmark = pytest.mark.distributed

CASES = [
    pytest.param(each, kind, id=f"{each.what}-{kind}") for each in WRONG for kind in each.kinds
]


@pytest.fixture(scope="module")
def encrypted(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[PostgresServer, MariaDBServer, Any]]:
    folder = tmp_path_factory.mktemp("encrypted")
    with ExitStack() as stack:
        stack.callback((postgres := stores.encrypted_postgres()).remove)
        stack.callback((maria := stores.encrypted_maria(folder)).remove)
        stack.callback((nats := stores.nats(folder / "nats", encrypted=True)).kill)
        yield postgres, maria, nats


@pytest.fixture(autouse=True)
def logs_of_a_service() -> Iterator[None]:
    """Log as a service does: the form for a terminal takes a second for each traceback."""
    logs.configure("stock", "warning")
    yield
    structlog.reset_defaults()


@pytest.fixture
async def servers(
    encrypted: tuple[PostgresServer, MariaDBServer, Any],
    postgres_server: PostgresServer,
    mariadb_server: MariaDBServer,
    one_server: KafkaCluster,
    new_database: Callable[..., str],
    tmp_path: Path,
) -> AsyncIterator[Stores]:
    nats = stores.nats(tmp_path / "nats", encrypted=False)
    try:
        yield Stores(
            *(postgres_server, mariadb_server, one_server, nats, *encrypted),
            *(new_database, tmp_path, stores.new_door()),
        )
    finally:
        nats.kill()


@pytest.fixture
async def shop(url: Url) -> AsyncIterator[Shop]:
    """A shop without services, with the broker in memory."""
    async with open_shop(url, ()) as shop:
        yield shop


async def answer(shop: Shop) -> tuple[int, list[str]]:
    """Return the status of stock's `/readyz`, and what it says is wrong."""
    async with shop.http.get(f"{shop.servers['stock'].url}/readyz") as response:
        body: dict[str, Any] = await response.json()
        return response.status, body.get("faults", [])


@pytest.mark.parametrize(("wrong", "kind"), CASES)
async def test_what_is_wrong_is_named_in_one_line(
    wrong: Wrong, kind: str, shop: Shop, servers: Stores
) -> None:
    given = await wrong.spoil(servers, kind)
    if wrong.status == ENDS:
        with pytest.raises(SettingError) as caught:
            await shop.start("stock", **given)
        assert str(caught.value).startswith(wrong.says)
        assert "\n" not in str(caught.value)
        return
    await shop.start("stock", **given)

    await wait_until_said(shop, wrong)

    assert not shop.servers["stock"].runtime.failed.is_set()  # it goes on trying
    if wrong.mend is not None:
        async with mended(wrong.mend(servers, kind, given)):
            await until(lambda: is_mended(shop, wrong.says))


async def wait_until_said(shop: Shop, wrong: Wrong) -> None:
    seen: tuple[int, list[str]] = 0, []

    async def look() -> bool:
        nonlocal seen
        seen = await answer(shop)
        lines = [fault for fault in seen[1] if wrong.says in fault]
        return seen[0] == wrong.status and len(lines) == 1 and "\n" not in lines[0]

    try:
        await until(look, seconds=30)
    except TimeoutError:
        raise AssertionError(seen) from None


@asynccontextmanager
async def mended(mending: Any) -> AsyncIterator[None]:
    """Mend it: for the time of the block, or for good."""
    if hasattr(mending, "__aenter__"):
        async with mending:
            yield
    else:
        await mending
        yield


async def is_mended(shop: Shop, says: str) -> bool:
    status, faults = await answer(shop)
    return status == READY and not any(says in fault for fault in faults)
