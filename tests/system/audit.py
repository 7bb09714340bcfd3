"""The audit of a settled shop, and what tests count in its databases beside it."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import asyncpg

from roadbike.ops.audit.report import Report
from roadbike.ops.audit.shop import audit_shop
from tests.system.real_shop import Shop

READ_ONLY: Final = {"default_transaction_read_only": "on"}

Row = dict[str, Any]


@dataclass
class Purchase:
    """What services have stored about one reservation.

    journal: the provider's own record of captures and refunds. moved: the changes of the number of
    units in the shop, by reason.
    """

    reservation: Row
    payment: Row = field(default_factory=dict)
    journal: list[tuple[str, int]] = field(default_factory=list)
    moved: dict[str, int] = field(default_factory=dict)

    @property
    def statuses(self) -> tuple[str | None, str | None]:
        """Return the statuses of the reservation and its payment."""
        return self.reservation["reservation_status"], self.payment.get("payment_status")

    @property
    def charged(self) -> int:
        """Return the amount that the provider captured and did not refund, in KRW."""
        return sum(amount if kind == "capture" else -amount for kind, amount in self.journal)


@dataclass
class Audit:
    """The report of `roadbike audit`, and the purchases by reservation id."""

    report: Report
    purchases: dict[str, Purchase]

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
        """Return which invariants do not hold, and where."""
        return list(self.report.lines())


async def read(shop: Shop) -> Audit:
    """Audit the shop, which must be settled, with all invariants."""
    report = await audit_shop(shop.home, after_quiescence=True)
    purchases = {
        str(row["reservation_id"]): Purchase(row)
        for row in await rows_of(shop, "reservation", "SELECT * FROM reservation")
    }
    for row in await rows_of(shop, "payment", "SELECT * FROM payment"):
        purchases[str(row["reservation_id"])].payment = row
    attempts = await rows_of(shop, "payment", "SELECT attempt_id, reservation_id FROM attempt")
    owner = {row["attempt_id"]: str(row["reservation_id"]) for row in attempts}
    for row in file_rows_of(shop, "payment/provider.db", "SELECT * FROM journal"):
        entry = (row["kind"], row["amount"])
        purchases[owner[UUID(row["attempt_id"])]].journal.append(entry)
    moves = "SELECT * FROM ledger WHERE reservation_id IS NOT NULL"
    for row in await rows_of(shop, "stock", moves):
        purchases[str(row["reservation_id"])].moved[row["why"]] = row["delta"]
    return Audit(report, purchases)


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
