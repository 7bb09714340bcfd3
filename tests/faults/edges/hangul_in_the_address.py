"""Edges 08: a search is sent with Hangul as bare UTF-8 in the address, as curl does; measured are
status and media type; the fault is a refusal that is not a problem document.
"""

from uuid import uuid4

from tests.faults.outcome import Checks, Outcome, run
from tests.faults.people import connect, new_bike, open_shop
from tests.system.real_shop import Shop


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    checks = Checks()
    word = f"날것{uuid4().hex[:5]}"
    with open_shop() as shop:
        new_bike(shop, 1, name=word)
        head, _, body = search(shop, word).partition(b"\r\n\r\n")
        status = int(head.split()[1])
        is_problem = b"application/problem+json" in head.lower()
        checks.check(
            "bare UTF-8 in the query is understood, or refused by a problem document",
            (status, body[:60]),
            right=status == 200 or is_problem,
        )
    return checks.outcome


def search(shop: Shop, word: str) -> bytes:
    request = f"GET /stocks?q={word} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with connect(shop) as line:
        line.sendall(request.encode())
        return b"".join(iter(lambda: line.recv(65536), b""))


if __name__ == "__main__":
    raise SystemExit(main())
