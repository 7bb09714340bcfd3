"""A circuit breaker in front of a dependency that may be unavailable."""

import random
import time
from asyncio import CancelledError
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Self

import msgspec
import structlog
from interlock import CircuitBreaker, CircuitOpenError, Config, State, WindowType
from interlock.protocols import Clock, CoreEventListener

from roadbike.kit import metrics
from roadbike.kit.pure.refusals import Unavailable

PROBE_RETRY_SECONDS: Final = 1.0  # while the probes of a half-open circuit run

WINDOW_SECONDS: Final = 10
FEWEST_CALLS: Final = 20  # in the window; with fewer the circuit stays closed
FAILED_SHARE: Final = 0.5
SLOW_SHARE: Final = 0.8
SLOW_PART: Final = 0.8  # of the call's deadline; a longer call is slow
OPEN_SECONDS: Final = 5.0
MAX_OPEN_SECONDS: Final = 8.0  # with jitter below 10: the limit from recovery to closed
JITTER: Final = 0.2
PROBES: Final = 3
MOST_COUNTED: Final = 5  # of the requests that share one call
FAILED_IN_A_ROW: Final = 8  # calls, each counted once, whatever shares it
CLOSED: Final = State.CLOSED.value
KEPT_CHANGES: Final = 50

STATES: Final = tuple(state.value for state in (State.CLOSED, State.OPEN, State.HALF_OPEN))

log = structlog.get_logger()


class OpenCircuit(Unavailable):
    """The dependency failed too often, so for a while it is not called. Nothing was sent."""


class _DependencyFailed(Exception):
    """The outcome that is reported to the library for a call that failed."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a breaker's state. number: counts its changes from 1. seconds_ago: until now."""

    number: int
    state: str
    seconds_ago: float


class BreakerReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a breaker stands. changes: the last KEPT_CHANGES changes of its state, oldest first."""

    state: str
    changes: list[Change] = []


class _Generation(CoreEventListener):
    """Counts the state changes: a call's outcome counts only in the state in which it began."""

    def __init__(self) -> None:
        self.number = 0
        self.has_failed_probe = False  # in the present half-open state
        self.failed_in_a_row = 0  # calls, since the last answer in the present state
        self.changes: deque[tuple[int, str, float]] = deque(maxlen=KEPT_CHANGES)

    def on_state_change(self, *, name: str, old: State, new: State) -> None:
        self.number += 1
        self.has_failed_probe = False
        self.failed_in_a_row = 0
        self.changes.append((self.number, new.value, time.monotonic()))
        log.warning("breaker.changed", breaker=name, before=old.value, now=new.value)
        metrics.BREAKER_CHANGES.labels(name, new.value).inc()


class Permit:
    """The permission to make one call. Without a reported outcome the call does not count.

    Use it in the task that asked for it: `async with breaker.permit() as permit: …`.
    """

    def __init__(self, breaker: "Breaker", counts: int) -> None:
        self._breaker, self._counts = breaker, counts
        self._is_reported = False
        self._generation = breaker.generation.number

    def succeeded(self) -> None:
        """Report that the dependency answered; a refusal by its rules is an answer too."""
        current = self._breaker.generation
        is_outvoted = current.has_failed_probe and self._generation == current.number
        self._report(_DependencyFailed() if is_outvoted else None)
        current.failed_in_a_row = 0

    def failed(self) -> None:
        """Report a failure: no connection, no answer in time, a 5xx, an unreadable answer."""
        self._report(_DependencyFailed())
        if self._generation == self._breaker.generation.number:
            self._breaker.call_failed()

    def _report(self, outcome: BaseException | None) -> None:
        if not self._is_reported:
            self._is_reported = True
            for _ in range(self._counts):
                self._breaker.record(outcome)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._report(CancelledError())  # no outcome: the library ignores cancelled calls


