"""A circuit breaker in front of a dependency that may be unavailable."""

import random
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

import structlog
from interlock import CircuitBreaker, CircuitOpenError, Config, State, WindowType
from interlock.protocols import Clock, CoreEventListener

from roadbike.kit.pure.refusals import Refusal, Unavailable

BUSY_RETRY_SECONDS: Final = 1.0

WINDOW_SECONDS: Final = 10
FEWEST_CALLS: Final = 20
FAILED_SHARE: Final = 0.5
SLOW_SHARE: Final = 0.8
SLOW_PART: Final = 0.8  # of the call's deadline
OPEN_SECONDS: Final = 5.0
LONGEST_OPEN_SECONDS: Final = 30.0
JITTER: Final = 0.2
PROBES: Final = 3
SERVER_FAULT: Final = 500

log = structlog.get_logger()


class OpenCircuit(Unavailable):
    """The dependency failed too often: it is left alone for a while. Nothing was sent."""


class _Failed(Exception):
    """What the breaker is told when the dependency failed."""


class _Rounds(CoreEventListener):
    """Counts the breaker's states: a result counts only in the round it was begun in."""

    def __init__(self) -> None:
        self.number = 0
        self.is_spoiled = False  # a call of this half-open round has failed

    def on_state_change(self, *, name: str, old: State, new: State) -> None:
        self.number += 1
        self.is_spoiled = False
        log.warning("breaker.changed", breaker=name, before=old.value, now=new.value)


class Permit:
    """Leave to make one call. Without a verdict it is given back as if it had not been taken.

    Use it in the task that got it.
    """

    def __init__(self, breaker: "Breaker") -> None:
        self._breaker = breaker
        self._told = False
        self._round = breaker.rounds.number

    def succeeded(self) -> None:
        """Tell that the dependency answered; a refusal of the trade is an answer."""
        rounds = self._breaker.rounds
        is_late = rounds.is_spoiled and self._round == rounds.number
        self._tell(_Failed() if is_late else None)

    def failed(self) -> None:
        """Tell that it did not: no connection, no answer in time, a 5xx, a broken answer."""
        self._tell(_Failed())
        if self._round == self._breaker.rounds.number:
            self._breaker.spoil()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Give the verdict on the call in the block.

        A Refusal below 500 is an answer, every other exception a failure; a cancellation tells
        nothing.
        """
        try:
            yield
        except Refusal as refusal:
            if refusal.status < SERVER_FAULT:
                self.succeeded()
            else:
                self.failed()
            raise
        except Exception:
            self.failed()
            raise
        else:
            self.succeeded()

    def _tell(self, outcome: BaseException | None) -> None:
        if not self._told:
            self._told = True
            self._breaker.leave(outcome)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._tell(CancelledError())  # no verdict: to the breaker as if it had been cancelled


class Breaker:
    """A circuit breaker in front of one dependency, for one process.

    Opens at ≥ 50 % failures, or ≥ 80 % slower than 0.8 of the deadline, of ≥ 20 calls in 10 s;
    stays open 5 s, doubled at each relapse up to 30 s, ± 20 %; then 3 calls try: three answers
    close it, one failure opens it again. Results of an earlier state count for nothing.
    """

    def __init__(self, name: str, config: Config, clock: Clock | None) -> None:
        self.name = name
        self.rounds = _Rounds()
        self._circuit = CircuitBreaker(name=name, config=config, clock=clock, listener=self.rounds)

    @property
    def state(self) -> str:
        """Return "closed", "open" (refusing) or "half_open"."""
        return self._circuit.state.value

    def permit(self) -> Permit:
        """Return leave to call: `async with breaker.permit() as permit: …`.

        Raises OpenCircuit (503) with the time until the next try.
        """
        if self.rounds.is_spoiled:
            self._burn()  # a permit that came back unused lets nobody in any more
        try:
            self._circuit.__enter__()
        except CircuitOpenError as error:
            raise OpenCircuit(retry_after=error.retry_after or BUSY_RETRY_SECONDS) from None
        return Permit(self)

    def leave(self, outcome: BaseException | None) -> None:
        """Settle the permit of the running task: None is an answer, _Failed none."""
        self._circuit.__exit__(None, outcome, None)

    def spoil(self) -> None:
        """Open again after one failed try, as soon as the other tries are back."""
        if self._circuit.state is State.HALF_OPEN:
            self.rounds.is_spoiled = True
            self._burn()

    def _burn(self) -> None:
        """Use up the tries that are left: the library itself would wait for all of them."""
        while self._circuit.state is State.HALF_OPEN:
            try:
                self._circuit.__enter__()
            except CircuitOpenError:
                return
            self._circuit.__exit__(None, _Failed(), None)


def breaker(
    name: str,
    *,
    deadline_ms: int,
    clock: Clock | None = None,
    jitter: Callable[[], float] = random.random,
) -> Breaker:
    """Make the breaker in front of `name`, whose calls may take `deadline_ms`.

    clock: has monotonic(); jitter: a number in 0..1 drawn once, so that replicas do not try at
    the same time.
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
        wait_duration_in_open_max=LONGEST_OPEN_SECONDS * factor,
        permitted_calls_in_half_open=PROBES,
        max_concurrent_probes=PROBES,
    )
    return Breaker(name, config, clock)
