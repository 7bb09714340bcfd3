"""Password hashing: slow on purpose, so it has its own two threads and a short queue."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from types import TracebackType
from typing import Final, Self, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from roadbike.kit.pure.refusals import Overloaded

T = TypeVar("T")

MEMORY_KIB: Final = 19 * 1024  # OWASP's argon2id: m = 19 MiB, t = 2, p = 1
PASSES: Final = 2
LANES: Final = 1
THREADS: Final = 2
LONGEST_QUEUE: Final = 20
NOBODYS: Final = (  # of a password that nobody knows: unknown users take as long as known ones
    "$argon2id$v=19$m=19456,t=2,p=1"
    "$dXuuVZxqpDtbcgicw34hPg"
    "$EfYptZzSPSXYya0HrecicpVjqrabAcktK+GzSxgue6s"
)


def hasher() -> PasswordHasher:
    """argon2id with the shop's parameters."""
    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


@cache
def common_words() -> frozenset[str]:
    """Words that open too many accounts (a list of our own; see its head)."""
    text = files("roadbike.account").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(
        word for line in text.splitlines() if not line.startswith("#") for word in line.split()
    )


class Passwords:
    """Hashes and checks, two at a time, at most twenty waiting. Close it after use.

    Hash and check inside `turn()`: who gets none is refused before anything else is done for him.
    """

    def __init__(self, threads: int = THREADS, queue: int = LONGEST_QUEUE) -> None:
        self._hasher = hasher()
        self._most = threads + queue
        self._turns = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A place among those whose passwords are looked at. Raises Overloaded."""
        if self._turns >= self._most:
            raise Overloaded(retry_after=1)
        self._turns += 1
        try:
            yield
        finally:
            self._turns -= 1

    async def hash(self, password: str) -> str:
        """The encoded hash to keep."""
        return await self._run(lambda: self._hasher.hash(password))

    async def matches(self, password: str, kept: str | None) -> bool:
        """Whether it is the password behind the hash. None (no such user) costs the same."""
        right = await self._run(lambda: _verified(self._hasher, kept or NOBODYS, password))
        return right and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _verified(own: PasswordHasher, kept: str, password: str) -> bool:
    try:
        return own.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False
