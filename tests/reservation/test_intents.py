"""Tx 1: a batch of orders claims its keys, takes from the allowance, leaves its intents."""

import asyncio

from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit import idempotency
from roadbike.kit.pure.refusals import Refusal
from roadbike.kit.resilience.batching import AT_MOST
from roadbike.reservation import store
from roadbike.reservation.use_cases.reserve import Terms
from tests.reservation.counter import Counter, slugs
from tests.reservation.things import PRICE, a_key, an_order, bike_told


async def test_an_intent_is_written_at_the_copys_price(counter: Counter) -> None:
    order = an_order(user_name="김라이더", zip_code="13561", address="성남시 분당구")

    (intent,) = await counter.begin(order)

    kept = await counter.reservation(order.reservation_id)
    assert kept == intent
    assert kept.reservation_status is ReservationStatus.PENDING
    assert (kept.price, kept.bike_name, kept.bike_version) == (PRICE, "TREK Emonda", 1)
    assert (kept.user_id, kept.user_name, kept.zip_code) == ("kim", "김라이더", "13561")
    assert kept.store_name == "분당야탑점"


async def test_an_intent_is_told_to_nobody(counter: Counter) -> None:
    await counter.intent()

    assert await counter.told_names() == []


async def test_an_intent_takes_one_from_the_allowance(counter: Counter) -> None:
    await counter.intent()

    bike = await counter.bike()
    assert (bike.free, bike.unanswered) == (3, 1)


async def test_in_a_batch_each_order_gets_its_own_answer(counter: Counter) -> None:
    await counter.hear(
        bike_told(bike_id=2, free=0), bike_told(bike_id=3, price=2_000_000), bike_told(bike_id=4)
    )
    orders = [
        an_order("sold out", bike_id=2),
        an_order("dearer", bike_id=3, seen_price=1_900_000),
        an_order("unknown", bike_id=99),
        an_order("ok", bike_id=1),
        an_order("ok", bike_id=1),
        an_order(bike_id=4),
        an_order("same bike", bike_id=1, seen_price=PRICE),
    ]

    results = await counter.begin(*orders)

    assert slugs(results) == [
        *("sold-out", "price-changed", "not-on-sale", "taken", "in-progress", "taken", "taken")
    ]
    assert results[1].extra == {"price": 2_000_000}
    assert (await counter.bike(1)).unanswered == 2
    assert (await counter.bike(4)).unanswered == 1


async def test_what_is_refused_in_a_batch_leaves_neither_intent_nor_key(counter: Counter) -> None:
    await counter.hear(bike_told(bike_id=2, free=0))

    await counter.begin(
        an_order("a", bike_id=2), an_order("b", seen_price=1), an_order("c", bike_id=99)
    )

    assert await counter.rows() == (0, 0)
    assert (await counter.bike(1)).unanswered == 0


async def test_a_key_whose_order_was_refused_may_be_used_again(counter: Counter) -> None:
    await counter.begin(an_order("mine", seen_price=1))

    results = await counter.begin(an_order("mine", asked="something else"))

    assert slugs(results) == ["taken"]


async def test_a_batch_for_the_last_units_gives_them_out_in_its_order(counter: Counter) -> None:
    results = await counter.begin(*[an_order() for _ in range(5)])

    assert slugs(results) == ["taken", "taken", "taken", "sold-out", "sold-out"]
    assert (await counter.bike()).unanswered == 3


async def test_batches_at_once_never_take_more_than_there_is(counter: Counter) -> None:
    batches = [counter.begin(*[an_order() for _ in range(2)]) for _ in range(6)]

    results = [result for batch in await asyncio.gather(*batches) for result in batch]

    assert slugs(results).count("taken") == 3
    assert (await counter.bike()).unanswered == 3


async def test_overbooking_is_part_of_the_terms(counter: Counter) -> None:
    terms = Terms(overbook=2, store_name="강남점")

    results = await counter.begin(*[an_order() for _ in range(6)], terms=terms)

    assert slugs(results) == ["taken"] * 5 + ["sold-out"]
    assert results[0].store_name == "강남점"


async def test_a_key_belongs_to_its_user(counter: Counter) -> None:
    results = await counter.begin(an_order("1"), an_order(key=a_key("1", user_id="lee")))

    assert slugs(results) == ["taken", "taken"]


async def test_a_key_that_another_request_holds_is_in_progress(counter: Counter) -> None:
    await counter.begin(an_order("mine"))

    (refused,) = await counter.begin(an_order("mine"))

    assert isinstance(refused, Refusal)
    assert refused.slug == "in-progress"
    assert refused.retry_after
    assert (await counter.bike()).unanswered == 1


async def test_a_batch_with_nothing_in_it_but_refusals_is_no_failure(counter: Counter) -> None:
    results = await counter.begin(an_order(bike_id=98), an_order(bike_id=99))

    assert slugs(results) == ["not-on-sale", "not-on-sale"]


async def test_a_full_batch_fits(counter: Counter) -> None:
    how_many = AT_MOST
    await counter.hear(bike_told(free=how_many, free_seq=2))
    orders = [an_order(f"key {number}") for number in range(how_many)]

    intents = await counter.begin(*orders)
    receipts = await counter.register(*intents)

    assert [receipt.reservation_id for receipt in receipts] == [o.reservation_id for o in orders]
    assert await counter.rows() == (how_many, how_many)


async def test_keys_are_looked_up_many_at_a_time_each_with_its_own_answer(
    counter: Counter,
) -> None:
    made = await counter.reserve("done")
    await counter.intent("begun")
    wanted = [
        a_key("done"),
        a_key("new"),
        a_key("done", asked="else"),
        a_key("begun"),
        a_key("done", user_id="lee"),
        a_key("done"),
    ]

    async with counter.db.read() as tx:
        found = await idempotency.earlier_requests(tx, store.KEY, wanted)

    done, new, other, begun, lees, again = found
    assert isinstance(done, idempotency.EarlierRequest)
    assert (done.result_id, done.response is None) == (made.reservation_id, False)
    assert (new, lees) == (None, None)
    assert isinstance(other, idempotency.KeyReused)
    assert isinstance(begun, idempotency.EarlierRequest)
    assert begun.response is None
    assert again == done
