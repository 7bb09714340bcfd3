"""A3: payment is stopped and another program on its port keeps the internal token of reservation's
request; with it the payment is opened at 1 KRW once payment is back; measured are the answers
and my page of the buyer; the fault is a bike that is paid with 1 KRW and prepared for delivery.
"""

import json
from typing import Any, Final
from uuid import uuid4

from tests.faults.outcome import Outcome, Prevented, run, say
from tests.faults.people import Person, buyer, new_bike, open_shop, seen_within
from tests.faults.squatter import Caught, squatting
from tests.system.real_shop import Shop

PRICE: Final = 5_100_000


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    with open_shop() as shop:
        number, customer = new_bike(shop, 5, price=PRICE), buyer(shop)
        with squatting(shop, "payment", reply) as pipe:
            reserve_id = seen_within(lambda: reserved(customer, number), 20, pause=1)
            if not pipe.poll(1):
                raise Prevented("reservation sent nothing to payment's port")
            caught: Caught = pipe.recv()
        if not reserve_id:
            raise Prevented("reservation did not believe the answer")
        opened = open_for_one_won(shop, caught.authorization, reserve_id, number)
        page = paid_page(customer, reserve_id) if opened in {200, 201} else {}
    say(f"my page: {page.get('price')} KRW, {page.get('payStatus')} {page.get('deliveryStatus')}")
    seen = page.get("deliveryStatus") == "배송준비"
    return Outcome(seen, f"a bike of {PRICE} KRW {'paid with' if seen else 'not sold for'} 1 KRW")


def reply(path: str, body: bytes) -> bytes:
    """Answer an open as payment would."""
    if not body:
        return b"{}"
    about = {
        "reserveId": path.rpartition("/")[2],
        "payId": str(uuid4()),
        "payStatus": "결제예정",
    }
    return json.dumps(about | json.loads(body)).encode()


def reserved(customer: Person, number: int) -> str:
    answer = customer.reserve(number)
    say(f"payment is stopped; a reservation: {answer.status}")
    return str(answer.body["reserveId"]) if answer.status == 201 else ""


def open_for_one_won(shop: Shop, authorization: str, reserve_id: str, number: int) -> int:
    wanted = {"bikeId": number, "userId": "buyer", "price": 1}
    thief = Person(shop, authorization.removeprefix("Bearer "))
    at = f"/internal/payments/{reserve_id}"
    answer = thief.ask("PUT", at, wanted, service="payment")
    say(f"the caught token opens the payment at 1 KRW: {answer.status}")
    return answer.status


def paid_page(customer: Person, reserve_id: str) -> Any:
    paid = customer.pay(customer.payment_of(reserve_id)["payId"])
    say(f"paid: {paid.status}")

    def page() -> Any:
        return customer.ask("GET", f"/myPages/{reserve_id}").body

    seen_within(lambda: page().get("deliveryStatus") == "배송준비", 5)
    return page()


if __name__ == "__main__":
    raise SystemExit(main())
