"""A10: 64 MB of headers are sent to delivery's own port in one request, and 200 connections send
half a head; measured are delivery's memory and how many connections are still open after 20 s;
the fault is memory that grows by more than half of what was sent, or more than 150 open
connections.
"""

import socket
import time
from typing import Final

from tests.faults.outcome import CannotTry, Outcome, run, say
from tests.faults.people import connect, open_shop, process
from tests.system.real_shop import Shop

MEGABYTES: Final = 64
LINE: Final = b"X-A: " + b"a" * 8000 + b"\r\n"
HALF_A_HEAD: Final = b"GET /livez HTTP/1.1\r\nHost: a\r\n"
SLOW: Final = 200
PATIENCE_SECONDS: Final = 20


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    with open_shop() as shop:
        before, during, still_open = endless_head(shop)
        say(f"memory {before} -> {during} MB; the connection is open: {still_open}")
        waiting = slow_heads(shop)
    grown = during - before
    text = f"{grown} MB more for one head; {waiting} of {SLOW} slow heads are open"
    return Outcome(grown > MEGABYTES // 2 or waiting > SLOW * 3 // 4, text)


def endless_head(shop: Shop) -> tuple[int, int, bool]:
    """Return the memory before and after, and whether the connection is still open."""
    before = megabytes(shop)
    with connect(shop, "delivery") as line:
        try:
            line.sendall(HALF_A_HEAD)
            for _ in range(MEGABYTES * 1024 * 1024 // len(LINE)):
                line.sendall(LINE)
        except OSError as cut:
            say(f"cut while sending: {cut}")
            return before, megabytes(shop), False
        time.sleep(1)  # until the last bytes are read
        return before, megabytes(shop), is_open(line)


def slow_heads(shop: Shop) -> int:
    """Return how many of many half heads are still waited for."""
    lines = []
    try:
        for _ in range(SLOW):
            lines.append(connect(shop, "delivery"))
            lines[-1].sendall(HALF_A_HEAD)
        time.sleep(PATIENCE_SECONDS)
        return sum(is_open(line) for line in lines)
    except OSError as problem:
        raise CannotTry(f"{len(lines)} connections, then {problem}") from problem
    finally:
        for line in lines:
            line.close()


def is_open(line: socket.socket) -> bool:
    """Send one header more; a connection that was closed gives an end of file or an error."""
    try:
        line.sendall(b"X: y\r\n")
        line.settimeout(0.05)
        return bool(line.recv(1)) and False
    except TimeoutError:
        return True
    except OSError:
        return False


def megabytes(shop: Shop) -> int:
    return int(process(shop, "delivery").memory_info().rss) // 1024**2


if __name__ == "__main__":
    raise SystemExit(main())
