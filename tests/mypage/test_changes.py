"""Which purchases have changed: the storefront asks for all that are watched at once."""

import asyncio

import pytest

from roadbike.kit.pure.refusals import Forbidden
from roadbike.kit.web import Caller
from roadbike.mypage.changes_api import Changes, ChangesApi, Watched
from tests.purchase_events import Story
from tests.service_harness import ServiceHarness

STOREFRONT = Caller("storefront", frozenset())


async def test_a_purchase_with_more_events_than_known_is_named_at_once(
    mypage: ServiceHarness,
) -> None:
    known, changed = Story(), Story()
    await mypage.consume(known.registered(), changed.registered(), changed.opened())
    watched = Watched(known={known.reservation_id: 1, changed.reservation_id: 1})

    answer = await ChangesApi(mypage.db).changes(watched, STOREFRONT)

    assert answer == Changes({changed.reservation_id: 2})


async def test_the_answer_comes_with_the_next_event(mypage: ServiceHarness) -> None:
    story = Story()
    await mypage.consume(story.registered())
    watched = Watched(known={story.reservation_id: 1})

    asked = asyncio.create_task(ChangesApi(mypage.db, 30).changes(watched, STOREFRONT))
    await mypage.consume(story.opened())

    assert await asked == Changes({story.reservation_id: 2})


async def test_without_a_change_the_answer_is_empty(mypage: ServiceHarness) -> None:
    story = Story()
    await mypage.consume(story.registered())

    watched = Watched(known={story.reservation_id: 1})

    assert await ChangesApi(mypage.db, 0.3).changes(watched, STOREFRONT) == Changes({})


async def test_another_service_may_not_ask(mypage: ServiceHarness) -> None:
    with pytest.raises(Forbidden):
        await ChangesApi(mypage.db).changes(Watched(known={}), Caller("stock", frozenset()))
