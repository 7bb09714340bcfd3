"""The model of stock: the allocation of the purchase, its bike, and the ledger."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Final

from roadbike.mypage.domain import Purchase
from roadbike.stock import app, domain
from roadbike.stock.domain import Allocation, Bike, Movement
from tests.model.in_memory_tx import NOW, URL, InMemoryTx, Rows
from tests.model.service_model import (
    BIKE_ID,
    BLANK_PAGE,
    PRICE,
    RESERVATION_ID,
    Action,
    ServiceModel,
)
from tests.service_harness import settings

ALLOCATION_KEY: Final = ("allocation", RESERVATION_ID)
BIKE_KEY: Final = ("bike", BIKE_ID)


@dataclass(frozen=True, slots=True)
class StockState:
    """What stock has stored. units: the number of units in the shop at the start."""

    units: int
    bike: Bike
    allocation: Allocation | None = None
    ledger: tuple[Movement, ...] = ()
    page: Purchase = BLANK_PAGE

    def rows(self) -> Rows:
        return {ALLOCATION_KEY: self.allocation, BIKE_KEY: self.bike}

    def after(self, tx: InMemoryTx) -> "StockState":
        allocation = tx.loaded[ALLOCATION_KEY]
        return replace(
            self,
            bike=replace(tx.loaded[BIKE_KEY], row_version=0),
            allocation=allocation and replace(allocation, row_version=0),
            ledger=(*self.ledger, *tx.inserted),
        )


StockModel = ServiceModel[StockState]


@cache
def stock_model(units: int, *, withdraws: bool = False) -> StockModel:
    """withdraws: staff may withdraw the bike, and reservation does not learn of it."""
    service = app.build(app.Settings(**settings("stock", URL)))
    bike = Bike(bike_id=BIKE_ID, bike_name="TREK Emonda", price=PRICE, stock_quantity=units)
    return ServiceModel(
        name="stock",
        state=StockState(units, bike),
        policies=service.policies,
        actions=_withdrawals if withdraws else lambda _: [],
    )


def _withdrawals(state: StockState) -> Iterator[Action[StockState]]:
    """Yield the withdrawals, before and after the purchase was reserved at NOW."""
    if not state.bike.withdrawn:
        for name, hours in (("before", -1), ("after", +1)):
            removed = domain.withdrawn(state.bike, NOW + timedelta(hours=hours))
            yield Action(f"staff withdrew {name} the claim", replace(state, bike=removed))
