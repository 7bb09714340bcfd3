"""A small app that uses every feature of kit.web, served in this process."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated, Any
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar.testing import AsyncTestClient
from msgspec import UNSET, UnsetType

from roadbike.kit.auth import ServiceTokens, SigningKey, new_signing_key
from roadbike.kit.pure.conditions import Precondition
from roadbike.kit.pure.refusals import (
    Conflict,
    PreconditionFailed,
    Unavailable,
)
from roadbike.kit.resilience.deadline import current_deadline
from roadbike.kit.trace import current_traceparent
from roadbike.kit.translations import load_translations
from roadbike.kit.web import (
    ADMIN,
    ANYONE,
    BUYER,
    INTERNAL,
    Body,
    Caller,
    KeyHeader,
    Line,
    Links,
    Page,
    Paging,
    Reply,
    Route,
    checked_key,
    delete,
    etag,
    get,
    http_app,
    links,
    page_of,
    patch,
    post,
    put,
)
from roadbike.kit.web.client import Gateway
from roadbike.kit.web.places import Places
from tests.kit.web.known_tokens import KnownTokens

LARGE = 16 * 1024**2  # bytes
REPLAY = b'{"exactly" :  "these bytes"}'


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    part_no: int


class NewThing(Body, frozen=True, kw_only=True, rename="camel"):
    ignored = frozenset({"thingId", "thingStatus"})

    thing_nm: Line
    price: Annotated[int, msgspec.Meta(ge=0)]
    parts: list[Part] = msgspec.field(default_factory=list)
    note: str | None = None


class ThingEdit(Body, frozen=True, kw_only=True, rename="camel"):
    price: Annotated[int, msgspec.Meta(ge=0)] | UnsetType = UNSET


class Thing(msgspec.Struct, kw_only=True, rename="camel"):
    thing_nm: str
    price: int
    links: Links = msgspec.field(name="_links", default_factory=dict)


class Things(msgspec.Struct):
    things: list[Thing]


class ThingApi:
    def __init__(self, fault: list[Exception]) -> None:
        self.fault = fault
        self.stored: list[NewThing] = []
        self.refusal: Unavailable | None = None
        self.waiting = 0
        self.may_go_on = asyncio.Event()

    def routes(self, *, hot: bool = True) -> list[Route]:
        return [
            get("/things", self.all, who=ANYONE, sort=("price",), search=True, public_cache=True),
            post("/things", self.add, who=ADMIN, refuses=(409,), hot=hot, admit=self.admit),
            put("/internal/ids/{thing_id:uuid}", self.keep_id, who=INTERNAL, hot=hot),
            post("/keys", self.key, who=BUYER, status=200, hot=hot, admit=self.admit),
            post("/wait", self.wait_to_write, who=ANYONE, status=200),
            get("/things/{number:int}", self.one, who=BUYER),
            patch("/things/{number:int}", self.edit, who=ADMIN),
            put("/things/{number:int}", self.replace, who=BUYER),
            delete("/things/{number:int}", self.remove, who=ADMIN, status=204),
            get("/replay", self.replay, who=ANYONE),
            get("/whoami", self.whoami, who=ANYONE),
            get("/time", self.time, who=ANYONE),
            get("/time/own", self.time_of_buyer, who=BUYER),
            get("/fail", self.fail, who=ANYONE),
            get("/wait", self.wait, who=ANYONE),
            get("/large", self.large, who=ANYONE),
            get("/internal/caller", self.caller, who=INTERNAL),
            get("/internal/time", self.time_of_service, who=INTERNAL),
            put("/internal/things/{number:int}", self.keep, who=INTERNAL),
            get("/address", self.address, who=ANYONE),
        ]

    def admit(self, _working: int) -> None:
        """Raise the refusal that a test has set."""
        if self.refusal:
            raise self.refusal

    async def all(self, paging: Paging) -> Page[Things]:
        shown = f"{paging.number} {[(o.field, o.descending) for o in paging.sort]} {paging.q}"
        thing = Thing(thing_nm=shown, price=1, links=links(self="/things/1"))
        return page_of(Things([thing]), paging, total=45, url="/things")

    async def add(self, data: NewThing) -> Reply[Thing]:
        """Add a thing."""
        self.stored.append(data)
        thing = Thing(thing_nm=data.thing_nm, price=data.price)
        return Reply(thing, headers={"Location": "/things/1", "ETag": etag(1)})

    async def key(self, caller: Caller, idempotency_key: KeyHeader = None) -> dict[str, str]:
        if idempotency_key == "fail":
            raise self.fault[0]
        return {"user": caller.user_id, "key": checked_key(idempotency_key) or "-"}

    async def keep_id(self, thing_id: UUID, data: ThingEdit, caller: Caller) -> dict[str, Any]:
        price = None if data.price is UNSET else data.price
        return {"id": str(thing_id), "caller": caller.user_id, "price": price}

    async def one(self, number: int, caller: Caller) -> Reply[Thing]:
        thing = Thing(thing_nm=caller.user_id, price=number)
        return Reply(thing, headers={"ETag": etag(3)})

    async def edit(self, number: int, data: ThingEdit, if_match: Precondition) -> Thing:
        name = "omitted" if data.price is UNSET else "given"
        if not if_match.allows(3):
            raise PreconditionFailed
        return Thing(thing_nm=name, price=number + 3)

    async def replace(self, number: int, idempotency_key: KeyHeader = None) -> Thing:
        return Thing(thing_nm=checked_key(idempotency_key) or "", price=number)

    async def remove(self, number: int) -> None:
        self.fault.append(Conflict(number=number))

    async def replay(self) -> Reply[bytes]:
        return Reply(REPLAY, status=201)

    async def whoami(self, caller: Caller) -> dict[str, str]:
        return {"user": caller.user_id, "roles": ",".join(sorted(caller.roles))}

    async def time(self) -> dict[str, Any]:
        return {"left": current_deadline.get().remaining_ms(), "trace": current_traceparent()}

    async def time_of_buyer(self) -> dict[str, Any]:
        return await self.time()

    async def time_of_service(self) -> dict[str, Any]:
        return await self.time()

    async def fail(self) -> None:
        raise self.fault[0]

    async def wait(self) -> dict[str, bool]:
        """Answer once `may_go_on` is set."""
        self.waiting += 1
        await self.may_go_on.wait()
        self.waiting -= 1
        return {"waited": True}

    async def wait_to_write(self) -> dict[str, bool]:
        return await self.wait()

    async def large(self) -> Reply[bytes]:
        """Answer with more than the buffers between two sockets hold."""
        return Reply(b"x" * LARGE)

    async def caller(self, caller: Caller) -> dict[str, str]:
        return {"caller": caller.user_id}

    async def keep(self, number: int, data: ThingEdit, caller: Caller) -> Thing:
        return Thing(thing_nm=caller.user_id, price=number if data.price is UNSET else data.price)

    async def address(self, client: str) -> dict[str, str]:
        return {"client": client}


class State:
    """What a test may change or read of the app."""

    def __init__(self) -> None:
        self.ready = True
        self.fault: list[Exception] = []
        self.api = ThingApi(self.fault)

    def reset(self) -> None:
        self.ready = True
        self.fault[:] = [RuntimeError("SELECT secret FROM somewhere")]
        self.api.stored.clear()
        self.api.may_go_on = asyncio.Event()
        self.api.refusal = None

    async def status(self) -> Mapping[str, object]:
        return {"service": "thing", "unsent": 0}


OPS_KEY = new_signing_key("ops/one")


@pytest.fixture
def ops() -> ServiceTokens:
    """The internal tokens of an accepted caller."""
    return ServiceTokens("ops", OPS_KEY, '{"keys": []}')


@pytest.fixture(scope="package")
def state_and_app() -> tuple[State, Any]:
    """The app is built once, and its state is reset before each test."""
    state = State()
    return state, make_app(state)


@pytest.fixture
def state(state_and_app: tuple[State, Any]) -> State:
    state_and_app[0].reset()
    return state_and_app[0]


@pytest.fixture
def api(state: State) -> ThingApi:
    return state.api


@pytest.fixture
def app(state_and_app: tuple[State, Any], state: State) -> Any:  # noqa: ARG001 reset first
    return state_and_app[1]


def make_app(state: State, *, hot: bool = True, places: Places | None = None) -> Any:
    accepted = json.dumps({"keys": [SigningKey.from_jwk(OPS_KEY).public_jwk()]})
    return http_app(
        title="thing",
        routes=state.api.routes(hot=hot),
        tokens=KnownTokens(),
        services=ServiceTokens("thing", new_signing_key("thing/1"), accepted),
        translations=load_translations("roadbike.kit"),
        status=state.status,
        ready=lambda: state.ready,
        gateway=Gateway(hops=1, key="the gateway's key"),
        places=places,
    )


@pytest.fixture
async def client(app: Any) -> AsyncIterator[AsyncTestClient[Any]]:
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        yield client


Send = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def send(client: AsyncTestClient[Any]) -> Send:
    """`await send("POST /things", body, role="admin")`; a body of bytes is sent unchanged."""

    async def send(
        method_and_path: str, body: Any = None, *, role: str | None = None, **headers: str
    ) -> httpx.Response:
        method, path = method_and_path.split(" ", 1)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if role:
            sent.setdefault("Authorization", f"Bearer {role}")
        content = None
        if body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent = {"Content-Type": "application/json"} | sent
        return await client.request(method, path, content=content, headers=sent)

    return send
