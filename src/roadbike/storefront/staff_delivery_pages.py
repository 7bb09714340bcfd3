"""Staff's list of the day: what to send, what is on its way, what comes back; and each step."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Any, Final

from roadbike.contracts.shop import SEOUL
from roadbike.contracts.statuses import DeliveryStatus
from roadbike.kit.web import ADMIN, STAFF, Reply, Route
from roadbike.storefront import business_days, wording
from roadbike.storefront.addresses import FIELDS as CONTACT
from roadbike.storefront.addresses import cleaned, faults_of
from roadbike.storefront.catalogue import Catalogue
from roadbike.storefront.forms import Fields
from roadbike.storefront.peers import Answer, Peers
from roadbike.storefront.staff_lists import Lists, Source, query_of, success
from roadbike.storefront.visitors import Visitor
from roadbike.storefront.web import HtmlReply, Pages, Request, redirect, shown

DAY: Final = "/staff/deliveries"
ALL: Final = Source(
    f"{DAY}/all",
    "delivery",
    "/deliveries/all",
    ("deliveryStatus", "day", "userId", "bikeId", "reserveStore", "slow"),
)
GROUPS: Final[Mapping[str, DeliveryStatus]] = {
    "send": DeliveryStatus.PREPARING,
    "under-way": DeliveryStatus.STARTED,
    "back": DeliveryStatus.RECALLING,
}
STEPS: Final[Mapping[str, DeliveryStatus]] = {  # link relations of the API, and what they lead to
    "start": DeliveryStatus.STARTED,
    "complete": DeliveryStatus.COMPLETED,
    "recall": DeliveryStatus.RECALLING,
    "takeBack": DeliveryStatus.RETURNED,
}
CARRIERS: Final = ("CJ대한통운", "한진택배", "롯데택배", "우체국택배", "로젠택배")
LABEL: Final = ("carrier", "trackingNo")
MAX_LABEL: Final = 200  # characters
WITHIN: Final = 3  # working days after the payment, in which a bike has to leave
CHANGED: Final = {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED}


class StaffDeliveryPages:
    """`/staff/deliveries…`: for staff, without prices."""

    def __init__(self, pages: Pages, peers: Peers, lists: Lists, catalogue: Catalogue) -> None:
        self.pages = pages
        self.peers = peers
        self.lists = lists
        self.catalogue = catalogue

    def routes(self) -> list[Route]:
        page, form = self.pages.page, self.pages.form
        one = f"{DAY}/{{delivery_id:uuid}}"
        return [
            page(DAY, self.day, who=STAFF),
            page(ALL.page, self.search, who=STAFF),
            page(ALL.table, self.table, who=ADMIN),
            page(one, self.show, who=STAFF),
            form(one, self.step, who=STAFF),
            page(f"{one}/address", self.ask_address, who=STAFF),
            form(f"{one}/address", self.correct, who=STAFF),
        ]

    async def day(self, visitor: Visitor, request: Request) -> HtmlReply:
        """Show one of the three groups."""
        asked = query_of(request)
        group = asked.get("group", "")
        return await self._day(
            visitor, group if group in GROUPS else "send", done=asked.get("done")
        )

    async def search(self, visitor: Visitor, request: Request) -> HtmlReply:
        """List all deliveries, narrowed by filters."""
        found = await self.lists.page(visitor, request, ALL)
        copy = await self.catalogue.copy()
        return shown(
            "staff/all_deliveries.html",
            visitor,
            status=found.status,
            found=found,
            statuses=tuple(DeliveryStatus),
            bikes=copy.bikes,
            wording=wording,
        )

    async def table(self, visitor: Visitor, request: Request) -> Reply[Any]:
        """Export the deliveries as a table."""
        return await self.lists.table(visitor, request, ALL)

    async def show(self, visitor: Visitor, request: Request) -> HtmlReply:
        """Show one delivery and what can be done with it, above the list of the day."""
        now = await self._delivery(visitor, request)
        return await self._day(visitor, "send", top=now.body)

    async def step(self, visitor: Visitor, request: Request, fields: Fields) -> HtmlReply:
        """Move a parcel on. When that is refused, the page comes back with its present state."""
        name, group = fields.get("step", ""), fields.get("group", "send")
        group = group if group in GROUPS else "send"
        typed = {each: fields.get(each, "") for each in LABEL}
        faults = _label_faults(visitor, typed) if name == "start" else {}
        answer = None
        if not faults:
            answer = await self._move(visitor, request, STEPS.get(name), typed)
            if answer.is_success:
                return redirect(f"{DAY}?group={group}&done={name}")
            if answer.status not in {*CHANGED, HTTPStatus.UNPROCESSABLE_ENTITY}:
                success(answer)
        now = await self._delivery(visitor, request)
        return await self._day(
            visitor,
            group,
            top=now.body,
            typed=typed,
            faults=faults,
            refusal=answer,
            status=answer.status if answer else HTTPStatus.UNPROCESSABLE_ENTITY,
        )

    async def ask_address(self, visitor: Visitor, request: Request) -> HtmlReply:
        """Show where a parcel goes, to correct it."""
        return _address_page(visitor, await self._delivery(visitor, request))

    async def correct(self, visitor: Visitor, request: Request, fields: Fields) -> HtmlReply:
        """Correct where a parcel goes, unless it has left or was changed meanwhile."""
        typed = {name: cleaned(fields.get(name, "")) for name in CONTACT}
        now = await self._delivery(visitor, request)
        if faults := faults_of(typed, visitor.language):
            opened = Answer(now.status, now.body, etag=fields.get("etag"))
            return _address_page(visitor, opened, typed=typed, faults=faults, status=422)
        answer = await self.peers.send(
            visitor.asks(
                "delivery",
                "PATCH",
                f"/deliveries/{request.path_params['delivery_id']}",
                body={wire: typed[name] for name, wire in CONTACT.items()},
                headers={"If-Match": fields.get("etag", "")},
            )
        )
        if answer.is_success:
            return redirect(f"{DAY}?group=send&done=address")
        if answer.status not in {*CHANGED, HTTPStatus.UNPROCESSABLE_ENTITY}:
            success(answer)
        now = await self._delivery(visitor, request)
        status = HTTPStatus.CONFLICT if answer.status in CHANGED else answer.status
        return _address_page(visitor, now, typed=typed, refusal=answer, status=status)

    async def _move(
        self,
        visitor: Visitor,
        request: Request,
        to: DeliveryStatus | None,
        typed: Mapping[str, str],
    ) -> Answer:
        label = {name: value for name, value in typed.items() if value}
        body = {"deliveryStatus": to} | (label if to is DeliveryStatus.STARTED else {})
        path = f"/deliveries/{request.path_params['delivery_id']}"
        return await self.peers.send(visitor.asks("delivery", "PATCH", path, body=body))

    async def _delivery(self, visitor: Visitor, request: Request) -> Answer:
        path = f"/deliveries/{request.path_params['delivery_id']}"
        answer = await self.peers.send(visitor.asks("delivery", "GET", path))
        success(answer)
        return answer

    async def _day(
        self,
        visitor: Visitor,
        group: str,
        *,
        done: str | None = None,
        top: Any = None,
        typed: Mapping[str, str] | None = None,
        faults: Mapping[str, str] | None = None,
        refusal: Answer | None = None,
        status: int = 200,
    ) -> HtmlReply:
        groups, copy = await asyncio.gather(self._groups(visitor), self.catalogue.copy())
        rows, _, has_more = groups[group]
        today = datetime.now(UTC).astimezone(SEOUL).date()
        return shown(
            "staff/deliveries.html",
            visitor,
            status=status,
            group=group,
            counts={name: (count, more) for name, (_, count, more) in groups.items()},
            rows=[row for row in rows if top is None or row["deliveryId"] != top["deliveryId"]],
            has_more=has_more or len(rows) < groups[group][1],
            top=top,
            typed=typed or {},
            faults=faults or {},
            refusal=refusal.problem if refusal else None,
            done=done,
            bikes=copy.bikes,
            due=lambda row: _due(row, today),
            table_ends=business_days.KNOWN_UNTIL if business_days.ends_soon(today) else None,
            carriers=CARRIERS,
            wording=wording,
        )

    async def _groups(self, visitor: Visitor) -> Mapping[str, tuple[Sequence[Any], int, bool]]:
        """Return the first rows of each group, the oldest first, and how many there are."""
        read = [
            self.lists.rows(
                visitor, "delivery", ALL.path, deliveryStatus=status, oldestFirst="true"
            )
            for status in GROUPS.values()
        ]
        return dict(zip(GROUPS, await asyncio.gather(*read), strict=True))


def _due(row: Mapping[str, Any], today: date) -> tuple[date, int] | None:
    """Return until when the bike has to leave, and how many working days are left.

    None when that is not known: for a parcel of before, or after the end of the table.
    """
    if not row.get("preparedAt"):
        return None
    paid = datetime.fromisoformat(row["preparedAt"]).astimezone(SEOUL).date()
    day = business_days.working_days_after(paid, WITHIN)
    return None if day is None else (day, business_days.working_days_left(today, day))


def _label_faults(visitor: Visitor, typed: Mapping[str, str]) -> dict[str, str]:
    is_korean = visitor.language == "ko"
    missing = {
        "carrier": "택배사를 적어 주세요." if is_korean else "Please give the carrier.",
        "trackingNo": "운송장 번호를 적어 주세요." if is_korean else "Please give the number.",
    }
    too_long = "200자 이하로 적어 주세요." if is_korean else "Please use at most 200 characters."
    faults = {name: missing[name] for name in LABEL if not typed[name]}
    return faults | {name: too_long for name in LABEL if len(typed[name]) > MAX_LABEL}


def _address_page(
    visitor: Visitor,
    delivery: Answer,
    *,
    typed: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
    refusal: Answer | None = None,
    status: int = 200,
) -> HtmlReply:
    known = {name: delivery.body[wire] or "" for name, wire in CONTACT.items()}
    return shown(
        "staff/address.html",
        visitor,
        status=status,
        delivery=delivery.body,
        etag=delivery.etag,
        known=known,
        typed=typed or known,
        faults=faults or {},
        refusal=refusal.problem if refusal else None,
        may_correct="correctAddress" in delivery.body["_links"],
        wording=wording,
    )
