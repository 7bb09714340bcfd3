"""Who looks at a page: language, brightness, and the session of a browser that is logged in."""

import hmac
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final, Literal
from urllib.parse import quote

from litestar.connection import Request as HttpRequest

from roadbike.kit.translations import Language, language_of
from roadbike.kit.web import STAFF
from roadbike.kit.web.access import may_use
from roadbike.kit.web.client import provide_client
from roadbike.kit.web.report import note_user
from roadbike.storefront.peers import Answer, Peers, Request, Unreachable
from roadbike.storefront.seller import Seller

Theme = Literal["", "light", "dark"]

THEMES: Final[Mapping[str, Theme]] = {"light": "light", "dark": "dark"}
LANGUAGE_COOKIE: Final = "roadbike-language"
THEME_COOKIE: Final = "roadbike-theme"
YEAR_SECONDS: Final = 365 * 24 * 3600
KEPT_SECONDS: Final = 50  # a token, which lives 60 s
KEPT_TOKENS: Final = 10_000
MAX_SESSION_LENGTH: Final = 64
KEPT: Final = "!#$%&'()*+,/:;=?@[]~"  # of a path and a query: has a meaning, or is encoded already


@dataclass(frozen=True, slots=True)
class User:
    """A buyer or one of staff who is logged in. token: an access token for the other services."""

    user_id: str
    user_name: str
    roles: frozenset[str]
    token: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """What a page has to know of its reader.

    path: of the page, with its query. client: the address that the request came from.
    session: the id of the session, as the cookie holds it. ended: the cookie's session has ended.
    seller: what the foot of the page says.
    """

    language: Language
    theme: Theme
    path: str
    client: str
    seller: Seller
    session: str | None = None
    user: User | None = None
    ended: bool = False

    @property
    def csrf(self) -> str:
        """Return the token that each form of this session carries; other sessions have others."""
        key = (self.session or "").encode()
        return hmac.new(key, b"roadbike form", sha256).hexdigest()

    @property
    def token(self) -> str | None:
        return self.user.token if self.user else None

    @property
    def roles(self) -> frozenset[str]:
        """Return the roles of the user; none when nobody is logged in."""
        return self.user.roles if self.user else frozenset()

    @property
    def is_staff(self) -> bool:
        """Return whether the user works for the shop."""
        return may_use(STAFF, self.roles)

    def asks(self, service: str, method: str, path: str, **more: Any) -> Request:
        """Return a call of a service on behalf of this visitor; `more` as in Request."""
        return Request(
            service=service,
            method=method,
            path=path,
            token=self.token,
            language=self.language,
            **more,
        )


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """The cookie with the id of the session. secure: browsers keep and send it over HTTPS only."""

    secure: bool

    @property
    def name(self) -> str:
        """Return its name; with `__Host-`, no other host can set it."""
        return "__Host-roadbike-session" if self.secure else "roadbike-session"

    def set(self, session: str) -> str:
        """Return the header Set-Cookie: it ends with the browser's session."""
        return f"{self.name}={session}; {self._flags}"

    def delete(self) -> str:
        """Return the header Set-Cookie that makes the browser drop it."""
        return f"{self.name}=; Max-Age=0; {self._flags}"

    @property
    def _flags(self) -> str:
        return "Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if self.secure else "")


def preference_cookie(name: str, value: str) -> str:
    """Return the header Set-Cookie of a preference; an empty value removes it."""
    age = YEAR_SECONDS if value else 0
    return f"{name}={value}; Max-Age={age}; Path=/; HttpOnly; SameSite=Lax"


def in_ascii(path: str | bytes) -> str:
    """Return a path or query with everything percent-encoded that is not ASCII.

    Browsers send it so; others send UTF-8 as it is, and a header cannot hold it.
    """
    return quote(path, safe=KEPT)


class Visitors:
    """Recognises visitors. Tokens are kept for KEPT_SECONDS: account is asked once a minute."""

    def __init__(self, peers: Peers, cookie: SessionCookie, seller: Seller) -> None:
        self._peers = peers
        self._seller = seller
        self.cookie = cookie
        self._kept: OrderedDict[str, tuple[float, User]] = OrderedDict()

    async def of(self, request: HttpRequest[Any, Any, Any]) -> Visitor:
        """Return who sent the request; without a user when account does not answer."""
        visitor = self._anonymous(request)
        session = request.cookies.get(self.cookie.name, "")
        if not 0 < len(session) <= MAX_SESSION_LENGTH:
            return visitor
        try:
            user = await self._user(session)
        except Unreachable:
            return visitor
        if user is None:
            return replace(visitor, ended=True)
        note_user(request.scope, user.user_id)
        return replace(visitor, session=session, user=user)

    def forget(self, session: str) -> None:
        """Drop the token of a session that has ended."""
        self._kept.pop(session, None)

    def forget_user(self, user_id: str) -> None:
        """Drop the tokens of a user whose sessions have ended."""
        for session in [each for each, (_, user) in self._kept.items() if user.user_id == user_id]:
            self.forget(session)

    def _anonymous(self, request: HttpRequest[Any, Any, Any]) -> Visitor:
        chosen = request.cookies.get(LANGUAGE_COOKIE)
        path = in_ascii(request.scope["raw_path"].partition(b"?")[0])
        query = in_ascii(request.scope["query_string"])
        return Visitor(
            language=language_of(chosen or request.headers.get("accept-language")),
            theme=THEMES.get(request.cookies.get(THEME_COOKIE, ""), ""),
            path=f"{path}?{query}" if query else path,
            client=provide_client(request),
            seller=self._seller,
        )

    async def _user(self, session: str) -> User | None:
        """Return the session's user; None when it has ended. Raises Unreachable."""
        until, user = self._kept.get(session, (0.0, None))
        if user and until > time.monotonic():
            return user
        answer = await self._peers.send(
            Request(
                service="account",
                method="POST",
                path="/internal/sessions/tokens",
                body={"session": session},
                may_repeat=True,
            )
        )
        if answer.status == HTTPStatus.UNAUTHORIZED and answer.problem.slug == "session-ended":
            self.forget(session)
            return None
        if not answer.is_success:
            raise Unreachable("account")
        found = user_of(answer)
        self._kept[session] = (time.monotonic() + KEPT_SECONDS, found)
        while len(self._kept) > KEPT_TOKENS:
            self._kept.popitem(last=False)
        return found


def user_of(answer: Answer) -> User:
    """Return the user that account's answer names."""
    body = answer.body
    return User(body["userId"], body["userNm"], frozenset(body["roles"]), token=body["accessToken"])
