"""A reservation whose payment may or may not be open is refused, and cancelled a little later."""

from functools import partial

from sqlalchemy import select

from roadbike.contracts.statuses import PaymentStatus
from roadbike.payment.store import PAYMENT
from tests.flows.given import assert_all_agree, copy_of, given_a_bike, given_a_reservation, total
from tests.flows.in_process_shop import Shop, until
from tests.reservation import fake_payment
from tests.reservation.fake_payment import FakePayment, open_fake_payment
from tests.reservation.service_harness import age, count_rows

Row = tuple[PaymentStatus | None, bool, bool]

BROKEN = {
    "500": fake_payment.answers(500),
    "garbage": fake_payment.sends(b"\x16\x03\x01 garbage\r\n\r\n"),
    "another page": fake_payment.answers(200, b"<html>"),
    "half a response": fake_payment.sends(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
    "a dropped connection": fake_payment.hangs_up,
    "silence": fake_payment.never_answers,
}


async def payment_rows(shop: Shop) -> list[Row]:
    """Return of every payment: its status, whether it is cancelled, whether it is served."""
    columns = (PAYMENT.c.payment_status, PAYMENT.c.cancel_asked, PAYMENT.c.registered)
    async with shop.db("payment").read() as tx:
        found = await tx.rows(select(*columns))
    return [(row["payment_status"], row["cancel_asked"], row["registered"]) for row in found]


async def assert_everything_is_undone(shop: Shop) -> None:
    for path in ("/reservations", "/payments", "/myPages"):
        assert await total(shop.admin, path) == 0
    assert await count_rows(shop.db("reservation")) == (1, 0)
    copy = await copy_of(shop)
    assert (copy.free, copy.unanswered) == (3, 0)
    assert (await shop.admin.get("/stocks/1")).body["reserveQty"] == 0
    await assert_all_agree(shop)


async def test_after_a_broken_response_the_resolver_cancels(
    shop_with_fake_payment: Shop, payment: FakePayment
) -> None:
    shop = shop_with_fake_payment
    kim = shop.person("kim", "buyer")

    async def request_reaches_payment(key: str) -> bool:
        asked = len(payment.asked)
        refused = await kim.post("/reservations", {"bikeId": 1}, Idempotency_Key=key)
        assert (refused.status, refused.body["type"]) == (503, "/problems/payment-unavailable"), key
        assert int(refused.headers["Retry-After"]) >= 1
        return len(payment.asked) > asked  # or this busy machine was too slow to call it

    for what, payment.behaviour in BROKEN.items():
        await until(partial(request_reaches_payment, what.replace(" ", "-")))
    assert (await count_rows(shop.db("reservation")))[1] == len(BROKEN)
    assert await total(kim) == 0
    await age(shop.db("reservation"), seconds=6)
    await shop.settle()
    assert (await count_rows(shop.db("reservation")))[1] == 0
    assert (await copy_of(shop)).unanswered == 0


async def test_a_payment_that_would_be_opened_too_late_is_not_opened(shop: Shop) -> None:
    await given_a_bike(shop)
    await shop.restart(
        "payment", ROADBIKE_OPEN_DELAY_MIN_MS="800", ROADBIKE_OPEN_DELAY_MAX_MS="800"
    )
    kim = shop.person("kim", "buyer")

    refused = await kim.post("/reservations", {"bikeId": 1}, Idempotency_Key="mine")

    assert (refused.status, refused.body["type"]) == (503, "/problems/payment-unavailable")
    await age(shop.db("reservation"), seconds=6)
    await shop.settle()
    assert await payment_rows(shop) == [(None, True, False)]  # the cancel's own row
    await assert_everything_is_undone(shop)


async def test_an_open_that_arrives_after_the_cancel_is_refused_by_the_tombstone(
    shop: Shop,
) -> None:
    await given_a_bike(shop)
    await shop.restart(
        "payment", ROADBIKE_OPEN_DELAY_MIN_MS="3000", ROADBIKE_OPEN_DELAY_MAX_MS="3000"
    )
    kim = shop.person("kim", "buyer")
    assert (await kim.reserve(1)).status == 503

    await age(shop.db("reservation"), seconds=6)
    await shop.settle()
    assert await payment_rows(shop) == [(None, True, False)]
    await shop.stop("payment")  # it finishes its requests first: the late open
    await shop.start("payment")

    await shop.settle()
    assert await payment_rows(shop) == [(None, True, False)]
    await assert_everything_is_undone(shop)


async def test_a_pending_reservation_from_before_an_outage_is_cancelled_at_the_start(
    shop: Shop,
) -> None:
    await given_a_bike(shop)
    kim = shop.person("kim", "buyer")
    async with open_fake_payment(fake_payment.hangs_up) as payment:
        await shop.restart("reservation", ROADBIKE_PAYMENT_URL=payment.url)
        assert (await kim.reserve(1)).status == 503
        await age(shop.db("reservation"), hours=3)
        await shop.stop("reservation")

    await shop.start("reservation")

    await shop.settle()
    assert await payment_rows(shop) == [(None, True, False)]
    await assert_everything_is_undone(shop)


async def test_a_slow_payment_within_the_deadline_is_accepted(small_shop: Shop) -> None:
    await given_a_bike(small_shop, units=100)  # on a busy machine each 503 holds one for a while
    await small_shop.restart(
        "payment", ROADBIKE_OPEN_DELAY_MIN_MS="100", ROADBIKE_OPEN_DELAY_MAX_MS="150"
    )
    kim = small_shop.person("kim", "buyer")

    for _ in range(3):
        await given_a_reservation(kim)

    assert await total(kim) == 3
