"""The same request again gives one reservation, one payment and the same response bytes."""

import asyncio
from collections.abc import Sequence

from tests.flows.given import assert_all_agree, copy_of, given_a_bike, total
from tests.flows.in_process_shop import Person, Response, Shop, until
from tests.reservation import fake_payment
from tests.reservation.fake_payment import FakePayment, open_fake_payment
from tests.reservation.service_harness import age, count_rows

UNANSWERED = {
    "500": fake_payment.answers(500),
    "cut": fake_payment.hangs_up,
    "silent": fake_payment.never_answers,
}


async def reserve(person: Person, key: str, **more: object) -> Response:
    return await person.post("/reservations", {"bikeId": 1, **more}, Idempotency_Key=key)


async def answered(person: Person, key: str, **more: object) -> Response:
    """Send the request again while it is answered with 503, as on a busy machine."""

    async def answer() -> Response | None:
        response = await reserve(person, key, **more)
        return None if response.status == 503 else response

    return await until(answer, every=0.25)


async def retried_until_made(person: Person, keys: Sequence[str]) -> list[Response]:
    """Send the request with each key, all together, again and again until all responses are 201."""

    async def made() -> list[Response] | None:
        responses = await asyncio.gather(*[reserve(person, key) for key in keys])
        assert {response.status for response in responses} <= {201, 409, 503}
        return responses if {response.status for response in responses} == {201} else None

    return await until(made, every=0.25)


async def left_open(person: Person, key: str, payment: FakePayment) -> str:
    """Reserve until payment was asked, which a busy machine is refused at first; return the id."""
    before = len(payment.asked)

    async def asked() -> bool:
        assert (await reserve(person, key)).status == 503
        return len(payment.asked) > before

    await until(asked, every=0.25)
    return str(payment.asked[before].reservation_id)


async def test_a_thousand_requests_with_one_key_make_one_reservation(shop: Shop) -> None:
    await given_a_bike(shop, units=50)
    kim = shop.person("kim", "buyer")

    first = await asyncio.gather(*[reserve(kim, "mine") for _ in range(1_000)])
    again = await retried_until_made(kim, ["mine"] * 100)

    types = {response.body.get("type", "made").rpartition("/")[2] for response in first}
    # the last three on a busy machine
    assert types <= {"made", "in-progress", "payment-unavailable", "overloaded", "unavailable"}
    assert all(one.headers["Retry-After"] for one in first if one.status != 201)
    made = [response for response in (*first, *again) if response.status == 201]
    assert len({response.raw for response in made}) == 1
    assert len({response.headers["Location"] for response in made}) == 1
    assert (await reserve(kim, "mine", addrNm="elsewhere")).status == 422
    await shop.settle()
    assert await total(kim) == await total(kim, "/payments") == 1
    assert (await count_rows(shop.db("reservation")))[1] == 1
    await assert_all_agree(shop)


async def test_a_key_can_be_used_again_after_a_refusal(shop: Shop) -> None:
    await given_a_bike(shop, units=0)
    kim = shop.person("kim", "buyer")
    sold_out = await answered(kim, "mine")
    moved = await answered(kim, "other", price=1)
    await shop.admin.request("PATCH", "/stocks/1", {"stockQty": 2}, If_Match='"1"')
    await shop.settle()

    (made,) = await retried_until_made(kim, ["mine"])
    (made_too,) = await retried_until_made(kim, ["other"])

    assert (sold_out.status, moved.status) == (409, 409)
    assert (made.status, made_too.status) == (201, 201)


async def test_the_same_key_continues_a_pending_reservation(small_shop: Shop) -> None:
    await given_a_bike(small_shop, units=5)
    kim = small_shop.person("kim", "buyer")
    pending: dict[str, str] = {}
    async with open_fake_payment(fake_payment.opens) as payment:
        await small_shop.restart("reservation", ROADBIKE_PAYMENT_URL=payment.url)
        for key, behaviour in UNANSWERED.items():
            payment.behaviour = behaviour
            pending[key] = await left_open(kim, key, payment)
    await age(small_shop.db("reservation"), seconds=1.5)
    await small_shop.restart("reservation")

    made = await retried_until_made(kim, list(pending))

    assert [response.body["reserveId"] for response in made] == list(pending.values())
    await small_shop.settle()
    assert await total(kim) == len(pending)
    assert (await copy_of(small_shop)).unanswered == 0


async def test_a_key_can_be_used_again_after_the_resolver(small_shop: Shop) -> None:
    await given_a_bike(small_shop)
    kim = small_shop.person("kim", "buyer")
    async with open_fake_payment(fake_payment.hangs_up) as payment:
        await small_shop.restart("reservation", ROADBIKE_PAYMENT_URL=payment.url)
        cancelled = await left_open(kim, "mine", payment)
        await age(small_shop.db("reservation"), seconds=6)
        await small_shop.settle()
    assert await count_rows(small_shop.db("reservation")) == (1, 0)
    await small_shop.restart("reservation")

    (made,) = await retried_until_made(kim, ["mine"])

    assert made.body["reserveId"] != cancelled


async def test_a_stored_response_is_replayed_while_payment_is_stopped_and_the_desk_is_full(
    small_shop: Shop,
) -> None:
    await given_a_bike(small_shop)
    kim = small_shop.person("kim", "buyer")
    (first,) = await retried_until_made(kim, ["mine"])
    async with open_fake_payment(fake_payment.never_answers) as payment:
        await small_shop.restart(
            "reservation", ROADBIKE_PAYMENT_URL=payment.url, ROADBIKE_IN_FLIGHT="1"
        )
        await small_shop.stop("payment")
        running = asyncio.create_task(kim.reserve(1))
        await payment.until_asked(1)

        others = [asyncio.create_task(kim.reserve(1)) for _ in range(3)]
        again = await reserve(kim, "mine")

        assert (again.status, again.raw) == (201, first.raw)
        refused = await asyncio.gather(running, *others)
        assert {response.status for response in refused} == {503}
        assert {bool(response.headers["Retry-After"]) for response in refused} == {True}
