"""Edges 05: bikes are named with a no-break space, an ideographic space, an emoji with a joiner or
a soft hyphen, and searched by their own names; measured is what the search answers; the fault is
a bike that is not found by its name, or a control character that is not refused.
"""

from typing import Final
from urllib.parse import quote
from uuid import uuid4

from tests.faults.outcome import Checks, Outcome, run
from tests.faults.people import anybody, new_bike, open_shop

NAMES: Final = {
    "woman-biking emoji (U+200D)": "\U0001f6b4\u200d\u2640\ufe0f 에디션 ",
    "no-break space (U+00A0)": "노을\u00a0",
    "ideographic space (U+3000)": "새벽\u3000",
    "soft hyphen (U+00AD)": "Carbon\u00adrad ",
}
CONTROLS: Final = ("%00", "%1b%5b2J", "%7f")


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    checks = Checks()
    with open_shop() as shop:
        person = anybody(shop)
        for label, begin in NAMES.items():
            name = begin + uuid4().hex[:6]
            number = new_bike(shop, 1, name=name)
            answer = person.ask("GET", f"/stocks?q={quote(name)}")
            listed = answer.body["_embedded"]["stocks"] if answer.status == 200 else []
            checks.check(
                f"a bike named with {label} is found by its name",
                answer.status,
                right=[one["bikeId"] for one in listed] == [number],
            )
        for character in CONTROLS:
            status = person.ask("GET", f"/stocks?q=a{character}").status
            checks.check(f"{character} is refused", status, right=status == 422)
    return checks.outcome


if __name__ == "__main__":
    raise SystemExit(main())
