"""`roadbike demo`: checks each requirement on the running shop and reports pass or fail."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.local import shop_file
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.supervisor import control
from roadbike.local.terminal import console
from roadbike.local.texts import say
from roadbike.ops import outages
from roadbike.ops.audit.quiet import statuses_of
from roadbike.ops.journal import Journal
from roadbike.ops.people import Person
from roadbike.ops.stage import Stage

Check = Callable[[Stage], Awaitable[str]]

MAX_REFUSAL_MS: Final = 700


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement by its number. Its check returns what was seen, or raises CommandError.

    slug: of its title in local/texts/demo.toml; by default that of its number.
    """

    number: str
    check: Check
    slug: str = ""

    @property
    def title(self) -> str:
        return say(self.slug or f"demo-{self.number}")


async def stock(stage: Stage) -> str:
    made = await stage.add_bike(units=5)
    stage.bike_id = made.body["bikeId"]
    path, edit = f"/stocks/{stage.bike_id}", {"stockQty": 20}
    changed = await stage.admin.ask("PATCH", path, edit, wanted=200, If_Match=made.etag or "")
    other = await stage.add_bike(units=1)
    await stage.withdraw(other.body["bikeId"])
    await stage.buyer.ask("GET", f"/stocks/{other.body['bikeId']}", wanted=404)
    return say("demo-F1-seen", bike=stage.bike_id, units=changed.body["stockQty"])


async def reserve(stage: Stage) -> str:
    stage.delivered = await stage.reserve()
    return say("demo-F2-seen", reservation=stage.delivered)


async def payment_first(stage: Stage) -> str:
    payment = await stage.payment_of(stage.delivered)
    if payment["payStatus"] != PaymentStatus.DUE:
        raise CommandError("demo-N1-payment-is", status=payment["payStatus"])
    return say("demo-N1-payment-seen", status=payment["payStatus"])


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
    stage.show(say("demo-page-delivered"), await stage.my_page(stage.delivered))
    return say("demo-F8-seen", steps=len(steps))


async def cancel(stage: Stage) -> str:
    stage.cancelled = await stage.reserve()
    await stage.pay(stage.cancelled)
    await stage.my_page_with(
        stage.cancelled,
        deliveryStatus=DeliveryStatus.PREPARING,
        stockStatus=StockStatus.ALLOCATED,
    )
    stage.show(say("demo-page-before"), await stage.my_page(stage.cancelled))
    return str((await stage.cancel(stage.cancelled)).body["reserveStatus"])


async def payment_cancelled(stage: Stage) -> str:
    page = await stage.my_page_with(stage.cancelled, payStatus=PaymentStatus.CANCELLED)
    return say("demo-F6-seen", status=page["payStatus"])


async def delivery_cancelled(stage: Stage) -> str:
    page = await stage.my_page_with(
        stage.cancelled,
        deliveryStatus=DeliveryStatus.CANCELLED,
        stockStatus=StockStatus.RELEASED,
    )
    stage.show(say("demo-page-after"), await stage.my_page(stage.cancelled))
    return say("demo-F7-seen", status=page["deliveryStatus"], stock=page["stockStatus"])


async def no_payment_no_reservation(stage: Stage) -> str:
    before = await stage.count_reservations()
    async with stage.without("payment"):
        begun = time.perf_counter()
        await stage.ask_to_reserve(wanted=503)
        took = (time.perf_counter() - begun) * 1000
        if took > MAX_REFUSAL_MS:
            raise CommandError("demo-N1-slow", took=f"{took:.0f}")
        if await stage.count_reservations() != before:
            raise CommandError("demo-N1-listed")
    return say("demo-N1-seen", took=f"{took:.0f}")


async def around_the_clock(stage: Stage) -> str:
    async with stage.without("stock"):
        reserve_id = await stage.reserve()
        await stage.my_page_with(reserve_id, reserveStatus=ReservationStatus.RESERVED)
    page = await stage.my_page_with(reserve_id, stockStatus=StockStatus.ALLOCATED)
    return say("demo-N2-seen", status=page["stockStatus"])


async def polyglot(stage: Stage) -> str:
    databases = await stage.databases()
    if databases["delivery"] == databases["reservation"]:
        raise CommandError("demo-O2-same", kind=databases["delivery"])
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
    return say(
        "demo-O3-seen",
        answer=response.status,
        status=status,
        payment=page["payStatus"],
        took=f"{took:.1f}",
    )


REQUIREMENTS: Final[Sequence[Requirement]] = (
    Requirement("F1", stock),
    Requirement("F2", reserve),
    Requirement("N1", payment_first, "demo-N1-payment"),
    Requirement("F3", pay),
    Requirement("F4", deliver),
    Requirement("F8", progress),
    Requirement("F5", cancel),
    Requirement("F6", payment_cancelled),
    Requirement("F7", delivery_cancelled),
    Requirement("N1", no_payment_no_reservation),
    Requirement("N2", around_the_clock),
    Requirement("O2", polyglot),
    Requirement("O3", cancel_while_payment_is_down),
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


def check_requirements(
    home: Home, stopper: str | None, starter: str | None, journal: Path | None
) -> int:
    """Check every requirement on the shop of that home; return how many failed.

    stopper, starter: commands with {service} in them; None for the shop's own supervisor.
    journal: the file in which requests and answers are noted, if any.
    Raises CommandError when no shop is open there.
    """
    if stopper is None:
        control.views(home)  # a closed shop is an error, not a failed requirement
    with Journal(journal) if journal else nullcontext() as notes:
        return asyncio.run(_check_requirements(home, stopper, starter, notes))


async def _check_requirements(
    home: Home, stopper: str | None, starter: str | None, notes: Journal | None
) -> int:
    shop = shop_file.read_known(home)

    async def databases() -> dict[str, str]:
        seen = await statuses_of(shop)()
        answered = {name: each for name, each in seen.items() if not isinstance(each, str)}
        return {name: str(each["database"]) for name, each in answered.items()}

    async with aiohttp.ClientSession() as http:
        stage = Stage(
            buyer=Person(http, shop.gateway, "buyer", shop.logins["buyer"], notes),
            admin=Person(http, shop.gateway, "admin", shop.logins["admin"], notes),
            stop=outages.by_command(stopper) if stopper else outages.by_supervisor(home, "stop"),
            start=outages.by_command(starter) if starter else outages.by_supervisor(home, "start"),
            databases=databases,
            console=console(),
        )
        failed = await check_all(stage)
        total = len(REQUIREMENTS)
        verdict = say("demo-failed" if failed else "demo-passed", failed=failed, total=total)
        stage.console.print(f"\n{verdict}", style="bold", highlight=False)
        if stage.bike_id:
            await stage.withdraw(stage.bike_id)  # so that the shop sells what it sold before
    return failed
