"""How payment reacts to cancelled reservations: once or often, before or after the open."""

import pytest

from roadbike.contracts.reasons import Reason
from roadbike.payment import store
from roadbike.payment.domain import PaymentSummary
from tests.payment.http import open_payment
from tests.purchase_events import Story
from tests.service_harness import ApiClient, ServiceHarness


async def row(payment: ServiceHarness, story: Story) -> PaymentSummary:
    async with payment.db.read() as tx:
        found = await store.PAYMENTS.get(tx, story.reservation_id)
    assert found is not None
    return found


@pytest.mark.parametrize("registered", [True, False])
async def test_a_cancel_voids_the_payment_once_and_says_why(
    reservation: ApiClient, payment: ServiceHarness, *, registered: bool
) -> None:
    story = Story()
    await open_payment(reservation, story.reservation_id)

    for _ in range(3):
        await payment.consume(story.cancelled(registered=registered, reason=Reason.SOLD_OUT))

    _, event, *more = await payment.published()
    assert (type(event).__name__, event.reason) == ("PaymentCancelled", Reason.SOLD_OUT)
    assert event.version == 2
    assert more == []


async def test_a_repeated_cancel_changes_nothing_even_with_an_empty_inbox(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    story, never_opened = Story(), Story()
    await open_payment(reservation, story.reservation_id)
    cancels = [story.cancelled(), never_opened.cancelled(registered=False)]
    await payment.consume(*cancels)
    before = [await row(payment, one) for one in (story, never_opened)]

    await payment.consume(*cancels)
    await payment.consume(*cancels, *cancels)

    assert [await row(payment, one) for one in (story, never_opened)] == before


async def test_a_batch_of_cancels_treats_each_payment_separately(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    stories = [Story() for _ in range(20)]
    for story in stories[::2]:
        await open_payment(reservation, story.reservation_id)

    await payment.consume(*[story.cancelled() for story in stories])

    published = await payment.published_types()
    assert published == ["PaymentOpened"] * 10 + ["PaymentCancelled"] * 10
    assert all([(await row(payment, story)).cancel_asked for story in stories])
