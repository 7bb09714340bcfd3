"""The catalogue in memory: read from reservation's API, grouped by model, filtered and sorted."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog

from roadbike.contracts.wire_names import wire_name
from roadbike.kit.pure.texts import search_form, sort_key
from roadbike.storefront.peers import Peers, Request, Unreachable

PAGE_SIZE: Final = 100  # bikes that one call returns at most
READ_AGAIN_SECONDS: Final = 1.0
CPU_SHARE: Final = 20  # a copy is used this many times as long as reading it took
STALE_SECONDS: Final = 10.0  # older copies are shown with a note
FEW: Final = 3  # this many units or fewer are called "n left"
SORTS: Final = ("", "price", "-price", "name")

NEVER: Final = datetime.min.replace(tzinfo=UTC)

log = structlog.get_logger()


class Bike(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """One bike of the catalogue: one size of a model. price: KRW. free: units to reserve."""

    bike_id: int
    bike_name: str
    price: int
    brand: str | None = None
    frame_size: str | None = None
    colour: str | None = None
    free: int = 0
    as_of: datetime

    @property
    def searched(self) -> str:
        """Return the texts that a search looks into, in their form for searches."""
        return search_form(f"{self.bike_name} {self.brand or ''} {self.colour or ''}")


@dataclass(frozen=True, slots=True)
class Model:
    """The sizes of one model, in the order of their numbers."""

    bikes: tuple[Bike, ...]

    @property
    def shown(self) -> Bike:
        """Return the size that the card shows: a middle one that is free, if there is one."""
        free = [bike for bike in self.bikes if bike.free] or list(self.bikes)
        return free[len(free) // 2]

    @property
    def name(self) -> str:
        return self.bikes[0].bike_name

    @property
    def free(self) -> int:
        return sum(bike.free for bike in self.bikes)

    @property
    def price(self) -> int:
        return min(bike.price for bike in self.bikes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What the visitor asked for. low, high: KRW."""

    text: str = ""
    brands: frozenset[str] = frozenset()
    sizes: frozenset[str] = frozenset()
    low: int | None = None
    high: int | None = None
    only_free: bool = False
    sort: str = ""

    def fits(self, bike: Bike) -> bool:
        """Return whether the bike is what was asked for."""
        return (
            (not self.brands or (bike.brand or "") in self.brands)
            and (not self.sizes or (bike.frame_size or "") in self.sizes)
            and (self.low is None or bike.price >= self.low)
            and (self.high is None or bike.price <= self.high)
            and (not self.only_free or bike.free > 0)
            and all(word in bike.searched for word in search_form(self.text).split())
        )


def models(bikes: Iterable[Bike], filters: Filters) -> list[Model]:
    """Return the models of which at least one size fits, each with all of its sizes."""
    groups: dict[tuple[str, str | None, str | None], list[Bike]] = {}
    for bike in bikes:
        groups.setdefault((bike.bike_name, bike.brand, bike.colour), []).append(bike)
    found = [Model(tuple(group)) for group in groups.values() if any(map(filters.fits, group))]
    match filters.sort:
        case "price":
            return sorted(found, key=lambda model: model.price)
        case "-price":
            return sorted(found, key=lambda model: -model.price)
        case "name":
            return sorted(found, key=lambda model: sort_key(model.name))
        case _:
            return sorted(found, key=lambda model: model.free == 0)


@dataclass(frozen=True, slots=True)
class Copy:
    """The bikes at one moment. read_at: UTC."""

    bikes: Mapping[int, Bike] = field(default_factory=dict)
    read_at: datetime = NEVER

    def age_seconds(self, now: datetime) -> float:
        return (now - self.read_at).total_seconds()

    def is_stale(self, now: datetime) -> bool:
        """Return whether the copy is so old that a page has to say so."""
        return self.age_seconds(now) > STALE_SECONDS

    def siblings(self, bike: Bike) -> Sequence[Bike]:
        """Return all sizes of the bike's model."""
        return [
            each
            for each in self.bikes.values()
            if (each.bike_name, each.brand, each.colour)
            == (bike.bike_name, bike.brand, bike.colour)
        ]


class Catalogue:
    """Keeps a copy of the catalogue, and reads it again when it is asked for and old enough."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._copy = Copy()
        self._next_read = 0.0
        self._reading = asyncio.Lock()

    async def copy(self) -> Copy:
        """Return the bikes; an older copy while reservation does not answer.

        Raises Unreachable when there was never a copy.
        """
        is_being_read = self._reading.locked() and self._copy.bikes
        if time.monotonic() >= self._next_read and not is_being_read:
            async with self._reading:
                if time.monotonic() >= self._next_read:
                    await self._read()
        return self._copy

    def expire(self) -> None:
        """Read the catalogue again when it is asked for next."""
        self._next_read = 0.0

    async def _read(self) -> None:
        started = time.monotonic()
        try:
            bikes = await self._bikes()
        except Unreachable as error:
            self._next_read = time.monotonic() + READ_AGAIN_SECONDS
            log.warning("catalogue.waiting", service=error.service)
            if not self._copy.bikes:
                raise
            return
        self._copy = Copy({bike.bike_id: bike for bike in bikes}, datetime.now(UTC))
        now = time.monotonic()
        self._next_read = now + max(READ_AGAIN_SECONDS, CPU_SHARE * (now - started))

    async def _bikes(self) -> list[Bike]:
        bikes: list[Bike] = []
        number, pages = 0, 1
        while number < pages:
            page = await self._page(number)
            pages = int(page["page"]["totalPages"])
            bikes += msgspec.convert(page["_embedded"]["stocks"], list[Bike])
            number += 1
        return bikes

    async def _page(self, number: int) -> Any:
        query = (("page", str(number)), ("size", str(PAGE_SIZE)))
        answer = await self._peers.send(
            Request(
                service="reservation", method="GET", path="/reservations/catalogue", query=query
            )
        )
        if not answer.is_success:
            raise Unreachable("reservation")
        return answer.body
