"""The model of stock: the allocation of the purchase, its bike, and the ledger."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Final

from roadbike.kit.db import Tx
from roadbike.kit.messaging.catching_up import Ends
from roadbike.mypage.domain import Purchase
from roadbike.stock import app, behind, domain
from roadbike.stock.domain import Allocation, Bike, Movement
from roadbike.stock.use_cases import answer
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

SOME_ENDS: Final = Ends({})
ALLOCATION_KEY: Final = ("allocation", RESERVATION_ID)
BIKE_KEY: Final = ("bike", BIKE_ID)


@dataclass(frozen=True, slots=True)
class StockState:
    """What stock has stored. units: the number of units in the shop at the start.

    is_behind, was_behind: claims are only recorded; that happens once.
    """

    units: int
    bike: Bike
    allocation: Allocation | None = None
    ledger: tuple[Movement, ...] = ()
    page: Purchase = BLANK_PAGE
    is_behind: bool = False
    was_behind: bool = False

    def rows(self) -> Rows:
        ends = SOME_ENDS if self.is_behind else None
        return {ALLOCATION_KEY: self.allocation, BIKE_KEY: self.bike, behind.KEY: ends}

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
def stock_model(
    units: int, *, withdraws: bool = False, falls_behind: bool = False, answers: bool = True
) -> StockModel:
    """Return stock with so many units.

    withdraws: staff may withdraw the bike, and reservation does not learn of it.
    falls_behind: stock may be behind at any moment, until it has caught up; answers: with the
    claims that it has recorded.
    """
    service = app.build(app.Settings(**settings("stock", URL)))
    bike = Bike(bike_id=BIKE_ID, bike_name="TREK Emonda", price=PRICE, stock_quantity=units)
    return ServiceModel(
        name="stock",
        state=StockState(units, bike),
        policies=service.policies,
        actions=lambda state: [
            *(_withdrawals(state) if withdraws else ()),
            *(_catching_up(state, answers=answers) if falls_behind else ()),
        ],
    )


def _catching_up(state: StockState, *, answers: bool) -> Iterator[Action[StockState]]:
    """Yield how stock falls behind, and what it does when it has caught up."""
    if not state.was_behind:
        falls = replace(state, is_behind=True, was_behind=True)
        yield Action("stock falls behind", falls)
    if state.is_behind:
        claim = state.allocation
        waits = claim is not None and claim.registered and claim.state is domain.State.UNSEEN
        use_case = _answer_the_claim if waits and answers else None
        has = replace(state, is_behind=False)
        yield Action("stock has caught up", has, use_case, due=True)


async def _answer_the_claim(tx: Tx) -> None:
    await answer(tx, [(RESERVATION_ID, BIKE_ID)])


def _withdrawals(state: StockState) -> Iterator[Action[StockState]]:
    """Yield the withdrawals, before and after the purchase was reserved at NOW."""
    if not state.bike.withdrawn:
        for name, hours in (("before", -1), ("after", +1)):
            removed = domain.withdrawn(state.bike, NOW + timedelta(hours=hours))
            yield Action(f"staff withdrew {name} the claim", replace(state, bike=removed))
