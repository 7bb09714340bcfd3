"""Each service of an open shop has metrics, which say what a purchase did, and no ids."""

import re

from prometheus_client.parser import text_string_to_metric_families

from tests.system.real_shop import SERVICES
from tests.system.shop_client import ShopClient

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")
MOST_SERIES = 2_000  # of one process


async def metrics(client: ShopClient, name: str) -> str:
    async with client.http.get(f"{client.shop.address(name)}/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        return await response.text()


def numbers(text: str, name: str, /, **labels: str) -> float:
    """Return the sum of all samples of that name with these labels."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


async def test_a_purchase_is_in_the_metrics_of_all_services(client: ShopClient) -> None:
    buyer = client.buyer()
    bike_id = await client.bike(units=1)
    before = {name: await metrics(client, name) for name in SERVICES}

    reserve_id = await buyer.reserved(bike_id)
    pay_id = (await buyer.payment_of(reserve_id))["payId"]
    paying = {"payStatus": "결제완료"}
    assert (await buyer.request("PATCH", f"/payments/{pay_id}", paying)).status == 200
    await client.settle()

    after = {name: await metrics(client, name) for name in SERVICES}

    def grown(service: str, name: str, /, **labels: str) -> float:
        return numbers(after[service], name, **labels) - numbers(before[service], name, **labels)

    seen = "roadbike_http_request_seconds_count"
    assert grown("reservation", seen, method="POST", route="/reservations", status="201") == 1
    assert grown("reservation", "roadbike_call_seconds_count", to="payment") == 1
    confirmed = {"to": "provider", "call": "confirm", "outcome": "Approved"}
    assert grown("payment", "roadbike_call_seconds_count", **confirmed) == 1
    assert grown("payment", "roadbike_events_sent_total") >= 3
    assert grown("mypage", "roadbike_events_consumed_total") >= 5
    assert grown("mypage", "roadbike_event_delay_seconds_count") >= 1
    closed = {"breaker": "payment", "state": "closed"}
    assert numbers(after["reservation"], "roadbike_breaker_state", **closed) == 1


async def test_each_service_is_well_and_has_few_series(client: ShopClient) -> None:
    await client.settle()

    for name in SERVICES:
        text = await metrics(client, name)
        assert numbers(text, "roadbike_ready") == 1, name
        assert numbers(text, "roadbike_database_up") == 1, name
        assert numbers(text, "roadbike_broker_connected") == 1, name
        assert numbers(text, "roadbike_outbox_unsent") == 0, name
        assert numbers(text, "process_resident_memory_bytes") > 10_000_000, name
        assert len(text.splitlines()) < MOST_SERIES, name
        assert not UUID.search(text), name


async def test_the_gateway_does_not_pass_metrics_on(client: ShopClient) -> None:
    for path in ("/metrics", "/metrics/", "/stocks/../metrics"):
        answer = await client.nobody.request("GET", path)

        assert answer.status == 404, path
        assert b"roadbike_" not in answer.raw, path
