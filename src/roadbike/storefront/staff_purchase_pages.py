"""Staff's pages of reservations, payments and refunds; and the cancel on behalf of a buyer."""

from http import HTTPStatus
from typing import Any, Final

from roadbike.contracts.statuses import PaymentStatus, ReservationStatus
from roadbike.kit.pure.texts import UnusableText, line
from roadbike.kit.web import ADMIN, STAFF, Reply, Route
from roadbike.storefront import wording
from roadbike.storefront.catalogue import Catalogue
from roadbike.storefront.forms import Fields
from roadbike.storefront.peers import Answer, Peers, Request, Unreachable
from roadbike.storefront.staff_lists import Lists, Source, query_of, success
from roadbike.storefront.visitors import Visitor
from roadbike.storefront.web import HtmlReply, Pages, redirect, shown
from roadbike.storefront.web import Request as HttpRequest

RESERVATIONS: Final = Source(
    "/staff/reservations",
    "reservation",
    "/reservations/all",
    ("reserveStatus", "day", "userId", "bikeId", "reserveStore", "slow"),
)
OF_MONEY: Final = ("payStatus", "day", "userId", "bikeId", "reserveStore", "slow")
PAYMENTS: Final = Source("/staff/payments", "payment", "/payments/all", OF_MONEY)
REFUNDS: Final = Source("/staff/payments/refunds", "payment", "/payments/refunds", OF_MONEY)
REFUND_STATUSES: Final = (PaymentStatus.REFUNDING, PaymentStatus.CANCELLED, PaymentStatus.PAID)
MAX_REASON: Final = 200  # characters
HOLD_MONEY: Final = {PaymentStatus.PAID, PaymentStatus.CONFIRMING}


