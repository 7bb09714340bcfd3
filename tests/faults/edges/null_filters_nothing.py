"""Edges 03: lists are asked for with `reserveId=null` and other filters that name no reservation;
measured is how each is answered; the fault is a list that is not narrowed to one reservation.
"""

from tests.faults.outcome import Checks, Outcome, run
from tests.faults.people import Person, admin, buyer, new_bike, open_shop


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    checks = Checks()
    with open_shop() as shop:
        number = new_bike(shop, units=9)
        customer = buyer(shop)
        first, second = customer.reserved(number), customer.reserved(number)
        for query, may_list in queries(first, second):
            check(checks, customer, "/payments", query, may_list=may_list)
            check(checks, admin(shop), "/deliveries", query, may_list=may_list)
    return checks.outcome


def queries(first: str, second: str) -> list[tuple[str, bool]]:
    """Return each query, and whether a list of one reservation is a right answer to it."""
    empty = ("null", "NULL", "", "undefined")
    return [
        (f"reserveId={first}", True),
        *((f"reserveId={value}", False) for value in empty),
        (f"reserveid={first}", True),
        (f"reservation_id={first}", True),
        (f"reserveId={first}&reserveId={second}", False),
    ]


def check(checks: Checks, person: Person, path: str, query: str, *, may_list: bool) -> None:
    """A refusal is always right; a list only when its own link says that it was narrowed."""
    answer = person.ask("GET", f"{path}?{query}")
    listed = answer.status == 200
    narrowed = listed and "reserveId=" in answer.body["_links"]["self"]["href"]
    items = answer.body["page"]["totalElements"] if listed else None
    checks.check(
        f"GET {path}?{query[:52]}",
        f"{answer.status}, {items} items",
        right=answer.status == 422 or (narrowed and may_list),
    )


if __name__ == "__main__":
    raise SystemExit(main())
