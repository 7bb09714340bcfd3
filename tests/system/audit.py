"""The books of a shop at rest: every database is read, nothing is written, each fault is named."""

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
GONE: Final = {DeliveryStatus.STARTED, DeliveryStatus.COMPLETED, DeliveryStatus.RECALLING}
TOLD_AS: Final = {
    State.HELD: StockStatus.ALLOCATED,
    State.SHIPPED: StockStatus.ALLOCATED,
    State.SHORT: StockStatus.SHORT,
    State.RELEASED: StockStatus.RELEASED,
    State.RETURNED: StockStatus.RELEASED,
}

Row = dict[str, Any]


@dataclass
class Purchase:
    """What each service has written down of one reservation; `journal` is the provider's own."""

    reservation: Row
    payment: Row = field(default_factory=dict)
    allocation: Row = field(default_factory=dict)
    delivery: Row = field(default_factory=dict)
    page: Row = field(default_factory=dict)
    journal: list[tuple[str, int]] = field(default_factory=list)
    money: list[tuple[str, int]] = field(default_factory=list)
    moved: dict[str, int] = field(default_factory=dict)  # units that left or came back, by why

    @property
    def statuses(self) -> tuple[str | None, str | None, str | None]:
        """Of the reservation, its payment and its delivery."""
        return (
            self.reservation["reservation_status"],
            self.payment.get("payment_status"),
            self.delivery.get("delivery_status"),
        )

    @property
    def kept(self) -> int:
        """The money that the provider took of the buyer and did not give back."""
        return sum(amount if kind == "capture" else -amount for kind, amount in self.journal)


@dataclass
class Books:
    purchases: dict[str, Purchase]
    bikes: dict[int, Row]

    def registered(self, user_ids: Iterable[str]) -> set[str]:
        """The reservations of these people."""
        wanted = set(user_ids)
        return {
            reserve_id
            for reserve_id, purchase in self.purchases.items()
            if purchase.reservation["registered"] and purchase.reservation["user_id"] in wanted
        }

    def left(self) -> set[str]:
        """Those whose unit left the shop for good, as the ledger has it."""
        return {
            reserve_id
            for reserve_id, purchase in self.purchases.items()
            if sum(purchase.moved.values()) == -1
        }

    def faults(self) -> list[str]:
        """What must not be in a shop at rest."""
        return [
            *(
                f"bike {number}: {fault}"
                for number, bike in self.bikes.items()
                for fault in of(bike)
            ),
            *(
                f"{reserve_id} {purchase.statuses}: {fault}"
                for reserve_id, purchase in self.purchases.items()
                for fault in _faults(purchase)
            ),
        ]


async def read(shop: Shop) -> Books:
    purchases = {
        str(row["reservation_id"]): Purchase(row)
        for row in await _rows(shop, "reservation", "SELECT * FROM reservation")
    }
    for name, service in (("payment", "payment"), ("allocation", "stock"), ("page", "mypage")):
        table = "purchase" if name == "page" else name
        for row in await _rows(shop, service, f"SELECT * FROM {table}"):  # noqa: S608  ours
            setattr(purchases[str(row["reservation_id"])], name, row)
    for row in _file(shop, "delivery/delivery.db", "SELECT * FROM delivery"):
        purchases[str(UUID(row["reservation_id"]))].delivery = row
    await _read_money(shop, purchases)
    return Books(purchases, await _read_bikes(shop, purchases))


async def _read_money(shop: Shop, purchases: dict[str, Purchase]) -> None:
    for row in await _rows(shop, "payment", "SELECT * FROM money"):
        purchases[str(row["reservation_id"])].money.append((row["kind"], row["amount"]))
    attempts = await _rows(shop, "payment", "SELECT attempt_id, reservation_id FROM attempt")
    owner = {row["attempt_id"]: str(row["reservation_id"]) for row in attempts}
    for row in _file(shop, "payment/provider.db", "SELECT * FROM journal"):
        entry = (row["kind"], row["amount"])
        purchases[owner[UUID(row["attempt_id"])]].journal.append(entry)


async def _read_bikes(shop: Shop, purchases: dict[str, Purchase]) -> dict[int, Row]:
    rows = await _rows(shop, "stock", "SELECT * FROM bike")
    bikes = {row["bike_id"]: row | {"ledger": 0, "holds": 0} for row in rows}
    for row in await _rows(shop, "stock", "SELECT * FROM ledger"):
        bikes[row["bike_id"]]["ledger"] += row["delta"]
        if row["reservation_id"] is not None:
            purchases[str(row["reservation_id"])].moved[row["why"]] = row["delta"]
    for purchase in purchases.values():
        if purchase.allocation.get("state") == State.HELD:
            bikes[purchase.allocation["bike_id"]]["holds"] += 1
    return bikes


