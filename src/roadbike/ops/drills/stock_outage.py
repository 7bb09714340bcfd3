"""`roadbike drill stock-outage`: bikes are reserved while stock is down, more than there are.

When stock is back, the claims that are still alive are granted in the order of reserving; all
others are cancelled because the bike is sold out, and what was paid is refunded once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeVar

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import PaymentStatus, ReservationStatus, StockStatus
from roadbike.local.errors import CommandError
from roadbike.ops.bench.measure import reservation
from roadbike.ops.drills import stock_ledger
from roadbike.ops.drills.answers import Answer
from roadbike.ops.drills.drill import Drill, Size
from roadbike.ops.drills.load import Call, Plan
from roadbike.ops.drills.report import Report
from roadbike.ops.drills.running_load import answered
from roadbike.ops.drills.shop import DrilledShop
from roadbike.ops.outages import take_down
from roadbike.ops.people import Person, Response

T = TypeVar("T")

CLAIMS, SMALL_CLAIMS = 5_000, 500
UNITS, SMALL_UNITS = 3_000, 300
BUYERS, SMALL_BUYERS = 100, 20
CONNECTIONS: Final = 30
AT_ONCE: Final = 20  # requests of buyers who pay, cancel or look
LONGEST_SETTLING_SECONDS: Final = 60.0
RESERVE_SECONDS: Final = 300.0
PATIENCE_SECONDS: Final = 30.0
PAGE_SIZE: Final = 100
LOOK_SECONDS: Final = 0.5
# of each hundred purchases of a drill, in turn
PAID: Final = frozenset({*range(0, 100, 10), 1})
CANCELLED: Final = frozenset({*range(5, 100, 10), 1})


@dataclass(frozen=True)
class Purchase:
    """One reservation of the drill, and what its buyer did while stock was down."""

    buyer: Person
    reserve_id: str
    paid: bool
    cancelled: bool


async def play(shop: DrilledShop, report: Report, size: Size) -> None:
    count, units = size.of(CLAIMS, SMALL_CLAIMS), size.of(UNITS, SMALL_UNITS)
    bike_id = await shop.bike(units)
    buyers = await shop.buyers(size.of(BUYERS, SMALL_BUYERS))
    shop.say("drill-stopping", service="stock")
    try:
        await take_down("stock", shop.stop, shop.admin)
        shop.say("drill-reserving", count=count, units=units)
        answers = await _reserve(shop, bike_id, buyers, count)
        report.phase("stock-down", answers)
        purchases = _purchases(buyers, answers)
        shop.say("drill-paying-and-cancelling")
        await _each(purchases, _pay, lambda purchase: purchase.paid)
        await _each(purchases, _cancel, lambda purchase: purchase.cancelled)
    finally:
        shop.say("drill-starting", service="stock")
        began = time.monotonic()
        await shop.start("stock")
    pages = await _settled(buyers, purchases, began)
    took = time.monotonic() - began
    report.check("accepted", passed=len(purchases) == count, accepted=len(purchases), count=count)
    limit = LONGEST_SETTLING_SECONDS
    report.check("settled", passed=took <= limit, seconds=f"{took:.1f}", limit=f"{limit:g}")
    _check_statuses(report, purchases, pages, units)
    await _check_timelines(shop, report, purchases, pages)
    await _check_order(shop, report, bike_id)
    await shop.withdraw(bike_id)


async def _reserve(
    shop: DrilledShop, bike_id: int, buyers: Sequence[Person], count: int
) -> list[Answer]:
    """Reserve until so many were accepted; what is refused meanwhile is tried once more."""
    tokens = [await buyer.token() for buyer in buyers]
    answers: list[Answer] = []
    end = time.monotonic() + RESERVE_SECONDS
    while (left := count - sum(answer.is_good for answer in answers)) > 0:
        if time.monotonic() > end:
            break
        plan = Plan(
            url=shop.gateway,
            calls=[Call("POST", "/reservations", reservation(bike_id))],
            tokens=tokens,
            connections=min(CONNECTIONS, left),
            seconds=RESERVE_SECONDS,
            at_most=left,
        )
        more = await answered(plan)
        shop.write_journal(plan, more, buyers)
        answers += more
        if all(answer.status == HTTPStatus.CONFLICT for answer in more):
            break  # it is sold out: the shop sells fewer than the drill wants in advance
    return answers


def _purchases(buyers: Sequence[Person], answers: Iterable[Answer]) -> list[Purchase]:
    made = [answer for answer in answers if answer.found]
    return [
        Purchase(buyers[answer.user], answer.found, number % 100 in PAID, number % 100 in CANCELLED)
        for number, answer in enumerate(made)
    ]


async def _each(
    many: Iterable[T], do: Callable[[T], Awaitable[None]], which: Callable[[T], bool]
) -> None:
    """Do it for all of these, some at a time."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(item: T) -> None:
        async with places:
            await do(item)

    await asyncio.gather(*(one(item) for item in many if which(item)))


async def _pay(purchase: Purchase) -> None:
    found = await purchase.buyer.get(f"/payments?reserveId={purchase.reserve_id}")
    (payment,) = found["_embedded"]["payments"]
    path, paid = f"/payments/{payment['payId']}", {"payStatus": PaymentStatus.PAID}
    await _until_done(lambda: purchase.buyer.ask("PATCH", path, paid))


async def _cancel(purchase: Purchase) -> None:
    path = f"/reservations/{purchase.reserve_id}"
    await _until_done(lambda: purchase.buyer.ask("DELETE", path))


