"""`roadbike audit` on an open shop and on a closed one."""

from uuid import uuid4

import asyncpg
import pytest

from roadbike.ops.audit.invariants import IDS
from tests.system.real_shop import Shop
from tests.system.shop_client import ShopClient, until

AFTER_QUIESCENCE = ("audit", "--after-quiescence")


async def test_all_invariants_of_an_open_shop_hold(shop: Shop, client: ShopClient) -> None:
    bike_id = await client.bike(units=1)
    buyer = client.buyer()
    # a busy machine may refuse the first one
    await until(lambda: buyer.reserve(bike_id), lambda made: made.status == 201, "it is reserved")

    done = await shop.roadbike(*AFTER_QUIESCENCE, "--json")

    assert done.code == 0, done
    assert done.json["violations"] == {id_: [] for id_ in IDS if id_ != "H1"}
    assert set(done.json["not_checked"]) == {"E2", "H1", "H2"}


async def test_a_violation_is_named_with_its_key(shop: Shop) -> None:
    """A row is planted that no service looks at, and deleted again."""
    url = shop.shop_file["databases"]["mypage"].replace("+asyncpg", "")
    nobody = uuid4()
    connection = await asyncpg.connect(url)
    row = "INSERT INTO inbox (topic, event_id, received_at) VALUES ('bike.stock', $1, now())"
    await connection.execute(row, nobody)
    try:
        done = await shop.roadbike("audit")
    finally:
        await connection.execute("DELETE FROM inbox WHERE event_id = $1", nobody)
        await connection.close()

    assert done.code == 1
    assert done.out.startswith("E4")
    assert str(nobody) in done.out
    assert (await shop.roadbike("audit")).code == 0


async def test_a_shop_that_is_not_quiet_is_said_to_be_busy(shop: Shop) -> None:
    await shop.roadbike_ok("stop", "mypage")
    try:
        done = await shop.roadbike(*AFTER_QUIESCENCE, "--within", "0")
    finally:
        await shop.roadbike_ok("start", "mypage")

    assert done.code == 1
    assert "mypage is not quiet" in done.out


@pytest.mark.parametrize("arguments", [("audit",), AFTER_QUIESCENCE])
async def test_a_shop_that_was_never_opened_cannot_be_audited(
    new_shop: Shop, arguments: tuple[str, ...]
) -> None:
    done = await new_shop.roadbike(*arguments)

    assert done.code == 2
    assert done.out == ""
