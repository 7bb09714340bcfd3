"""Stock on paper: the allocation of the purchase, its bike, and the ledger."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from roadbike.mypage.domain import Purchase
from roadbike.stock import app
from roadbike.stock.domain import Allocation, Bike, Movement
from tests.at_work import settings
from tests.model.house import BIKE_ID, BLANK_PAGE, PRICE, RESERVATION_ID, House
from tests.model.paper import URL, PaperTx, Rows

AT: Final = ("allocation", RESERVATION_ID)
BIKE_AT: Final = ("bike", BIKE_ID)


@dataclass(frozen=True, slots=True)
class StockBooks:
    """units: what the shop had in the beginning."""

    units: int
    bike: Bike
    allocation: Allocation | None = None
    ledger: tuple[Movement, ...] = ()
    page: Purchase = BLANK_PAGE

    def rows(self) -> Rows:
        return {AT: self.allocation, BIKE_AT: self.bike}

    def after(self, tx: PaperTx) -> "StockBooks":
        allocation = tx.loaded[AT]
        return replace(
            self,
            bike=replace(tx.loaded[BIKE_AT], row_version=0),
            allocation=allocation and replace(allocation, row_version=0),
            ledger=(*self.ledger, *tx.entered),
        )


StockHouse = House[StockBooks]


@cache
def stock(units: int) -> StockHouse:
    service = app.build(app.Settings(**settings("stock", URL)))
    bike = Bike(bike_id=BIKE_ID, bike_name="TREK Emonda", price=PRICE, stock_quantity=units)
    return House(
        name="stock",
        books=StockBooks(units, bike),
        policies=service.policies,
        moves=lambda _: [],
    )