class StaffPurchasePages:
    """`/staff/reservations…` for staff, `/staff/payments…` for admins."""

    def __init__(self, pages: Pages, peers: Peers, lists: Lists, catalogue: Catalogue) -> None:
        self.pages = pages
        self.peers = peers
        self.lists = lists
        self.catalogue = catalogue

    def routes(self) -> list[Route]:
        page = self.pages.page
        cancel = f"{RESERVATIONS.page}/{{reservation_id:uuid}}/cancel"
        return [
            page(RESERVATIONS.page, self.reservations, who=STAFF),
            page(RESERVATIONS.table, self.reservation_table, who=ADMIN),
            page(cancel, self.ask_cancel, who=ADMIN),
            self.pages.form(cancel, self.cancel, who=ADMIN),
            page(PAYMENTS.page, self.payments, who=ADMIN),
            page(PAYMENTS.table, self.payment_table, who=ADMIN),
            page(REFUNDS.page, self.refunds, who=ADMIN),
            page(REFUNDS.table, self.refund_table, who=ADMIN),
        ]

    async def reservations(self, visitor: Visitor, request: HttpRequest) -> HtmlReply:
        """List the reservations of all buyers."""
        found = await self.lists.page(visitor, request, RESERVATIONS)
        copy = await self.catalogue.copy()
        is_slow = "slow" in found.typed
        return shown(
            "staff/reservations.html",
            visitor,
            status=found.status,
            found=found,
            wording=wording,
            statuses=(ReservationStatus.RESERVED, ReservationStatus.CANCELLED),
            bikes=copy.bikes,
            done=query_of(request).get("done", ""),
            is_stock_down=is_slow and not await self._stock_answers(visitor),
        )

    async def payments(self, visitor: Visitor, request: HttpRequest) -> HtmlReply:
        """List the payments of all buyers."""
        return await self._money(visitor, request, PAYMENTS, tuple(PaymentStatus))

    async def refunds(self, visitor: Visitor, request: HttpRequest) -> HtmlReply:
        """List the refunds."""
        return await self._money(visitor, request, REFUNDS, REFUND_STATUSES)

    async def reservation_table(self, visitor: Visitor, request: HttpRequest) -> Reply[Any]:
        """Export the reservations as a table."""
        return await self.lists.table(visitor, request, RESERVATIONS)

    async def payment_table(self, visitor: Visitor, request: HttpRequest) -> Reply[Any]:
        """Export the payments as a table."""
        return await self.lists.table(visitor, request, PAYMENTS)

    async def refund_table(self, visitor: Visitor, request: HttpRequest) -> Reply[Any]:
        """Export the refunds as a table."""
        return await self.lists.table(visitor, request, REFUNDS)

    async def ask_cancel(self, visitor: Visitor, request: HttpRequest) -> HtmlReply:
        """Ask for the reason of a cancel, and say what will follow."""
        return await self._cancel_page(visitor, request)

    async def cancel(self, visitor: Visitor, request: HttpRequest, fields: Fields) -> HtmlReply:
        """Cancel for the buyer; refused without a reason, or when the bike has left meanwhile."""
        reason = fields.get("reason", "")
        if fault := _reason_fault(visitor, reason):
            return await self._cancel_page(visitor, request, reason=reason, fault=fault, status=422)
        answer = await self.peers.send(
            visitor.asks(
                "reservation",
                "PATCH",
                f"/reservations/{request.path_params['reservation_id']}",
                body={"reserveStatus": ReservationStatus.CANCELLED, "why": line(reason)},
            )
        )
        if answer.is_success:
            bike_id, user_id = answer.body["bikeId"], answer.body["userId"]
            query = f"userId={user_id}&bikeId={bike_id}&done=cancelled"
            return redirect(f"{RESERVATIONS.page}?{query}")
        if answer.status != HTTPStatus.CONFLICT:
            success(answer)
        return await self._cancel_page(
            visitor, request, reason=reason, refusal=answer, status=answer.status
        )

    async def _money(
        self,
        visitor: Visitor,
        request: HttpRequest,
        source: Source,
        statuses: tuple[PaymentStatus, ...],
    ) -> HtmlReply:
        found = await self.lists.page(visitor, request, source)
        copy = await self.catalogue.copy()
        return shown(
            "staff/payments.html",
            visitor,
            status=found.status,
            found=found,
            source=source,
            is_refunds=source is REFUNDS,
            wording=wording,
            statuses=statuses,
            bikes=copy.bikes,
        )

    async def _cancel_page(
        self,
        visitor: Visitor,
        request: HttpRequest,
        *,
        reason: str = "",
        fault: str | None = None,
        refusal: Answer | None = None,
        status: int = 200,
    ) -> HtmlReply:
        id_ = request.path_params["reservation_id"]
        asked = visitor.asks("reservation", "GET", f"/reservations/{id_}")
        reservation = success(await self.peers.send(asked))
        payment = await self._payment(visitor, str(id_))
        return shown(
            "staff/cancel.html",
            visitor,
            status=status,
            reservation=reservation,
            payment=payment,
            holds_money=payment is not None and payment["payStatus"] in HOLD_MONEY,
            may_cancel="cancel" in reservation["_links"],
            reason=reason,
            fault=fault,
            refusal=refusal.problem if refusal else None,
            most=MAX_REASON,
            wording=wording,
        )

    async def _payment(self, visitor: Visitor, reservation_id: str) -> Any:
        """Return the payment of the reservation; None while payment does not answer."""
        query = [("reserveId", reservation_id)]
        try:
            answer = await self.peers.send(visitor.asks("payment", "GET", "/payments", query=query))
        except Unreachable:
            return None
        found = answer.body["_embedded"]["payments"] if answer.is_success else []
        return found[0] if found else None

    async def _stock_answers(self, visitor: Visitor) -> bool:
        """Return whether stock answers: while it does not, no reservation gets its unit."""
        request = Request(
            service="stock",
            method="GET",
            path="/stocks",
            query=(("size", "1"),),
            language=visitor.language,
        )
        try:
            return (await self.peers.send(request)).is_success
        except Unreachable:
            return False


def _reason_fault(visitor: Visitor, reason: str) -> str | None:
    is_korean = visitor.language == "ko"
    if not reason:
        return "취소하는 이유를 적어 주세요." if is_korean else "Please give the reason."
    if len(reason) > MAX_REASON:
        return "200자 이하로 적어 주세요." if is_korean else "Please use at most 200 characters."
    try:
        line(reason)
    except UnusableText:
        return "한 줄로 적어 주세요." if is_korean else "Please write one line."
    return None
