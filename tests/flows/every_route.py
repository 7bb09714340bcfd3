"""One use of every route of a service that has a database, under its name: method and path.

What the routes execute is explained by test_query_plans. Its last test fails for a route that is
not used here.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from httpx import AsyncClient, Response
from sqlalchemy import select

from roadbike.kit.audit_log import AUDIT_LOG
from roadbike.kit.auth import ServiceTokens
from roadbike.kit.db.ids import new_id
from roadbike.kit.process.service import Service
from tests.flows.built import CALLER_KEYS
from tests.purchase_events import Story
from tests.reservation.builders import bike_changed
from tests.service_harness import ServiceHarness, Signed, api_client

BIKE: Final = 1  # of the catalogue; `fill` makes bikes with other numbers
RARE: Final = "correct horse"
SESSIONS: Final = "/internal/sessions"
OPERATOR_NAME: Final = "kim"
BOSS: Final[Mapping[str, str]] = {"who": "boss", "role": "admin"}


@dataclass
class Usage:
    """Uses the routes of one service, and keeps which ones.

    audited: those whose use by staff is in the audit log, with who it was.
    """

    service: Service
    client: AsyncClient
    used: set[str] = field(default_factory=set)
    audited: set[str] = field(default_factory=set)

    async def ask(
        self,
        what: str,
        body: object = None,
        *,
        who: str | None = "alice",
        role: str = "buyer",
        caller: str = "",
        token: str = "",
        table: str = "",
        **headers: str,
    ) -> Any:
        """Return the JSON of a success. caller: a service that signs it, instead of `who`.

        table: the body, as text/csv, instead of JSON.
        """
        method, path = what.split(" ", 1)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        auth = None
        if caller:
            tokens = ServiceTokens(caller, CALLER_KEYS[caller], '{"keys": []}')
            auth = Signed(tokens, self.service.name)
        elif token:
            sent["Authorization"] = f"Bearer {token}"
        elif who:
            sent |= api_client(self.client, who, role).headers
        content = None if body is None else json.dumps(body).encode()
        if table:
            content = table.encode()
        if content:
            sent["Content-Type"] = "text/csv" if table else "application/json"
        before = await self._last_change()
        response: Response = await self.client.request(
            method, path, content=content, headers=sent, auth=auth
        )
        assert response.is_success, (what, response.status_code, response.text)
        name = name_of(self.service, method, path)
        self.used.add(name)
        after = await self._last_change()
        if after != before:
            assert after is not None
            assert after[1] in {who, f"operator:{OPERATOR_NAME}"}, (what, after)
            self.audited.add(name)
        found = response.json() if response.content else {}
        return found | {"etag": response.headers.get("ETag", "")}

    async def _last_change(self) -> tuple[int, str] | None:
        """Return number and person of the newest entry of the audit log."""
        newest = select(AUDIT_LOG).order_by(AUDIT_LOG.c.seq.desc()).limit(1)
        async with self.service.db.read() as tx:
            row = await tx.row(newest)
        return None if row is None else (row["seq"], row["actor"])


def names(service: Service) -> set[str]:
    """Return the names of all routes of the service."""
    return {f"{method} {path}" for method, path in _routes(service)}


def name_of(service: Service, method: str, path: str) -> str:
    """Return the name of the route that serves the request."""
    plain = path.partition("?")[0]
    fitting = [
        template
        for of_method, template in _routes(service)
        if of_method == method and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), plain)
    ]
    exact = [template for template in fitting if template == plain]
    return f"{method} {(exact or fitting)[0]}"


def _routes(service: Service) -> set[tuple[str, str]]:
    return {
        (str(getattr(method, "value", method)), path)
        for route in service.routes
        for method in route.http_methods
        for path in route.paths
        if method not in {"HEAD", "OPTIONS"}
    }


async def stock(use: Usage) -> None:
    bike = {"bikeNm": "TREK Emonda", "price": 5_100_000, "stockQty": 10}
    made = await use.ask("POST /stocks", bike | {"bikeId": BIKE}, **BOSS)
    path = f"/stocks/{BIKE}"
    for query in ("", "?q=emonda", "?sort=price,desc", "?sort=bikeNm"):
        await use.ask(f"GET /stocks{query}")
    await use.ask(f"GET {path}")
    for query in ("", "?q=emonda", "?q=1", "?low=true&withdrawn=true"):
        await use.ask(f"GET /stocks/all{query}", **BOSS)
    await use.ask("POST /stocks/import", table="bikeId,bikeNm,price,stockQty\r\n7,New,1,1", **BOSS)
    made = await use.ask(f"PATCH {path}", {"price": 1000}, If_Match=made["etag"], **BOSS)
    made = await use.ask(f"PUT {path}", bike, If_Match=made["etag"], **BOSS)
    await use.ask(f"DELETE {path}", If_Match=made["etag"], **BOSS)
    await _audit(use, "/stocks")


async def reservation(use: Usage) -> None:
    await ServiceHarness(use.service).consume(bike_changed(bike_id=BIKE, free=100, free_seq=2))
    made = await use.ask("POST /reservations", {"bikeId": BIKE}, Idempotency_Key=f'"{new_id()}"')
    path = f"/reservations/{made['reserveId']}"
    await use.ask("GET /reservations")
    await use.ask("GET /reservations?sort=price")
    for query in ("", "reserveStatus=예약완료", "day=2026-11-27", "userId=x5", "bikeId=1"):
        await use.ask(f"GET /reservations/all?{query}", **BOSS)
    for query in ("reserveStore=x5", "slow=true", "slow=true&userId=x5&day=2026-11-27"):
        await use.ask(f"GET /reservations/all?{query}", **BOSS)
    await use.ask("GET /reservations/catalogue")
    await use.ask(f"GET {path}")
    await use.ask(f"PATCH {path}", {"reserveStatus": "예약취소"})
    other = await use.ask("POST /reservations", {"bikeId": BIKE}, Idempotency_Key=f'"{new_id()}"')
    await use.ask(f"DELETE /reservations/{other['reserveId']}?why=ill", **BOSS)
    third = await use.ask("POST /reservations", {"bikeId": BIKE})
    cancel = {"reserveStatus": "예약취소", "why": "ill"}
    await use.ask(f"PATCH /reservations/{third['reserveId']}", cancel, **BOSS)
    await _audit(use, "/reservations")


async def payment(use: Usage) -> None:
    reservation_id = new_id()
    opened = await use.ask(
        f"PUT /internal/payments/{reservation_id}",
        {"bikeId": BIKE, "userId": "alice", "price": 5_100_000},
        caller="reservation",
    )
    other = {"reserveId": str(new_id()), "bikeId": 1, "userId": "alice", "price": 5_100_000}
    await use.ask("PUT /internal/payments", {"payments": [other]}, caller="reservation")
    await use.ask("GET /payments")
    await use.ask(f"GET /payments?reserveId={reservation_id}")
    filters = ("", "payStatus=결제완료", "day=2026-11-27", "userId=x5", "bikeId=1", "slow=true")
    for query in (*filters, "reserveStore=x5"):
        await use.ask(f"GET /payments/all?{query}", **BOSS)
        await use.ask(f"GET /payments/refunds?{query}", **BOSS)
    await use.ask(f"GET /payments/{opened['payId']}")
    await use.ask(f"PATCH /payments/{opened['payId']}", {"payStatus": "결제완료"}, **BOSS)
    await _audit(use, "/payments")


async def delivery(use: Usage) -> None:
    story = Story()
    harness = ServiceHarness(use.service)
    await harness.consume(story.registered(), story.approved(), story.allocated())
    (found,) = (await use.ask("GET /deliveries"))["_embedded"]["deliveries"]
    path = f"/deliveries/{found['deliveryId']}"
    await use.ask(f"GET {path}")
    started = {"deliveryStatus": "배송시작", "carrier": "한진택배", "trackingNo": "4211-0001"}
    await use.ask(f"PATCH {path}", started, **BOSS)
    for query in ("", "deliveryStatus=배송준비", "day=2026-11-27", "userId=x5", "bikeId=1"):
        await use.ask(f"GET /deliveries/all?{query}", **BOSS)
    for query in ("slow=true", "deliveryStatus=배송시작&oldestFirst=true", "reserveStore=x5"):
        await use.ask(f"GET /deliveries/all?{query}", **BOSS)
    await _audit(use, "/deliveries")


async def mypage(use: Usage) -> None:
    story = Story()
    await ServiceHarness(use.service).consume(story.registered(), story.opened())
    path = f"/myPages/{story.reservation_id}"
    await use.ask("GET /myPages")
    await use.ask(f"GET {path}")
    await use.ask(f"GET {path}/timeline")
    known = {"known": {str(story.reservation_id): 1}}
    await use.ask("POST /internal/purchases/changes", known, caller="storefront")
    await _audit(use, "/myPages")


async def account(use: Usage) -> None:
    kim = {"userId": "kim", "password": RARE}
    await use.ask("POST /accounts", kim | {"userNm": "김자전거"}, who=None)
    token = (await use.ask("POST /accounts/tokens", kim, who=None))["access_token"]
    await use.ask("GET /accounts/me", token=token)
    await use.ask("PATCH /accounts/me", {"email": "kim@example.com"}, token=token)
    await use.ask("GET /accounts/kim", token=token)
    await use.ask("GET /internal/accounts/kim/contact", caller="delivery")
    await use.ask("GET /.well-known/jwks.json", who=None)
    log_in = kim | {"client": "10.0.0.1"}
    opened = await use.ask(f"POST {SESSIONS}", log_in, caller="storefront")
    session = {"session": opened["session"]}
    await use.ask(f"POST {SESSIONS}/tokens", session, caller="storefront")
    change = session | {"password": RARE, "newPassword": "another rare horse", "client": "10.0.0.1"}
    await use.ask(f"POST {SESSIONS}/password", change, caller="storefront")
    await use.ask(f"POST {SESSIONS}/end", session, caller="storefront")
    await _staff(use)


async def _staff(use: Usage) -> None:
    """Let the operator make an admin, and the admin look after staff."""
    by, path = {"by": OPERATOR_NAME}, "/internal/staff"
    await use.ask(f"GET {path}", caller="ops")
    boss = {"userId": "boss", "userNm": "대표", "role": "admin"} | by
    made = await use.ask(f"POST {path}", boss, caller="ops")
    first = {"userId": "boss", "password": made["oneTimePassword"], "newPassword": RARE}
    token = (await use.ask("POST /accounts/tokens", first, who=None))["access_token"]
    as_boss = {**BOSS, "token": token}
    hana = {"userId": "hana", "userNm": "박해솔", "role": "clerk", "why": "new"}
    await use.ask("POST /accounts/staff", hana, **as_boss)
    await use.ask("GET /accounts/staff", **as_boss)
    await use.ask("GET /accounts/staff/hana", **as_boss)
    await use.ask("PATCH /accounts/staff/hana", {"role": "admin", "why": "new"}, **as_boss)
    await use.ask("POST /accounts/staff/hana/password", {"why": "forgotten"}, **as_boss)
    await use.ask(f"POST {path}/role", {"userId": "hana", "role": "clerk"} | by, caller="ops")
    await use.ask(f"POST {path}/password", {"userId": "hana"} | by, caller="ops")
    await _audit(use, "/accounts", **as_boss)


async def _audit(use: Usage, prefix: str, **who: str) -> None:
    """Read the audit log with each of its filters."""
    for query in ("", "?by=boss", "?thing=1", "?day=2026-11-27", "?by=boss&thing=1&size=10"):
        await use.ask(f"GET {prefix}/audit{query}", **(who or BOSS))


EVERY_ROUTE: Final[Mapping[str, Callable[[Usage], Awaitable[None]]]] = {
    use.__name__: use for use in (stock, reservation, payment, delivery, mypage, account)
}
