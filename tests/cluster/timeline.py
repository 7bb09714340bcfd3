"""How a number changed with time."""

import time
from collections.abc import Callable
from threading import Event, Thread


def shown(seen: list[tuple[float, int]]) -> str:
    return ", ".join(f"{at:.0f} s: {count}" for at, count in seen)


class Timeline:
    """Notes a number and the second at which it changed, during the block."""

    def __init__(self, look: Callable[[], int]) -> None:
        self._look, self._over = look, Event()
        self._seen: list[tuple[float, int]] = []
        self._thread = Thread(target=self._watch)

    def __enter__(self) -> list[tuple[float, int]]:
        self._begun = time.monotonic()
        self._thread.start()
        return self._seen

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(1):
            count = self._look()
            if not self._seen or self._seen[-1][1] != count:
                self._seen.append((time.monotonic() - self._begun, count))
