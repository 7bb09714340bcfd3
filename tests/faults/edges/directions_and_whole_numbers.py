"""Edges 19: lists are sorted with `DESC` in capitals, and whole numbers are written as 1000.0 and
1e1; measured is the status of each; the fault is a refused direction, or a number that is an
integer in a query and not in a body.
"""

from tests.faults.outcome import Checks, Outcome, run
from tests.faults.people import anybody, buyer, new_bike, open_shop


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    checks = Checks()
    with open_shop() as shop:
        person = anybody(shop)
        for query in ("sort=price,DESC", "sort=price,Desc"):
            status = person.ask("GET", f"/stocks?{query}").status
            checks.check(f"GET /stocks?{query}", status, right=status == 200)
        number = new_bike(shop, 5, price=1000)
        body = f'{{"bikeId":{number},"price":1000.0}}'.encode()
        in_body = buyer(shop).ask("POST", "/reservations", raw=body).status
        in_query = [
            person.ask("GET", f"/stocks?page={page}&size=2").status for page in ("1.0", "1e1")
        ]
        checks.check(
            "1000.0 in a body and 1.0, 1e1 in a query are judged alike",
            (in_body, in_query),
            right=(in_body == 201) == (in_query[0] == 200),
        )
    return checks.outcome


if __name__ == "__main__":
    raise SystemExit(main())
