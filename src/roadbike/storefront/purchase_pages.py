"""My purchases: the list, one purchase with its timeline, and cancelling it."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import msgspec

from roadbike.contracts.statuses import PaymentStatus, ReservationStatus
from roadbike.kit.web import BUYER, Reply, Route
from roadbike.storefront import timeline, wording
from roadbike.storefront.forms import Fields
from roadbike.storefront.live import Live, Watch
from roadbike.storefront.numbers import MAX_PAGE_DIGITS, whole
from roadbike.storefront.peers import Answer, Peers, Unreachable
from roadbike.storefront.purchases import Facts, Purchases
from roadbike.storefront.rendering import render
from roadbike.storefront.streams import ALIVE, EventStream, event, retry
from roadbike.storefront.timeline import Purchase, Step
from roadbike.storefront.visitors import Visitor, Visitors
from roadbike.storefront.web import (
    HtmlReply,
    Pages,
    answered_with,
    redirect,
    require_user,
    shown,
)
from roadbike.storefront.web import Request as HttpRequest

ON_ONE_PAGE: Final = 20
AGAIN_SECONDS: Final = 1.0  # after a service gave no answer
RECONNECT_MS: Final = 1000


class PurchasePages:
    """`/purchases/…`: for buyers who are logged in.

    heartbeat_seconds: after which a stream without events says that it is alive.
    """

    def __init__(
        self,
        pages: Pages,
        visitors: Visitors,
        purchases: Purchases,
        peers: Peers,
        live: Live,
        heartbeat_seconds: float,
    ) -> None:
        self.pages = pages
        self.visitors = visitors
        self.purchases = purchases
        self.peers = peers
        self.live = live
        self.heartbeat_seconds = heartbeat_seconds

    def routes(self) -> list[Route]:
        one = "/purchases/{reservation_id:uuid}"
        return [
            self.pages.page("/purchases", self.list, who=BUYER),
            self.pages.page(one, self.one, who=BUYER),
            self.pages.page(f"{one}/events", self.events, who=BUYER),
            self.pages.page(f"{one}/cancel", self.ask, who=BUYER),
            self.pages.form(f"{one}/cancel", self.cancel, who=BUYER),
            self.pages.page(f"{one}/receipt", self.receipt, who=BUYER),
        ]

    async def list(self, visitor: Visitor, request: HttpRequest) -> HtmlReply:
        """List the buyer's purchases; those that wait for the buyer come first."""
        require_user(visitor)
        number = _page_number(request)
        query = (("page", str(number)), ("size", str(ON_ONE_PAGE)))
        answer = await self.purchases.get(visitor, "mypage", "/myPages", query)
        if not answer.is_success:
            return answered_with(visitor, answer)
        found = msgspec.convert(answer.body["_embedded"]["myPages"], list[Purchase])
        waiting_first = sorted(found, key=lambda purchase: "pay" not in purchase.links)
        return shown(
            "purchases.html",
            visitor,
            purchases=waiting_first,
            bikes=await self.purchases.bikes(),
            timeline=timeline,
            wording=wording,
            page=number,
            pages=answer.body["page"]["totalPages"],
        )

    async def one(self, visitor: Visitor, request: HttpRequest) -> HtmlReply:
        """Show how one purchase stands and everything that happened."""
        require_user(visitor)
        reservation_id: UUID = request.path_params["reservation_id"]
        facts = await self.purchases.facts(visitor, reservation_id)
        if isinstance(facts, Facts):
            return shown("purchase.html", visitor, **facts.shown)
        if facts.status == HTTPStatus.NOT_FOUND:
            return await self._not_projected_yet(visitor, reservation_id)
        return answered_with(visitor, facts)

    async def events(self, visitor: Visitor, request: HttpRequest) -> Reply[Any]:
        """Send what happens to the purchase from now on, as it happens."""
        require_user(visitor)
        facts = await self.purchases.facts(visitor, request.path_params["reservation_id"])
        if not isinstance(facts, Facts):
            return answered_with(visitor, facts)
        return EventStream(self._events(visitor, request, facts))

    async def _events(
        self, visitor: Visitor, request: HttpRequest, facts: Facts
    ) -> AsyncGenerator[bytes, None]:
        """Yield each step as a list item, and what else has changed as the page shows it.

        All steps are sent at first, unless the browser knows them: it may have missed some, and
        adds only those that it does not have.
        """
        is_ready = request.app.state["ready"]
        sent = {step.key for step in facts.steps} if _last_event(request) == facts.events else set()
        yield retry(RECONNECT_MS)
        with self.live.watch(facts.purchase.id, facts.events, is_ready) as watch:
            while True:
                for chunk in _changes(visitor, facts, sent):
                    yield chunk
                if not facts.purchase.is_moving:
                    yield event("end", "")
                    return
                del facts  # a viewer who waits costs little memory
                found = None
                while found is None:
                    while not await _is_woken(watch, self.heartbeat_seconds):
                        yield ALIVE
                    if not is_ready():
                        yield retry(RECONNECT_MS)
                        return
                    visitor = await self.visitors.of(request)
                    found = await self._facts_or_later(visitor, watch)
                if not isinstance(found, Facts):
                    yield event("end", "")
                    return
                facts = found

    async def _facts_or_later(self, visitor: Visitor, watch: Watch) -> Facts | Answer | None:
        """Return what is known of the purchase; None after a pause while a service is down."""
        try:
            return await self.purchases.facts(visitor, watch.reservation_id)
        except Unreachable:
            watch.woken.set()
            await asyncio.sleep(AGAIN_SECONDS)
            return None

    async def ask(self, visitor: Visitor, request: HttpRequest) -> HtmlReply:
        """Ask whether to cancel, and say what will follow; staff are also asked for a reason."""
        if visitor.is_staff:
            return _to_staff(request)
        require_user(visitor)
        return await self._ask(visitor, request)

    async def cancel(self, visitor: Visitor, request: HttpRequest, _fields: Fields) -> HtmlReply:
        """Cancel the reservation."""
        require_user(visitor)
        if visitor.is_staff:
            return _to_staff(request)
        reservation_id = request.path_params["reservation_id"]
        answer = await self.peers.send(
            visitor.asks(
                "reservation",
                "PATCH",
                f"/reservations/{reservation_id}",
                body={"reserveStatus": ReservationStatus.CANCELLED},
            )
        )
        if answer.is_success:
            return redirect(f"/purchases/{reservation_id}")
        if answer.status == HTTPStatus.CONFLICT:
            return await self._ask(visitor, request, refusal=answer)
        return answered_with(visitor, answer)

    async def receipt(self, visitor: Visitor, request: HttpRequest) -> HtmlReply:
        """Show the receipt of a purchase, made to be printed."""
        require_user(visitor)
        reservation_id: UUID = request.path_params["reservation_id"]
        answer = await self.purchases.get(visitor, "mypage", f"/myPages/{reservation_id}")
        if not answer.is_success:
            return answered_with(visitor, answer)
        purchase = msgspec.convert(answer.body, Purchase)
        steps, _ = await self.purchases.steps(visitor, reservation_id)
        net = round(purchase.price / 1.1)  # value added tax is 10 % of the net price
        return shown(
            "receipt.html",
            visitor,
            purchase=purchase,
            paid_at=_time_of(steps, "PaymentApproved"),
            refunded_at=_time_of(steps, "PaymentCancelled"),
            net=net,
            vat=purchase.price - net,
        )

    async def _ask(
        self, visitor: Visitor, request: HttpRequest, refusal: Answer | None = None
    ) -> HtmlReply:
        reservation_id = request.path_params["reservation_id"]
        answer = await self.purchases.get(visitor, "reservation", f"/reservations/{reservation_id}")
        if not answer.is_success:
            return answered_with(visitor, answer)
        if refusal is None and "cancel" not in answer.body["_links"]:
            return redirect(f"/purchases/{reservation_id}")
        payments = await self.purchases.get(
            visitor, "payment", "/payments", (("reserveId", str(reservation_id)),)
        )
        found = payments.body["_embedded"]["payments"] if payments.is_success else []
        return shown(
            "cancel.html",
            visitor,
            status=refusal.status if refusal else 200,
            reservation=answer.body,
            is_paid=any(each["payStatus"] == PaymentStatus.PAID for each in found),
            refusal=refusal.problem if refusal else None,
        )

    async def _not_projected_yet(self, visitor: Visitor, reservation_id: UUID) -> HtmlReply:
        """Show what reservation knows while my page has not followed yet."""
        answer = await self.purchases.get(visitor, "reservation", f"/reservations/{reservation_id}")
        if not answer.is_success:
            return answered_with(visitor, answer)
        return shown("soon.html", visitor, reservation=answer.body)


