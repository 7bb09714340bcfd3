"""A shop for one fault script, and HTTP clients that send exactly what a script gives them."""

import asyncio
import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import psutil

from roadbike.contracts.identity import AUDIENCE, ISSUER
from roadbike.kit.auth import ServiceTokens, SigningKey
from roadbike.local import keys
from roadbike.local.ports import HOST
from tests.faults.outcome import CannotTry
from tests.recipient import RECIPIENT
from tests.system.real_shop import Shop, temporary_shop

T = TypeVar("T")

PAID: Final = {"payStatus": "결제완료"}
TOKEN_SECONDS: Final = 600  # services accept no longer life
END_SECONDS: Final = 20
PATIENCE_SECONDS: Final = 15  # with a busy machine
STATUS: Final = ("GET", "/internal/status")


@dataclass(frozen=True)
class Response:
    """Status, headers by lower-case name, and the unchanged body."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @cached_property
    def body(self) -> Any:
        """Return the JSON of the body. Raises ValueError when it is not JSON."""
        return json.loads(self.raw)

    @property
    def type(self) -> str:
        """Return the problem's type, or the first characters of a body that is not a problem."""
        try:
            return str(self.body["type"])
        except (ValueError, KeyError, TypeError):
            return self.raw[:60].decode(errors="replace")


@dataclass(frozen=True)
class Person:
    """A client of one shop, with a token or without."""

    shop: Shop
    token: str | None = None

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        service: str = "gateway",
        port: int | None = None,
        raw: bytes | None = None,
        source: str | None = None,
        timeout: float = 40,
        **headers: str,
    ) -> Response:
        """Send one request on a new connection; header names are written with underscores.

        port: of a process that is not in shop.json. raw: a body that is sent unchanged.
        source: the loopback address to send from.
        """
        sent = {"Accept-Language": "en", "Connection": "close"}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None or raw is not None:
            sent["Content-Type"] = "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = json.dumps(body, ensure_ascii=False).encode() if body is not None else raw
        line = http.client.HTTPConnection(
            *(address(self.shop, service) if port is None else (HOST, port)),
            timeout=timeout,
            source_address=(source, 0) if source else None,
        )
        try:
            line.request(method, path, data, sent)
            answer = line.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Response(answer.status, found, answer.read())
        finally:
            line.close()

    def get(self, path: str) -> Any:
        """Return the body of a 200; raise CannotTry for another status."""
        return ok(self.ask("GET", path), 200).body

    def reserve(self, bike_id: int, **headers: str) -> Response:
        return self.ask("POST", "/reservations", {"bikeId": bike_id, **RECIPIENT}, **headers)

    def reserved(self, bike_id: int) -> str:
        """Return the reserveId of a 201; raise CannotTry for another status.

        A 503 is repeated for a while, as it asks for: a busy machine is not what scripts look for.
        """
        end, key = time.monotonic() + PATIENCE_SECONDS, str(uuid4())
        answer = self.reserve(bike_id, Idempotency_Key=key)
        while answer.status == HTTPStatus.SERVICE_UNAVAILABLE and time.monotonic() < end:
            time.sleep(0.5)
            answer = self.reserve(bike_id, Idempotency_Key=key)
        return str(ok(answer, 201).body["reserveId"])

    def payment_of(self, reserve_id: str) -> Any:
        found = self.get(f"/payments?reserveId={reserve_id}")["_embedded"]["payments"]
        return found[0]

    def deliveries_of(self, reserve_id: str) -> list[Any]:
        found: list[Any] = self.get(f"/deliveries?reserveId={reserve_id}")["_embedded"][
            "deliveries"
        ]
        return found

    def pay(self, pay_id: str, **headers: str) -> Response:
        return self.ask("PATCH", f"/payments/{pay_id}", PAID, **headers)


@contextmanager
def open_shop(environ: Mapping[str, str] | None = None, *, replicas: str = "") -> Iterator[Shop]:
    """Open a shop in a temporary home; close and delete it at the end of the block.

    replicas: as `roadbike up --replicas` takes it, for example "stock=2,payment=2".
    """
    with temporary_shop(environ) as shop:
        done = shop.up(*(("--replicas", replicas) if replicas else ()))
        if done.code:
            raise CannotTry(f"the shop does not open: {done.out}{done.err}")
        try:
            yield shop
        finally:
            with suppress(psutil.NoSuchProcess, KeyError):  # the script has closed it
                end_in_order(process(shop, "supervisor"))


