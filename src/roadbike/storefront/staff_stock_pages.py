"""Staff's pages of the stock: list, add, edit with a view of conflicts, withdraw and put back."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from roadbike.kit.web import ADMIN, STAFF, Reply, Route
from roadbike.storefront import staff_geometry, wording
from roadbike.storefront.forms import Fields
from roadbike.storefront.peers import Answer, Peers
from roadbike.storefront.staff_lists import Lists, Source, query_of, success
from roadbike.storefront.visitors import Visitor
from roadbike.storefront.web import HtmlReply, Pages, Request, redirect, shown

LIST: Final = Source("/staff/stock", "stock", "/stocks/all", ("q", "low", "withdrawn"))
TEXTS: Final = ("bikeNm", "brand", "frameSize", "colour", "description")
NUMBERS: Final = ("price", "stockQty")
FIELDS: Final = (
    *("bikeNm", "brand", "frameSize", "colour", "price", "stockQty", "description"),
    *staff_geometry.FIELDS,
)
MAX_FORM_BYTES: Final = 512 * 1024  # three versions of the longest description
THEIRS: Final = "theirs"
STALE: Final = {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT}


class StaffStockPages:
    """`/staff/stock/…`: read by all staff, changed by admins."""

    def __init__(self, pages: Pages, peers: Peers, lists: Lists) -> None:
        self.pages = pages
        self.peers = peers
        self.lists = lists

    def routes(self) -> list[Route]:
        page, form = self.pages.page, self.pages.form
        bike = f"{LIST.page}/{{bike_id:int}}"
        return [
            page(LIST.page, self.list, who=STAFF),
            page(LIST.table, self.table, who=ADMIN),
            page(f"{LIST.page}/new", self.ask_new, who=ADMIN),
            form(f"{LIST.page}/new", self.add, who=ADMIN),
            page(bike, self.ask_edit, who=ADMIN),
            form(bike, self.edit, who=ADMIN, max_body=MAX_FORM_BYTES),
            page(f"{bike}/sale", self.ask_sale, who=ADMIN),
            form(f"{bike}/sale", self.change_sale, who=ADMIN),
        ]

    async def list(self, visitor: Visitor, request: Request) -> HtmlReply:
        """List the bikes."""
        found = await self.lists.page(visitor, request, LIST)
        done = query_of(request).get("done", "")
        return shown("staff/stock.html", visitor, status=found.status, found=found, done=done)

    async def table(self, visitor: Visitor, request: Request) -> Reply[Any]:
        """Export the list as a table, which can be imported again."""
        return await self.lists.table(visitor, request, LIST)

    async def ask_new(self, visitor: Visitor, _request: Request) -> HtmlReply:
        """Ask for a new bike."""
        return _form_page(visitor, typed=dict.fromkeys(("bikeId", *FIELDS), ""))

    async def add(self, visitor: Visitor, _request: Request, fields: Fields) -> HtmlReply:
        """Put a new bike on sale."""
        typed = {name: fields.get(name, "") for name in ("bikeId", *FIELDS)}
        answer = await self.peers.send(visitor.asks("stock", "POST", "/stocks", body=_new(typed)))
        if answer.is_success:
            return redirect(f"{LIST.page}?q={answer.body['bikeId']}&done=added")
        return _form_page(visitor, typed=typed, faults=_faults(answer), status=answer.status)

    async def ask_edit(self, visitor: Visitor, request: Request) -> HtmlReply:
        """Show a bike for editing."""
        answer = await self._bike(visitor, request)
        return _form_page(visitor, typed=_texts(answer.body), bike=answer)

    async def edit(self, visitor: Visitor, request: Request, fields: Fields) -> HtmlReply:
        """Save what was changed; or show what a colleague has changed meanwhile.

        The form has what the fields were when it was opened (`base.…`). In the view of a conflict
        that is what the colleague saved, and `pick.…` says which value is to be kept.
        """
        base, mine = _versions(fields)
        changed = {name: value for name, value in mine.items() if value != base[name]}
        path = f"/stocks/{request.path_params['bike_id']}"
        if not changed:
            return redirect(f"{LIST.page}?q={request.path_params['bike_id']}&withdrawn=true")
        headers = {"If-Match": fields.get("etag", "")}
        answer = await self.peers.send(
            visitor.asks("stock", "PATCH", path, body=_patch(changed, mine), headers=headers)
        )
        if answer.is_success:
            query = f"q={request.path_params['bike_id']}&withdrawn=true&done=saved"
            return redirect(f"{LIST.page}?{query}")
        now = await self._bike(visitor, request)
        if answer.status in STALE:
            return _conflict_page(visitor, now, base=base, mine=mine)
        if not answer.problem.errors and answer.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            success(answer)
        opened = Answer(now.status, now.body, etag=fields.get("etag"))
        return _form_page(
            visitor,
            typed=mine,
            bike=opened,
            base=base,
            faults=_faults(answer),
            status=answer.status,
        )

    async def ask_sale(self, visitor: Visitor, request: Request) -> HtmlReply:
        """Ask whether to withdraw the bike, or to put it back on sale."""
        return _sale_page(visitor, await self._bike(visitor, request))

    async def change_sale(self, visitor: Visitor, request: Request, fields: Fields) -> HtmlReply:
        """Withdraw the bike, or put it back on sale; unless it was changed meanwhile."""
        bike_id = request.path_params["bike_id"]
        on_sale = fields.get("sale") == "on"
        answer = await self.peers.send(
            visitor.asks(
                "stock",
                "PATCH",
                f"/stocks/{bike_id}",
                body={"onSale": on_sale},
                headers={"If-Match": fields.get("etag", "")},
            )
        )
        if answer.is_success:
            done = "on" if on_sale else "off"
            return redirect(f"{LIST.page}?q={bike_id}&withdrawn=true&done={done}")
        if answer.status not in STALE:
            success(answer)
        now = await self._bike(visitor, request)
        return _sale_page(visitor, now, is_changed=True, status=HTTPStatus.CONFLICT)

    async def _bike(self, visitor: Visitor, request: Request) -> Answer:
        """Return the bike as it is now. Raises Refused, for example for an unknown number."""
        path = f"/stocks/{request.path_params['bike_id']}"
        answer = await self.peers.send(visitor.asks("stock", "GET", path))
        success(answer)
        return answer


def _versions(fields: Fields) -> tuple[dict[str, str], dict[str, str]]:
    """Return the values that the form began with, and those that are to be saved."""
    base = {name: _plain(name, fields.get(f"base.{name}", "")) for name in FIELDS}
    mine = {name: _plain(name, fields.get(name, "")) for name in FIELDS}
    chosen = {
        name: base[name] if fields.get(f"pick.{name}") == THEIRS else mine[name] for name in FIELDS
    }
    return base, chosen


def _plain(name: str, value: str) -> str:
    """Return the value as it is compared: a number without commas, a text with plain breaks."""
    if name in staff_geometry.LABELS:
        return staff_geometry.plain(name, value)
    if name in NUMBERS or name == "bikeId":
        digits = value.replace(",", "").replace("₩", "").replace(" ", "")
        return str(int(digits)) if digits.isascii() and digits.isdigit() else value
    return value.replace("\r\n", "\n")


def _value(name: str, value: str) -> object:
    """Return the value as JSON; what is no number stays a text, which stock refuses."""
    plain = _plain(name, value)
    is_number = (name in NUMBERS or name == "bikeId") and plain.isascii() and plain.isdigit()
    return int(plain) if is_number else plain


def _new(typed: Mapping[str, str]) -> dict[str, Any]:
    """Return the body for a new bike: what was filled in."""
    given = {name: _value(name, value) for name, value in typed.items() if value}
    geometry = staff_geometry.given(typed)
    own = {name: value for name, value in given.items() if name not in staff_geometry.LABELS}
    return own | ({"geometry": geometry} if geometry else {})


def _patch(changed: Mapping[str, str], mine: Mapping[str, str]) -> dict[str, Any]:
    """Return the body with what was changed; of a geometry all, as stock keeps it as a whole."""
    own = {name: value for name, value in changed.items() if name not in staff_geometry.LABELS}
    body = {name: _value(name, value) or None for name, value in own.items()}
    body |= {name: 0 for name, value in own.items() if name in NUMBERS and value == "0"}
    return body if len(own) == len(changed) else body | {"geometry": staff_geometry.given(mine)}


def _texts(bike: Mapping[str, Any]) -> dict[str, str]:
    own = {name: bike[name] for name in FIELDS if name not in staff_geometry.LABELS}
    shown = {name: str("" if value is None else value) for name, value in own.items()}
    return shown | staff_geometry.texts(bike["geometry"])


def _faults(answer: Answer) -> dict[str, str]:
    """Return what is wrong by field; what is wrong with none of them by "form"."""
    found = {
        staff_geometry.field_of(fault.pointer) or fault.pointer.removeprefix("/"): fault.detail
        for fault in answer.problem.errors
    }
    if not found:
        found = {_field_of(answer): answer.problem.detail or answer.problem.title}
    known = {"bikeId", *FIELDS}
    return {(name if name in known else "bikeNm"): text for name, text in found.items()}


def _field_of(answer: Answer) -> str:
    return {"bike-exists": "bikeId", "below-held": "stockQty"}.get(answer.problem.slug, "bikeNm")


def _form_page(
    visitor: Visitor,
    *,
    typed: Mapping[str, str],
    bike: Answer | None = None,
    base: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
    status: int = 200,
) -> HtmlReply:
    """Show the form. base: what its fields were when it was opened, if that is not now."""
    if base is None:
        base = _texts(bike.body) if bike else {}
    return shown(
        "staff/bike.html",
        visitor,
        status=status,
        bike=bike.body if bike else None,
        etag=bike.etag if bike else None,
        base=base,
        typed=typed,
        faults=faults or {},
        geometry=staff_geometry.LABELS,
        has_geometry=any(typed[name] for name in staff_geometry.FIELDS),
        kinds=wording.KINDS,
    )


def _conflict_page(
    visitor: Visitor, now: Answer, *, base: Mapping[str, str], mine: Mapping[str, str]
) -> HtmlReply:
    """Show the fields that differ, each with what it was, what is saved and what was typed."""
    theirs = _texts(now.body)
    differing = [name for name in FIELDS if theirs[name] != mine[name]]
    picked = {name: "mine" if theirs[name] == base[name] else THEIRS for name in differing}
    return shown(
        "staff/conflict.html",
        visitor,
        status=HTTPStatus.CONFLICT,
        bike=now.body,
        etag=now.etag,
        fields=FIELDS,
        differing=differing,
        base=base,
        mine=mine,
        theirs=theirs,
        picked=picked,
        geometry=staff_geometry.LABELS,
        kinds=wording.KINDS,
    )


def _sale_page(
    visitor: Visitor, bike: Answer, *, is_changed: bool = False, status: int = 200
) -> HtmlReply:
    return shown(
        "staff/sale.html",
        visitor,
        status=status,
        bike=bike.body,
        etag=bike.etag,
        is_changed=is_changed,
    )
