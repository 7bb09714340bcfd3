"""Edges 18: paths that no service serves and malformed chunked bodies are sent to the gateway;
measured are status, media type and headers; the fault is an answer that is not a problem
document, lacks the safe headers, or is not 400 for a malformed body.
"""

from typing import Final

from tests.faults.outcome import Checks, Outcome, run
from tests.faults.people import anybody, connect, open_shop
from tests.system.real_shop import Shop

SAFE: Final = (
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "permissions-policy",
)
PATHS: Final = ("/", "/STOCKS", "/stock", "/api/stocks", "/openapi.json")
CHUNKS: Final = {
    "a bare LF behind a chunk's size": b"2\n{}\r\n0\r\n\r\n",
    "a chunk's size that is not a number": b"zz\r\n{}\r\n0\r\n\r\n",
}
HEAD: Final = (
    b"POST /accounts/tokens HTTP/1.1\r\nHost: x\r\n"
    b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    checks = Checks()
    with open_shop() as shop:
        for path in PATHS:
            check_path(checks, shop, path)
        for label, chunk in CHUNKS.items():
            status = status_of(shop, chunk)
            checks.check(label, f"{status}, right: 400", right=status == 400)
    return checks.outcome


def check_path(checks: Checks, shop: Shop, path: str) -> None:
    answer = anybody(shop).ask("GET", path)
    media = answer.headers.get("content-type", "")
    is_page = path == "/" and answer.status == 200
    is_problem = media.startswith("application/problem+json")
    what = f"GET {path} is a problem document"
    checks.check(what, (answer.status, media, answer.raw[:30]), right=is_page or is_problem)
    missing = [name for name in SAFE if name not in answer.headers]
    checks.check(f"GET {path} has the safe headers", f"missing: {missing}", right=not missing)


def status_of(shop: Shop, chunk: bytes) -> int:
    with connect(shop) as line:
        line.sendall(HEAD + chunk)
        return int(line.makefile("rb").readline().split()[1])


if __name__ == "__main__":
    raise SystemExit(main())
