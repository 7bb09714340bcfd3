"""The headers of requests that clients send and the API reads: one list for all who need it."""

from typing import Final

REQUEST_HEADERS: Final = (  # a web page on another origin may send them, too
    "Accept-Language",
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "traceparent",
    "X-Device-Token",
    "X-Simulate",
)
OWN_HEADERS: Final = frozenset(  # set by browsers and by our own programs
    {"Content-Encoding", "Content-Length", "X-Forwarded-For", "X-Timeout-Ms"}
)
