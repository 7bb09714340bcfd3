"""The demo reports which requirements pass and which fail."""

from roadbike.ops.demo import REQUIREMENTS
from tests.system.real_shop import Shop
from tests.system.shop_client import ShopClient


async def test_every_requirement_passes_and_the_demo_bike_is_withdrawn(
    client: ShopClient,
) -> None:
    on_sale = (await client.nobody.get("/stocks?size=1"))["page"]["totalElements"]

    result = await client.shop.roadbike("demo")

    assert result.code == 0, result
    assert "✗" not in result.out
    assert result.out.rstrip().endswith(f"all {len(REQUIREMENTS)} checks passed")
    assert (await client.nobody.get("/stocks?size=1"))["page"]["totalElements"] == on_sale


async def test_a_requirement_whose_outage_did_not_happen_fails(client: ShopClient) -> None:
    stops_nothing = ("--stopper", "true", "--starter", "true")

    result = await client.shop.roadbike("demo", *stops_nothing)

    assert result.code == 1
    failed = [line.split()[1] for line in result.out.splitlines() if line.startswith("✗")]
    assert failed == ["N1", "N2", "O3"]


async def test_without_an_open_shop_nothing_is_checked(new_shop: Shop) -> None:
    result = await new_shop.roadbike("demo")

    assert (result.code, result.out) == (1, "")
    assert "no shop is running" in result.err
    assert len(result.err.splitlines()) <= 2
