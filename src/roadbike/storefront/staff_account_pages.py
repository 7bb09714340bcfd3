"""The accounts of staff as pages: list, add, change a role, reset a password."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from roadbike.contracts.identity import STAFF as STAFF_ROLES
from roadbike.contracts.identity import Role
from roadbike.kit.web import ADMIN, Route
from roadbike.storefront import staff_words
from roadbike.storefront.forms import Fields
from roadbike.storefront.peers import Answer, Peers
from roadbike.storefront.staff_lists import query_of, success
from roadbike.storefront.visitors import Visitor, Visitors
from roadbike.storefront.web import HtmlReply, Pages, Request, redirect, shown

PAGE: Final = "/staff/accounts"
API: Final = "/accounts/staff"
NEW: Final = ("userId", "userNm", "role", "why")
MAX_REASON: Final = 200  # characters
ROLES: Final = tuple(role for role in Role if role in STAFF_ROLES)  # of a new account


class StaffAccountPages:
    """`/staff/accounts…`: for admins."""

    def __init__(self, pages: Pages, visitors: Visitors, peers: Peers) -> None:
        self.pages = pages
        self.visitors = visitors
        self.peers = peers

    def routes(self) -> list[Route]:
        page, form = self.pages.page, self.pages.form
        one = f"{PAGE}/{{user_id:str}}"
        return [
            page(PAGE, self.list, who=ADMIN),
            form(PAGE, self.add, who=ADMIN),
            page(one, self.show, who=ADMIN),
            form(f"{one}/role", self.change_role, who=ADMIN),
            form(f"{one}/password", self.reset_password, who=ADMIN),
        ]

    async def list(self, visitor: Visitor, _request: Request) -> HtmlReply:
        """List the accounts of staff, with a form for a new one."""
        return await self._listed(visitor, dict.fromkeys(NEW, ""))

    async def add(self, visitor: Visitor, _request: Request, fields: Fields) -> HtmlReply:
        """Open an account, and show its one-time password."""
        typed = {name: fields.get(name, "") for name in NEW}
        given = {name: value for name, value in typed.items() if value}
        answer = await self.peers.send(visitor.asks("account", "POST", API, body=given))
        if answer.is_success:
            return _password_page(visitor, answer.body, is_new=True)
        return await self._listed(visitor, typed, answer)

    async def show(self, visitor: Visitor, request: Request) -> HtmlReply:
        """Show one account, with what can be changed."""
        return await self._account(visitor, request, done=query_of(request).get("done", ""))

    async def change_role(self, visitor: Visitor, request: Request, fields: Fields) -> HtmlReply:
        """Give the account another role."""
        user_id, why = request.path_params["user_id"], fields.get("why", "")
        if not why:
            return await self._account(visitor, request, fault=("role", _no_reason(visitor)))
        body = {"role": fields.get("role", ""), "why": why}
        answer = await self.peers.send(
            visitor.asks("account", "PATCH", _api_of(user_id), body=body)
        )
        if not answer.is_success:
            return await self._account(visitor, request, refusal=("role", answer), why=why)
        self.visitors.forget_user(user_id)
        if Role.BUYER in answer.body["roles"]:
            return redirect(PAGE)
        return redirect(f"{_page_of(user_id)}?done=role")

    async def reset_password(self, visitor: Visitor, request: Request, fields: Fields) -> HtmlReply:
        """Replace the password, and show the one-time one."""
        user_id, why = request.path_params["user_id"], fields.get("why", "")
        if not why:
            return await self._account(visitor, request, fault=("password", _no_reason(visitor)))
        path = f"{_api_of(user_id)}/password"
        answer = await self.peers.send(visitor.asks("account", "POST", path, body={"why": why}))
        if not answer.is_success:
            return await self._account(visitor, request, refusal=("password", answer), why=why)
        self.visitors.forget_user(user_id)
        return _password_page(visitor, answer.body, is_new=False)

    async def _listed(
        self, visitor: Visitor, typed: Mapping[str, str], refusal: Answer | None = None
    ) -> HtmlReply:
        answer = await self.peers.send(visitor.asks("account", "GET", API))
        return shown(
            "staff/accounts.html",
            visitor,
            status=refusal.status if refusal else HTTPStatus.OK,
            accounts=success(answer)["_embedded"]["accounts"],
            typed=typed,
            faults=_faults(refusal),
            roles=ROLES,
            words=staff_words,
            most=MAX_REASON,
        )

    async def _account(
        self,
        visitor: Visitor,
        request: Request,
        *,
        done: str = "",
        fault: tuple[str, str] | None = None,
        refusal: tuple[str, Answer] | None = None,
        why: str = "",
    ) -> HtmlReply:
        """Return the page of an account. fault, refusal: with the form that it is about."""
        path = _api_of(request.path_params["user_id"])
        account = success(await self.peers.send(visitor.asks("account", "GET", path)))
        status = HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK
        return shown(
            "staff/account.html",
            visitor,
            status=refusal[1].status if refusal else status,
            account=account,
            path=_page_of(account["userId"]),
            done=done,
            fault=fault,
            refusal=(refusal[0], refusal[1].problem) if refusal else None,
            why=why,
            roles=tuple(Role),
            words=staff_words,
            most=MAX_REASON,
        )


def _password_page(visitor: Visitor, account: Mapping[str, Any], *, is_new: bool) -> HtmlReply:
    return shown(
        "staff/one_time_password.html", visitor, account=account, is_new=is_new, words=staff_words
    )


def _faults(refusal: Answer | None) -> dict[str, str]:
    """Return what is wrong by field; what is wrong with none of them by the first field."""
    if refusal is None:
        return {}
    problem = refusal.problem
    found = {fault.pointer.lstrip("/"): fault.detail for fault in problem.errors}
    return found or {"userId": problem.detail or problem.title}


def _no_reason(visitor: Visitor) -> str:
    return "이유를 적어 주세요." if visitor.language == "ko" else "Please give a reason."


def _page_of(user_id: str) -> str:
    return f"{PAGE}/{quote(user_id, safe='')}"


def _api_of(user_id: str) -> str:
    return f"{API}/{quote(user_id, safe='')}"
