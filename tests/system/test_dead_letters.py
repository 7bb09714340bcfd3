"""An event that delivery cannot process: reported, listed, shown, retried and dismissed."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from roadbike.kit.auth import ServiceTokens
from roadbike.kit.messaging.parked import ALARM_ATTEMPTS, MAX_ATTEMPTS
from roadbike.local import keys
from tests.system.real_shop import Shop
from tests.system.shop_client import Person, ShopClient, until

GARBAGE = """
    INSERT INTO parked (event_id, topic, key, type, source, time, data, state, attempts, retry_at,
                        error)
    VALUES (lower(hex(randomblob(16))), 'payment', 'no-reservation', 'PaymentApproved.v1',
            'payment', datetime('now', '-3 hours'), '{', 'dead', :attempts, datetime('now'), 'E')
"""


def in_delivery(shop: Shop, statement: str, **values: object) -> None:
    """Change delivery's database behind its back."""
    path = shop.home.path / "delivery" / "delivery.db"
    with closing(sqlite3.connect(path, timeout=10)) as database, database:
        database.execute(statement, values)


@contextmanager
def missing_column(shop: Shop) -> Iterator[None]:
    in_delivery(shop, "ALTER TABLE delivery RENAME COLUMN carrier TO other")
    try:
        yield
    finally:
        in_delivery(shop, "ALTER TABLE delivery RENAME COLUMN other TO carrier")


async def paid(buyer: Person, bike_id: int) -> str:
    reserve_id = await buyer.reserved(bike_id)
    pay_id = (await buyer.payment_of(reserve_id))["payId"]
    answer = await buyer.request("PATCH", f"/payments/{pay_id}", {"payStatus": "결제완료"})
    assert answer.status == 200, answer
    return reserve_id


async def letters(shop: Shop, *more: str) -> Any:
    listed = await shop.roadbike("dead-letters", "list", "--json", *more)
    assert listed.code == 0, listed
    return listed.json


async def needs(shop: Shop) -> tuple[int, list[str]]:
    """Return the exit code of `status`, and why delivery needs a person."""
    status = await shop.roadbike("status", "--json")
    (row,) = [row for row in status.json if row["part"] == "delivery"]
    return status.code, row["needs_a_person"]


async def test_what_failed_for_long_is_reported_and_takes_effect_when_it_is_retried(
    client: ShopClient,
) -> None:
    shop, buyer = client.shop, client.buyer()
    bike_id = await client.bike(units=1)
    with missing_column(shop):
        reserve_id = await paid(buyer, bike_id)

        async def parked() -> int:
            count: int = (await client.status("delivery"))["parked"]
            return count

        await until(parked, lambda count: count > 0, "delivery parks the events")
        before = await needs(shop)
        in_delivery(shop, "UPDATE parked SET attempts = :n WHERE attempts > 0", n=ALARM_ATTEMPTS)
        stuck = await needs(shop)
        (letter, *_) = await letters(shop, "delivery")
        number = str(letter["id"])
        shown = await shop.roadbike("dead-letters", "show", "delivery", number)

    retried = await shop.roadbike("dead-letters", "retry", "delivery", number)

    assert before == (0, [])
    assert stuck == (1, ["stuck-events"])
    assert (letter["service"], letter["key"], letter["state"]) == ("delivery", reserve_id, "stuck")
    assert "no such column" in letter["error"]
    assert reserve_id in shown.out
    assert (retried.code, retried.out) == (0, f"delivery: {number} retried\n")
    await client.shop.roadbike_ok("dead-letters", "retry", "--all")
    await client.settle()
    assert (await buyer.get(f"/myPages/{reserve_id}"))["deliveryStatus"] == "배송준비"
    assert await needs(shop) == (0, [])
    assert await letters(shop) == []


async def test_a_dismissed_letter_is_kept_with_who_and_why(client: ShopClient) -> None:
    shop = client.shop
    await client.settle()
    for _ in range(2):
        in_delivery(shop, GARBAGE, attempts=MAX_ATTEMPTS)

    dead = await needs(shop)
    one, other = await letters(shop)
    why = ("--by", "kim", "--why", "a test order")
    first = await shop.roadbike("dead-letters", "dismiss", "delivery", str(one["id"]), *why)
    again = await shop.roadbike("dead-letters", "dismiss", "delivery", str(one["id"]), *why)
    rest = await shop.roadbike("dead-letters", "dismiss", "--all", *why)

    assert dead == (1, ["dead-letters"])
    assert one["age_seconds"] >= 3 * 3600
    assert (first.code, again.code, rest.code) == (0, 1, 0)
    assert again.err == f"roadbike: delivery has no dead letter {one['id']} that is still open\n"
    assert rest.out == f"delivery: {other['id']} dismissed\n"
    assert await needs(shop) == (0, [])
    everything = await letters(shop, "delivery", "--all")
    about = [(each["state"], each["dismissed_by"], each["dismissed_why"]) for each in everything]
    assert about == [("dismissed", "kim", "a test order")] * 2


async def test_a_service_that_does_not_answer_is_named(client: ShopClient) -> None:
    await client.shop.roadbike_ok("stop", "mypage")
    listed = await client.shop.roadbike("dead-letters", "list", "--json")
    await client.shop.roadbike_ok("start", "mypage")

    assert listed.code == 1
    assert "mypage does not answer" in listed.err
    assert json.loads(listed.out) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["retry"], "name a service and the ids of its letters, or give --all"),
        (["retry", "delivery", "7", "--all"], "name a service and the ids of its letters"),
        (["show", "bakery", "1"], "there is no service bakery: the services are stock"),
        (["show", "stock", "999999"], "stock has no such dead letter"),
        (["dismiss", "stock", "1", "--why", "x" * 1_001], "stock refuses: "),
    ],
)
async def test_what_cannot_be_done_is_one_sentence(
    client: ShopClient, arguments: list[str], sentence: str
) -> None:
    result = await client.shop.roadbike("dead-letters", *arguments)

    assert (result.code, result.out) == (1, "")
    assert sentence in result.err
    assert len(result.err.splitlines()) == 1


async def test_only_the_operators_commands_may_look(client: ShopClient) -> None:
    path = "/internal/dead-letters"
    url = client.shop.address("payment") + path
    own = keys.private(client.shop.home, "reservation").read_text()
    reservation = ServiceTokens("reservation", own, '{"keys": []}')
    asked: dict[str, dict[str, str]] = {
        "nobody": {},
        "staff": {"Authorization": f"Bearer {client.admin.token}"},
        "reservation": reservation.headers("payment", "GET", path),
        "ops": client.ops.headers("payment", "GET", path),
    }

    answers = {}
    for name, headers in asked.items():
        async with client.http.get(url, headers=headers) as response:
            answers[name] = response.status

    assert answers == {"nobody": 401, "staff": 401, "reservation": 403, "ops": 200}
