"""The routes under /internal with which an operator's commands look after dead letters."""

from typing import Annotated, Any, Final

import msgspec

from roadbike.kit.db import Database
from roadbike.kit.messaging import dead_letters
from roadbike.kit.pure.callers import OPERATOR
from roadbike.kit.pure.letters import ALL_PATH, PATH, Changed, DeadLetter, DeadLetters
from roadbike.kit.pure.refusals import Forbidden, NotFound
from roadbike.kit.pure.texts import LINE
from roadbike.kit.web import INTERNAL, Body, Caller, Line, Route, get, post
from roadbike.kit.web.media import JSON

MAX_IDS: Final = 1000

Ids = Annotated[list[int], msgspec.Meta(max_length=MAX_IDS)] | None


class Retry(Body, frozen=True, kw_only=True):
    """ids: without them, all letters that need a person. by: the person who asks."""

    ids: Ids = None
    by: Line


class Dismissal(Body, frozen=True, kw_only=True):
    """ids: without them, all letters that need a person. by, why: are kept with them."""

    ids: Ids = None
    by: Line
    why: Annotated[str, msgspec.Meta(max_length=1000), LINE]


class DeadLetterApi:
    """Serves the dead letters of one service to the operator's commands, and to nobody else."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def routes(self) -> list[Route]:
        """Return the routes that every service has."""
        more: dict[str, Any] = {"who": INTERNAL, "media_type": JSON, "in_schema": False}
        return [
            get(PATH, self.needing_a_person, **more),
            get(ALL_PATH, self.all, **more),
            get(f"{PATH}/{{letter_id:int}}", self.one, **more),
            post(f"{PATH}/retry", self.retry, status=200, **more),
            post(f"{PATH}/dismiss", self.dismiss, status=200, **more),
        ]

    async def needing_a_person(self, caller: Caller) -> DeadLetters:
        """Dead letters, and parked messages whose retries fail."""
        return await self._listed(caller, everything=False)

    async def all(self, caller: Caller) -> DeadLetters:
        """These, the other parked messages and the dismissed letters."""
        return await self._listed(caller, everything=True)

    async def one(self, letter_id: int, caller: Caller) -> DeadLetter:
        """One of them, with the data of its event."""
        _check_operator(caller)
        async with self.db.read() as tx:
            letter = await dead_letters.found(tx, letter_id)
        if letter is None:
            raise NotFound
        return letter

    async def retry(self, data: Retry, caller: Caller) -> Changed:
        """Retry letters now."""
        _check_operator(caller)
        return Changed(await self.db.transact(lambda tx: dead_letters.retry(tx, data.ids, data.by)))

    async def dismiss(self, data: Dismissal, caller: Caller) -> Changed:
        """Give letters up."""
        _check_operator(caller)
        return Changed(
            await self.db.transact(lambda tx: dead_letters.dismiss(tx, data.ids, data.by, data.why))
        )

    async def _listed(self, caller: Caller, *, everything: bool) -> DeadLetters:
        _check_operator(caller)
        async with self.db.read() as tx:
            letters, total = await dead_letters.listed(tx, everything=everything)
        return DeadLetters(letters, total)


def _check_operator(caller: Caller) -> None:
    """Raise Forbidden for services: a service may not decide about another one's letters."""
    if caller.user_id != OPERATOR:
        raise Forbidden
