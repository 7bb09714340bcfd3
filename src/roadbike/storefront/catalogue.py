"""The catalogue in memory: read from reservation's API, grouped by model, filtered and sorted."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Final, Self

import msgspec
from msgspec import structs

from roadbike.contracts.geometry import Geometry
from roadbike.contracts.wire_names import wire_name
from roadbike.kit.pure.texts import search_form, sort_key
from roadbike.storefront.geometries import Geometries
from roadbike.storefront.kept import Kept
from roadbike.storefront.numbers import whole
from roadbike.storefront.peers import Peers
from roadbike.storefront.whole_lists import read_whole

FRESH_SECONDS: Final = 1.0
STALE_SECONDS: Final = 10.0  # older copies are shown with a note
FEW: Final = 3  # this many units or fewer are called "n left"
SORTS: Final = ("", "price", "-price", "name")
LETTERS: Final = ("XXS", "XS", "S", "M", "L", "XL", "XXL")  # sizes
MAX_SIZE_DIGITS: Final = 6
KEPT_TEXTS: Final = 20_000

searched: Final = lru_cache(KEPT_TEXTS)(search_form)
name_key: Final = lru_cache(KEPT_TEXTS)(sort_key)


class Bike(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """One bike of the catalogue: one size of a model. price: KRW. free: units to reserve.

    geometry: as stock has it; None while it is not known.
    """

    bike_id: int
    bike_name: str
    price: int
    brand: str | None = None
    frame_size: str | None = None
    colour: str | None = None
    free: int = 0
    as_of: datetime
    geometry: Geometry | None = None


@dataclass(frozen=True)
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

    @cached_property
    def text(self) -> str:
        """Return what a search looks into, in the form for searches."""
        names = dict.fromkeys((bike.bike_name, bike.brand, bike.colour) for bike in self.bikes)
        return " ".join(
            searched(f"{name} {brand or ''} {colour or ''}") for name, brand, colour in names
        )

    @cached_property
    def free(self) -> int:
        return sum(bike.free for bike in self.bikes)

    @cached_property
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
        """Return whether the bike is what was asked for, apart from the text."""
        return (
            (not self.brands or (bike.brand or "") in self.brands)
            and (not self.sizes or (bike.frame_size or "") in self.sizes)
            and (self.low is None or bike.price >= self.low)
            and (self.high is None or bike.price <= self.high)
            and (not self.only_free or bike.free > 0)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """The bikes at one moment, also by model. read_at: UTC.

    brands, sizes: how many models have each. hero: a bike to show at the top, if one is drawn.
    """

    bikes: Mapping[int, Bike]
    model_of: Mapping[int, Model]
    models: Sequence[Model]
    brands: Mapping[str, int]
    sizes: Mapping[str, int]
    hero: Bike | None
    read_at: datetime

    @classmethod
    def of(cls, bikes: Sequence[Bike], read_at: datetime) -> Self:
        """Group the bikes; what all pages need is computed once."""
        models = grouped(bikes)
        return cls(
            bikes={bike.bike_id: bike for bike in bikes},
            model_of={bike.bike_id: model for model in models for bike in model.bikes},
            models=models,
            brands=_counted({bike.brand for bike in model.bikes} for model in models),
            sizes=_counted({bike.frame_size for bike in model.bikes} for model in models),
            hero=_hero(models),
            read_at=read_at,
        )

    def is_stale(self, now: datetime) -> bool:
        """Return whether the copy is so old that a page has to say so."""
        return (now - self.read_at).total_seconds() > STALE_SECONDS

    def siblings(self, bike: Bike) -> Sequence[Bike]:
        """Return all sizes of the bike's model."""
        return self.model_of[bike.bike_id].bikes

    def found(self, filters: Filters) -> list[Model]:
        """Return the models of which at least one size fits, each with all of its sizes."""
        words = search_form(filters.text).split()
        found = [
            model
            for model in self.models
            if all(word in model.text for word in words) and any(map(filters.fits, model.bikes))
        ]
        match filters.sort:
            case "price":
                return sorted(found, key=lambda model: model.price)
            case "-price":
                return sorted(found, key=lambda model: -model.price)
            case "name":
                return sorted(found, key=lambda model: name_key(model.name))
            case _:
                return sorted(found, key=lambda model: model.free == 0)


