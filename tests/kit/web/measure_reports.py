"""Measure what logs and metrics cost: python -m tests.kit.web.measure_reports.

It calls a hot route of the test app without a server, with and without its log line and metrics,
in turn, and prints the microseconds of CPU for each request. The lines go to a file, as in a shop.
"""

# ruff: noqa: T201  it prints its results

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from roadbike.kit import logs
from roadbike.kit.web import edge
from tests.kit.web.conftest import State, make_app
from tests.kit.web.measure_hot import reset, seconds

ROUNDS = 20


async def main() -> None:
    logs.configure("measured", "info")
    app = make_app(reset(State()), hot=True)
    best = dict.fromkeys((False, True), 1.0)
    with errors_in_a_file():
        for _ in range(ROUNDS):
            for reported in best:
                with _reporting(reported):
                    best[reported] = min(best[reported], await seconds(app))
    without, reported = (round(took * 1e6, 1) for took in best.values())
    print(f"without: {without} µs, with log line and metrics: {reported} µs")


@contextmanager
def errors_in_a_file() -> Iterator[None]:
    """Let standard error be a file, opened for appending, as the supervisor does."""
    kept = os.dup(sys.stderr.fileno())
    with tempfile.TemporaryFile("ab") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
        try:
            yield
        finally:
            os.dup2(kept, sys.stderr.fileno())


@contextmanager
def _reporting(on: bool) -> Iterator[None]:  # noqa: FBT001 one of two runs
    report = edge.report
    edge.report = report if on else lambda *_: None
    try:
        yield
    finally:
        edge.report = report


if __name__ == "__main__":
    asyncio.run(main())
