"""Turns: how many pieces of work may begin in one round of the event loop.

A round runs everything that is ready. When a thousand requests arrive at once, a round takes
seconds, and all other work of the process gets one step in it.
"""

import asyncio
from collections import deque


class Turns:
    """Lets `number` pieces of work begin in each round; the others wait, first come first served.

    It belongs to one event loop.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._left = number
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_next_round_planned = False

    async def mine(self) -> None:
        """Return at once or in a later round."""
        loop = asyncio.get_running_loop()
        self._plan_next_round(loop)
        if self._left and not self._waiting:
            self._left -= 1
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _plan_next_round(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._is_next_round_planned:
            self._is_next_round_planned = True
            loop.call_soon(self._begin_round, loop)

    def _begin_round(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_next_round_planned = False
        self._left = self.number
        while self._left and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else its task was cancelled
                turn.set_result(None)
                self._left -= 1
        if self._left < self.number:
            self._plan_next_round(loop)
