"""The demo reports which requirements pass and which fail."""

from roadbike.ops.demo import REQUIREMENTS
from tests.system.shop import Shop
from tests.system.visit import Visit


async def test_every_requirement_passes_and_the_demo_bike_is_withdrawn(
    visit: Visit,
) -> None:
    on_sale = (await visit.nobody.get("/stocks?size=1"))["page"]["totalElements"]

    said = await visit.shop.order("demo")

    assert said.code == 0, said
    assert "✗" not in said.out
    assert said.out.rstrip().endswith(f"all {len(REQUIREMENTS)} checks passed")
    assert (await visit.nobody.get("/stocks?size=1"))["page"]["totalElements"] == on_sale


async def test_a_requirement_whose_outage_did_not_happen_fails(visit: Visit) -> None:
    stops_nothing = ("--stopper", "true", "--starter", "true")

    said = await visit.shop.order("demo", *stops_nothing)

    assert said.code == 1
    failed = [line.split()[1] for line in said.out.splitlines() if line.startswith("✗")]
    assert failed == ["N1", "N2", "O3"]


async def test_without_an_open_shop_nothing_is_checked(new_shop: Shop) -> None:
    said = await new_shop.order("demo")

    assert (said.code, said.out) == (1, "")
    assert "no shop is running" in said.err
    assert len(said.err.splitlines()) <= 2
