"""A8: 20 clients announce a body and hang up, through the gateway and at account's own port;
measured is by how much account's log grows; the fault is a log that grows by more than five
times what was sent.
"""

import json
import time
from typing import Final

from tests.faults.outcome import Outcome, run, say
from tests.faults.people import connect, open_shop
from tests.system.real_shop import Shop

HANG_UPS: Final = 20
CUT: Final = (
    b"POST /accounts HTTP/1.1\r\nHost: a\r\n"
    b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
)
MOST: Final = 5  # bytes of log for each byte sent


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    with open_shop() as shop:
        growth = {door: growth_by(shop, door) for door in ("gateway", "account")}
        last = shop.home.log("account").read_text().splitlines()[-1]
    entry = json.loads(last)
    say(f"the last line has level {entry['level']}: {entry.get('exception', '')[-80:]!r}")
    worst = max(growth.values())
    return Outcome(worst > MOST, f"the log grows by {worst:.0f} bytes for each byte sent")


def growth_by(shop: Shop, door: str) -> float:
    """Return bytes of log for each byte that was sent."""
    log = shop.home.log("account")
    before = log.stat().st_size
    for _ in range(HANG_UPS):
        with connect(shop, door) as line:
            line.sendall(CUT)
            time.sleep(0.05)  # so that the head is read before the end
    time.sleep(2)
    grown = log.stat().st_size - before
    say(f"{door}: {HANG_UPS * len(CUT)} bytes sent, the log grew by {grown} bytes")
    return grown / (HANG_UPS * len(CUT))


if __name__ == "__main__":
    raise SystemExit(main())
