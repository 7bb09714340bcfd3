"""An audit of a settled shop: read all its databases, and name what does not fit together."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import asyncpg

from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.stock.domain import State, Why
from tests.system.real_shop import Shop

READ_ONLY: Final = {"default_transaction_read_only": "on"}
LEFT_THE_SHOP: Final = {DeliveryStatus.STARTED, DeliveryStatus.COMPLETED, DeliveryStatus.RECALLING}
SHOWN_AS: Final = {
    State.HELD: StockStatus.ALLOCATED,
    State.SHIPPED: StockStatus.ALLOCATED,
    State.SHORT: StockStatus.SHORT,
    State.RELEASED: StockStatus.RELEASED,
    State.RETURNED: StockStatus.RELEASED,
}

Row = dict[str, Any]


@dataclass
class Purchase:
    """What each service has stored about one reservation.

    journal: the provider's own record of captures and refunds. money: the ledger of payment.
    moved: the changes of the number of units in the shop, by reason.
    """

    reservation: Row
    payment: Row = field(default_factory=dict)
    allocation: Row = field(default_factory=dict)
    delivery: Row = field(default_factory=dict)
    page: Row = field(default_factory=dict)
    journal: list[tuple[str, int]] = field(default_factory=list)
    money: list[tuple[str, int]] = field(default_factory=list)
    moved: dict[str, int] = field(default_factory=dict)

    @property
    def statuses(self) -> tuple[str | None, str | None, str | None]:
        """Return the statuses of the reservation, its payment and its delivery."""
        return (
            self.reservation["reservation_status"],
            self.payment.get("payment_status"),
            self.delivery.get("delivery_status"),
        )

    @property
    def charged(self) -> int:
        """Return the amount that the provider captured and did not refund, in KRW."""
        return sum(amount if kind == "capture" else -amount for kind, amount in self.journal)


@dataclass
class Audit:
    """The purchases by reservation id, and the bikes by number."""

    purchases: dict[str, Purchase]
    bikes: dict[int, Row]

    def registered(self, user_ids: Iterable[str]) -> set[str]:
        """Return the ids of the reservations of these people."""
        wanted = set(user_ids)
        return {
            reserve_id
            for reserve_id, purchase in self.purchases.items()
            if purchase.reservation["registered"] and purchase.reservation["user_id"] in wanted
        }

    def shipped(self) -> set[str]:
        """Return the reservations whose unit left the shop and did not come back, by the ledger."""
        return {
            reserve_id
            for reserve_id, purchase in self.purchases.items()
            if sum(purchase.moved.values()) == -1
        }

    def faults(self) -> list[str]:
        """Return what must not be in a settled shop, one sentence each."""
        return [
            *(
                f"bike {number}: {fault}"
                for number, bike in self.bikes.items()
                for fault in _bike_faults(bike)
            ),
            *(
                f"{reserve_id} {purchase.statuses}: {fault}"
                for reserve_id, purchase in self.purchases.items()
                for fault in _faults(purchase)
            ),
        ]


async def read(shop: Shop) -> Audit:
    """Read all databases of the shop; it must be settled."""
    purchases = {
        str(row["reservation_id"]): Purchase(row)
        for row in await rows_of(shop, "reservation", "SELECT * FROM reservation")
    }
    for name, service in (("payment", "payment"), ("allocation", "stock"), ("page", "mypage")):
        table = "purchase" if name == "page" else name
        for row in await rows_of(shop, service, f"SELECT * FROM {table}"):  # noqa: S608  a name from above
            setattr(purchases[str(row["reservation_id"])], name, row)
    for row in file_rows_of(shop, "delivery/delivery.db", "SELECT * FROM delivery"):
        purchases[str(UUID(row["reservation_id"]))].delivery = row
    await _read_money(shop, purchases)
    return Audit(purchases, await _read_bikes(shop, purchases))


async def _read_money(shop: Shop, purchases: dict[str, Purchase]) -> None:
    for row in await rows_of(shop, "payment", "SELECT * FROM money"):
        purchases[str(row["reservation_id"])].money.append((row["kind"], row["amount"]))
    attempts = await rows_of(shop, "payment", "SELECT attempt_id, reservation_id FROM attempt")
    owner = {row["attempt_id"]: str(row["reservation_id"]) for row in attempts}
    for row in file_rows_of(shop, "payment/provider.db", "SELECT * FROM journal"):
        entry = (row["kind"], row["amount"])
        purchases[owner[UUID(row["attempt_id"])]].journal.append(entry)


async def _read_bikes(shop: Shop, purchases: dict[str, Purchase]) -> dict[int, Row]:
    rows = await rows_of(shop, "stock", "SELECT * FROM bike")
    bikes = {row["bike_id"]: row | {"ledger": 0, "holds": 0} for row in rows}
    for row in await rows_of(shop, "stock", "SELECT * FROM ledger"):
        bikes[row["bike_id"]]["ledger"] += row["delta"]
        if row["reservation_id"] is not None:
            purchases[str(row["reservation_id"])].moved[row["why"]] = row["delta"]
    for purchase in purchases.values():
        if purchase.allocation.get("state") == State.HELD:
            bikes[purchase.allocation["bike_id"]]["holds"] += 1
    return bikes


async def rows_of(shop: Shop, service: str, statement: str) -> list[Row]:
    """Return the rows of a query in the PostgreSQL database of the service."""
    url = shop.shop_file["databases"][service].replace("+asyncpg", "")
    connection = await asyncpg.connect(url, server_settings=READ_ONLY)
    try:
        return [dict(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


def file_rows_of(shop: Shop, name: str, statement: str) -> list[Row]:
    """Return the rows of a query in the SQLite database at that path in the shop's home."""
    address = f"file:{shop.home.path / name}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(statement)]


