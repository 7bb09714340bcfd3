"""A buyer whose payments were declined so many times in a row has to wait: here 5 times."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, Final

import msgspec
import pytest

from roadbike.kit.db.ids import new_id
from roadbike.payment import app
from roadbike.payment.domain import Outcome, TooManyTries, Try, TryLimit, check_tries
from tests.payment.builders import NOON
from tests.payment.fake_provider import time_passes
from tests.payment.http import ask, open_payment, payments
from tests.payment.test_late_money import writes
from tests.service_harness import ApiClient, ServiceHarness, api_client, http_client, settings

MOST: Final = 5
WINDOW: Final = timedelta(minutes=10)
LIMIT: Final = TryLimit(most=MOST, window=WINDOW)
NO: Final = Try(Outcome.NOT_CAPTURED, NOON)
YES: Final = Try(Outcome.CAPTURED, NOON)
PAID: Final = {"payStatus": "결제완료"}


@pytest.mark.parametrize("last", [[], [NO] * 4, [NO, NO, YES, NO, NO]])
def test_fewer_in_a_row_are_allowed(last: list[Try]) -> None:
    check_tries(LIMIT, last, NOON)


def test_the_next_one_waits_until_the_first_of_them_is_old_enough() -> None:
    last = [NO] * 4 + [Try(Outcome.NOT_CAPTURED, NOON - timedelta(minutes=4))]

    with pytest.raises(TooManyTries) as refused:
        check_tries(LIMIT, last, NOON)

    assert refused.value.retry_after == timedelta(minutes=6).total_seconds()
    check_tries(LIMIT, last, NOON + timedelta(minutes=6))


def test_without_a_limit_all_are_allowed() -> None:
    check_tries(TryLimit(), [NO] * 100, NOON)


@pytest.mark.parametrize(
    ("env", "chosen", "limit"),
    [("local", None, 0), ("production", None, 5), ("production", 0, 0), ("local", 7, 7)],
)
def test_the_limit_is_off_on_one_machine_and_on_in_production(
    env: Any, chosen: int | None, limit: int
) -> None:
    given = settings("payment", "sqlite+aiosqlite://") | {"simulated_journal_url": "sqlite://"}

    settings_ = app.Settings(**given, env=env, max_payment_tries=chosen)

    assert settings_.limit(chosen, app.MAX_PAYMENT_TRIES) == limit


async def test_after_five_declined_in_a_row_the_next_is_refused_and_writes_nothing(
    payment: ServiceHarness, limited: ApiClient, reservation: ApiClient
) -> None:
    pay_id = await opened(reservation)
    assert [await try_to_pay(limited, pay_id) for _ in range(MOST)] == [402] * MOST
    before, published = await writes(payment), len(await payment.published())

    answer = await ask(limited, f"PATCH /payments/{pay_id}", PAID, X_Simulate="approve")

    assert answer.status_code == 429
    assert answer.json()["type"] == "/problems/too-many-payment-tries"
    assert 1 <= int(answer.headers["retry-after"]) <= WINDOW.total_seconds()
    assert (await writes(payment), len(await payment.published())) == (before, published)
    assert (await payments(limited))[0]["payStatus"] == "결제예정"

    await time_passes(payment, WINDOW)
    assert await try_to_pay(limited, pay_id, "approve") == 200


async def test_the_tries_of_all_payments_of_the_buyer_count_and_those_of_others_do_not(
    limited: ApiClient, reservation: ApiClient
) -> None:
    mine = [await opened(reservation) for _ in range(MOST + 1)]
    other = await opened(reservation, userId="mallory")

    assert [await try_to_pay(limited, pay_id) for pay_id in mine] == [402] * MOST + [429]

    mallory = api_client(limited.client, "mallory", "buyer")
    assert await try_to_pay(mallory, other, "approve") == 200


async def test_a_success_ends_the_row(limited: ApiClient, reservation: ApiClient) -> None:
    first, second = await opened(reservation), await opened(reservation)

    assert [await try_to_pay(limited, first) for _ in range(MOST - 1)] == [402] * (MOST - 1)
    assert await try_to_pay(limited, first, "approve") == 200

    assert [await try_to_pay(limited, second) for _ in range(MOST)] == [402] * MOST
    assert await try_to_pay(limited, second) == 429


async def test_a_paid_payment_is_still_answered_with_200(
    limited: ApiClient, reservation: ApiClient
) -> None:
    paid, due = await opened(reservation), await opened(reservation)
    await try_to_pay(limited, paid, "approve")
    for _ in range(MOST):
        await try_to_pay(limited, due)

    assert await try_to_pay(limited, paid) == 200
    assert await try_to_pay(limited, due) == 429


@pytest.fixture
async def limited(payment: ServiceHarness) -> AsyncIterator[ApiClient]:
    """Alice, at the real app with ROADBIKE_MAX_PAYMENT_TRIES=5, on the same database."""
    chosen = msgspec.structs.replace(payment.service.settings, max_payment_tries=MOST)
    async with AsyncExitStack() as stack:
        service = app.build(chosen)  # type: ignore[arg-type]
        stack.push_async_callback(service.db.close)
        for resource in service.resources:
            await stack.enter_async_context(resource)
        client = await stack.enter_async_context(http_client(service))
        yield api_client(client, "alice", "buyer")


async def opened(reservation: ApiClient, **changes: object) -> str:
    """Open a payment; return its id."""
    return str((await open_payment(reservation, new_id(), **changes)).json()["payId"])


async def try_to_pay(buyer: ApiClient, pay_id: str, behaviour: str = "decline") -> int:
    answer = await ask(buyer, f"PATCH /payments/{pay_id}", PAID, X_Simulate=behaviour)
    return answer.status_code