def end_in_order(supervisor: psutil.Process) -> None:
    """Ask the supervisor to close the shop: a killed PostgreSQL leaves shared memory behind.

    Stopped processes are resumed first; those that do not end in time are killed.
    """
    family = [supervisor, *supervisor.children(recursive=True)]
    for each in family:
        with suppress(psutil.NoSuchProcess):
            each.resume()
    supervisor.terminate()
    _, left = psutil.wait_procs(family, timeout=END_SECONDS)
    for each in left:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(left, timeout=END_SECONDS)


def anybody(shop: Shop) -> Person:
    return Person(shop)


def buyer(shop: Shop, name: str = "buyer") -> Person:
    return Person(shop, access_token(shop, name, "buyer"))


def admin(shop: Shop) -> Person:
    return Person(shop, access_token(shop, "admin", "admin"))


def operator(shop: Shop, service: str, method: str, path: str) -> Person:
    """Return a client with the token that the commands send with this one request."""
    key = keys.private(shop.home, keys.OPS).read_text()
    tokens = ServiceTokens(keys.OPS, key, '{"keys": []}')
    return Person(shop, tokens.mint(service, method, path))


def status_of(shop: Shop, service: str) -> Any:
    """Return the service's own status; empty when it does not answer with a 200."""
    try:
        response = operator(shop, service, *STATUS).ask(*STATUS, service=service)
    except OSError:
        return {}
    return response.body if response.status == HTTPStatus.OK else {}


def access_token(shop: Shop, user: str, role: str) -> str:
    """Return a token as account signs it, to avoid the limits on log-ins."""
    now = int(time.time())
    who = {"iss": ISSUER, "aud": AUDIENCE, "sub": user, "roles": [role]}
    signer = SigningKey.from_jwk(keys.private(shop.home, keys.SIGNING).read_text())
    return signer.sign(who | {"iat": now, "exp": now + TOKEN_SECONDS})


def new_bike(shop: Shop, units: int, *, name: str = "시험 로드", price: int = 1000) -> int:
    """Add a bike; return its number once reservation sells it."""
    staff = admin(shop)
    added = staff.ask("POST", "/stocks", {"bikeNm": name, "price": price, "stockQty": units})
    number: int = ok(added, 201).body["bikeId"]
    until(lambda: number in on_sale(staff), 20, f"reservation knows bike {number}")
    return number


def on_sale(person: Person) -> set[int]:
    """Return the numbers of all bikes in reservation's catalogue."""
    found: set[int] = set()
    page = 0
    while True:
        got = person.get(f"/reservations/catalogue?size=100&page={page}")
        found |= {one["bikeId"] for one in got["_embedded"]["stocks"]}
        page += 1
        if page >= got["page"]["totalPages"]:
            return found


def address(shop: Shop, service: str = "gateway") -> tuple[str, int]:
    """Return host and port of a service or of the gateway."""
    url = urlsplit(shop.address(service))
    return str(url.hostname), int(url.port or 80)


def connect(shop: Shop, service: str = "gateway", seconds: float = 10) -> socket.socket:
    """Open a TCP connection to a service or to the gateway."""
    return socket.create_connection(address(shop, service), timeout=seconds)


def order(shop: Shop, *words: str) -> str:
    """Run the command `roadbike` on this shop; raise CannotTry when it fails."""
    done = asyncio.run(shop.roadbike(*words))
    if done.code:
        raise CannotTry(f"roadbike {' '.join(words)}: {done.out}{done.err}")
    return done.out


def process(shop: Shop, part: str) -> psutil.Process:
    """Return the process of a part of the shop."""
    return psutil.Process(shop.pids[part])


def ok(response: Response, status: int) -> Response:
    """Return the response if it has this status; raise CannotTry otherwise."""
    if response.status != status:
        text = response.raw[:300].decode(errors="replace")
        raise CannotTry(f"expected {status}, got {response.status}: {text}")
    return response


def seen_within(look: Callable[[], T], seconds: float, pause: float = 0.1) -> T:
    """Call `look` until its result is true or the time is over; return the last result."""
    end = time.monotonic() + seconds
    while not (seen := look()) and time.monotonic() < end:
        time.sleep(pause)
    return seen


def until(look: Callable[[], T], seconds: float, what: str, pause: float = 0.1) -> T:
    """Call `look` until its result is true, and return it; raise CannotTry after that time."""
    seen = seen_within(look, seconds, pause)
    if not seen:
        raise CannotTry(f"{what}: not within {seconds:g} s")
    return seen
