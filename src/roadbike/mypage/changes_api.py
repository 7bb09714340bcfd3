"""Which purchases have changed, for the home page: it asks for all that are watched at once."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec

from roadbike.kit.db import Database
from roadbike.kit.pure.refusals import Forbidden
from roadbike.kit.web import INTERNAL, Body, Caller, Route, post
from roadbike.mypage import store

STOREFRONT: Final = "storefront"  # the only service that may call
WAIT_SECONDS: Final = 2.0  # less than the storefront waits for an answer
LOOK_SECONDS: Final = 0.2


class Watched(Body, frozen=True, kw_only=True):
    """The purchases that are watched. known: how many events the caller knows of each."""

    known: dict[UUID, int]


class Changes(msgspec.Struct, frozen=True):
    """How many events there are of each purchase of which there are more than known."""

    changed: Mapping[UUID, int]


class ChangesApi:
    """`/internal/purchases/changes`: one query at a time, however many purchases are watched.

    wait_seconds: for a change, before an answer without one.
    """

    def __init__(self, db: Database, wait_seconds: float = WAIT_SECONDS) -> None:
        self.db = db
        self.wait_seconds = wait_seconds

    def routes(self) -> list[Route]:
        return [
            post("/internal/purchases/changes", self.changes, who=INTERNAL, status=200),
        ]

    async def changes(self, data: Watched, caller: Caller) -> Changes:
        """Wait until one of the purchases has changed, or the time is over."""
        if caller.user_id != STOREFRONT:
            raise Forbidden
        end = time.monotonic() + self.wait_seconds
        while True:
            async with self.db.read() as tx:
                counted = await store.count_events(tx, data.known)
            changed = {id_: n for id_, n in counted.items() if n > data.known[id_]}
            if changed or time.monotonic() >= end:
                return Changes(changed)
            await asyncio.sleep(LOOK_SECONDS)
