"""Edges 04: bikes are named, searched and reservations cancelled with Hangul in composed (NFC) and
decomposed (NFD) form; measured is which bikes are found and how the status is answered; the
fault is that the two forms of one word are treated as different words.
"""

import unicodedata
from urllib.parse import quote
from uuid import uuid4

from tests.faults.outcome import Checks, Outcome, run
from tests.faults.people import anybody, buyer, new_bike, open_shop


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    checks = Checks()
    word = f"한결{uuid4().hex[:4]}"
    with open_shop() as shop:
        composed = new_bike(shop, 1, name=f"{word} 하나")
        decomposed = new_bike(shop, 1, name=nfd(f"{word} 둘"))
        for label, sought in (("composed", word), ("decomposed", nfd(word))):
            page = anybody(shop).get(f"/stocks?size=100&q={quote(sought)}")
            found = {one["bikeId"] for one in page["_embedded"]["stocks"]}
            right = found == {composed, decomposed}
            checks.check(f"q in {label} form finds both bikes", sorted(found), right=right)
        customer = buyer(shop)
        at = f"/reservations/{customer.reserved(composed)}"
        cancelled = customer.ask("PATCH", at, {"reserveStatus": nfd("예약취소")})
        checks.check(
            "reserveStatus 예약취소 in decomposed form is accepted",
            (cancelled.status, cancelled.body.get("errors")),
            right=cancelled.status == 200,
        )
    return checks.outcome


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


if __name__ == "__main__":
    raise SystemExit(main())