async def _is_woken(watch: Watch, seconds: float) -> bool:
    """Wait until something has changed; return False after so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await watch.woken.wait()
    except TimeoutError:
        return False
    watch.woken.clear()
    return True


def _to_staff(request: HttpRequest) -> HtmlReply:
    """Go to the page on which staff cancel for a buyer."""
    return redirect(f"/staff/reservations/{request.path_params['reservation_id']}/cancel")


def _last_event(request: HttpRequest) -> int:
    """Return how many events of the purchase the browser knows; 0 when it does not say so.

    A browser that connects again by itself says it in a header, our script in the address.
    """
    known = request.headers.get("last-event-id") or request.query_params.get("after") or ""
    return whole(known, MAX_PAGE_DIGITS) or 0


def _changes(visitor: Visitor, facts: Facts, sent: set[str]) -> Iterator[bytes]:
    """Yield the steps that were not sent yet, then heading, road and facts as they are now."""
    shown_facts = dict(facts.shown)
    for step in facts.steps:
        if step.key not in sent:
            sent.add(step.key)
            item = render("step.html", visitor, **(shown_facts | {"step": step}))
            yield event("step", item.decode().strip(), facts.events)
    yield event("head", render("moving.html", visitor, **shown_facts).decode().strip())
    yield event("next", render("next.html", visitor, **shown_facts).decode().strip())
    yield event("facts", render("facts.html", visitor, **shown_facts).decode().strip())


def _time_of(steps: Sequence[Step], event: str) -> Any:
    return next((step.at for step in steps if step.event == event), None)


def _page_number(request: HttpRequest) -> int:
    return whole(request.query_params.get("page", ""), MAX_PAGE_DIGITS) or 0
