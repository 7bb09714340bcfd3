"""The geometry of the bikes, read from stock's API and kept in memory."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from roadbike.contracts.geometry import Geometry
from roadbike.contracts.wire_names import wire_name
from roadbike.storefront.kept import WAIT_SECONDS, Kept
from roadbike.storefront.peers import Peers, Request, Unreachable

PAGE_SIZE: Final = 100  # bikes that one call returns at most
FRESH_SECONDS: Final = 5.0
STALE_SECONDS: Final = float("inf")  # a frame does not change: nobody waits for a newer value


class Row(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """A bike of stock, as far as it is read here."""

    bike_id: int
    geometry: Geometry | None = None


class Geometries:
    """Keeps the geometries; stock is asked in the background, while pages need them."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._kept = Kept(self._read, fresh_seconds=FRESH_SECONDS, stale_seconds=STALE_SECONDS)

    async def __aexit__(self, *error: object) -> None:
        await self._kept.__aexit__(*error)

    async def known(self) -> Mapping[int, Geometry]:
        """Return the geometries by the bikes' numbers; none before stock has answered."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await self._kept.get()
        except (Unreachable, TimeoutError):
            return {}

    async def _read(self) -> Mapping[int, Geometry]:
        found: dict[int, Geometry] = {}
        number, pages = 0, 1
        while number < pages:
            page = await self._page(number)
            pages = int(page["page"]["totalPages"])
            for row in msgspec.convert(page["_embedded"]["stocks"], list[Row]):
                if row.geometry is not None:
                    found[row.bike_id] = row.geometry
            number += 1
        return found

    async def _page(self, number: int) -> Any:
        query = (("page", str(number)), ("size", str(PAGE_SIZE)))
        answer = await self._peers.send(
            Request(service="stock", method="GET", path="/stocks", query=query)
        )
        if not answer.is_success:
            raise Unreachable("stock")
        return answer.body
