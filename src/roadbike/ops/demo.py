"""`roadbike demo`: plays every requirement against a running shop, and says which one holds."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp

from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.local.commands import status
from roadbike.local.errors import CommandError
from roadbike.local.home import Home, read_shop
from roadbike.local.supervisor import control
from roadbike.local.up.progress import console
from roadbike.ops import switches
from roadbike.ops.people import Person
from roadbike.ops.stage import Stage, Switch

Play = Callable[[Stage], Awaitable[str]]

SLOWEST_REFUSAL_MS: Final = 700


@dataclass(frozen=True, slots=True)
class Act:
    """One requirement and how it is played; the play answers what was seen."""

    requirement: str
    title: str
    play: Play


async def stock(stage: Stage) -> str:
    made = await stage.add_bike(units=5)
    stage.bike_id = made.body["bikeId"]
    at = f"/stocks/{stage.bike_id}"
    more = {"stockQty": 20}
    changed = await stage.admin.ask("PATCH", at, more, wanted=200, If_Match=made.etag or "")
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
    await stage.follow(stage.delivered, deliveryStatus=DeliveryStatus.PREPARING)
    await stage.follow(stage.delivered, stockStatus=StockStatus.ALLOCATED)
    sent = {"carrier": "한라택배", "trackingNo": "6880-1234-5678"}
    await stage.move_delivery(stage.delivered, DeliveryStatus.STARTED, **sent)
    await stage.move_delivery(stage.delivered, DeliveryStatus.COMPLETED)
    page = await stage.follow(stage.delivered, deliveryStatus=DeliveryStatus.COMPLETED)
    return f"{DeliveryStatus.PREPARING}, {DeliveryStatus.STARTED}, {page['deliveryStatus']}"


async def progress(stage: Stage) -> str:
    timeline = await stage.buyer.get(f"/myPages/{stage.delivered}/timeline")
    steps = next(iter(timeline["_embedded"].values()))
    stage.show("My page of the delivered bike", await stage.my_page(stage.delivered))
    return f"one flat page and a timeline of {len(steps)} steps"


async def cancel(stage: Stage) -> str:
    stage.cancelled = await stage.reserve()
    await stage.pay(stage.cancelled)
    await stage.follow(
        stage.cancelled,
        deliveryStatus=DeliveryStatus.PREPARING,
        stockStatus=StockStatus.ALLOCATED,
    )
    stage.show("My page before the cancel", await stage.my_page(stage.cancelled))
    return str((await stage.cancel(stage.cancelled)).body["reserveStatus"])


async def payment_cancelled(stage: Stage) -> str:
    page = await stage.follow(stage.cancelled, payStatus=PaymentStatus.CANCELLED)
    return f"{page['payStatus']}, refunded"


async def delivery_cancelled(stage: Stage) -> str:
    page = await stage.follow(
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
        if took > SLOWEST_REFUSAL_MS:
            raise CommandError(f"the refusal took {took:.0f} ms")
        if await stage.count_reservations() != before:
            raise CommandError("a reservation without a payment came into the list")
    return f"payment down: refused in {took:.0f} ms, nothing reserved"


async def around_the_clock(stage: Stage) -> str:
    async with stage.without("stock"):
        reserve_id = await stage.reserve()
        await stage.follow(reserve_id, reserveStatus=ReservationStatus.RESERVED)
    page = await stage.follow(reserve_id, stockStatus=StockStatus.ALLOCATED)
    return f"stock down: reserved all the same; back: {page['stockStatus']}"


async def polyglot(stage: Stage) -> str:
    databases = await stage.databases()
    if databases["delivery"] == databases["reservation"]:
        raise CommandError(f"every service is on {databases['delivery']}")
    return ", ".join(f"{name} {kind}" for name, kind in databases.items())


async def cancel_while_payment_is_down(stage: Stage) -> str:
    reserve_id = await stage.reserve()
    async with stage.without("payment"):
        answer = await stage.cancel(reserve_id)
        status = (await stage.buyer.get(f"/reservations/{reserve_id}"))["reserveStatus"]
    begun = time.perf_counter()
    page = await stage.follow(reserve_id, payStatus=PaymentStatus.CANCELLED)
    took = time.perf_counter() - begun
    return f"{answer.status} {status} at once; payment back: {page['payStatus']} in {took:.1f} s"


ACTS: Final[Sequence[Act]] = (
    Act("F1", "staff add, edit and withdraw bikes", stock),
    Act("F2", "a buyer reserves a bike", reserve),
    Act("N1", "the payment is open when the reservation is made", payment_first),
    Act("F3", "the buyer pays", pay),
    Act("F4", "what is paid for is delivered", deliver),
    Act("F8", "the buyer sees the whole progress", progress),
    Act("F5", "a buyer cancels", cancel),
    Act("F6", "the payment is cancelled with it", payment_cancelled),
    Act("F7", "the delivery is cancelled with it", delivery_cancelled),
    Act("N1", "without a payment there is no reservation", no_payment_no_reservation),
    Act("N2", "reservations are taken while stock is down", around_the_clock),
    Act("O2", "delivery keeps its data in another kind of database", polyglot),
    Act("O3", "a cancel works while payment is down", cancel_while_payment_is_down),
)


async def play(stage: Stage) -> int:
    """Play all acts; the number of those that failed."""
    failed = 0
    for act in ACTS:
        begun = time.perf_counter()
        try:
            seen, mark = await act.play(stage), "[green]✓[/green]"
        except CommandError as trouble:
            seen, mark, failed = str(trouble), "[red]✗[/red]", failed + 1
        took = time.perf_counter() - begun
        stage.console.print(f"{mark} [bold]{act.requirement:<3}[/bold]{act.title} ({took:.2f} s)")
        stage.console.print(f"      {seen}", style="dim", markup=False)
    return failed


def run(home: Home, stopper: str | None, starter: str | None) -> int:
    """Play on the shop of that home; the number of acts that failed.

    stopper, starter: commands with {service} in them; None: the shop's own supervisor.
    Raises CommandError when no shop is open there.
    """
    if stopper is None:
        control.views(home)  # asked first: what is closed fails no requirement
    return asyncio.run(_run(home, stopper, starter))


async def _run(home: Home, stopper: str | None, starter: str | None) -> int:
    shop = read_shop(home)
    gateway, logins = shop["addresses"]["gateway"], shop["logins"]

    async def databases() -> dict[str, str]:
        rows = await asyncio.to_thread(status.collect, home)
        return {row["part"]: row["database"] for row in rows if "database" in row}

    async with aiohttp.ClientSession() as http:
        stage = Stage(
            buyer=Person(http, gateway, "buyer", logins["buyer"]),
            admin=Person(http, gateway, "admin", logins["admin"]),
            stop=_switch(home, "stop", stopper),
            start=_switch(home, "start", starter),
            databases=databases,
            console=console(),
        )
        failed = await play(stage)
        verdict = "every requirement holds" if not failed else f"{failed} of {len(ACTS)} failed"
        stage.console.print(f"\n{verdict}", style="bold")
        if stage.bike_id:
            await stage.withdraw(stage.bike_id)  # the shop sells what it sold before
    return failed


def _switch(home: Home, what: str, template: str | None) -> Switch:
    own = switches.by_supervisor(home, what)
    return own if template is None else switches.by_command(template)
