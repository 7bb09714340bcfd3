"""Who may use a route; every route names one audience, and each service checks it itself.

Kit knows the roles by name, because `who=BUYER` reads better in a list of routes than numbered
levels would; the roles that an access token may carry are given to the TokenVerifier. Only MAY_USE
says which role may use what.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from litestar.connection import ASGIConnection, Request

from roadbike.kit.auth import ServiceTokens
from roadbike.kit.auth.services import InternalCall
from roadbike.kit.auth.tokens import Verifier
from roadbike.kit.pure.refusals import Forbidden, TokenExpired, TokenInvalid, Unauthenticated
from roadbike.kit.resilience.deadline import shorten_deadline
from roadbike.kit.web.audit import log_staff
from roadbike.kit.web.rates import limit_writes

Connection = ASGIConnection[Any, Any, Any, Any]


class Who(Enum):
    """The audiences of routes."""

    ANYONE = "anyone"
    USER = "user"  # everybody who is logged in
    BUYER = "buyer"
    STAFF = "staff"
    ADMIN = "admin"
    INTERNAL = "internal"  # a service with an internal token


ANYONE: Final = Who.ANYONE
USER: Final = Who.USER
BUYER: Final = Who.BUYER
STAFF: Final = Who.STAFF
ADMIN: Final = Who.ADMIN
INTERNAL: Final = Who.INTERNAL

STAFF_ROLES: Final = frozenset({"clerk", "admin"})
MAY_USE: Final[Mapping[Who, frozenset[str]]] = {  # one of these roles is enough
    Who.USER: frozenset({"buyer", "clerk", "admin"}),
    Who.BUYER: frozenset({"buyer", "admin"}),
    Who.STAFF: STAFF_ROLES,
    Who.ADMIN: frozenset({"admin"}),
}


def may_use(who: Who, roles: frozenset[str]) -> bool:
    """Return whether a user with these roles may use what is for `who`; not so for INTERNAL."""
    return who is Who.ANYONE or bool(MAY_USE.get(who, frozenset()) & roles)


@dataclass(frozen=True, slots=True)
class Caller:
    """The user that sent the request; at an INTERNAL route `user_id` is the service's name.

    Without a token, which only an ANYONE route allows, `user_id` and `roles` are empty.
    """

    user_id: str
    roles: frozenset[str]

    @property
    def is_admin(self) -> bool:
        """Return whether the caller may see and change everything of all users."""
        return may_use(Who.ADMIN, self.roles)

    @property
    def is_staff(self) -> bool:
        """Return whether the caller works for the shop, as admin or clerk."""
        return may_use(Who.STAFF, self.roles)

    @property
    def owner(self) -> str | None:
        """Return the user id whose objects the caller may see, or None for those of all users.

        Staff see those of all users, as far as the route is for them.
        """
        return None if self.is_staff else self.user_id


ANONYMOUS: Final = Caller("", frozenset())


@dataclass(frozen=True, slots=True)
class Access:
    """The verifiers of access tokens and internal tokens, in the state of the app."""

    tokens: Verifier
    services: ServiceTokens


async def authorize(request: Request[Any, Any, Any]) -> None:
    """Check the request's token against the route's `who` and store the caller in the scope.

    A buyer's writes are counted, too. Raises Unauthenticated, Forbidden, TooMany or Unavailable.
    It is a before_request hook and not a guard: Litestar copies the handler for each guard, which
    costs as much as the rest of a request.
    """
    who: Who = request.route_handler.opt["who"]
    if who is not Who.ANYONE:
        caller = await _authorized(who, request)
        request.scope["caller"] = caller  # type: ignore[typeddict-unknown-key]
        if who is not Who.INTERNAL and not caller.is_staff:
            limit_writes(request, caller.user_id)


def is_hidden(request: Request[Any, Any, Any]) -> bool:
    """Return whether to answer 401 instead of 404 or 405: at /internal, to all but services.

    The body was not read, so a token counts that was signed for another body.
    """
    if not request.scope["path"].startswith("/internal/"):
        return False
    try:
        _internal_call(request)
    except Unauthenticated:
        return True
    return False


async def provide_caller(request: Request[Any, Any, Any]) -> Caller:
    """Return the authorized caller; at an ANYONE route that of the token, if there is one.

    There, an old token counts as none: who has not logged in again may read like everybody.
    """
    caller: Caller | None = request.scope.get("caller")  # type: ignore[assignment]
    if caller is not None:
        return caller
    try:
        return await _user(request) if "authorization" in request.headers else ANONYMOUS
    except TokenExpired:
        return ANONYMOUS


async def _authorized(who: Who, request: Request[Any, Any, Any]) -> Caller:
    if who is Who.INTERNAL:
        call = _internal_call(request)  # before the body is read: strangers send none
        services = _access(request).services
        service = services.accept(call, await request.body())
        shorten_deadline(request.headers.get("x-timeout-ms", ""))
        return Caller(service, frozenset())
    caller = await _user(request)
    if not may_use(who, caller.roles):
        request.scope["caller"] = caller  # type: ignore[typeddict-unknown-key]
        raise Forbidden
    if caller.is_staff:
        log_staff(request, caller.user_id, min(caller.roles & STAFF_ROLES))
    return caller


def _internal_call(request: Request[Any, Any, Any]) -> InternalCall:
    path, query = request.scope["path"], request.scope["query_string"]
    target = f"{path}?{query.decode('latin-1')}" if query else path
    token = _bearer(request)
    return _access(request).services.read(token, request.scope["method"], target)


async def _user(connection: Connection) -> Caller:
    identity = await _access(connection).tokens.verify(_bearer(connection))
    return Caller(identity.user_id, identity.roles)


def _access(connection: Connection) -> Access:
    access: Access = connection.app.state["access"]
    return access


def _bearer(connection: Connection) -> str:
    sent = connection.headers.get("authorization", "")
    if not sent:
        raise Unauthenticated
    scheme, _, token = sent.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenInvalid
    return token.strip()
