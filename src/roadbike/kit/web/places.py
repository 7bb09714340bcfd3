"""The places of the requests that are worked on: each kind has its own, so none fills the others'.

A request waits or is refused here, where that costs nearly nothing: its token and its body are not
read yet. Probes and calls between services have no limit here.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol

from litestar.types import HTTPScope

from roadbike.kit import metrics
from roadbike.kit.pure.refusals import Overloaded, Unavailable
from roadbike.kit.resilience.lag import Lag
from roadbike.kit.resilience.limiter import RETRY_SECONDS, Limiter
from roadbike.kit.resilience.turns import Turns
from roadbike.kit.web.replays import Replays

Place = AbstractAsyncContextManager[None]
Admit = Callable[[int], None]

# A crowd of readers waits here, where that costs nothing. One event loop does all work of a process
# in turn, so each request that is worked on delays all others, and the inbox and the relay, too.
READS_AT_A_TIME: Final = 100
READS_IN_A_ROUND: Final = 10  # of the event loop
READ_WAIT_SECONDS: Final = 1.0
MAX_WAITING_READS: Final = 2_000
# Cancels, payments, log-ins, changes by staff: everything that is not a read and not hot.
WRITES_AT_A_TIME: Final = 200
BUSY: Final = 20  # requests; with fewer it is not the requests that make the event loop late
NEVER_LIMITED: Final = ("/livez", "/readyz", "/internal/", "/metrics")
SAFE_METHODS: Final = frozenset({"GET", "OPTIONS"})  # a HEAD is a GET by now
IDEMPOTENCY_KEY: Final = b"idempotency-key"


class Hot(Protocol):
    """A hot route: what admits its requests, and how many of them are worked on."""

    admit: Admit
    working: int
    pattern: str


def everybody(_working: int) -> None:
    """Admit every request. A hot route that admits everybody has the places of its kind."""


class Places:
    """The places of one service, in this process.

    lag: how late the event loop is. shed_lag_ms: from which lag (p95) on reads and hot requests are
    refused, while there are BUSY or more requests; 0 is never.
    refused: how many requests of each kind were refused here.
    """

    def __init__(self, lag: Lag | None = None, shed_lag_ms: int = 0) -> None:
        self.lag, self._shed_lag_ms = lag or Lag(), shed_lag_ms
        self.reads = Limiter(
            READS_AT_A_TIME, wait_seconds=READ_WAIT_SECONDS, queue=MAX_WAITING_READS
        )
        self.writes = Limiter(WRITES_AT_A_TIME)
        self.replays = Replays()
        self.hot = 0  # hot requests that are worked on
        self.refused: Counter[str] = Counter()
        self._starts, self._refusals = Turns(READS_IN_A_ROUND), Turns(READS_IN_A_ROUND)
        metrics.show_places("hot", lambda: self.hot, lambda: 0)
        metrics.show_places("reads", lambda: self.reads.in_flight, lambda: self.reads.waiting)
        metrics.show_places("writes", lambda: self.writes.in_flight, lambda: self.writes.waiting)

    @property
    def limits(self) -> dict[str, int]:
        """Return the limits by name; 0 is off."""
        limits = {"reads": self.reads.limit, "writes": self.writes.limit}
        return limits | {"lagMs": self._shed_lag_ms}

    def of(self, scope: HTTPScope, hot: Hot | None) -> Place | None:
        """Return the place of a request, to be held while it is worked on; None without a limit.

        hot: its route, if that is hot. Entering the place raises Unavailable.
        """
        if hot is not None and hot.admit is not everybody:
            return self._hot(scope, hot)
        if scope["path"].startswith(NEVER_LIMITED):
            return None
        return self._read() if scope["method"] in SAFE_METHODS else self._write()

    @asynccontextmanager
    async def _read(self) -> AsyncIterator[None]:
        try:
            self._shed_if_late()
            async with self.reads.place():
                await self._starts.mine()
                yield
        except Overloaded:
            self._count_refused("reads")
            await self._refusals.mine()  # those who came together give up together
            raise

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[None]:
        try:
            async with self.writes.place():
                yield
        except Overloaded:
            self._count_refused("writes")
            raise

    def refusal_of(self, hot: Hot, headers: Mapping[bytes, bytes]) -> Unavailable | None:
        """Return the refusal of a request of this hot route, and count it; None if it may go on.

        headers: names in lower case.
        """
        try:
            self._check(hot)
        except Unavailable as refusal:
            key = headers.get(IDEMPOTENCY_KEY)
            if key is not None and self.replays.may_go_on(key):
                return None
            self._count_refused("hot")
            return refusal
        return None

    @asynccontextmanager
    async def _hot(self, scope: HTTPScope, hot: Hot) -> AsyncIterator[None]:
        key = _key_of(scope)
        try:
            self._check(hot)
        except Unavailable:
            if key is None or not self.replays.may_go_on(key):
                self._count_refused("hot")
                raise
            self.replays.count(key)
            async with self.replays.places.place():
                yield
            return
        if key is not None:
            self.replays.note(key)
        self.hot += 1
        hot.working += 1
        try:
            yield
        finally:
            self.hot -= 1
            hot.working -= 1

    def _count_refused(self, kind: str) -> None:
        self.refused[kind] += 1
        metrics.count_place_refused(kind)

    def _check(self, hot: Hot) -> None:
        hot.admit(hot.working)
        if not hot.pattern.startswith(NEVER_LIMITED):
            self._shed_if_late()

    def _shed_if_late(self) -> None:
        if not self._shed_lag_ms or self.lag.p95_ms <= self._shed_lag_ms:
            return
        if self.hot + self.reads.in_flight + self.writes.in_flight >= BUSY:
            raise Overloaded(retry_after=RETRY_SECONDS)


def _key_of(scope: HTTPScope) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == IDEMPOTENCY_KEY), None)
