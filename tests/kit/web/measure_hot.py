"""Measure what a hot route saves: python -m tests.kit.web.measure_hot.

It calls the test app without a server, with and without hot routes, in turn, and prints the
microseconds of CPU for each request.
"""

# ruff: noqa: T201  it prints its results

import asyncio
import logging
import time
from typing import Any, Final

import structlog

from tests.kit.web.conftest import State, make_app

REQUESTS: Final = 500  # of one round
ROUNDS: Final = 10
HEADERS: Final = [
    (b"host", b"shop"),
    (b"authorization", b"Bearer buyer"),
    (b"content-type", b"application/json"),
]


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    apps = {hot: make_app(reset(State()), hot=hot) for hot in (False, True)}
    best = dict.fromkeys(apps, 1.0)
    for _ in range(ROUNDS):
        for hot, app in apps.items():
            best[hot] = min(best[hot], await seconds(app))
    for hot, took in best.items():
        print(f"{'hot' if hot else 'by Litestar'}: {took * 1e6:.0f} µs")


def reset(state: State) -> State:
    state.reset()
    return state


async def seconds(app: Any) -> float:
    """Return the CPU time of one request."""
    start = time.process_time()
    for _ in range(REQUESTS):
        await ask(app)
    return (time.process_time() - start) / REQUESTS


async def ask(app: Any) -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        assert message.get("status", 200) == 200, message

    await app(
        {
            "type": "http",
            "method": "POST",
            "path": "/keys",
            "raw_path": b"/keys",
            "query_string": b"",
            "headers": HEADERS,
            "client": ("127.0.0.1", 1),
            "http_version": "1.1",
            "scheme": "http",
            "server": ("shop", 1),
            "root_path": "",
        },
        receive,
        send,
    )


if __name__ == "__main__":
    asyncio.run(main())
