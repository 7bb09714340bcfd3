"""The shop: the catalogue, and a bike with its drawing, geometry, size adviser and form."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from roadbike.contracts.geometry import Geometry
from roadbike.kit.db import Database
from roadbike.kit.pure.refusals import NotFound
from roadbike.kit.web import Route
from roadbike.storefront import sizing, store
from roadbike.storefront.addresses import FIELDS, cleaned, faults_of
from roadbike.storefront.catalogue import FEW, SORTS, Bike, Catalogue, Filters
from roadbike.storefront.drawing import draw
from roadbike.storefront.forms import Fields
from roadbike.storefront.numbers import MAX_PAGE_DIGITS, whole
from roadbike.storefront.peers import Peers, Request, Unreachable
from roadbike.storefront.visitors import Visitor
from roadbike.storefront.web import HtmlReply, Pages, redirect, shown
from roadbike.storefront.web import Request as HttpRequest
from roadbike.storefront.wording import KINDS
from roadbike.storefront.words import Words

ON_ONE_PAGE: Final = 24  # models
MANWON: Final = 10_000  # KRW; prices are typed in this unit
MAX_PRICE_DIGITS: Final = 9
MAX_BODY_CM: Final = 250.0
Query = Sequence[tuple[str, str]]


class ShopPages:
    """`/` and `/bikes/…`: for everybody."""

    def __init__(self, pages: Pages, catalogue: Catalogue, peers: Peers, db: Database) -> None:
        self.pages = pages
        self.catalogue = catalogue
        self.peers = peers
        self.db = db

    def routes(self) -> list[Route]:
        bike = "/bikes/{bike_id:int}"
        return [
            self.pages.page("/", self.home),
            self.pages.page(bike, self.bike),
            self.pages.form(bike, self.review),
        ]

    async def home(self, visitor: Visitor, request: HttpRequest) -> HtmlReply:
        """List the models that the visitor asked for."""
        copy, now = await self.catalogue.copy(), datetime.now(UTC)
        query = _query(request)
        filters = _filters(query)
        found = copy.found(filters)
        pages = max(1, -(-len(found) // ON_ONE_PAGE))
        number = min(whole(dict(query).get("page", ""), MAX_PAGE_DIGITS) or 1, pages)
        return shown(
            "home.html",
            visitor,
            models=found[(number - 1) * ON_ONE_PAGE : number * ON_ONE_PAGE],
            total=len(found),
            page=number,
            pages=pages,
            filters=filters,
            chosen=_chosen(query, filters, Words(visitor.language, now)),
            brands=copy.brands,
            sizes=copy.sizes,
            sorts=SORTS,
            link=lambda **changes: _link(query, changes),
            few=FEW,
            hero=copy.hero,
            kinds=KINDS,
            copy=copy,
            is_stale=copy.is_stale(now),
        )

    async def bike(self, visitor: Visitor, request: HttpRequest) -> HtmlReply:
        """Show one size of a model."""
        return await self._bike(visitor, request, typed=await self._own_address(visitor), faults={})

    async def review(self, visitor: Visitor, request: HttpRequest, fields: Fields) -> HtmlReply:
        """Keep what was typed and go on to the review, or show what has to be corrected."""
        typed = {name: cleaned(fields.get(name, "")) for name in FIELDS}
        if faults := faults_of(typed, visitor.language):
            return await self._bike(visitor, request, typed=typed, faults=faults)
        copy = await self.catalogue.copy()
        bike = _found(copy.bikes, request)
        user_id = visitor.user.user_id if visitor.user else None
        draft_id = await self.db.transact(
            lambda tx: store.add(
                tx, bike_id=bike.bike_id, price=bike.price, fields=typed, user_id=user_id
            )
        )
        return redirect(f"/review/{draft_id}")

    async def _bike(
        self,
        visitor: Visitor,
        request: HttpRequest,
        *,
        typed: Mapping[str, str],
        faults: Mapping[str, str],
    ) -> HtmlReply:
        copy, now = await self.catalogue.copy(), datetime.now(UTC)
        bike = _found(copy.bikes, request)
        words, query = Words(visitor.language, now), dict(_query(request))
        siblings = copy.siblings(bike)
        sizes = {
            each.frame_size: each.geometry for each in siblings if each.frame_size and each.geometry
        }
        other = query.get("other", "")
        return shown(
            "bike.html",
            visitor,
            status=422 if faults else 200,
            bike=bike,
            siblings=siblings,
            description=await self._description(visitor, bike),
            drawing=_drawing(bike, words, sizes.get(other)),
            other=other if other in sizes else "",
            sizes=sizes,
            sizing=sizing,
            body=_body(query, sizes),
            kinds=KINDS,
            typed=typed,
            faults=faults,
            few=FEW,
            copy=copy,
            is_stale=copy.is_stale(now),
        )

    async def _description(self, visitor: Visitor, bike: Bike) -> str | None:
        """Return the text about the bike, which only stock has; None while it does not answer."""
        request = Request(
            service="stock",
            method="GET",
            path=f"/stocks/{bike.bike_id}",
            language=visitor.language,
        )
        try:
            answer = await self.peers.send(request)
        except Unreachable:
            return None
        return answer.body["description"] if answer.is_success else None

    async def _own_address(self, visitor: Visitor) -> Mapping[str, str]:
        """Return what the buyer's account knows, to fill the form with."""
        typed = dict.fromkeys(FIELDS, "")
        if visitor.user is None:
            return typed
        request = visitor.asks("account", "GET", f"/accounts/{visitor.user.user_id}")
        try:
            answer = await self.peers.send(request)
        except Unreachable:
            return typed
        known = answer.body if answer.is_success else {}
        return {name: known.get(wire) or "" for name, wire in FIELDS.items()}


