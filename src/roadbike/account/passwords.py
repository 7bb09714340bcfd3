"""Password hashing: slow on purpose, so it runs in threads of its own with a short queue."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Final, Self, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from roadbike.kit.pure.refusals import Overloaded

T = TypeVar("T")

ONE_TIME_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # that nobody takes for another
ONE_TIME_GROUPS: Final = 4  # of as many letters
MEMORY_KIB: Final = 19 * 1024  # OWASP's argon2id: m = 19 MiB, t = 2, p = 1
PASSES: Final = 2
LANES: Final = 1
THREADS: Final = 2  # for log-ins
MAX_WAITING: Final = 20
RESERVED_TURNS: Final = 10  # beyond those, for log-ins from known devices
SIGN_UP_THREADS: Final = 1  # of their own, so that log-ins do not wait for sign-ups
SIGN_UPS_WAITING: Final = 10
RETRY_AFTER_SECONDS: Final = 1
UNKNOWN_USER_HASH: Final = (  # of an unknown password: checked so that timing shows no user ids
    "$argon2id$v=19$m=19456,t=2,p=1"
    "$dXuuVZxqpDtbcgicw34hPg"
    "$EfYptZzSPSXYya0HrecicpVjqrabAcktK+GzSxgue6s"
)


def hasher() -> PasswordHasher:
    """Return argon2id with the shop's parameters."""
    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


@cache
def common_words() -> frozenset[str]:
    """Return the words of common_passwords.txt, which says where they come from."""
    text = files("roadbike.account").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(
        word for line in text.splitlines() if not line.startswith("#") for word in line.split()
    )


class Passwords:
    """Hashes and checks passwords in `threads` threads, with at most `waiting` more requests.

    Hash and check inside `turn()`: without a turn the request is refused before any work.
    It is a context manager; on exit its threads end.
    """

    def __init__(self, threads: int = THREADS, waiting: int = MAX_WAITING) -> None:
        self._hasher = hasher()
        self._max_turns = threads + waiting
        self._turns = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")

    @contextmanager
    def turn(self, *, reserved: bool = False) -> Iterator[None]:
        """Take a place in the queue for the block. Raises Overloaded when there is none.

        reserved: whether one of the RESERVED_TURNS may be taken, too.
        """
        if self._turns >= self._max_turns + reserved * RESERVED_TURNS:
            raise Overloaded(retry_after=RETRY_AFTER_SECONDS)
        self._turns += 1
        try:
            yield
        finally:
            self._turns -= 1

    async def hash(self, password: str) -> str:
        """Return the encoded hash to store."""
        return await self._in_thread(lambda: self._hasher.hash(password))

    async def matches(self, password: str, stored: str | None) -> bool:
        """Return whether the stored hash is of this password.

        None (an unknown user) never matches and takes as long.
        """
        checked = stored or UNKNOWN_USER_HASH
        right = await self._in_thread(lambda: _verified(self._hasher, checked, password))
        return right and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Return whether the hash was made with other parameters than the current ones."""
        return self._hasher.check_needs_rehash(stored)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _verified(hasher: PasswordHasher, stored: str, password: str) -> bool:
    try:
        return hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def one_time_password() -> str:
    """Return a random password of 79 bits, in groups that can be read out."""
    letters = [secrets.choice(ONE_TIME_LETTERS) for _ in range(ONE_TIME_GROUPS**2)]
    starts = range(0, len(letters), ONE_TIME_GROUPS)
    return "-".join("".join(letters[start : start + ONE_TIME_GROUPS]) for start in starts)
