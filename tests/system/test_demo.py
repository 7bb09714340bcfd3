"""The demo reports which requirements pass and which fail."""

import subprocess
import tempfile
from pathlib import Path

from roadbike.ops.demo import REQUIREMENTS
from tests.system.real_shop import ROADBIKE, Shop, command_environment
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


async def test_the_demo_opens_a_shop_of_its_own_and_deletes_it(client: ShopClient) -> None:
    before = own_shops()
    bikes = (await client.admin.get("/stocks?size=1"))["page"]["totalElements"]

    done = subprocess.run(  # noqa: S603, ASYNC221  our own command; nothing else runs in this loop
        [ROADBIKE, "demo"],
        env=command_environment({}),
        capture_output=True,
        text=True,
        cwd="/",
        timeout=180,
        check=False,
    )

    assert done.returncode == 0, done
    assert f"all {len(REQUIREMENTS)} checks passed" in done.stdout
    assert "with password" not in done.stdout
    assert own_shops() == before
    assert (await client.admin.get("/stocks?size=1"))["page"]["totalElements"] == bikes


def own_shops() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("roadbike-demo-*"))
