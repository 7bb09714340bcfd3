"""`roadbike demo`: checks each requirement on the running shop and reports pass or fail."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp
from msgspec import UNSET

from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.local import shop_file
from roadbike.local.commands import status
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.supervisor import control
from roadbike.local.terminal import console
from roadbike.ops import outages
from roadbike.ops.people import Person
from roadbike.ops.stage import Stage

Check = Callable[[Stage], Awaitable[str]]

MAX_REFUSAL_MS: Final = 700


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement by its number. Its check returns what was seen, or raises CommandError."""

    number: str
    title: str
    check: Check


async def stock(stage: Stage) -> str:
    made = await stage.add_bike(units=5)
    stage.bike_id = made.body["bikeId"]
    path, edit = f"/stocks/{stage.bike_id}", {"stockQty": 20}
    changed = await stage.admin.ask("PATCH", path, edit, wanted=200, If_Match=made.etag or "")
    other = await stage.add_bike(units=1)
    await stage.withdraw(other.body["bikeId"])
    await stage.buyer.ask("GET", f"/stocks/{other.body['bikeId']}", wanted=404)
    return f"bike {stage.bike_id} added and edited to {changed.body['stockQty']}; one withdrawn"


async def reserve(stage: Stage) -> str:
    stage.delivered = await stage.reserve()
    return f"201, {stage.delivered}"


async def payment_first(stage: Stage) -> str:
    payment = await stage.payment_of(stage.delivered)
    if payment["payStatus"] != PaymentStatus.DUE:
        raise CommandError(f"the payment is {payment['payStatus']}")
    return f"{payment['payStatus']} at once, before any event"


async def pay(stage: Stage) -> str:
    return str((await stage.pay(stage.delivered)).body["payStatus"])


async def deliver(stage: Stage) -> str:
    await stage.my_page_with(stage.delivered, deliveryStatus=DeliveryStatus.PREPARING)
    await stage.my_page_with(stage.delivered, stockStatus=StockStatus.ALLOCATED)
    sent = {"carrier": "한라택배", "trackingNo": "6880-1234-5678"}
    await stage.move_delivery(stage.delivered, DeliveryStatus.STARTED, **sent)
    await stage.move_delivery(stage.delivered, DeliveryStatus.COMPLETED)
    page = await stage.my_page_with(stage.delivered, deliveryStatus=DeliveryStatus.COMPLETED)
    return f"{DeliveryStatus.PREPARING}, {DeliveryStatus.STARTED}, {page['deliveryStatus']}"


async def progress(stage: Stage) -> str:
    timeline = await stage.buyer.get(f"/myPages/{stage.delivered}/timeline")
    steps = next(iter(timeline["_embedded"].values()))
    stage.show("My page of the delivered bike", await stage.my_page(stage.delivered))
    return f"one flat page and a timeline of {len(steps)} steps"


async def cancel(stage: Stage) -> str:
    stage.cancelled = await stage.reserve()
    await stage.pay(stage.cancelled)
    await stage.my_page_with(
        stage.cancelled,
        deliveryStatus=DeliveryStatus.PREPARING,
        stockStatus=StockStatus.ALLOCATED,
    )
    stage.show("My page before the cancel", await stage.my_page(stage.cancelled))
    return str((await stage.cancel(stage.cancelled)).body["reserveStatus"])


async def payment_cancelled(stage: Stage) -> str:
    page = await stage.my_page_with(stage.cancelled, payStatus=PaymentStatus.CANCELLED)
    return f"{page['payStatus']}, refunded"


async def delivery_cancelled(stage: Stage) -> str:
    page = await stage.my_page_with(
        stage.cancelled,
        deliveryStatus=DeliveryStatus.CANCELLED,
        stockStatus=StockStatus.RELEASED,
    )
    stage.show("My page after the cancel", await stage.my_page(stage.cancelled))
    return f"{page['deliveryStatus']}, the bike {page['stockStatus']}"


async def no_payment_no_reservation(stage: Stage) -> str:
    before = await stage.count_reservations()
    async with stage.without("payment"):
        begun = time.perf_counter()
        await stage.ask_to_reserve(wanted=503)
        took = (time.perf_counter() - begun) * 1000
        if took > MAX_REFUSAL_MS:
            raise CommandError(f"the refusal took {took:.0f} ms")
        if await stage.count_reservations() != before:
            raise CommandError("a reservation without a payment is in the list")
    return f"payment down: refused in {took:.0f} ms, nothing reserved"