async def _until_done(ask: Callable[[], Awaitable[Response]]) -> None:
    """Ask until it is done: again while the outcome is unknown, and when the shop asks for it.

    Raises CommandError for any other refusal.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while (response := await ask()).status != HTTPStatus.OK:
        unknown = response.status == HTTPStatus.ACCEPTED
        if not (unknown or response.retry_after) or time.monotonic() > end:
            raise CommandError("drill-refused", status=response.status, body=response.body)
        await asyncio.sleep(response.retry_after or LOOK_SECONDS)


async def _settled(
    buyers: Sequence[Person], purchases: Sequence[Purchase], began: float
) -> Mapping[str, Any]:
    """Return my page of each purchase, by its id, when all are settled or the time is over."""
    wanted = {purchase.reserve_id for purchase in purchases}
    while True:
        pages: dict[str, Any] = {}

        async def look(buyer: Person, pages: dict[str, Any] = pages) -> None:
            pages |= {page["reserveId"]: page async for page in _my_pages(buyer)}

        await _each(buyers, look, lambda _: True)
        open_ = wanted - {reserve_id for reserve_id, page in pages.items() if _is_settled(page)}
        if not open_ or time.monotonic() > began + LONGEST_SETTLING_SECONDS:
            return pages
        await asyncio.sleep(LOOK_SECONDS)


async def _my_pages(buyer: Person) -> Any:
    number, total = 0, 1
    while number < total:
        found = await buyer.get(f"/myPages?size={PAGE_SIZE}&page={number}")
        number, total = number + 1, found["page"]["totalPages"]
        for page in found.get("_embedded", {}).get("myPages", []):
            yield page


def _is_settled(page: Mapping[str, Any]) -> bool:
    if page["stockStatus"] == StockStatus.WAITING:
        return False
    cancelled: bool = page["reserveStatus"] == ReservationStatus.CANCELLED
    if page["stockStatus"] == StockStatus.ALLOCATED:
        return not cancelled
    closed: bool = page["payStatus"] == PaymentStatus.CANCELLED
    return cancelled and closed


def _check_statuses(
    report: Report, purchases: Sequence[Purchase], pages: Mapping[str, Any], units: int
) -> None:
    open_ = sum(not _is_settled(pages.get(each.reserve_id, NO_PAGE)) for each in purchases)
    report.check("all-settled", passed=not open_, open=open_)
    alive = [each for each in purchases if not each.cancelled]
    granted = [each for each in alive if _stock(pages, each) == StockStatus.ALLOCATED]
    short = [each for each in alive if _stock(pages, each) == StockStatus.SHORT]
    wanted = min(units, len(alive))
    report.check(
        "granted",
        passed=len(granted) == wanted and len(short) == len(alive) - wanted,
        granted=len(granted),
        units=wanted,
        short=len(short),
    )
    kept = [each for each in purchases if each.cancelled and _stock(pages, each) in HELD]
    report.check("cancelled-got-none", passed=not kept, count=len(kept))


NO_PAGE: Final[Mapping[str, Any]] = {"stockStatus": StockStatus.WAITING}
HELD: Final = frozenset({StockStatus.WAITING, StockStatus.ALLOCATED})


def _stock(pages: Mapping[str, Any], purchase: Purchase) -> str:
    status: str = pages.get(purchase.reserve_id, NO_PAGE)["stockStatus"]
    return status


async def _check_timelines(
    shop: DrilledShop, report: Report, purchases: Sequence[Purchase], pages: Mapping[str, Any]
) -> None:
    """Check why the others were cancelled, and that each payment was refunded once."""
    shop.say("drill-reading-timelines")
    short = [each for each in purchases if _stock(pages, each) == StockStatus.SHORT]
    paid_back = [each for each in purchases if each.paid and _stock(pages, each) not in HELD]
    wrong_reason, wrong_refund = [], []
    refunded = {each.reserve_id for each in paid_back}

    async def read(purchase: Purchase) -> None:
        found = await purchase.buyer.get(f"/myPages/{purchase.reserve_id}/timeline")
        steps = found["_embedded"]["timeline"]
        cancels = [step["reason"] for step in steps if step["event"] == "ReservationCancelled"]
        refunds = [step for step in steps if step["event"] == "PaymentRefunding"]
        if _stock(pages, purchase) == StockStatus.SHORT and cancels != [Reason.SOLD_OUT]:
            wrong_reason.append(purchase.reserve_id)
        if purchase.reserve_id in refunded and len(refunds) != 1:
            wrong_refund.append(purchase.reserve_id)

    of_interest = {each.reserve_id: each for each in [*short, *paid_back]}
    await _each(of_interest.values(), read, lambda _: True)
    report.check("reasons", passed=not wrong_reason, count=len(short), wrong=len(wrong_reason))
    report.check("refunds", passed=not wrong_refund, count=len(paid_back), wrong=len(wrong_refund))


async def _check_order(shop: DrilledShop, report: Report, bike_id: int) -> None:
    if shop.home is None:
        report.figure("order-not-checked")
        return
    answers = await stock_ledger.read(shop.home, bike_id)
    report.check(
        "order",
        passed=answers.are_in_order,
        granted=len(answers.granted),
        wrong=answers.out_of_order,
    )


def _settings(size: Size) -> Mapping[str, str]:
    more = size.of(CLAIMS, SMALL_CLAIMS) - size.of(UNITS, SMALL_UNITS)
    return {"ROADBIKE_OVERBOOK": str(more)}


DRILL: Final = Drill(name="stock-outage", play=play, settings=_settings)
