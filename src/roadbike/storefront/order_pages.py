"""From the review to the payment: reserve a draft, pay at the simulated provider."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db import Database
from roadbike.kit.pure.refusals import NotFound
from roadbike.kit.web import Route
from roadbike.storefront import store
from roadbike.storefront.addresses import FIELDS
from roadbike.storefront.catalogue import Bike, Catalogue
from roadbike.storefront.forms import Fields
from roadbike.storefront.numbers import whole
from roadbike.storefront.peers import Answer, Peers, Request, Unreachable
from roadbike.storefront.store import Draft
from roadbike.storefront.visitors import Visitor
from roadbike.storefront.web import (
    HtmlReply,
    Pages,
    answered_with,
    redirect,
    require_user,
    shown,
)
from roadbike.storefront.web import Request as HttpRequest

MAX_DIGITS: Final = 2  # of the number of tries, in the form
TRIES: Final = 3  # that the page makes by itself while the shop is busy
RETRY_SECONDS: Final = 3  # when the answer names no time
BUSY: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
SIMULATED: Final[Mapping[str, str | None]] = {  # what the buttons of the provider make it do
    "approve": None,
    "decline": "decline",
    "late": "slow",
    "lost": "unknown-captured",
    "nothing": "unknown-not-captured",
}


class OrderPages:
    """`/review/…` and `/pay/…`: for buyers who are logged in."""

    def __init__(self, pages: Pages, catalogue: Catalogue, peers: Peers, db: Database) -> None:
        self.pages = pages
        self.catalogue = catalogue
        self.peers = peers
        self.db = db

    def routes(self) -> list[Route]:
        review, pay = "/review/{draft_id:uuid}", "/pay/{payment_id:uuid}"
        return [
            self.pages.page(review, self.review),
            self.pages.form(review, self.reserve),
            self.pages.page(pay, self.payment),
            self.pages.form(pay, self.pay),
        ]

    async def review(self, visitor: Visitor, request: HttpRequest) -> HtmlReply:
        """Show once more what will be reserved."""
        draft = await self._draft(visitor, request)
        copy = await self.catalogue.copy()
        bike = copy.bikes.get(draft.bike_id)
        if bike is None:
            return shown("sold_out.html", visitor, status=404, bike=None, siblings=())
        return shown("review.html", visitor, draft=draft, bike=bike)

    async def reserve(self, visitor: Visitor, request: HttpRequest, fields: Fields) -> HtmlReply:
        """Reserve the draft. However often the form is sent, it reserves once."""
        draft = await self._draft(visitor, request)
        copy = await self.catalogue.copy()
        bike = copy.bikes.get(draft.bike_id)
        try:
            answer = await self.peers.send(_reservation(visitor, draft))
        except Unreachable as error:
            answer = Answer(error.status, {}, retry_after=RETRY_SECONDS)
        if answer.is_success:
            self.catalogue.expire()
            return await self._to_payment(visitor, answer.body["reserveId"])
        if answer.status in BUSY:
            return _busy(visitor, draft, bike, answer, tries=_tries(fields))
        if answer.problem.slug == "price-changed":
            return await self._price_changed(visitor, draft, bike, answer)
        if answer.problem.slug == "sold-out" or answer.status == HTTPStatus.NOT_FOUND:
            siblings = copy.siblings(bike) if bike else ()
            return shown(
                "sold_out.html", visitor, status=answer.status, bike=bike, siblings=siblings
            )
        return answered_with(visitor, answer)

    async def payment(self, visitor: Visitor, request: HttpRequest) -> HtmlReply:
        """Show the page of the simulated provider."""
        return await self._payment(visitor, request)

    async def pay(self, visitor: Visitor, request: HttpRequest, fields: Fields) -> HtmlReply:
        """Pay, or try another outcome."""
        require_user(visitor)
        outcome = fields.get("outcome", "approve")
        if outcome not in SIMULATED:
            raise NotFound
        simulated = SIMULATED[outcome]
        answer = await self.peers.send(
            visitor.asks(
                "payment",
                "PATCH",
                f"/payments/{request.path_params['payment_id']}",
                body={"payStatus": PaymentStatus.PAID},
                headers={"X-Simulate": simulated} if simulated else None,
            )
        )
        if answer.is_success:
            return redirect(f"/purchases/{answer.body['reserveId']}")
        if answer.status in {HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.CONFLICT}:
            return await self._payment(visitor, request, refusal=answer)
        return answered_with(visitor, answer)

    async def _draft(self, visitor: Visitor, request: HttpRequest) -> Draft:
        user_id = require_user(visitor)
        draft_id: UUID = request.path_params["draft_id"]
        draft = await self.db.transact(lambda tx: store.find(tx, draft_id, user_id))
        if draft is None:
            raise NotFound
        return draft

    async def _to_payment(self, visitor: Visitor, reservation_id: str) -> HtmlReply:
        """Go to the payment of the reservation, which exists since the reservation does."""
        request = Request(
            service="payment",
            method="GET",
            path="/payments",
            query=(("reserveId", reservation_id),),
            token=visitor.token,
        )
        try:
            answer = await self.peers.send(request)
        except Unreachable:
            return redirect(f"/purchases/{reservation_id}")
        found = answer.body["_embedded"]["payments"] if answer.is_success else []
        return redirect(f"/pay/{found[0]['payId']}" if found else f"/purchases/{reservation_id}")

    async def _price_changed(
        self, visitor: Visitor, draft: Draft, bike: Bike | None, answer: Answer
    ) -> HtmlReply:
        """Offer the present price, with a draft, and so an idempotency key, of its own."""
        price = int(answer.body["price"])
        fields = {name: getattr(draft, name) for name in FIELDS}
        draft_id = await self.db.transact(
            lambda tx: store.add(
                tx, bike_id=draft.bike_id, price=price, fields=fields, user_id=draft.user_id
            )
        )
        return shown(
            "price_changed.html",
            visitor,
            status=answer.status,
            bike=bike,
            old=draft.price,
            price=price,
            draft_id=draft_id,
        )

    async def _payment(
        self, visitor: Visitor, request: HttpRequest, refusal: Answer | None = None
    ) -> HtmlReply:
        require_user(visitor)
        answer = await self.peers.send(
            visitor.asks("payment", "GET", f"/payments/{request.path_params['payment_id']}")
        )
        if not answer.is_success:
            return answered_with(visitor, answer)
        payment: Any = answer.body
        if payment["payStatus"] != PaymentStatus.DUE:
            return redirect(f"/purchases/{payment['reserveId']}")
        copy = await self.catalogue.copy()
        return shown(
            "pay.html",
            visitor,
            status=refusal.status if refusal else 200,
            payment=payment,
            bike=copy.bikes.get(payment["bikeId"]),
            refusal=refusal.problem if refusal else None,
        )


def _tries(fields: Fields) -> int:
    """Return how often the page has tried by itself before."""
    return whole(fields.get("tries", ""), MAX_DIGITS) or 0


def _reservation(visitor: Visitor, draft: Draft) -> Request:
    body = {"bikeId": draft.bike_id, "price": draft.price}
    return visitor.asks(
        "reservation",
        "POST",
        "/reservations",
        body=body | {wire: getattr(draft, name) for name, wire in FIELDS.items()},
        headers={"Idempotency-Key": str(draft.draft_id)},
    )


def _busy(
    visitor: Visitor, draft: Draft, bike: Bike | None, answer: Answer, tries: int
) -> HtmlReply:
    wait = answer.retry_after or RETRY_SECONDS
    reply = shown(
        "busy.html",
        visitor,
        status=answer.status,
        draft=draft,
        bike=bike,
        wait=wait,
        next_try=tries + 1 if tries < TRIES else None,
        tries=TRIES,
        problem=answer.problem,
    )
    reply.headers["Retry-After"] = str(wait)
    return reply
