"""The account: sign up, log in and out, change the password, keep an address, choose a language."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from roadbike.kit.web import STAFF, USER, Route
from roadbike.kit.web.access import may_use
from roadbike.storefront.addresses import FIELDS
from roadbike.storefront.forms import Fields
from roadbike.storefront.peers import Answer, Peers, Request
from roadbike.storefront.staff_pages import HOME
from roadbike.storefront.visitors import (
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    THEMES,
    YEAR_SECONDS,
    Visitor,
    Visitors,
    preference_cookie,
)
from roadbike.storefront.web import (
    HtmlReply,
    Pages,
    answered_with,
    own_path,
    redirect,
    require_user,
    shown,
)
from roadbike.storefront.web import Request as HttpRequest

LANGUAGES: Final = {"ko", "en"}
PROFILE: Final = {**FIELDS, "email": "email"}  # what the buyer may change, and its wire name
NEW_PASSWORD: Final = "newPassword"  # noqa: S105 a field: chosen instead of a one-time one
NOTHING_TYPED: Final[Mapping[str, str]] = {"userId": "", "userNm": ""}


class AccountPages:
    """`/login`, `/signup`, `/logout`, `/account`, `/preferences`."""

    def __init__(self, pages: Pages, visitors: Visitors, peers: Peers) -> None:
        self.pages = pages
        self.visitors = visitors
        self.peers = peers

    def routes(self) -> list[Route]:
        return [
            self.pages.page("/login", self.ask_log_in),
            self.pages.form("/login", self.log_in),
            self.pages.page("/signup", self.ask_sign_up),
            self.pages.form("/signup", self.sign_up),
            self.pages.form("/logout", self.log_out),
            self.pages.page("/account", self.account, who=USER),
            self.pages.form("/account", self.save, who=USER),
            self.pages.form("/account/password", self.change_password, who=USER),
            self.pages.form("/preferences", self.prefer),
        ]

    async def ask_log_in(self, visitor: Visitor, request: HttpRequest) -> HtmlReply:
        """Show the form to log in."""
        following = own_path(request.query_params.get("next", ""))
        if visitor.user:
            return redirect(following)
        return _log_in_page(visitor, following)

    async def log_in(self, visitor: Visitor, request: HttpRequest, fields: Fields) -> HtmlReply:
        """Open a new session; the one that the browser had before ends."""
        following = own_path(fields.get("next", ""))
        answer = await self._open_session(visitor, request, fields)
        if not answer.is_success:
            return _log_in_page(visitor, following, fields, answer)
        await self._end(visitor)
        device = self._device_cookie(answer.body["deviceToken"])
        if following == "/" and may_use(STAFF, frozenset(answer.body["roles"])):
            following = HOME
        return redirect(following, [self.visitors.cookie.set(answer.body["session"]), device])

    async def ask_sign_up(self, visitor: Visitor, request: HttpRequest) -> HtmlReply:
        """Show the form to sign up."""
        following = own_path(request.query_params.get("next", ""))
        return shown(
            "signup.html",
            visitor,
            typed=NOTHING_TYPED,
            faults={},
            problem=None,
            following=following,
        )

    async def sign_up(self, visitor: Visitor, request: HttpRequest, fields: Fields) -> HtmlReply:
        """Open an account and log in."""
        following = own_path(fields.get("next", ""))
        body = {name: fields.get(name, "") for name in ("userId", "userNm", "password")}
        answer = await self.peers.send(
            Request(
                service="account",
                method="POST",
                path="/accounts",
                body=body,
                client=visitor.client,
                language=visitor.language,
            )
        )
        if answer.is_success:
            return await self.log_in(visitor, request, fields)
        problem = answer.problem
        return shown(
            "signup.html",
            visitor,
            status=answer.status,
            typed={**NOTHING_TYPED, **body},
            faults=_faults(answer),
            problem=problem,
            following=following,
        )

    async def log_out(self, visitor: Visitor, _request: HttpRequest, _fields: Fields) -> HtmlReply:
        """End the session."""
        await self._end(visitor)
        return redirect("/", [self.visitors.cookie.delete()])

    async def account(self, visitor: Visitor, request: HttpRequest) -> HtmlReply:
        """Show what the account knows of the buyer."""
        return await self._account(visitor, done=request.query_params.get("done", ""))

    async def save(self, visitor: Visitor, _request: HttpRequest, fields: Fields) -> HtmlReply:
        """Save name, phone, address and e-mail; an empty field is removed."""
        require_user(visitor)
        answer = await self.peers.send(
            visitor.asks(
                "account",
                "PATCH",
                "/accounts/me",
                body={wire: fields.get(name) or None for name, wire in PROFILE.items()},
            )
        )
        if answer.is_success:
            self.visitors.forget(visitor.session or "")
            return redirect("/account?done=profile")
        typed = {name: fields.get(name, "") for name in PROFILE}
        return await self._account(visitor, typed=typed, refusal=answer)

    async def change_password(
        self, visitor: Visitor, _request: HttpRequest, fields: Fields
    ) -> HtmlReply:
        """Change the password; the buyer's other sessions end."""
        require_user(visitor)
        answer = await self.peers.send(
            Request(
                service="account",
                method="POST",
                path="/internal/sessions/password",
                body={
                    "session": visitor.session,
                    "password": fields.get("password", ""),
                    "newPassword": fields.get("newPassword", ""),
                    "client": visitor.client,
                },
                language=visitor.language,
            )
        )
        if answer.is_success:
            return redirect("/account?done=password")
        return await self._account(visitor, refusal=answer)

    async def prefer(self, _visitor: Visitor, _request: HttpRequest, fields: Fields) -> HtmlReply:
        """Remember the language or the brightness in a cookie."""
        cookies = []
        if fields.get("language") in LANGUAGES:
            cookies.append(preference_cookie(LANGUAGE_COOKIE, fields["language"]))
        if "theme" in fields:
            cookies.append(preference_cookie(THEME_COOKIE, THEMES.get(fields["theme"], "")))
        return redirect(own_path(fields.get("next", "")), cookies)

    async def _open_session(self, visitor: Visitor, request: HttpRequest, fields: Fields) -> Answer:
        body = {
            "userId": fields.get("userId", ""),
            "password": fields.get("password", ""),
            "client": visitor.client,
            "deviceToken": request.cookies.get(self._device_name),
        }
        if NEW_PASSWORD in fields:
            body[NEW_PASSWORD] = fields[NEW_PASSWORD]
        return await self.peers.send(
            Request(
                service="account",
                method="POST",
                path="/internal/sessions",
                body=body,
                language=visitor.language,
            )
        )

    async def _end(self, visitor: Visitor) -> None:
        if visitor.session is None:
            return
        self.visitors.forget(visitor.session)
        await self.peers.send(
            Request(
                service="account",
                method="POST",
                path="/internal/sessions/end",
                body={"session": visitor.session},
            )
        )

    async def _account(
        self,
        visitor: Visitor,
        *,
        done: str = "",
        typed: Mapping[str, str] | None = None,
        refusal: Answer | None = None,
    ) -> HtmlReply:
        user_id = require_user(visitor)
        answer = await self.peers.send(visitor.asks("account", "GET", f"/accounts/{user_id}"))
        if not answer.is_success:
            return answered_with(visitor, answer)
        known: Any = answer.body
        return shown(
            "account.html",
            visitor,
            status=refusal.status if refusal else 200,
            account=known,
            typed=typed or {name: known.get(wire) or "" for name, wire in PROFILE.items()},
            faults=_faults(refusal) if refusal else {},
            problem=refusal.problem if refusal else None,
            done=done,
        )

    @property
    def _device_name(self) -> str:
        return "__Host-roadbike-device" if self.visitors.cookie.secure else "roadbike-device"

    def _device_cookie(self, token: str) -> str:
        """Return the header Set-Cookie by which account knows this device at the next log-in."""
        flags = "Path=/; HttpOnly; SameSite=Strict" + (
            "; Secure" if self.visitors.cookie.secure else ""
        )
        return f"{self._device_name}={token}; Max-Age={YEAR_SECONDS}; {flags}"


def _log_in_page(
    visitor: Visitor,
    following: str,
    fields: Fields = NOTHING_TYPED,
    answer: Answer | None = None,
) -> HtmlReply:
    is_asked = answer is not None and answer.problem.slug == "password-must-change"
    reply = shown(
        "login.html",
        visitor,
        status=answer.status if answer else HTTPStatus.OK,
        typed={**NOTHING_TYPED, **fields},
        problem=answer.problem if answer else None,
        faults=_faults(answer) if answer else {},
        is_choosing=NEW_PASSWORD in fields or is_asked,
        is_asked=is_asked,
        following=following,
    )
    if answer and answer.retry_after:
        reply.headers["Retry-After"] = str(answer.retry_after)
    return reply


def _faults(answer: Answer) -> dict[str, str]:
    """Return the faults that the service has named, by the name of the field on the wire."""
    return {fault.pointer.lstrip("/"): fault.detail for fault in answer.problem.errors}
