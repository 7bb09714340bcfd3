"""The demo says what holds, and what does not."""

from tests.system.real_shop import Shop
from tests.system.shop_client import ShopClient


async def test_every_requirement_holds_and_the_shop_sells_what_it_sold_before(
    client: ShopClient,
) -> None:
    on_sale = (await client.nobody.get("/stocks?size=1"))["page"]["totalElements"]

    result = await client.shop.roadbike("demo")

    assert result.code == 0, result
    assert "✗" not in result.out
    assert result.out.rstrip().endswith("every requirement holds")
    assert (await client.nobody.get("/stocks?size=1"))["page"]["totalElements"] == on_sale


async def test_a_requirement_that_was_not_seen_to_hold_fails(client: ShopClient) -> None:
    stops_nothing = ("--stopper", "true", "--starter", "true")

    result = await client.shop.roadbike("demo", *stops_nothing)

    assert result.code == 1
    failed = [line.split()[1] for line in result.out.splitlines() if line.startswith("✗")]
    assert failed == ["N1", "N2", "O3"]


async def test_where_no_shop_is_open_nothing_is_played(new_shop: Shop) -> None:
    result = await new_shop.order("demo")

    assert (result.code, result.out) == (1, "")
    assert "no shop is running" in result.err
    assert len(result.err.splitlines()) <= 2
