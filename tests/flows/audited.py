"""A shop that has sold in every way and is closed; its databases are audited, and changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Executable, NullPool, insert, text
from sqlalchemy.ext.asyncio import create_async_engine

from roadbike.account.store import ACCOUNT, SESSION
from roadbike.kit.messaging.broker import connect
from roadbike.ops.audit.copies import COPIES, PROVIDER
from roadbike.ops.audit.report import Report
from roadbike.ops.audit.run import Sources, audit
from roadbike.ops.journal import Journal, Line
from tests.flows.given import given_a_bike, given_a_reservation
from tests.flows.in_process_shop import SERVICES, Person, Response, Shop, until
from tests.recipient import RECIPIENT

TABLES: Final = {
    "stock": ("bike", "allocation", "ledger"),
    "reservation": ("reservation", "idempotency_key"),
    "payment": ("payment", "attempt", "money"),
    "delivery": ("delivery",),
    "mypage": ("purchase", "stored_event"),
    "account": ("account", "session"),
    PROVIDER: ("journal",),
}
MESSAGING: Final = ("outbox", "inbox", "parked", "event_version", "consumed_type")


@dataclass(kw_only=True)
class Audited:
    """The databases, what was sold by name of its story, and what the client has noted."""

    shop: Shop
    sold: dict[str, str]
    journal: list[Line] = field(default_factory=list)
    bike_id: int = 1

    @property
    def urls(self) -> dict[str, str]:
        return {name: self.shop.url(name) for name in TABLES}

    async def audit(self, *, settled: bool = True) -> Report:
        broker = connect(self.shop.broker_url, "audit") if settled else None
        sources = Sources(databases=self.urls, broker=broker)
        return await audit(sources, after_quiescence=settled, journal=self.journal)

    async def execute(self, service: str, *statements: Executable | str) -> None:
        engine = create_async_engine(self.urls[service], poolclass=NullPool)
        async with engine.begin() as connection:
            for statement in statements:
                is_text = isinstance(statement, str)
                await connection.execute(text(statement) if is_text else statement)  # type: ignore[arg-type]
        await engine.dispose()

    async def first(self, service: str, statement: Executable) -> Any:
        """Return the first value of the first row."""
        engine = create_async_engine(self.urls[service], poolclass=NullPool)
        async with engine.connect() as connection:
            found = (await connection.execute(statement)).scalar()
        await engine.dispose()
        return found

    async def keep(self) -> None:
        """Take all constraints from the tables, and keep a copy of each."""
        await self._in_each_table(
            "CREATE TABLE kept_{table} AS SELECT * FROM {table}",
            "DROP TABLE {table}",
            "CREATE TABLE {table} AS SELECT * FROM kept_{table}",
        )

    async def restore(self) -> None:
        """Put back what `keep` has kept."""
        await self._in_each_table(
            "DELETE FROM {table}", "INSERT INTO {table} SELECT * FROM kept_{table}"
        )

    async def _in_each_table(self, *statements: str) -> None:
        for service, tables in TABLES.items():
            names = tables_of(service, tables)
            made = [each.format(table=name) for name in names for each in statements]
            await self.execute(service, *made)


def tables_of(service: str, tables: Sequence[str]) -> Sequence[str]:
    has_events = any(copy.name == "outbox" and copy.service == service for copy in COPIES)
    return (*tables, *MESSAGING) if has_events else tables


async def sell(shop: Shop, journal: Journal) -> dict[str, str]:
    """Sell in every way; return the reservations by the name of their story."""
    await given_a_bike(shop, units=9)
    kim = shop.person("kim", "buyer")
    sold = {}
    for story in ("due", "paid", "sent", "returned", "recalled", "cancelled", "refunded"):
        sold[story] = await reserved(kim, journal, story)
    for story in ("paid", "sent", "returned", "recalled", "refunded"):
        await pay(kim, sold[story], journal)
    await shop.settle()
    for story in ("sent", "returned", "recalled"):
        await move(shop, sold[story], "배송시작")
    await move(shop, sold["sent"], "배송완료")
    await move(shop, sold["returned"], "회수중")
    await move(shop, sold["returned"], "회수완료")
    for story in ("cancelled", "refunded"):
        began = datetime.now(UTC)
        path = f"/reservations/{sold[story]}"
        done = await kim.request("DELETE", path)
        journal.note("kim", "DELETE", path, began, status=done.status, answer=done.raw)
    await shop.settle()
    await shop.admin.request("DELETE", f"/reservations/{sold['recalled']}")
    await move(shop, sold["recalled"], "회수중")
    await given_up(shop, kim, journal)
    await sell_too_many(shop, sold)
    return sold


async def reserved(kim: Person, journal: Journal, key: str) -> str:
    """Reserve with this key until it is not refused: the machine may be busy."""

    async def answer() -> Response | None:
        began = datetime.now(UTC)
        body = {"bikeId": 1, **RECIPIENT}
        made = await kim.post("/reservations", body, Idempotency_Key=key)
        noted: dict[str, Any] = {"status": made.status, "key": key}
        if made.status == 201:
            noted |= {"id_": made.body["reserveId"], "answer": made.raw}
        journal.note("kim", "POST", "/reservations", began, **noted)
        return made if made.status == 201 else None

    reserve_id: str = (await until(answer, every=0.2)).body["reserveId"]
    return reserve_id


async def pay(kim: Person, reserve_id: str, journal: Journal) -> None:
    """Pay; without an answer, wait until the payment is known to be paid."""
    found = await kim.get(f"/payments?reserveId={reserve_id}")
    path = f"/payments/{found.body['_embedded']['payments'][0]['payId']}"

    async def answer() -> bool:
        began = datetime.now(UTC)
        paid = await kim.request("PATCH", path, {"payStatus": "결제완료"})
        journal.note("kim", "PATCH", path, began, status=paid.status, answer=paid.raw)
        return paid.status == 200

    await until(answer, every=0.2)


async def move(shop: Shop, reserve_id: str, to: str) -> None:
    found = await shop.admin.get(f"/deliveries?reserveId={reserve_id}")
    (parcel,) = found.body["_embedded"]["deliveries"]
    path = f"/deliveries/{parcel['deliveryId']}"
    if parcel["deliveryStatus"] != to:
        moved = await shop.admin.request("PATCH", path, {"deliveryStatus": to})
        assert moved.status == 200, moved.raw


async def given_up(shop: Shop, kim: Person, journal: Journal) -> None:
    """Reserve while payment is stopped: the reservation is given up."""
    await shop.stop("payment")
    began = datetime.now(UTC)
    refused = await kim.post("/reservations", {"bikeId": 1}, Idempotency_Key="given-up")
    assert refused.status == 503, refused.raw
    journal.note("kim", "POST", "/reservations", began, status=503, key="given-up")
    await shop.start("payment")
    await shop.settle(90)


async def sell_too_many(shop: Shop, sold: dict[str, str]) -> None:
    """Reserve the only unit of another bike twice while stock is stopped."""
    made = await shop.admin.post(
        "/stocks", {"bikeId": 2, "bikeNm": "둘", "price": 1_000_000, "stockQty": 1}
    )
    assert made.status == 201, made.raw
    await shop.settle()
    await shop.restart("reservation", ROADBIKE_OVERBOOK="1")
    await shop.stop("stock")
    lee = shop.person("lee", "buyer")
    sold["last"] = await given_a_reservation(lee, 2)
    sold["short"] = await given_a_reservation(lee, 2)
    await shop.start("stock")
    await shop.settle(60)


async def closed(shop: Shop, sold: dict[str, str], lines: list[Line]) -> Audited:
    """Stop all services, and log one person in."""
    audited = Audited(shop=shop, sold=sold, journal=lines)
    now = datetime.now(UTC)
    await audited.execute(
        "account",
        insert(ACCOUNT).values(
            user_id="kim", user_name="김", password_hash="-", roles="buyer", created_at=now
        ),
        insert(SESSION).values(id_hash="0" * 64, user_id="kim", created_at=now, used_at=now),
    )
    for service in SERVICES:
        await shop.stop(service)
    await audited.keep()
    return audited