def _bike_faults(bike: Row) -> Iterator[str]:
    if bike["stock_quantity"] != bike["ledger"]:
        yield f"{bike['stock_quantity']} in the shop, the ledger says {bike['ledger']}"
    if bike["held_quantity"] != bike["holds"]:
        yield f"{bike['held_quantity']} held, but {bike['holds']} purchases have one"


def _faults(purchase: Purchase) -> Iterator[str]:
    yield from _money(purchase)
    yield from _units(purchase)
    if not purchase.reservation["registered"]:
        yield from _given_up(purchase)
        return
    match purchase.reservation["reservation_status"]:
        case ReservationStatus.RESERVED:
            yield from _reserved(purchase)
        case ReservationStatus.CANCELLED:
            yield from _cancelled(purchase)
        case other:
            yield f"the reservation is {other}"
    yield from _my_page(purchase)


def _money(purchase: Purchase) -> Iterator[str]:
    if sorted(purchase.journal) != sorted(purchase.money):
        yield f"our ledger has {purchase.money}, the provider's journal {purchase.journal}"
    status, price = purchase.payment.get("payment_status"), purchase.reservation["price"]
    if status and purchase.payment["price"] != price:
        yield f"reserved for {price}, payment opened for {purchase.payment['price']}"
    if purchase.charged != (price if status == PaymentStatus.PAID else 0):
        yield f"the provider holds {purchase.charged} of {price}"


def _units(purchase: Purchase) -> Iterator[str]:
    wanted: dict[str, int] = {}
    if purchase.delivery.get("delivery_status") in {*LEFT_THE_SHOP, DeliveryStatus.RETURNED}:
        wanted[Why.SHIPPED] = -1
    if purchase.delivery.get("delivery_status") == DeliveryStatus.RETURNED:
        wanted[Why.RETURNED] = 1
    if purchase.moved != wanted:
        yield f"the ledger has {purchase.moved} instead of {wanted}"


def _given_up(purchase: Purchase) -> Iterator[str]:
    if purchase.reservation["reservation_status"] != ReservationStatus.CANCELLED:
        yield "it is still pending"
    if purchase.payment.get("payment_status") not in {None, PaymentStatus.CANCELLED}:
        yield "its payment is open"
    if purchase.allocation.get("state", State.UNSEEN) != State.UNSEEN:
        yield "it was given a unit"
    if purchase.page.get("registered"):
        yield "it is on my page"


def _reserved(purchase: Purchase) -> Iterator[str]:
    _, paid, parcel = purchase.statuses
    if paid not in {PaymentStatus.DUE, PaymentStatus.PAID}:
        yield "neither due nor paid"
    if (paid == PaymentStatus.PAID) != (parcel in {*LEFT_THE_SHOP, DeliveryStatus.PREPARING}):
        yield "it must have a delivery if and only if it is paid"
    if purchase.allocation.get("state") != (
        State.SHIPPED if parcel in LEFT_THE_SHOP else State.HELD
    ):
        yield f"its unit is {purchase.allocation.get('state')}"


def _cancelled(purchase: Purchase) -> Iterator[str]:
    _, paid, parcel = purchase.statuses
    if paid != PaymentStatus.CANCELLED:
        yield "its payment is not cancelled"
    if parcel in {DeliveryStatus.PREPARING, DeliveryStatus.STARTED, DeliveryStatus.COMPLETED}:
        yield "its delivery is not cancelled"
    state = purchase.allocation.get("state")
    if state == State.HELD or (state == State.SHIPPED and parcel != DeliveryStatus.RECALLING):
        yield f"its unit is {state}"


def _my_page(purchase: Purchase) -> Iterator[str]:
    page = purchase.page
    if not page.get("registered"):
        yield "it is not on my page"
        return
    shown = (page["reservation_status"], page["payment_status"], page["delivery_status"])
    if shown != purchase.statuses:
        yield f"my page shows {shown}"
    if page["stock_status"] != SHOWN_AS.get(purchase.allocation.get("state")):
        yield f"my page shows {page['stock_status']} of {purchase.allocation.get('state')}"