async def around_the_clock(stage: Stage) -> str:
    async with stage.without("stock"):
        reserve_id = await stage.reserve()
        await stage.my_page_with(reserve_id, reserveStatus=ReservationStatus.RESERVED)
    page = await stage.my_page_with(reserve_id, stockStatus=StockStatus.ALLOCATED)
    return f"stock down: still reserved; stock back: {page['stockStatus']}"


async def polyglot(stage: Stage) -> str:
    databases = await stage.databases()
    if databases["delivery"] == databases["reservation"]:
        raise CommandError(f"every service is on {databases['delivery']}")
    kinds = sorted(set(databases.values()))
    names = {kind: [name for name in databases if databases[name] == kind] for kind in kinds}
    return "; ".join(f"{kind}: {', '.join(names[kind])}" for kind in kinds)


async def cancel_while_payment_is_down(stage: Stage) -> str:
    reserve_id = await stage.reserve()
    async with stage.without("payment"):
        response = await stage.cancel(reserve_id)
        status = (await stage.buyer.get(f"/reservations/{reserve_id}"))["reserveStatus"]
    begun = time.perf_counter()
    page = await stage.my_page_with(reserve_id, payStatus=PaymentStatus.CANCELLED)
    took = time.perf_counter() - begun
    return f"{response.status} {status} at once; payment back: {page['payStatus']} in {took:.1f} s"


REQUIREMENTS: Final[Sequence[Requirement]] = (
    Requirement("F1", "staff add, edit and withdraw bikes", stock),
    Requirement("F2", "a buyer reserves a bike", reserve),
    Requirement("N1", "a reservation has its payment at once", payment_first),
    Requirement("F3", "the buyer pays", pay),
    Requirement("F4", "a paid bike is delivered", deliver),
    Requirement("F8", "the buyer sees the whole progress", progress),
    Requirement("F5", "a buyer cancels", cancel),
    Requirement("F6", "the payment is cancelled with it", payment_cancelled),
    Requirement("F7", "the delivery is cancelled with it", delivery_cancelled),
    Requirement("N1", "no reservation without a payment", no_payment_no_reservation),
    Requirement("N2", "bikes can be reserved while stock is down", around_the_clock),
    Requirement("O2", "delivery keeps its data in another kind of database", polyglot),
    Requirement("O3", "a cancel works while payment is down", cancel_while_payment_is_down),
)


async def check_all(stage: Stage) -> int:
    """Check every requirement, print the results, and return how many failed."""
    failed = 0
    for requirement in REQUIREMENTS:
        begun = time.perf_counter()
        try:
            seen, mark = await requirement.check(stage), "[green]✓[/green]"
        except CommandError as error:
            seen, mark, failed = str(error), "[red]✗[/red]", failed + 1
        took = time.perf_counter() - begun
        number = f"[bold]{requirement.number:<3}[/bold]"
        stage.console.print(f"{mark} {number}{requirement.title} ({took:.2f} s)", highlight=False)
        stage.console.print(f"      {seen}", style="dim", markup=False, highlight=False)
    return failed


def check_requirements(home: Home, stopper: str | None, starter: str | None) -> int:
    """Check every requirement on the shop of that home; return how many failed.

    stopper, starter: commands with {service} in them; None for the shop's own supervisor.
    Raises CommandError when no shop is open there.
    """
    if stopper is None:
        control.views(home)  # a closed shop is an error, not a failed requirement
    return asyncio.run(_check_requirements(home, stopper, starter))


async def _check_requirements(home: Home, stopper: str | None, starter: str | None) -> int:
    shop = shop_file.read_known(home)

    async def databases() -> dict[str, str]:
        rows = await asyncio.to_thread(status.collect, home)
        return {row.part: row.database for row in rows if row.database is not UNSET}

    async with aiohttp.ClientSession() as http:
        stage = Stage(
            buyer=Person(http, shop.gateway, "buyer", shop.logins["buyer"]),
            admin=Person(http, shop.gateway, "admin", shop.logins["admin"]),
            stop=outages.by_command(stopper) if stopper else outages.by_supervisor(home, "stop"),
            start=outages.by_command(starter) if starter else outages.by_supervisor(home, "start"),
            databases=databases,
            console=console(),
        )
        failed = await check_all(stage)
        total = len(REQUIREMENTS)
        verdict = f"{failed} of {total} failed" if failed else f"all {total} checks passed"
        stage.console.print(f"\n{verdict}", style="bold", highlight=False)
        if stage.bike_id:
            await stage.withdraw(stage.bike_id)  # so that the shop sells what it sold before
    return failed