def _found(bikes: Mapping[int, Bike], request: HttpRequest) -> Bike:
    bike = bikes.get(request.path_params["bike_id"])
    if bike is None:
        raise NotFound
    return bike


def _drawing(bike: Bike, words: Words, other: Geometry | None) -> str | None:
    if bike.geometry is None:
        return None
    measures = words.t("스택", "Stack"), words.t("리치", "Reach"), words.t("휠베이스", "Wheelbase")
    name = f"{words.half(bike.bike_name)} {bike.frame_size or ''}"
    title = words.t(f"{name} 옆모습", f"{name}, side view")
    return draw(bike.geometry, title=title, words=measures, other=other)


def _body(query: Mapping[str, str], sizes: Mapping[str, Geometry]) -> Mapping[str, Any]:
    """Return what the size adviser was asked and what it says."""
    height, inseam = _centimetres(query.get("height", "")), _centimetres(query.get("inseam", ""))
    asked = height is not None and inseam is not None
    return {
        "height": query.get("height", ""),
        "inseam": query.get("inseam", ""),
        "asked": asked or "height" in query,
        "understood": asked,
        "advice": sizing.advise(sizes, height, inseam) if height and inseam else None,
    }


def _centimetres(text: str) -> float | None:
    digits = text.strip().replace(",", ".")
    if not digits.replace(".", "", 1).isascii() or not digits.replace(".", "", 1).isdigit():
        return None
    value = float(digits)
    return value if 0 < value <= MAX_BODY_CM else None


def _query(request: HttpRequest) -> Query:
    raw = request.scope["query_string"].decode(errors="replace")
    return parse_qsl(raw, keep_blank_values=False, errors="replace")


def _digits(typed: str) -> str:
    return typed.strip().replace(",", "")


def _filters(query: Query) -> Filters:
    last = dict(query)
    low, high = (whole(_digits(last.get(end, "")), MAX_PRICE_DIGITS) for end in ("min", "max"))
    sort = last.get("sort", "")
    return Filters(
        text=last.get("q", "").strip(),
        brands=frozenset(value for name, value in query if name == "brand"),
        sizes=frozenset(value for name, value in query if name == "size"),
        low=None if low is None else low * MANWON,
        high=None if high is None else high * MANWON,
        only_free="now" in last,
        sort=sort if sort in SORTS else "",
    )


def _chosen(query: Query, filters: Filters, words: Words) -> list[tuple[str, str]]:
    """Return each filter that is on as words, with the address of the list without it."""
    chosen = [(value, name) for name, value in query if name in {"brand", "size"}]
    shown_as = [(words.half(value), _without(query, name, value)) for value, name in chosen]
    if filters.text:
        shown_as.append((f'"{filters.text}"', _without(query, "q")))
    if filters.low is not None:
        text = words.money(filters.low)
        shown_as.append((words.t(f"{text} 이상", f"{text} or more"), _without(query, "min")))
    if filters.high is not None:
        text = words.money(filters.high)
        shown_as.append((words.t(f"{text} 이하", f"{text} or less"), _without(query, "max")))
    if filters.only_free:
        shown_as.append((words.t("지금 예약 가능", "In stock now"), _without(query, "now")))
    return shown_as


def _without(query: Query, name: str, value: str | None = None) -> str:
    left = [
        pair
        for pair in query
        if pair[0] != "page" and not (pair[0] == name and value in {None, pair[1]})
    ]
    return f"/?{urlencode(left)}" if left else "/"


def _link(query: Query, changes: Mapping[str, object]) -> str:
    """Return the address of the list with these parameters changed; an empty one is removed."""
    left = [pair for pair in query if pair[0] not in changes and pair[0] != "page"]
    added = [(name, str(value)) for name, value in changes.items() if value]
    return f"/?{urlencode([*left, *added])}" if left or added else "/"
