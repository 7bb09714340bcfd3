"""The whole of a reservation: intent, call, registration; and each way in which it may fail."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Literal

import pytest

from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit.auth import ServiceTokens, new_signing_key
from roadbike.kit.deadline import Deadline, starts_now
from roadbike.kit.idempotency import InProgress, KeyReused
from roadbike.kit.refusals import Overloaded
from roadbike.kit.resilience import FEWEST_CALLS, Limiter, OpenCircuit, breaker
from roadbike.reservation.api import render
from roadbike.reservation.domain import Reservation, SoldOut
from roadbike.reservation.payments import HttpPayments, NotSent
from roadbike.reservation.use_cases.reserve import DEADLINE_MS, Desk, Order, PaymentAway, Receipt
from tests.reservation import till as tills
from tests.reservation.counter import Counter
from tests.reservation.things import TERMS, an_order, bike_told
from tests.reservation.till import Behaviour, Till

UNKNOWN: list[Behaviour] = [tills.answers(500), tills.hangs_up, tills.says(b"garbage\r\n\r\n")]
SURELY_NOT: list[Behaviour] = [tills.answers(409), tills.answers(401)]


@dataclass
class Clock:
    """Of the breaker; it stands still unless it is moved."""

    now: float = 1_000.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Shop:
    """A desk with its till, and the service whose rows it writes."""

    desk: Desk
    till: Till
    counter: Counter
    clock: Clock = field(default_factory=Clock)

    async def reserve(self, order: Order, ms: int = 5_000) -> Receipt:
        return await self.desk.reserve(order, starts_now(ms))

    async def fail(self, times: int, error: type[Exception] = PaymentAway) -> None:
        for _ in range(times):
            with pytest.raises(error):
                await self.reserve(an_order())


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """The SQL behind it is tried on both databases elsewhere."""
    return "postgresql"


MakeShop = Callable[..., Shop]


@pytest.fixture
async def make_shop(counter: Counter, till: Till) -> AsyncIterator[MakeShop]:
    tokens = ServiceTokens("reservation", new_signing_key("reservation/1"), '{"keys": []}')
    async with HttpPayments(till.url, tokens) as payments:

        def make(in_flight: int = 100) -> Shop:
            clock = Clock()
            desk = Desk(
                counter.db,
                payments,
                limiter=Limiter(in_flight),
                breaker=breaker("payment", deadline_ms=DEADLINE_MS, clock=clock),
                terms=TERMS,
                render=render,
            )
            return Shop(desk, till, counter, clock)

        yield make


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    return make_shop()


async def test_a_reservation_is_made_once_its_payment_is_open(shop: Shop) -> None:
    order = an_order("mine")

    receipt = await shop.reserve(order)

    assert receipt.reservation_id == order.reservation_id
    assert [asked.reservation_id for asked in shop.till.asked] == [order.reservation_id]
    assert await shop.counter.told_names() == ["ReservationRegistered"]


@pytest.mark.parametrize("behaves", SURELY_NOT)
async def test_a_payment_that_surely_is_not_open_leaves_nothing(
    shop: Shop, behaves: Behaviour
) -> None:
    shop.till.behaves = behaves
    order = an_order("mine")

    with pytest.raises(PaymentAway) as refused:
        await shop.reserve(order)

    assert refused.value.retry_after
    assert await shop.counter.rows() == (1, 0)
    kept = await shop.counter.reservation(order.reservation_id)
    assert kept.reservation_status is ReservationStatus.CANCELLED
    assert (await shop.counter.bike()).unanswered == 0


@pytest.mark.parametrize("behaves", UNKNOWN)
async def test_a_payment_that_may_be_open_leaves_the_intent_and_its_key(
    shop: Shop, behaves: Behaviour
) -> None:
    shop.till.behaves = behaves
    order = an_order("mine")

    with pytest.raises(PaymentAway) as refused:
        await shop.reserve(order)

    assert refused.value.retry_after
    assert await shop.counter.rows() == (1, 1)
    kept = await shop.counter.reservation(order.reservation_id)
    assert kept.reservation_status is ReservationStatus.PENDING
    assert await shop.counter.told_names() == []


async def test_the_same_key_within_a_second_is_in_progress(shop: Shop) -> None:
    shop.till.behaves = tills.answers(500)
    await _fails(shop, "mine")
    shop.till.behaves = tills.opens

    with pytest.raises(InProgress) as refused:
        await shop.reserve(an_order("mine"))

    assert refused.value.retry_after
    assert len(shop.till.asked) == 1


async def test_the_same_key_after_a_second_drives_the_intent_on(shop: Shop) -> None:
    shop.till.behaves = tills.answers(500)
    first = await _fails(shop, "mine")
    shop.till.behaves = tills.opens
    await shop.counter.age(seconds=1.1)

    receipt = await shop.reserve(an_order("mine"))

    assert receipt.reservation_id == first.reservation_id
    assert await shop.counter.rows() == (1, 1)
    assert (await shop.counter.bike()).unanswered == 1
    assert await shop.counter.told_names() == ["ReservationRegistered"]


async def test_an_intent_driven_on_in_vain_is_undone(shop: Shop) -> None:
    shop.till.behaves = tills.answers(500)
    await _fails(shop, "mine")
    shop.till.behaves = tills.answers(409)
    await shop.counter.age(seconds=1.1)

    await _fails(shop, "mine")

    assert await shop.counter.rows() == (1, 0)
    assert (await shop.counter.bike()).unanswered == 0


async def test_an_intent_that_the_resolver_cancelled_meanwhile_is_no_reservation(
    shop: Shop,
) -> None:
    enough = asyncio.Event()
    shop.till.behaves = tills.opens_after(enough)
    running = asyncio.create_task(shop.reserve(an_order("mine")))
    await shop.till.until_asked(1)
    await shop.counter.age(seconds=6)

    await shop.counter.tick("resolve_intents")
    enough.set()

    with pytest.raises(PaymentAway):
        await running
    assert await shop.counter.told_names() == ["ReservationCancelled"]
    assert await shop.counter.rows() == (1, 0)


async def test_a_finished_key_is_replayed_byte_for_byte_though_payment_is_away(
    shop: Shop,
) -> None:
    first = await shop.reserve(an_order("mine"))
    shop.till.behaves = tills.falls_asleep

    again = await shop.reserve(an_order("mine"))

    assert again == first
    assert len(shop.till.asked) == 1


async def test_a_finished_key_is_replayed_though_the_breaker_is_open(shop: Shop) -> None:
    first = await shop.reserve(an_order("mine"))
    await _break(shop)

    assert await shop.reserve(an_order("mine")) == first


async def test_a_finished_key_is_replayed_though_the_desk_is_full(make_shop: MakeShop) -> None:
    shop = make_shop(in_flight=1)
    first = await shop.reserve(an_order("mine"))
    shop.till.behaves = tills.falls_asleep
    running = asyncio.create_task(shop.reserve(an_order()))
    await shop.till.until_asked(2)

    again = await shop.reserve(an_order("mine"))

    assert again == first
    await _end(running)


async def test_a_key_of_another_request_is_refused(shop: Shop) -> None:
    await shop.reserve(an_order("mine"))

    with pytest.raises(KeyReused):
        await shop.reserve(an_order("mine", asked="another bike"))


async def test_a_key_is_free_again_after_sold_out(shop: Shop) -> None:
    await shop.counter.hear(bike_told(free=0, free_seq=2))
    with pytest.raises(SoldOut):
        await shop.reserve(an_order("mine"))
    await shop.counter.hear(bike_told(free=1, free_seq=3))

    receipt = await shop.reserve(an_order("mine", asked="another address"))

    assert receipt.answer


async def test_with_too_little_time_left_nothing_is_written_and_nothing_sent(shop: Shop) -> None:
    with pytest.raises(PaymentAway):
        await shop.reserve(an_order("mine"), ms=90)

    assert shop.till.asked == []
    assert await shop.counter.rows() == (0, 0)


class OutOfTime:
    """The way to payment, when the intent took all the time there was."""

    async def open(self, _intent: Reservation, _deadline: Deadline) -> None:
        raise NotSent


async def test_what_was_not_sent_is_undone_and_tells_the_breaker_nothing(shop: Shop) -> None:
    await _break(shop)
    rows, _ = await shop.counter.rows()
    shop.clock.now += 7  # half open: three successes would close it
    shop.desk.payments = OutOfTime()

    for _ in range(3):
        with pytest.raises(PaymentAway):
            await shop.reserve(an_order("mine"))

    assert shop.desk.breaker.state == "half_open"
    assert await shop.counter.rows() == (rows + 3, 0)


async def test_payment_is_given_up_in_time(shop: Shop) -> None:
    shop.till.behaves = tills.falls_asleep
    loop = asyncio.get_running_loop()
    begun = loop.time()

    with pytest.raises(PaymentAway):
        await shop.reserve(an_order())

    assert loop.time() - begun < 1.2  # 0.61 on a machine that has nothing else to do


async def test_a_dead_payment_opens_the_breaker_and_then_nothing_is_written(shop: Shop) -> None:
    await _break(shop)
    rows, asked = await shop.counter.rows(), len(shop.till.asked)

    with pytest.raises(OpenCircuit) as refused:
        await shop.reserve(an_order("mine"))

    assert refused.value.retry_after
    assert await shop.counter.rows() == rows
    assert len(shop.till.asked) == asked


async def test_the_breaker_closes_once_payment_is_back(shop: Shop) -> None:
    await _break(shop)
    await shop.counter.hear(bike_told(free=100, free_seq=3))
    shop.till.behaves = tills.opens
    shop.clock.now += 7

    for _ in range(3):
        await shop.reserve(an_order())

    assert shop.desk.breaker.state == "closed"


async def test_refusals_of_payment_leave_the_breaker_closed(shop: Shop) -> None:
    shop.till.behaves = tills.answers(409)

    await shop.fail(FEWEST_CALLS + 5)

    assert shop.desk.breaker.state == "closed"


async def test_refusals_of_the_trade_leave_the_breaker_alone(shop: Shop) -> None:
    await shop.counter.hear(bike_told(free=0, free_seq=2))

    await shop.fail(FEWEST_CALLS + 5, SoldOut)

    assert shop.desk.breaker.state == "closed"


async def test_a_full_desk_refuses_and_writes_nothing(make_shop: MakeShop) -> None:
    shop = make_shop(in_flight=1)
    shop.till.behaves = tills.falls_asleep
    running = asyncio.create_task(shop.reserve(an_order()))
    await shop.till.until_asked(1)

    with pytest.raises(Overloaded) as refused:
        await shop.reserve(an_order("mine"))

    assert refused.value.retry_after
    assert await shop.counter.rows() == (1, 0)
    await _end(running)


async def test_a_buyer_who_hangs_up_frees_the_place_and_leaves_the_intent_to_the_resolver(
    make_shop: MakeShop,
) -> None:
    shop = make_shop(in_flight=1)
    shop.till.behaves = tills.falls_asleep
    running = asyncio.create_task(shop.reserve(an_order("mine")))
    await shop.till.until_asked(1)

    await _end(running)
    await shop.counter.age(seconds=6)
    await shop.counter.tick("resolve_intents")

    assert shop.desk.limiter.in_flight == 0
    assert await shop.counter.rows() == (1, 0)
    shop.till.behaves = tills.opens
    assert (await shop.reserve(an_order("mine"))).answer


async def test_many_with_one_key_make_one_reservation(shop: Shop) -> None:
    results = await asyncio.gather(
        *[shop.reserve(an_order("mine")) for _ in range(200)], return_exceptions=True
    )

    made = [result for result in results if isinstance(result, Receipt)]
    assert len(set(made)) == 1
    assert {type(result) for result in results} <= {Receipt, InProgress, Overloaded}
    assert await shop.counter.rows() == (1, 1)
    assert len(shop.till.asked) == 1


async def test_a_crowd_with_one_key_takes_one_place_and_no_more(make_shop: MakeShop) -> None:
    shop = make_shop(in_flight=1)
    crowd = [shop.reserve(an_order("mine")) for _ in range(50)]
    stranger = shop.reserve(an_order("mine", asked="something else"))

    *results, other = await asyncio.gather(*crowd, stranger, return_exceptions=True)

    assert {type(result) for result in results} == {Receipt, InProgress}
    assert type(other) is KeyReused


async def _fails(shop: Shop, name: str) -> Order:
    order = an_order(name)
    with pytest.raises(PaymentAway):
        await shop.reserve(order)
    return order


async def _break(shop: Shop) -> None:
    """Payment is dead until the breaker has seen it."""
    await shop.counter.hear(bike_told(free=FEWEST_CALLS + 3, free_seq=2))
    shop.till.behaves = tills.hangs_up
    while shop.desk.breaker.state == "closed":
        await shop.fail(1)


async def _end(running: "asyncio.Task[Receipt]") -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
