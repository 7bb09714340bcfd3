"""Who may use a route: deny by default, checked here and not only at the gateway."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from litestar.connection import ASGIConnection, Request

from roadbike.kit.auth import ServiceTokens, Verifier
from roadbike.kit.pure.refusals import Forbidden, Unauthenticated

Connection = ASGIConnection[Any, Any, Any, Any]


class Who(Enum):
    """The roles a route is open to; every route names one."""

    ANYONE = "anyone"
    BUYER = "buyer"  # anybody who has logged in
    ADMIN = "admin"
    INTERNAL = "internal"  # a service with its own token


ANYONE: Final = Who.ANYONE
BUYER: Final = Who.BUYER
ADMIN: Final = Who.ADMIN
INTERNAL: Final = Who.INTERNAL


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking. At an INTERNAL route `user_id` is the calling service's name.

    At an ANYONE route without a token it is nobody: an empty user_id, no roles.
    """

    user_id: str
    roles: frozenset[str]

    @property
    def is_admin(self) -> bool:
        """Tell whether the caller may act for everybody."""
        return "admin" in self.roles

    @property
    def owner(self) -> str | None:
        """Return whose objects the caller may see: one user id, or None for everybody's."""
        return None if self.is_admin else self.user_id


NOBODY: Final = Caller("", frozenset())


@dataclass(frozen=True, slots=True)
class Access:
    """What the guards check tokens with; kept in the app's state."""

    tokens: Verifier
    services: ServiceTokens


async def let_in(request: Request[Any, Any, Any]) -> None:
    """Let pass whom the route names. Raises Unauthenticated, Forbidden or Unavailable.

    A before_request hook: Litestar copies the handler for each guard, which costs as much as
    the rest of a request.
    """
    who: Who = request.route_handler.opt["who"]
    if who is not Who.ANYONE:
        request.scope["caller"] = await _let_pass(who, request)  # type: ignore[typeddict-unknown-key]


def is_hidden(request: Request[Any, Any, Any]) -> bool:
    """Whether not even the absence of a route is told: at /internal, to all but services."""
    if not request.scope["path"].startswith("/internal/"):
        return False
    try:
        _access(request).services.verify(_bearer(request))
    except Unauthenticated:
        return True
    return False


async def provide_caller(request: Request[Any, Any, Any]) -> Caller:
    """Return whom the guard let pass; at an ANYONE route read the token if there is one."""
    caller: Caller | None = request.scope.get("caller")  # type: ignore[assignment]
    if caller is not None:
        return caller
    return await _person(request) if "authorization" in request.headers else NOBODY


async def _let_pass(who: Who, connection: Connection) -> Caller:
    if who is Who.INTERNAL:
        return Caller(_access(connection).services.verify(_bearer(connection)), frozenset())
    caller = await _person(connection)
    if who is Who.ADMIN and not caller.is_admin:
        raise Forbidden
    return caller


async def _person(connection: Connection) -> Caller:
    identity = await _access(connection).tokens.verify(_bearer(connection))
    return Caller(identity.user_id, identity.roles)


def _access(connection: Connection) -> Access:
    access: Access = connection.app.state["access"]
    return access


def _bearer(connection: Connection) -> str:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    return token.strip()