async def _rows(shop: Shop, service: str, statement: str) -> list[Row]:
    url = shop.shop_file["databases"][service].replace("+asyncpg", "")
    connection = await asyncpg.connect(url, server_settings=READ_ONLY)
    try:
        return [dict(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


def _file(shop: Shop, name: str, statement: str) -> list[Row]:
    address = f"file:{shop.home.path / name}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(statement)]


def of(bike: Row) -> Iterator[str]:
    if bike["stock_quantity"] != bike["ledger"]:
        yield f"{bike['stock_quantity']} in the shop, the ledger says {bike['ledger']}"
    if bike["held_quantity"] != bike["holds"]:
        yield f"{bike['held_quantity']} held, but for {bike['holds']} purchases"


def _faults(purchase: Purchase) -> Iterator[str]:
    yield from _of_money(purchase)
    yield from _of_units(purchase)
    if not purchase.reservation["registered"]:
        yield from _of_one_that_never_was(purchase)
        return
    match purchase.reservation["reservation_status"]:
        case ReservationStatus.RESERVED:
            yield from _of_a_reserved(purchase)
        case ReservationStatus.CANCELLED:
            yield from _of_a_cancelled(purchase)
        case other:
            yield f"the reservation is {other}"
    yield from _of_my_page(purchase)


def _of_money(purchase: Purchase) -> Iterator[str]:
    if sorted(purchase.journal) != sorted(purchase.money):
        yield f"our ledger has {purchase.money}, the provider's journal {purchase.journal}"
    status, price = purchase.payment.get("payment_status"), purchase.reservation["price"]
    if status and purchase.payment["price"] != price:
        yield f"reserved for {price}, to be paid {purchase.payment['price']}"
    if purchase.kept != (price if status == PaymentStatus.PAID else 0):
        yield f"the provider keeps {purchase.kept} of {price}"


def _of_units(purchase: Purchase) -> Iterator[str]:
    wanted: dict[str, int] = {}
    if purchase.delivery.get("delivery_status") in {*GONE, DeliveryStatus.RETURNED}:
        wanted[Why.SHIPPED] = -1
    if purchase.delivery.get("delivery_status") == DeliveryStatus.RETURNED:
        wanted[Why.RETURNED] = 1
    if purchase.moved != wanted:
        yield f"the ledger has {purchase.moved} instead of {wanted}"


def _of_one_that_never_was(purchase: Purchase) -> Iterator[str]:
    if purchase.reservation["reservation_status"] != ReservationStatus.CANCELLED:
        yield "an intent was left behind"
    if purchase.payment.get("payment_status") not in {None, PaymentStatus.CANCELLED}:
        yield "its payment was left open"
    if purchase.allocation.get("state", State.UNSEEN) != State.UNSEEN:
        yield "it was given a unit"
    if purchase.page.get("registered"):
        yield "it is on my page"


def _of_a_reserved(purchase: Purchase) -> Iterator[str]:
    _, paid, parcel = purchase.statuses
    if paid not in {PaymentStatus.DUE, PaymentStatus.PAID}:
        yield "neither due nor paid"
    if (paid == PaymentStatus.PAID) != (parcel in {*GONE, DeliveryStatus.PREPARING}):
        yield "what is paid for is delivered, nothing else"
    if purchase.allocation.get("state") != (State.SHIPPED if parcel in GONE else State.HELD):
        yield f"its unit is {purchase.allocation.get('state')}"


def _of_a_cancelled(purchase: Purchase) -> Iterator[str]:
    _, paid, parcel = purchase.statuses
    if paid != PaymentStatus.CANCELLED:
        yield "its payment is not cancelled"
    if parcel in {DeliveryStatus.PREPARING, DeliveryStatus.STARTED, DeliveryStatus.COMPLETED}:
        yield "its delivery is not cancelled"
    state = purchase.allocation.get("state")
    if state == State.HELD or (state == State.SHIPPED and parcel != DeliveryStatus.RECALLING):
        yield f"its unit is {state}"


def _of_my_page(purchase: Purchase) -> Iterator[str]:
    page = purchase.page
    if not page.get("registered"):
        yield "it is not on my page"
        return
    shown = (page["reservation_status"], page["payment_status"], page["delivery_status"])
    if shown != purchase.statuses:
        yield f"my page shows {shown}"
    if page["stock_status"] != TOLD_AS.get(purchase.allocation.get("state")):
        yield f"my page shows {page['stock_status']} of {purchase.allocation.get('state')}"
