"""Liveness, readiness and status of every service."""

from typing import Any

from sqlalchemy import text

from roadbike.kit.auth import ServiceTokens
from tests.flows.given import given_a_reservation
from tests.flows.in_process_shop import DATABASES, SERVICES, Shop, until
from tests.reservation import fake_payment
from tests.reservation.fake_payment import FakePayment


async def ready(shop: Shop, name: str) -> int:
    async with shop.http.get(f"{shop.servers[name].url}/readyz") as response:
        return response.status


async def statuses_without_permission(shop: Shop, name: str) -> set[int]:
    """Return the HTTP statuses without a token, for staff, and for a token for another service."""
    ops = ServiceTokens("ops", shop.keys["ops"], '{"keys": []}')
    admin = {"Authorization": f"Bearer {shop.admin.token}"}
    statuses = set()
    for headers in ({}, admin, ops.headers("account", "GET", "/internal/status")):
        url = f"{shop.servers[name].url}/internal/status"
        async with shop.http.get(url, headers=headers) as response:
            statuses.add(response.status)
    return statuses


async def test_every_service_is_live_ready_and_settled_and_answers_only_other_services(
    shop: Shop,
) -> None:
    await shop.settle()
    settled: dict[str, Any] = {"ready": True, "broker": True, "unsent": 0, "lag": 0, "parked": 0}

    for name in SERVICES:
        async with shop.http.get(f"{shop.servers[name].url}/livez") as response:
            assert response.status == 200
        assert await ready(shop, name) == 200
        status = await shop.status(name)
        wanted = settled | {"service": name, "database": DATABASES[name], "dead": 0}
        assert status | wanted == status
        assert await statuses_without_permission(shop, name) == {401}


async def test_status_counts_pending_reservations_and_unsent_events(
    shop_with_fake_payment: Shop, payment: FakePayment
) -> None:
    shop = shop_with_fake_payment
    kim = shop.person("kim", "buyer")
    payment.behaviour = fake_payment.hangs_up
    await kim.reserve(1)
    payment.behaviour = fake_payment.opens
    shop.log.unavailable = True
    await given_a_reservation(kim)

    status = await shop.status("reservation")

    assert (status["pending"], status["unsent"]) == (1, 1)
    assert (status["broker"], status["lag"]) == (False, None)


async def test_readiness_depends_on_the_database_and_not_on_the_broker(small_shop: Shop) -> None:
    small_shop.log.unavailable = True
    await small_shop.restart("reservation")
    await until(lambda: _is_ready(small_shop))

    async with small_shop.db("reservation").begin() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    await until(lambda: _is_unready(small_shop))
    async with small_shop.http.get(f"{small_shop.servers['reservation'].url}/livez") as response:
        assert response.status == 200
    assert not (await small_shop.status("reservation"))["ready"]


async def _is_unready(shop: Shop) -> bool:
    return await ready(shop, "reservation") == 503


async def _is_ready(shop: Shop) -> bool:
    return await ready(shop, "reservation") == 200
