"""Requests with an idempotency key, while requests like them are refused.

Theirs may be answered already, and then the same answer is due. To find that out costs a token, a
body and a look at the database, as much as a request that is not refused: so most may go on only if
their key was let in before, by this process.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from roadbike.kit.resilience.limiter import Limiter

AT_A_TIME: Final = 20
KNOWN_A_SECOND: Final = 40
NEW_A_SECOND: Final = 4  # of keys that another replica may know, or this process before its restart
KEPT_KEYS: Final = 10_000
LONGEST_KEY: Final = 200  # bytes that are kept of one


class Replays:
    """Counts them. places: of those that are worked on. clock: seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.places = Limiter(AT_A_TIME, queue=0)
        self._clock = clock
        self._let_in: OrderedDict[bytes, None] = OrderedDict()
        self._second = 0
        self._counts = {True: 0, False: 0}  # in this second, by whether their key is known

    def note(self, key: bytes) -> None:
        """Remember the key of a request that is let in."""
        self._let_in[key[:LONGEST_KEY]] = None
        self._let_in.move_to_end(key[:LONGEST_KEY])
        if len(self._let_in) > KEPT_KEYS:
            self._let_in.popitem(last=False)

    def may_go_on(self, key: bytes) -> bool:
        """Return whether there is a place for a request with that key now."""
        is_known = self._is_known(key)
        many = self._counts_now()[is_known] >= (KNOWN_A_SECOND if is_known else NEW_A_SECOND)
        return not many and not self.places.is_full

    def count(self, key: bytes) -> None:
        """Count a request that goes on."""
        self._counts_now()[self._is_known(key)] += 1

    def _is_known(self, key: bytes) -> bool:
        return key[:LONGEST_KEY] in self._let_in

    def _counts_now(self) -> dict[bool, int]:
        if self._second != (now := int(self._clock())):
            self._second, self._counts = now, {True: 0, False: 0}
        return self._counts
