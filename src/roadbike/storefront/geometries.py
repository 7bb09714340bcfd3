"""The geometry of the bikes, read from stock's API and kept in memory."""

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec

from roadbike.contracts.geometry import Geometry
from roadbike.contracts.wire_names import wire_name
from roadbike.storefront.kept import WAIT_SECONDS, Kept
from roadbike.storefront.peers import Peers, Unreachable
from roadbike.storefront.whole_lists import read_whole

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
        self._last: Mapping[int, Geometry] = {}
        self._tag: str | None = None

    async def __aexit__(self, *error: object) -> None:
        await self._kept.__aexit__(*error)

    async def known(self) -> Mapping[int, Geometry]:
        """Return the geometries by the bikes' numbers; none before stock has answered."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await self._kept.get()
        except (Unreachable, TimeoutError):
            return self._last

    async def _read(self) -> Mapping[int, Geometry]:
        """Return the geometries; the same object as before while stock has no change of them."""
        found = await read_whole(self._peers, "stock", "/stocks", "stocks", known=self._tag)
        if found is not None:
            rows = msgspec.convert(found.rows, list[Row])
            now = {row.bike_id: row.geometry for row in rows if row.geometry is not None}
            self._last, self._tag = self._last if now == self._last else now, found.tag
        return self._last
