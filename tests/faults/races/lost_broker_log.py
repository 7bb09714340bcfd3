"""Races 2: payment is stopped, a paid reservation is cancelled, and NATS loses its disk before
payment is back; measured is the status of the payment for 75 s; the fault is a payment that
stays paid.
"""

import shutil
from typing import Any, Final

from tests.faults.outcome import Outcome, run, say
from tests.faults.people import buyer, new_bike, ok, open_shop, order, seen_within, until

PATIENCE_SECONDS: Final = 75  # a check each minute would have noticed
CANCELLED: Final = "결제취소"


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    with open_shop() as shop:
        customer = buyer(shop)
        reserve_id = customer.reserved(new_bike(shop, 5))
        pay_id = customer.payment_of(reserve_id)["payId"]
        ok(customer.pay(pay_id), 200)

        def page() -> Any:
            return customer.ask("GET", f"/myPages/{reserve_id}").body

        until(lambda: page().get("deliveryStatus") == "배송준비", 20, "it is prepared")
        order(shop, "stop", "payment")
        ok(customer.ask("DELETE", f"/reservations/{reserve_id}"), 200)
        until(lambda: page().get("deliveryStatus") == "배송취소", 20, "the cancel is consumed")
        order(shop, "stop", "nats")
        shutil.rmtree(shop.home.path / "nats" / "data")
        order(shop, "start", "nats")
        order(shop, "start", "payment")
        status = f"/payments/{pay_id}"
        refunded = seen_within(
            lambda: customer.get(status)["payStatus"] == CANCELLED, PATIENCE_SECONDS, pause=1
        )
        say({name: page().get(name) for name in ("reserveStatus", "payStatus", "deliveryStatus")})
        text = f"{PATIENCE_SECONDS} s later the payment is {customer.get(status)['payStatus']}"
    return Outcome(not refunded, text)


if __name__ == "__main__":
    raise SystemExit(main())