class Breaker:
    """A circuit breaker in front of one dependency, for one process.

    Opens at ≥ 50 % failures, or ≥ 80 % slower than 0.8 of the deadline, of ≥ 20 calls in 10 s; and
    at 8 failures in a row: a dependency that hangs gives few results beside those of before.
    Stays open for 5 s, and for 8 s after a relapse, ± 20 %. Is then half-open for 3 probes:
    three answers close it, one failure opens it again. The outcome of a call that began in an
    earlier state does not count. Without `opens`, no outcome counts and it stays closed.
    """

    def __init__(
        self, name: str, config: Config, clock: Clock | None, *, opens: bool = True
    ) -> None:
        self.name = name
        self._opens = opens
        self.generation = _Generation()
        self._circuit = CircuitBreaker(
            name=name, config=config, clock=clock, listener=self.generation
        )
        self._places: Counter[int] = Counter()  # held now, by the generation they were taken in
        metrics.show_state(name, STATES, lambda: self.state)

    @property
    def state(self) -> str:
        """Return "closed", "open" (refusing) or "half_open"."""
        return self._circuit.state.value

    def report(self) -> BreakerReport:
        """Return the state and the last changes of it."""
        now = time.monotonic()
        changes = [
            Change(number=number, state=state, seconds_ago=round(now - at, 3))
            for number, state, at in self.generation.changes
        ]
        return BreakerReport(state=self.state, changes=changes)

    def check(self) -> None:
        """Raise OpenCircuit when a call would be refused now. No call is made or counted."""
        self.permit()
        self.record(CancelledError())  # given back: it was only asked whether there is one

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place for a call that is made later in the block, after work of our own.

        Nothing is measured before the call takes its permit. While the circuit is half-open, as
        many places are given as there are probes. Raises OpenCircuit as `permit` does.
        """
        self.check()
        generation = self.generation.number
        if self._circuit.state is State.HALF_OPEN and self._places[generation] >= PROBES:
            raise OpenCircuit(retry_after=PROBE_RETRY_SECONDS)
        self._places[generation] += 1
        try:
            yield
        finally:
            self._places[generation] -= 1
            if not self._places[generation]:
                del self._places[generation]

    def permit(self, requests: int = 1) -> Permit:
        """Return the permission for one call: `async with breaker.permit() as permit: …`.

        The call is measured from here on. requests: that share it. While the circuit is closed it
        counts as that many calls, MOST_COUNTED at most, so that few large calls are enough to open
        it, and one is not. A probe counts once.
        Raises OpenCircuit (503) with the seconds until the next probe as `retry_after`.
        """
        if self.generation.has_failed_probe:
            self._force_open()  # use up the permit of a probe that ended without an outcome
        try:
            self._circuit.__enter__()
        except CircuitOpenError as error:
            raise OpenCircuit(retry_after=error.retry_after or PROBE_RETRY_SECONDS) from None
        counts = min(requests, MOST_COUNTED) if self.state == CLOSED else 1
        for _ in range(counts - 1):
            self._circuit.__enter__()
        return Permit(self, counts)

    def record(self, outcome: BaseException | None) -> None:
        """End the running task's call: None for an answer, an exception for a failure."""
        self._circuit.__exit__(None, outcome if self._opens else CancelledError(), None)

    def call_failed(self) -> None:
        """Open a half-open circuit again, and a closed one if too many in a row have failed."""
        if not self._opens:
            return
        if self._circuit.state is State.HALF_OPEN:
            self.generation.has_failed_probe = True
            self._force_open()
        elif self._circuit.state is State.CLOSED:
            self.generation.failed_in_a_row += 1
            if self.generation.failed_in_a_row >= FAILED_IN_A_ROW:
                self._trip()

    def _trip(self) -> None:
        """Open the closed circuit: with a window that holds nothing but failures."""
        self._circuit.reset()
        while self._circuit.state is State.CLOSED:
            self._circuit.__enter__()
            self._circuit.__exit__(None, _DependencyFailed(), None)

    def _force_open(self) -> None:
        """Use up the remaining probes as failures.

        The library decides only when all probes have ended. Probes that still run keep their
        permits, so the circuit may stay half-open, without free permits, until they end.
        """
        while self._circuit.state is State.HALF_OPEN:
            try:
                self._circuit.__enter__()
            except CircuitOpenError:
                return
            self._circuit.__exit__(None, _DependencyFailed(), None)


def breaker(
    name: str,
    *,
    deadline_ms: int,
    clock: Clock | None = None,
    jitter: Callable[[], float] = random.random,
    opens: bool = True,
) -> Breaker:
    """Return a new breaker in front of `name`, whose calls may take `deadline_ms`.

    clock: has monotonic(), in seconds. jitter: returns a number in 0..1; it is drawn once, so that
    replicas do not probe at the same time. opens: False for a breaker that is switched off.
    """
    factor = 1 - JITTER + 2 * JITTER * jitter()
    config = Config(
        window_type=WindowType.TIME_BASED,
        window_size=WINDOW_SECONDS,
        minimum_number_of_calls=FEWEST_CALLS,
        failure_rate_threshold=FAILED_SHARE,
        slow_call_rate_threshold=SLOW_SHARE,
        slow_call_duration_threshold=SLOW_PART * deadline_ms / 1000,
        wait_duration_in_open=OPEN_SECONDS * factor,
        wait_duration_backoff_multiplier=2.0,
        wait_duration_in_open_max=MAX_OPEN_SECONDS * factor,
        permitted_calls_in_half_open=PROBES,
        max_concurrent_probes=PROBES,
    )
    return Breaker(name, config, clock, opens=opens)
