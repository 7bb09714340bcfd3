"""Take pending: requests claim their keys, take units, and leave pending reservations."""

import asyncio

from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit import idempotency
from roadbike.kit.pure.refusals import Refusal
from roadbike.kit.resilience.batching import MAX_BATCH
from roadbike.reservation import store
from roadbike.reservation.use_cases.steps import Terms
from tests.reservation.builders import PRICE, a_key, a_request, bike_changed
from tests.reservation.service_harness import ReservationHarness, slugs


async def test_a_pending_reservation_is_written_at_the_price_of_the_copy(
    harness: ReservationHarness,
) -> None:
    request = a_request(user_name="김라이더", zip_code="13561", address="성남시 분당구")

    (pending,) = await harness.take_pending(request)

    kept = await harness.reservation(request.reservation_id)
    assert kept == pending
    assert kept.reservation_status is ReservationStatus.PENDING
    assert (kept.price, kept.bike_name, kept.bike_version) == (PRICE, "TREK Emonda", 1)
    assert (kept.user_id, kept.user_name, kept.zip_code) == ("kim", "김라이더", "13561")
    assert kept.store_name == "분당야탑점"


async def test_a_pending_reservation_publishes_nothing(harness: ReservationHarness) -> None:
    await harness.pending()

    assert await harness.published_types() == []


async def test_a_pending_reservation_takes_one_unit_from_those_available(
    harness: ReservationHarness,
) -> None:
    await harness.pending()

    bike = await harness.bike()
    assert (bike.free, bike.unanswered) == (3, 1)


async def test_each_request_of_a_batch_gets_its_own_result(harness: ReservationHarness) -> None:
    await harness.consume(
        bike_changed(bike_id=2, free=0),
        bike_changed(bike_id=3, price=2_000_000),
        bike_changed(bike_id=4),
    )
    requests = [
        a_request("sold out", bike_id=2),
        a_request("dearer", bike_id=3, seen_price=1_900_000),
        a_request("unknown", bike_id=99),
        a_request("ok", bike_id=1),
        a_request("ok", bike_id=1),
        a_request(bike_id=4),
        a_request("same bike", bike_id=1, seen_price=PRICE),
    ]

    results = await harness.take_pending(*requests)

    assert slugs(results) == [
        *("sold-out", "price-changed", "not-on-sale", "taken", "in-progress", "taken", "taken")
    ]
    assert results[1].extra == {"price": 2_000_000}
    assert (await harness.bike(1)).unanswered == 2
    assert (await harness.bike(4)).unanswered == 1


async def test_refused_requests_of_a_batch_leave_neither_reservations_nor_keys(
    harness: ReservationHarness,
) -> None:
    await harness.consume(bike_changed(bike_id=2, free=0))

    await harness.take_pending(
        a_request("a", bike_id=2), a_request("b", seen_price=1), a_request("c", bike_id=99)
    )

    assert await harness.count_rows() == (0, 0)
    assert (await harness.bike(1)).unanswered == 0


async def test_the_key_of_a_refused_request_may_be_used_again(harness: ReservationHarness) -> None:
    await harness.take_pending(a_request("mine", seen_price=1))

    results = await harness.take_pending(a_request("mine", fingerprint="something else"))

    assert slugs(results) == ["taken"]


async def test_a_batch_takes_the_last_units_in_the_order_of_its_requests(
    harness: ReservationHarness,
) -> None:
    results = await harness.take_pending(*[a_request() for _ in range(5)])

    assert slugs(results) == ["taken", "taken", "taken", "sold-out", "sold-out"]
    assert (await harness.bike()).unanswered == 3


async def test_concurrent_batches_never_take_more_units_than_there_are(
    harness: ReservationHarness,
) -> None:
    batches = [harness.take_pending(*[a_request() for _ in range(2)]) for _ in range(6)]

    results = [result for batch in await asyncio.gather(*batches) for result in batch]

    assert slugs(results).count("taken") == 3
    assert (await harness.bike()).unanswered == 3


async def test_overbooking_is_part_of_the_terms(harness: ReservationHarness) -> None:
    terms = Terms(overbook=2, store_name="강남점")

    results = await harness.take_pending(*[a_request() for _ in range(6)], terms=terms)

    assert slugs(results) == ["taken"] * 5 + ["sold-out"]
    assert results[0].store_name == "강남점"


async def test_a_key_belongs_to_its_user(harness: ReservationHarness) -> None:
    results = await harness.take_pending(a_request("1"), a_request(key=a_key("1", user_id="lee")))

    assert slugs(results) == ["taken", "taken"]


async def test_a_key_that_another_request_has_claimed_is_in_progress(
    harness: ReservationHarness,
) -> None:
    await harness.take_pending(a_request("mine"))

    (refused,) = await harness.take_pending(a_request("mine"))

    assert isinstance(refused, Refusal)
    assert refused.slug == "in-progress"
    assert refused.retry_after
    assert (await harness.bike()).unanswered == 1


async def test_a_batch_of_refused_requests_does_not_fail(harness: ReservationHarness) -> None:
    results = await harness.take_pending(a_request(bike_id=98), a_request(bike_id=99))

    assert slugs(results) == ["not-on-sale", "not-on-sale"]


async def test_the_largest_batch_is_taken_and_registered(harness: ReservationHarness) -> None:
    how_many = MAX_BATCH
    await harness.consume(bike_changed(free=how_many, free_seq=2))
    requests = [a_request(f"key {number}") for number in range(how_many)]

    pending = await harness.take_pending(*requests)
    receipts = await harness.register(*pending)

    assert [receipt.reservation_id for receipt in receipts] == [o.reservation_id for o in requests]
    assert await harness.count_rows() == (how_many, how_many)


async def test_keys_are_looked_up_in_batches_and_each_gets_its_own_result(
    harness: ReservationHarness,
) -> None:
    made = await harness.reserve("done")
    await harness.pending("pending")
    wanted = [
        a_key("done"),
        a_key("new"),
        a_key("done", fingerprint="else"),
        a_key("pending"),
        a_key("done", user_id="lee"),
        a_key("done"),
    ]

    async with harness.db.read() as tx:
        found = await idempotency.earlier_requests(tx, store.KEY, wanted)

    done, new, other, pending, key_of_lee, again = found
    assert isinstance(done, idempotency.EarlierRequest)
    assert (done.result_id, done.response is None) == (made.reservation_id, False)
    assert (new, key_of_lee) == (None, None)
    assert isinstance(other, idempotency.KeyReused)
    assert isinstance(pending, idempotency.EarlierRequest)
    assert pending.response is None
    assert again == done