def grouped(bikes: Iterable[Bike]) -> list[Model]:
    """Return the models in the order of their first bikes.

    Bikes of one colour are sizes of one model when their geometry has the same model's number;
    without one, when they have the same name and brand.
    """
    bikes = list(bikes)
    numbers = {_looks(bike): bike.geometry.model for bike in bikes if bike.geometry}
    groups: dict[tuple[object, str | None], list[Bike]] = {}
    for bike in bikes:
        looks = _looks(bike)
        number = bike.geometry.model if bike.geometry else numbers.get(looks)
        groups.setdefault((number or looks, bike.colour), []).append(bike)
    return [Model(tuple(group)) for group in groups.values()]


def _looks(bike: Bike) -> tuple[str, str | None, str | None]:
    return bike.bike_name, bike.brand, bike.colour


def _counted(values: Iterable[set[str | None]]) -> Mapping[str, int]:
    """Return the values in the order of the shop, each with the number of models that have it."""
    having = Counter(value for each in values for value in each if value)
    return {value: having[value] for value in sorted(having, key=_in_shop_order)}


def _in_shop_order(value: str) -> tuple[bool, int, bytes]:
    """Order numbers before letters, letters from small to large, and names by themselves."""
    number = whole(value, MAX_SIZE_DIGITS)
    if number is not None:
        return False, number, b""
    letter = value.upper()
    return True, LETTERS.index(letter) if letter in LETTERS else len(LETTERS), sort_key(value)


def _hero(models: Iterable[Model]) -> Bike | None:
    """Return the most colourful bike that is drawn."""
    shown = [model.shown for model in models]
    drawn = [bike for bike in shown if bike.geometry]
    return max(drawn, key=_colourfulness, default=None)


def _colourfulness(bike: Bike) -> int:
    """Return how far the paint is from grey, of 255."""
    assert bike.geometry is not None  # chosen by `_hero`
    parts = bytes.fromhex(bike.geometry.paint.removeprefix("#"))
    return max(parts) - min(parts)


class Catalogue:
    """Keeps a copy of the catalogue; it is read again, in the background, while pages ask for it.

    That is at most once in FRESH_SECONDS, by a conditional GET: without a change it costs one
    request without a body, however many bikes there are.
    The geometries are of another service: without it, bikes are shown without a drawing.
    """

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._geometries = Geometries(peers)
        self._kept = Kept(self._read, fresh_seconds=FRESH_SECONDS, stale_seconds=STALE_SECONDS)
        self._last: Copy | None = None
        self._tag: str | None = None
        self._drawn: Mapping[int, Geometry] = {}  # the geometries in the last copy

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._kept.__aexit__(*error)
        await self._geometries.__aexit__(*error)

    async def copy(self) -> Copy:
        """Return the bikes; an older copy while reservation does not answer.

        Raises Unreachable when there was never a copy.
        """
        return await self._kept.get()

    def expire(self) -> None:
        """Read the catalogue again when it is asked for next."""
        self._kept.expire()

    async def _read(self) -> Copy:
        """Return a new copy; the last one with a new time when neither service has changes."""
        known = await self._geometries.known()
        tag = self._tag if known is self._drawn else None
        found = await read_whole(
            self._peers, "reservation", "/reservations/catalogue", "stocks", known=tag
        )
        if found is None:
            assert self._last is not None  # the tag is of its list
            self._last = replace(self._last, read_at=datetime.now(UTC))
            return self._last
        bikes = [
            structs.replace(bike, geometry=known[bike.bike_id]) if bike.bike_id in known else bike
            for bike in msgspec.convert(found.rows, list[Bike])
        ]
        self._last = Copy.of(bikes, datetime.now(UTC))
        self._tag, self._drawn = found.tag, known
        return self._last
